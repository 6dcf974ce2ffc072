// Package consent asks a person for an OAuth consent in a browser and takes the
// answer on the machine's loopback address (RFC 8252), or from a pasted
// address where no browser reaches it.
//
// The answer is taken only with the state that went out with the question,
// compared in constant time; where the system takes it, a proof key (RFC 7636)
// makes a code useless to anybody else. A wrong answer does not end the wait,
// so nobody can cut it short.
package consent

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// DefaultListen is where the answer is taken. The port is fixed, since systems
// want the address registered.
const DefaultListen = "127.0.0.1:8485"

// CallbackPath is the path that the browser is sent back to.
const CallbackPath = "/callback"

// Errors of Ask. Those of the exchange are *connectors.Error.
var (
	ErrDenied  = errors.New("the consent was denied")
	ErrTimeout = errors.New("nobody consented in time")
	ErrListen  = errors.New("the answer cannot be taken")
)

// Options say how to ask.
type Options struct {
	// Listen is the address to take the answer at; a loopback one. Port 0 is any
	// free one.
	Listen string
	// Redirect is where the browser is sent, as registered with the system.
	// Empty: http://localhost:PORT/callback.
	Redirect string
	// Required and Optional are the scopes to ask for.
	Required, Optional []string
	// Show is told where the person consents, and where the answer will come to,
	// before anything waits.
	Show func(url, redirect string)
	// Open opens a browser there; nil, or an error: the person does so.
	Open func(url string) error
	// Paste, if not nil, gives the address that the browser ended at, on a line
	// of its own; then nothing listens.
	Paste io.Reader
	// Rand gives the secrets; nil means crypto/rand.
	Rand io.Reader
}

// RedirectFor returns the redirect address that Ask uses for a listen address.
func RedirectFor(listen string) string {
	_, port, err := net.SplitHostPort(listen)
	if err != nil {
		return ""
	}
	return "http://localhost:" + port + CallbackPath
}

// Ask asks for a consent and returns the grant. It waits until the context
// ends: ErrTimeout then says so, with what came in the meantime.
func Ask(ctx context.Context, a connectors.Authorization, o Options) (*connectors.Grant, error) {
	if o.Listen == "" {
		o.Listen = DefaultListen
	}
	f := &flow{authorization: a, answered: make(chan outcome, 1)}
	var l net.Listener
	if o.Paste == nil {
		var err error
		if l, err = listenLoopback(ctx, o.Listen); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrListen, err)
		}
		defer func() { _ = l.Close() }() // the server closes it too
		o.Listen = l.Addr().String()
	}
	if o.Redirect == "" {
		o.Redirect = RedirectFor(o.Listen)
	}
	if err := f.prepare(o); err != nil {
		return nil, err
	}
	address := a.ConsentURL(f.ask)
	if o.Show != nil {
		o.Show(address, o.Redirect)
	}
	if o.Open != nil {
		_ = o.Open(address) // the address was shown
	}
	if l == nil {
		return f.pasted(ctx, o.Paste)
	}
	return f.serve(ctx, l)
}

func listenLoopback(ctx context.Context, address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err != nil || host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("%q is not a loopback address with a port", address)
	}
	return (&net.ListenConfig{}).Listen(ctx, "tcp", address)
}

// outcome is how the flow ended.
type outcome struct {
	grant *connectors.Grant
	err   error
}

type flow struct {
	authorization connectors.Authorization
	ask           connectors.Consent
	host          string // of the redirect address
	answered      chan outcome

	mu    sync.Mutex
	taken bool
	odd   string // what came that was no answer
}

func (f *flow) prepare(o Options) error {
	source := o.Rand
	if source == nil {
		source = rand.Reader
	}
	redirect, err := url.Parse(o.Redirect)
	if err != nil || redirect.Host == "" {
		return fmt.Errorf("%q is not an address to be sent back to", o.Redirect)
	}
	f.host = redirect.Host
	f.ask = connectors.Consent{Redirect: o.Redirect, Required: o.Required, Optional: o.Optional}
	for _, secret := range []*string{&f.ask.State, &f.ask.Verifier} {
		raw := make([]byte, 32)
		if _, err := io.ReadFull(source, raw); err != nil {
			return err
		}
		*secret = base64.RawURLEncoding.EncodeToString(raw)
	}
	return nil
}

// serve takes the answer over HTTP.
func (f *flow) serve(ctx context.Context, l net.Listener) (*connectors.Grant, error) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+CallbackPath, func(w http.ResponseWriter, r *http.Request) { f.callback(ctx, w, r) })
	server := &http.Server{Handler: mux, ReadTimeout: 10 * time.Second, WriteTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	var end outcome
	select {
	case end = <-f.answered:
	case err := <-failed:
		return nil, fmt.Errorf("%w: %w", ErrListen, err)
	case <-ctx.Done():
		end.err = f.late(ctx)
	}
	// The page that tells how it ended is still on its way.
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_ = server.Shutdown(stopping) // nothing hangs on the rest
	<-failed
	return end.grant, end.err
}

func (f *flow) late(ctx context.Context) error {
	if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return context.Cause(ctx)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.odd != "" {
		return fmt.Errorf("%w; %s", ErrTimeout, f.odd)
	}
	return ErrTimeout
}

// callback is where the browser comes back to.
func (f *flow) callback(ctx context.Context, w http.ResponseWriter, r *http.Request) {
	if r.Host != f.host && !isLoopback(r.Host) { // a foreign page that resolves to this machine
		show(w, http.StatusMisdirectedRequest, page{Title: "Not here", Text: "This address is used by another name."})
		return
	}
	end, ours := f.answer(ctx, r.URL.Query())
	switch {
	case !ours:
		show(w, http.StatusBadRequest, page{Title: "Not taken", Text: "This answer does not belong to the question that Tenon asked. Go back to the terminal and use the address that stands there."})
		return
	case errors.Is(end.err, ErrDenied):
		show(w, http.StatusOK, page{Title: "Not connected", Text: "The consent was denied. Nothing was changed; you can close this window."})
	case end.err != nil:
		show(w, http.StatusOK, page{Title: "Not connected", Text: "It did not work. The terminal says why; you can close this window."})
	default:
		show(w, http.StatusOK, page{Title: "Connected", Text: "Tenon may now act in " + end.grant.Label + ". You can close this window and go back to the terminal."})
	}
	f.answered <- end // the one answer: room is kept for it
}

// answer takes the parameters of an answer. It is ours only with the state, and
// only the first one counts.
func (f *flow) answer(ctx context.Context, q url.Values) (outcome, bool) {
	if subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(f.ask.State)) != 1 {
		f.note("an answer with a wrong state came and was refused")
		return outcome{}, false
	}
	f.mu.Lock()
	again := f.taken
	f.taken = true
	f.mu.Unlock()
	if again {
		return outcome{}, false
	}
	if code := q.Get("error"); code != "" {
		return outcome{err: denial(code, q.Get("error_description"))}, true
	}
	if q.Get("code") == "" {
		return outcome{err: errors.New("the answer holds no code")}, true
	}
	grant, err := f.authorization.Exchange(ctx, q.Get("code"), f.ask)
	return outcome{grant: grant, err: err}, true
}

// maxWords bounds what is shown of a system's own words.
const maxWords = 200

func denial(code, description string) error {
	words := strings.Join(strings.Fields(strings.ToValidUTF8(code+" "+description, "")), " ")
	if len(words) > maxWords {
		words = strings.ToValidUTF8(words[:maxWords], "") + "…"
	}
	if code == "access_denied" {
		return fmt.Errorf("%w (%s)", ErrDenied, words)
	}
	return fmt.Errorf("the system did not ask for the consent: %s", words)
}

func (f *flow) note(odd string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.odd = odd
}

// pasted reads the address that the browser ended at, until one is the answer.
// It reads no line more than it needs: the next one may answer another question.
func (f *flow) pasted(ctx context.Context, in io.Reader) (*connectors.Grant, error) {
	type read struct {
		line string
		err  error
	}
	r := bufio.NewReader(in) // in itself, where it is one
	for {
		next := make(chan read, 1)
		go func() { // may wait for a line for as long as the program runs
			line, err := r.ReadString('\n')
			next <- read{line, err}
		}()
		select {
		case <-ctx.Done():
			return nil, f.late(ctx)
		case got := <-next:
			u, err := url.Parse(strings.TrimSpace(got.line))
			if err == nil && u.RawQuery != "" {
				if end, ours := f.answer(ctx, u.Query()); ours {
					return end.grant, end.err
				}
			} else if strings.TrimSpace(got.line) != "" {
				f.note("what was pasted is not the whole address that the browser ended at")
			}
			if got.err != nil {
				return nil, fmt.Errorf("%w: no address was pasted%s", ErrTimeout, f.afterOdd())
			}
		}
	}
}

func (f *flow) afterOdd() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.odd == "" {
		return ""
	}
	return "; " + f.odd
}

func isLoopback(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = hostport
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
