package consent_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/consent"
)

// system is an Authorization whose consent page is the test.
type system struct {
	exchanged []connectors.Consent
	code      string
	err       error
}

func (*system) Scopes([]connectors.Need) (required, optional []string) { return nil, nil }

func (*system) ConsentURL(ask connectors.Consent) string {
	q := url.Values{"redirect_uri": {ask.Redirect}, "state": {ask.State}, "scope": ask.Required}
	return "https://crm.example/authorize?" + q.Encode()
}

func (s *system) Exchange(_ context.Context, code string, ask connectors.Consent) (*connectors.Grant, error) {
	s.exchanged, s.code = append(s.exchanged, ask), code
	if s.err != nil {
		return nil, s.err
	}
	return &connectors.Grant{Label: "portal <1>", Settings: map[string]string{"refresh_token": "r"}}, nil
}

// asked runs the flow with a browser that is told the consent's address.
func asked(t *testing.T, s *system, o consent.Options, browser func(redirect, state string)) (*connectors.Grant, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	o.Listen = "127.0.0.1:0"
	done := make(chan struct{})
	o.Show = func(address, _ string) {
		u, err := url.Parse(address)
		if err != nil {
			t.Error(err)
		}
		go func() {
			defer close(done)
			browser(u.Query().Get("redirect_uri"), u.Query().Get("state"))
		}()
	}
	grant, err := consent.Ask(ctx, s, o)
	<-done
	return grant, err
}

// visit opens an address and returns the page.
func visit(t *testing.T, address string, edit func(*http.Request)) (int, string) {
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, strings.Replace(address, "localhost", "127.0.0.1", 1), nil)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	req.Host = strings.TrimPrefix(strings.SplitN(address, "/callback", 2)[0], "http://")
	if edit != nil {
		edit(req)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	if got := resp.Header.Get("Referrer-Policy"); resp.StatusCode != http.StatusNotFound && resp.StatusCode != http.StatusMethodNotAllowed && got != "no-referrer" {
		t.Errorf("Referrer-Policy %q", got)
	}
	return resp.StatusCode, string(body)
}

func TestAsk(t *testing.T) {
	t.Parallel()
	s := &system{}
	grant, err := asked(t, s, consent.Options{Required: []string{"deals"}}, func(redirect, state string) {
		if !strings.HasPrefix(redirect, "http://localhost:") || !strings.HasSuffix(redirect, "/callback") {
			t.Errorf("redirect %q", redirect)
		}
		for _, wrong := range []string{"?code=c", "?code=c&state=", "?code=c&state=" + state + "x", "?code=c&state=" + strings.ToLower(state), "?error=access_denied&state=x"} {
			if status, _ := visit(t, redirect+wrong, nil); status != http.StatusBadRequest {
				t.Errorf("%s: status %d", wrong, status)
			}
		}
		if status, _ := visit(t, redirect+"?code=c&state="+state, func(r *http.Request) { r.Host = "evil.example" }); status != http.StatusMisdirectedRequest {
			t.Errorf("foreign host: status %d", status)
		}
		if status, _ := visit(t, redirect+"?code=c&state="+state, func(r *http.Request) { r.Method = http.MethodPost }); status != http.StatusMethodNotAllowed {
			t.Errorf("POST: status %d", status)
		}
		if status, _ := visit(t, strings.Replace(redirect, "/callback", "/", 1), nil); status != http.StatusNotFound {
			t.Errorf("another path: status %d", status)
		}
		status, body := visit(t, redirect+"?code=the-code&state="+state, nil)
		if status != http.StatusOK || !strings.Contains(body, "portal &lt;1&gt;") || strings.Contains(body, "the-code") {
			t.Errorf("status %d, page %s", status, body)
		}
	})
	if err != nil || grant == nil || grant.Settings["refresh_token"] != "r" {
		t.Fatalf("Ask: %v, %v", grant, err)
	}
	if len(s.exchanged) != 1 || s.code != "the-code" || len(s.exchanged[0].Verifier) < 43 || len(s.exchanged[0].State) < 43 {
		t.Errorf("exchanged %q: %+v", s.code, s.exchanged)
	}
}

func TestAskEndsWithoutAGrant(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		query string
		fails error
		want  error
		words string
		page  string
	}{
		"denied":       {"error=access_denied&error_description=The%20user%20said%20no", nil, consent.ErrDenied, "The user said no", "was denied"},
		"other error":  {"error=invalid_scope&error_description=%3Cb%3E", nil, nil, "invalid_scope", "did not work"},
		"no code":      {"x=y", nil, nil, "no code", "did not work"},
		"code refused": {"code=c", &connectors.Error{Kind: connectors.Auth, Err: errors.New("late")}, nil, "late", "did not work"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := asked(t, &system{err: tc.fails}, consent.Options{}, func(redirect, state string) {
				if _, body := visit(t, redirect+"?state="+state+"&"+tc.query, nil); !strings.Contains(body, tc.page) {
					t.Errorf("page: %s", body)
				}
			})
			if err == nil || tc.want != nil && !errors.Is(err, tc.want) || !strings.Contains(err.Error(), tc.words) {
				t.Errorf("Ask: %v", err)
			}
		})
	}
}

func TestAskTimesOut(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	<-ctx.Done()
	_, err := consent.Ask(ctx, &system{}, consent.Options{Paste: strings.NewReader("")})
	if !errors.Is(err, consent.ErrTimeout) {
		t.Errorf("Ask: %v", err)
	}
}

func TestPortTaken(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed below
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, address := range []string{l.Addr().String(), "192.0.2.1:80", "127.0.0.1", "example.com:1"} {
		if _, err := consent.Ask(t.Context(), &system{}, consent.Options{Listen: address}); !errors.Is(err, consent.ErrListen) {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestPaste(t *testing.T) {
	t.Parallel()
	pipe, out := io.Pipe()
	in := bufio.NewReader(pipe)
	s := &system{}
	grant, err := consent.Ask(t.Context(), s, consent.Options{Paste: in, Show: func(address, _ string) {
		u, err := url.Parse(address)
		if err != nil {
			t.Error(err)
		}
		state := u.Query().Get("state")
		go func() {
			_, err := io.WriteString(out, "the-code\n\nhttp://localhost:8485/callback?code=x&state=wrong\n  http://localhost:8485/callback?code=c&state="+state+"  \nyes\n")
			if err != nil {
				t.Error(err)
			}
		}()
	}})
	if err != nil || grant == nil || s.code != "c" || s.exchanged[0].Redirect != "http://localhost:8485/callback" {
		t.Errorf("Ask: %v, %v; %+v", grant, err, s)
	}
	if next, err := in.ReadString('\n'); err != nil || next != "yes\n" {
		t.Errorf("the line after the answer: %q, %v", next, err)
	}
	_, err = consent.Ask(t.Context(), s, consent.Options{Paste: strings.NewReader("c\n")})
	if !errors.Is(err, consent.ErrTimeout) || !strings.Contains(err.Error(), "whole address") {
		t.Errorf("Ask with half an address: %v", err)
	}
}
