package rest_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

func TestCachedFetchesWhenItIsOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := rest.NewCached[int]("crm", connectors.SystemClock())
		fetched := 0
		var broken error
		get := func(age time.Duration) (int, error) {
			return c.Get(t.Context(), age, func(context.Context) (int, error) {
				if broken != nil {
					return 0, broken
				}
				fetched++
				return fetched, nil
			})
		}
		want := func(age time.Duration, want int) {
			t.Helper()
			if got, err := get(age); err != nil || got != want {
				t.Fatalf("Get(%v): got %d, %v; want %d", age, got, err, want)
			}
		}
		if got := c.Last(); got != 0 {
			t.Errorf("Last before the first fetch: got %d", got)
		}
		want(time.Minute, 1)
		want(time.Minute, 1)
		want(0, 2)
		time.Sleep(time.Minute)
		want(2*time.Minute, 2)
		want(time.Minute, 3)
		c.Forget()
		want(time.Minute, 4)
		broken = errors.New("no answer")
		if _, err := get(0); !errors.Is(err, broken) {
			t.Errorf("Get: got %v, want the fetch's error", err)
		}
		want(time.Minute, 4)
		if got := c.Last(); got != 4 {
			t.Errorf("Last: got %d, want 4", got)
		}
	})
}

func TestCachedFetchesOnceForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := rest.NewCached[int]("crm", connectors.SystemClock())
		fetched := 0
		get := func(ctx context.Context) (int, error) {
			return c.Get(ctx, time.Minute, func(context.Context) (int, error) {
				time.Sleep(10 * time.Second)
				fetched++
				return fetched, nil
			})
		}
		results := make(chan int, 5)
		for range cap(results) {
			go func() {
				v, _ := get(t.Context())
				results <- v
			}()
		}
		time.Sleep(time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := get(ctx); connectors.KindOf(err) != connectors.Unavailable {
			t.Errorf("a wait that ended: got %v, want Unavailable", err)
		}
		for range cap(results) {
			if v := <-results; v != 1 {
				t.Errorf("got %d, want the one value", v)
			}
		}
		if fetched != 1 {
			t.Errorf("%d fetches, want one", fetched)
		}
	})
}
