package hubspot_test

import (
	"context"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/hubspot"
	sandbox "github.com/tenonsync/tenon/sandbox/hubspot"
	"github.com/tenonsync/tenon/sandbox/kit"
)

// network carries requests to a system over a network that takes its time.
type network struct {
	system http.Handler

	mu      sync.Mutex
	rng     *rand.Rand
	calls   int
	refused int
}

func (w *network) way() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return 20*time.Millisecond + time.Duration(w.rng.Int64N(int64(80*time.Millisecond)))
}

// RoundTrip implements http.RoundTripper.
func (w *network) RoundTrip(req *http.Request) (*http.Response, error) {
	time.Sleep(w.way())
	rec := httptest.NewRecorder()
	if req = req.Clone(req.Context()); req.Body == nil {
		req.Body = http.NoBody
	}
	w.system.ServeHTTP(rec, req)
	time.Sleep(w.way())
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls++
	if rec.Code == http.StatusTooManyRequests {
		w.refused++
	}
	return rec.Result(), nil
}

// TestTheAccountsAllowanceIsUsedAndNeverOverdrawn reads without end from an
// account with HubSpot's limits, of whose day one half is Tenon's.
func TestTheAccountsAllowanceIsUsedAndNeverOverdrawn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		limits := sandbox.VendorLimits()
		limits.Daily = 14_000
		sys := sandbox.New(sandbox.Options{Clock: kit.RealClock(), Limits: limits})
		defer sys.Close()
		net := &network{system: sys, rng: rand.New(rand.NewPCG(1, 2))}
		set, err := connectors.NewSettings(hubspot.Connector{}.Info().Settings, map[string]string{"token": sandbox.DefaultToken, "base_url": "https://api.hubapi.example"})
		if err != nil {
			t.Fatal(err)
		}
		conn, err := hubspot.Connector{}.Open(connectors.Config{Name: "crm", Settings: set}, connectors.Options{Transport: net})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		account, err := conn.Check(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		zone, err := time.LoadLocation(account.Zone)
		if err != nil {
			t.Fatal(err)
		}
		y, m, d := time.Now().In(zone).Date()
		midnight := time.Date(y, m, d+1, 0, 0, 0, 0, zone)
		time.Sleep(time.Until(midnight))
		work := func(lasts time.Duration) (calls int) {
			before := net.calls
			ctx, stop := context.WithTimeout(t.Context(), lasts)
			defer stop()
			var wg sync.WaitGroup
			for p := range connectors.Priority(connectors.Priorities) {
				for k := range 3 {
					wg.Go(func() {
						for ctx.Err() == nil {
							ctx := connectors.WithPriority(ctx, p)
							var err error
							if k == 0 {
								_, err = conn.Changes(ctx, connectors.Selection{Object: "deals"}, "")
							} else {
								_, err = conn.Read(ctx, connectors.Selection{Object: "deals", Fields: []string{"dealname"}}, []string{"1"})
							}
							if err != nil {
								_ = connectors.SystemClock().Sleep(ctx, connectors.RetryAfter(err))
							}
						}
					})
				}
			}
			wg.Wait()
			return net.calls - before
		}
		// Reads go at 19 a second, searches at four beside them.
		if got, most := work(time.Minute), 6*190+4*60; got < most*95/100 || got > most+190+8 {
			t.Errorf("%d calls in a minute, want 95 %% of %d or more", got, most)
		}
		work(23 * time.Hour)
		got := conn.(connectors.BudgetTeller).Budget()
		if got.Day.Total != 14_000 || got.Day.Ours != 7_000 || got.Day.Used < 6_900 || got.Day.Used > 7_000 {
			t.Errorf("the day: %+v, want about 7,000 of 14,000 used", got.Day)
		}
		if want := midnight.Add(24 * time.Hour); !got.Day.Ends.Equal(want) {
			t.Errorf("the day ends at %v, want %v, midnight in %s", got.Day.Ends, want, zone)
		}
		if net.refused > 0 {
			t.Errorf("%d of %d calls were refused, want 0", net.refused, net.calls)
		}
	})
}
