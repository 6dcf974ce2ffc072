package asana_test

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenonsync/tenon/sandbox/asana"
	"github.com/tenonsync/tenon/sandbox/kit"
)

const ada = "ada.okafor@harbourworks.example"

type object = map[string]any

// account is a sandbox with a client.
type account struct {
	t     *testing.T
	sys   *asana.System
	clock *kit.ManualClock
	url   string
	token string
	http  *http.Client
	head  http.Header // of the last answer
}

func newAccount(t *testing.T, opts asana.Options) *account {
	t.Helper()
	clock := kit.NewManualClock(time.Date(2026, 3, 2, 9, 30, 15, 0, time.UTC))
	opts.Clock, opts.WebhookDoubles = clock, -1
	sys := asana.New(opts)
	srv := httptest.NewServer(sys)
	t.Cleanup(func() {
		srv.Close()
		sys.Close()
	})
	return &account{t: t, sys: sys, clock: clock, url: srv.URL, token: asana.DefaultToken, http: &http.Client{}}
}

// call sends a request with a body's data and returns the answer.
func (a *account) call(method, path string, data any) (int, object) {
	a.t.Helper()
	var body io.Reader
	if data != nil {
		raw, err := json.Marshal(object{"data": data})
		if err != nil {
			a.t.Fatal(err)
		}
		body = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(a.t.Context(), method, a.url+"/api/1.0"+path, body)
	if err != nil {
		a.t.Fatal(err)
	}
	if a.token != "" {
		req.Header.Set("Authorization", "Bearer "+a.token)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := a.http.Do(req)
	if err != nil {
		a.t.Fatal(err)
	}
	defer resp.Body.Close()
	a.head = resp.Header
	var out object
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		a.t.Fatalf("%s %s: %v", method, path, err)
	}
	return resp.StatusCode, out
}

// must is call with a status that has to come; it returns the data.
func (a *account) must(status int, method, path string, data any) object {
	a.t.Helper()
	got, out := a.call(method, path, data)
	if got != status {
		a.t.Fatalf("%s %s: status %d, want %d: %v", method, path, got, status, out)
	}
	d, _ := out["data"].(object)
	return d
}

// list is must for lists.
func (a *account) list(path string) []object {
	a.t.Helper()
	got, out := a.call("GET", path, nil)
	if got != 200 {
		a.t.Fatalf("GET %s: status %d: %v", path, got, out)
	}
	rows, _ := out["data"].([]any)
	list := make([]object, len(rows))
	for i, r := range rows {
		list[i], _ = r.(object)
	}
	return list
}

// refused is call with an error that has to hold some words.
func (a *account) refused(status int, words, method, path string, data any) {
	a.t.Helper()
	got, out := a.call(method, path, data)
	raw, _ := json.Marshal(out)
	if got != status || !strings.Contains(string(raw), words) {
		a.t.Errorf("%s %s: status %d %s, want %d with %q", method, path, got, raw, status, words)
	}
}

func (a *account) project() string {
	for _, p := range a.sys.Projects() {
		if p.Name == asana.DefaultProject {
			return p.GID
		}
	}
	a.t.Fatal("no project")
	return ""
}

func (a *account) workspace() string {
	a.t.Helper()
	return a.list("/workspaces")[0]["gid"].(string)
}

// task makes a task in the default project.
func (a *account) task(data object) string {
	a.t.Helper()
	body := object{"projects": []any{a.project()}}
	maps.Copy(body, data)
	return a.must(201, "POST", "/tasks", body)["gid"].(string)
}

// receiver takes webhooks and answers handshakes as it is told.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	secret string
	deaf   bool // does not give the secret back
	status int
	got    []delivery
}

type delivery struct {
	signature string
	body      string
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{status: 200}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if secret := req.Header.Get("X-Hook-Secret"); secret != "" {
			r.secret = secret
			if !r.deaf {
				w.Header().Set("X-Hook-Secret", secret)
			}
			return
		}
		r.got = append(r.got, delivery{req.Header.Get("X-Hook-Signature"), string(body)})
		w.WriteHeader(r.status)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) take() []delivery {
	r.mu.Lock()
	defer r.mu.Unlock()
	got := r.got
	r.got = nil
	return got
}
