package pubsub_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors/salesforce/internal/pubsub"
	"github.com/tenonsync/tenon/sandbox/kit"
	server "github.com/tenonsync/tenon/sandbox/salesforce/pubsub"
)

const (
	org   = "00D5g000004dPEEEA2"
	topic = "/data/AccountChangeEvent"
)

// world is an emulated service with a client of it.
type world struct {
	t      *testing.T
	s      *server.Server
	clock  *kit.ManualClock
	client *pubsub.Client

	mu      sync.Mutex
	good    string // the token that is taken
	token   string // the token that the client has
	renewed int
	hidden  map[string]bool
	extra   bool // the object has a further field
	number  int64
}

func newWorld(t *testing.T, change func(*pubsub.Config)) *world {
	t.Helper()
	w := &world{t: t, clock: kit.NewManualClock(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)), good: "t1", token: "t1", hidden: map[string]bool{}}
	w.s = server.New(server.Options{
		Clock: w.clock, Org: func() string { return org },
		Login: func(token string) bool {
			w.mu.Lock()
			defer w.mu.Unlock()
			return token == w.good
		},
		Object: w.object,
		Hidden: func(object, field string) bool {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.hidden[object+"."+field]
		},
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = w.s.Serve(l)
	}()
	t.Cleanup(func() {
		w.s.Close()
		<-done
	})
	if err := w.s.Select("Account", "Project__c"); err != nil {
		t.Fatal(err)
	}
	config := pubsub.Config{
		Endpoint: "http://" + l.Addr().String(),
		Login: func(context.Context) (pubsub.Login, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			return pubsub.Login{Token: w.token, Instance: "https://acme.my.salesforce.com", Org: org}, nil
		},
		Renew: func(_ context.Context, stale string) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			if stale != w.token {
				t.Errorf("the token %q is renewed, the client has %q", stale, w.token)
			}
			w.renewed++
			w.token = w.good
			return nil
		},
	}
	if change != nil {
		change(&config)
	}
	if w.client, err = pubsub.New(config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.client.Close() })
	return w
}

func (w *world) object(name string) (server.Object, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if name != "Account" && name != "Project__c" {
		return server.Object{}, false
	}
	o := server.Object{Name: name, Fields: []server.Field{
		{Name: "Name"},
		{Name: "IsPartner", Kind: server.Boolean},
		{Name: "BillingAddress", Kind: server.Compound, Type: "Address", Parts: []server.Field{{Name: "Street"}, {Name: "City"}, {Name: "Latitude", Kind: server.Double}}},
		{Name: "ShippingAddress", Kind: server.Compound, Type: "Address", Parts: []server.Field{{Name: "Street"}, {Name: "City"}, {Name: "Latitude", Kind: server.Double}}},
		{Name: "AnnualRevenue", Kind: server.Double},
		{Name: "NumberOfEmployees", Kind: server.Int},
		{Name: "LastModifiedDate", Kind: server.Long},
	}}
	if w.extra {
		o.Fields = append(o.Fields, server.Field{Name: "Rating"})
	}
	return o, true
}

// edit tells that the name of records was changed.
func (w *world) edit(ids ...string) {
	w.t.Helper()
	var changes []server.Change
	for _, id := range ids {
		changes = append(changes, server.Change{
			Object: "Account", ID: id, Type: "UPDATE", Changed: []string{"Name", "BillingAddress.City", "LastModifiedDate", "AnnualRevenue"},
			Values: map[string]any{"Name": "Harbourworks", "BillingAddress": map[string]any{"City": "Hull"}, "LastModifiedDate": w.clock.Now()},
		})
	}
	w.publish(changes...)
}

func (w *world) publish(changes ...server.Change) {
	w.mu.Lock()
	w.number++
	n := w.number
	w.mu.Unlock()
	w.s.Publish(server.Transaction{
		Key: "0000" + time.Unix(n, 0).UTC().Format("150405"), At: w.clock.Now(), Number: n, User: "0055g000004dPEEAA2",
		Origin: "com/salesforce/api/rest/66.0;client=other", Changes: changes,
	})
	w.s.Flush()
}

// ear listens to a topic in the background.
type ear struct {
	t       *testing.T
	batches chan pubsub.Batch
	done    chan error
	stop    context.CancelFunc
	place   []byte
}

func (w *world) listen(topic string, place []byte) *ear {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	e := &ear{t: w.t, batches: make(chan pubsub.Batch), done: make(chan error, 1), stop: cancel}
	go func() {
		defer close(e.batches)
		e.done <- w.client.Subscribe(ctx, topic, place, func(ctx context.Context, b pubsub.Batch) error {
			select {
			case e.batches <- b:
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		})
	}()
	w.t.Cleanup(func() {
		cancel()
		for range e.batches { //nolint:revive // what was under way is of no interest
		}
	})
	return e
}

// next returns the next batch.
func (e *ear) next() pubsub.Batch {
	e.t.Helper()
	select {
	case b, open := <-e.batches:
		if !open {
			e.t.Fatalf("the stream ended: %v", <-e.done)
		}
		if b.Place != nil {
			e.place = b.Place
		}
		return b
	case <-time.After(time.Minute):
		e.t.Fatal("nothing is told")
	}
	return pubsub.Batch{}
}

// records takes batches until n records were told, and returns them in order.
func (e *ear) records(n int) []string {
	e.t.Helper()
	var ids []string
	for len(ids) < n {
		b := e.next()
		if b.Gap != "" && len(b.Events) == 0 {
			continue
		}
		for _, event := range b.Events {
			ids = append(ids, event.Records...)
		}
	}
	return ids
}

// end stops listening and returns why the stream ended.
func (e *ear) end() error {
	e.t.Helper()
	for end := time.After(time.Minute); ; {
		select {
		case _, open := <-e.batches:
			if !open {
				err := <-e.done
				e.done <- err
				return err
			}
		case <-end:
			e.t.Fatal("the stream does not end")
			return errors.New("never")
		}
	}
}
