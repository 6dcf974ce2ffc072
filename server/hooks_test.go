package server_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/server"
)

// TestUnsignedAddress takes the deliveries of a system that signs nothing at an
// address that cannot be guessed, and nowhere else.
func TestUnsignedAddress(t *testing.T) {
	older, err := server.NewSigner([]byte(strings.Repeat("o", 32)))
	if err != nil {
		t.Fatal(err)
	}
	var signer *server.Signer
	f := newFixture(t, func(c *server.Config) {
		c.Connections = map[string]connectors.Connection{"crm": crm{unsigned: true}, "pm": crm{}}
		if c.Signer, err = server.NewSigner([]byte(strings.Repeat("k", 32)), []byte(strings.Repeat("o", 32))); err != nil {
			t.Fatal(err)
		}
		signer = c.Signer
	})
	token := signer.HookToken("crm")
	if len(token) < 22 || token == signer.HookToken("pm") {
		t.Errorf("the token %q is short, or every connection's", token)
	}
	for _, c := range []struct {
		name, path string
		want       int
	}{
		{"the address", "/hooks/crm/" + token, 204},
		{"made with an older key", "/hooks/crm/" + older.HookToken("crm"), 204},
		{"without the token", "/hooks/crm", 404},
		{"an empty token", "/hooks/crm/", 404},
		{"cut", "/hooks/crm/" + token[1:], 404},
		{"another connection's", "/hooks/crm/" + signer.HookToken("pm"), 404},
		{"in other letters", "/hooks/crm/" + strings.ToUpper(token) + "x", 404},
		{"a signing system's plain address", "/hooks/pm", 204},
		{"a signing system's own token", "/hooks/pm/" + signer.HookToken("pm"), 204},
		{"a signing system with a token that is none", "/hooks/pm/guess", 404},
	} {
		if got := f.do("POST", c.path, "x").StatusCode; got != c.want {
			t.Errorf("%s: got %d, want %d", c.name, got, c.want)
		}
		head := 404
		if c.want == 204 {
			head = 200
		}
		if got := f.do("HEAD", c.path, "").StatusCode; got != head {
			t.Errorf("%s, asked by HEAD: got %d, want %d", c.name, got, head)
		}
	}
	for unsigned, want := range map[bool]string{true: "https://tenon.example/hooks/crm/" + token, false: "https://tenon.example/hooks/crm"} {
		if got := signer.HookAddress("https://tenon.example", "crm", connectors.Facts{WebhookUnsigned: unsigned}); got != want {
			t.Errorf("unsigned %v: got %s, want %s", unsigned, got, want)
		}
	}
}

// TestPlacesOfEachConnection fills the places of one connection: another's
// deliveries still come in.
func TestPlacesOfEachConnection(t *testing.T) {
	f := newFixture(t, func(c *server.Config) {
		c.MaxRequests = 1
		c.Connections["pm"] = crm{}
	})
	inside, leave := make(chan struct{}), make(chan struct{})
	f.engine.receive = nil
	var once sync.Once
	f.engine.receiving = func(connection string) {
		if connection == "crm" {
			once.Do(func() { close(inside); <-leave })
		}
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if got := f.do("POST", "/hooks/crm", "x").StatusCode; got != 204 {
			t.Errorf("the one inside: got %d, want 204", got)
		}
	})
	<-inside
	if got := f.do("POST", "/hooks/crm", "x").StatusCode; got != 503 {
		t.Errorf("beside it: got %d, want 503", got)
	}
	if got := f.do("POST", "/hooks/pm", "x").StatusCode; got != 204 {
		t.Errorf("of another connection: got %d, want 204", got)
	}
	close(leave)
	wg.Wait()
}

// TestRefusalsAreLoggedOnce floods the service: its log does not grow with it.
func TestRefusalsAreLoggedOnce(t *testing.T) {
	var lines bytes.Buffer
	f := newFixture(t, func(c *server.Config) {
		c.Logger = slog.New(slog.NewTextHandler(&lines, nil))
	})
	f.engine.err = &connectors.Error{Op: "receive webhook", Connection: "crm", Kind: connectors.Auth, Err: errors.New("wrong")}
	for i := range 100 {
		f.do("POST", "/hooks/crm", "x")
		f.do("POST", fmt.Sprintf("/hooks/made-up-%d", i), "x")
	}
	if got, want := strings.Count(lines.String(), "\n"), 2; got != want {
		t.Errorf("got %d lines, want one of each kind:\n%s", got, lines.String())
	}
	if strings.Contains(lines.String(), "made-up") {
		t.Error("made-up names are logged")
	}
}

// TestBusyConnectionsStay fills the service with connections that are being
// served: those get their answers, a further one is turned away.
func TestBusyConnectionsStay(t *testing.T) {
	f := newFixture(t, nil)
	const served = 2
	inside, leave := make(chan struct{}, served), make(chan struct{})
	f.engine.receiving = func(string) { inside <- struct{}{}; <-leave }
	config := f.config
	config.MaxConnections, config.Metrics = served, nil
	s, err := server.New(config)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, l) }()
	const delivery = "POST /hooks/crm HTTP/1.1\r\nHost: tenon.example\r\nContent-Length: 1\r\n\r\nx"
	idle := attack(t, l.Addr().String())
	first := attack(t, l.Addr().String()).send(delivery)
	<-inside
	second := attack(t, l.Addr().String()).send(delivery) // the idle one makes room
	<-inside
	if !idle.ended() {
		t.Error("an idle connection keeps its place")
	}
	if further := attack(t, l.Addr().String()); !further.ended() {
		t.Error("a further connection was let in")
	}
	close(leave)
	first.expect("the first", http.StatusNoContent)
	second.expect("the second", http.StatusNoContent)
	stop()
	if err := <-ended; err != nil {
		t.Errorf("serve: %v", err)
	}
}
