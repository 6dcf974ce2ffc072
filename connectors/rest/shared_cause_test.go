package rest_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// TestCallsThatShareACauseShareNoError ends a group's context with one call's
// error: the other calls must not change it, nor take over that it is unsure.
func TestCallsThatShareACauseShareNoError(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	defer server.Close()
	client, err := rest.New(rest.Config{Connection: "acme", BaseURL: server.URL}, connectors.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	cause := &connectors.Error{Op: "create", Kind: connectors.Unavailable, Unsure: true, Err: errors.New("reset")}
	before := *cause
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	var g errgroup.Group
	for i := range 8 {
		g.Go(func() error {
			method := http.MethodGet
			if i%2 == 1 {
				method = http.MethodPost
			}
			_, err := client.Do(ctx, rest.Request{Op: "read", Method: method, Path: "/things"})
			if err == nil || connectors.IsUnsure(err) {
				t.Errorf("%s: got %v, unsure %v; nothing was sent", method, err, connectors.IsUnsure(err))
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	if cause.Op != before.Op || !cause.Unsure {
		t.Errorf("the shared error became %+v", cause)
	}
}
