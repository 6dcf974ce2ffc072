package main

import (
	"bytes"
	"context"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tenonsync/tenon/examples"
	"github.com/tenonsync/tenon/sandbox/hubspot"
	"github.com/tenonsync/tenon/sandbox/jira"
)

// accountsOfAnApp are emulated systems with OAuth apps, and a folder whose
// configuration names the apps only.
type accountsOfAnApp struct {
	t       *testing.T
	dir     string
	listen  string // of the service
	hubspot *hubspot.System
	jira    *jira.System
	crm     *httptest.Server
	site    *httptest.Server
}

func newAccountsOfAnApp(t *testing.T, o hubspot.Options) *accountsOfAnApp {
	t.Helper()
	a := &accountsOfAnApp{t: t, dir: t.TempDir(), listen: "127.0.0.1:0", hubspot: hubspot.New(o), jira: jira.New(jira.Options{})}
	a.crm, a.site = httptest.NewServer(a.hubspot), httptest.NewServer(a.jira)
	t.Cleanup(func() {
		a.crm.Close()
		a.site.Close()
		a.hubspot.Close()
		a.jira.Close()
	})
	if _, err := examples.Write(examples.HubSpotJira(), a.dir); err != nil {
		t.Fatal(err)
	}
	a.configure(a.crm.URL)
	return a
}

// configure writes tenon.yaml for an emulated HubSpot at an address.
func (a *accountsOfAnApp) configure(crm string) {
	a.t.Helper()
	text := `connections:
  hubspot:
    kind: hubspot
    base_url: ` + crm + `
    authorize_url: ` + crm + `/oauth/authorize
    client_id: ` + hubspot.DefaultClientID + `
    client_secret: {env: HUBSPOT_CLIENT_SECRET}
  jira:
    kind: jira
    grant: consent
    base_url: ` + a.site.URL + `
    gateway_url: ` + a.site.URL + `
    authorize_url: ` + a.site.URL + `/authorize
    token_url: ` + a.site.URL + `/oauth/token
    client_id: ` + jira.DefaultClientID + `
    client_secret: {env: JIRA_CLIENT_SECRET}
server: {listen: "` + a.listen + `"}
mappings: mappings/
`
	a.write("tenon.yaml", text)
	a.write(".env", "HUBSPOT_CLIENT_SECRET="+hubspot.DefaultClientSecret+"\nJIRA_CLIENT_SECRET="+jira.DefaultClientSecret+"\n")
}

func (a *accountsOfAnApp) write(name, text string) {
	a.t.Helper()
	if err := os.WriteFile(filepath.Join(a.dir, name), []byte(text), 0o600); err != nil {
		a.t.Fatal(err)
	}
}

// outcome is what a command line did.
type outcome struct {
	code        int
	out, errors string
}

// run carries out a command line, with a person who does what browser does at
// the consent's address.
func (a *accountsOfAnApp) run(browser func(address string), args ...string) outcome {
	a.t.Helper()
	ctx, cancel := context.WithTimeout(a.t.Context(), 2*time.Minute)
	defer cancel()
	var out bytes.Buffer
	shown := &overheard{found: make(chan string, 1)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		select {
		case address := <-shown.found:
			browser(address)
		case <-ctx.Done():
		}
	}()
	args = append([]string{"--config", filepath.Join(a.dir, "tenon.yaml")}, args...)
	code := run(ctx, args, strings.NewReader(""), &out, shown)
	cancel()
	<-done
	return outcome{code, out.String(), shown.String()}
}

var consentAddress = regexp.MustCompile(`(?m)^  (http\S+)$`)

// overheard is standard error with somebody who reads the consent's address.
type overheard struct {
	bytes.Buffer
	found chan string
}

func (w *overheard) Write(p []byte) (int, error) {
	n, err := w.Buffer.Write(p)
	if m := consentAddress.FindSubmatch(w.Bytes()); m != nil {
		select {
		case w.found <- string(m[1]):
		default:
		}
	}
	return n, err
}

var formField = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)">`)

// consentAt returns a person who answers the systems' consent pages.
func (a *accountsOfAnApp) consentAt(answer string) func(string) {
	return func(address string) {
		body := a.get(address)
		if strings.Contains(address, "/oauth/authorize") { // HubSpot's form
			form := url.Values{"answer": {answer}, "user": {adaAtWork}}
			for _, m := range formField.FindAllStringSubmatch(body, -1) {
				form.Set(m[1], html.UnescapeString(m[2]))
			}
			u, err := url.Parse(address)
			if err != nil {
				a.t.Error(err)
				return
			}
			a.do(http.MethodPost, u.Scheme+"://"+u.Host+"/oauth/authorize", strings.NewReader(form.Encode()))
			return
		}
		word := "Accept as Ada Okafor"
		if answer != "connect" {
			word = "Decline"
		}
		for _, m := range regexp.MustCompile(`<a href="([^"]+)">([^<]+)</a>`).FindAllStringSubmatch(body, -1) {
			if m[2] == word {
				a.get(a.site.URL + html.UnescapeString(m[1]))
			}
		}
	}
}

func (a *accountsOfAnApp) get(address string) string { return a.do(http.MethodGet, address, nil) }

// do sends a request and follows where it leads.
func (a *accountsOfAnApp) do(method, address string, body io.Reader) string {
	req, err := http.NewRequestWithContext(a.t.Context(), method, address, body)
	if err != nil {
		a.t.Error(err)
		return ""
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		a.t.Error(err)
		return ""
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		a.t.Error(err)
	}
	return string(text)
}

func nobody(string) {}

// want checks an exit code and words of the output.
func (o outcome) want(t *testing.T, code int, words ...string) {
	t.Helper()
	if o.code != code {
		t.Errorf("exit code %d, want %d\n%s%s", o.code, code, o.out, o.errors)
	}
	for _, w := range words {
		if !strings.Contains(o.out+o.errors, w) {
			t.Errorf("no word of %q:\n%s%s", w, o.out, o.errors)
		}
	}
}
