package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tenonsync/tenon/config"
	"github.com/tenonsync/tenon/connectors/all"
	"github.com/tenonsync/tenon/sandbox/hubspot"
	"github.com/tenonsync/tenon/sandbox/jira"
	"github.com/tenonsync/tenon/sandbox/kit"
)

const adaAtWork = "ada.okafor@harbourworks.example"

// TestConnect takes both accounts from nothing to a working connection with
// real requests.
func TestConnect(t *testing.T) {
	a := newAccountsOfAnApp(t, hubspot.Options{RotateRefreshTokens: true})
	free := []string{"--no-browser", "--listen", "127.0.0.1:0"}
	connect := func(name string, more ...string) []string {
		return append(append([]string{"connect", name}, free...), more...)
	}

	a.run(nobody, "connect", "hubspot", "--check").want(t, exitFound, "nobody has connected hubspot yet", "hint: run `tenon connect hubspot`")
	if _, err := os.Stat(filepath.Join(a.dir, "tenon.db")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a check made a state: %v", err)
	}
	a.run(nobody, "validate").want(t, exitSystem, "nobody has connected this account yet")
	a.run(a.consentAt("deny"), connect("hubspot")...).want(t, exitSystem, "the consent was denied", "nothing was stored")
	a.run(a.consentAt("deny"), connect("jira")...).want(t, exitSystem, "the consent was denied")

	first := a.run(a.consentAt("connect"), connect("hubspot")...)
	first.want(t, exitFound, "connected  the tokens are sealed in the state", "to create  the property tenon_key", "run `tenon connect hubspot --yes`")
	a.run(nobody, connect("hubspot", "--yes")...).want(t, exitDone, "created    the property tenon_key", "rights     all that won-deal-to-epic needs")
	a.run(nobody, connect("hubspot", "--check")...).want(t, exitDone, "next: `tenon validate`")
	a.run(a.consentAt("connect"), connect("jira", "--yes")...).want(t, exitDone, "as Ada Okafor", "rights     all that won-deal-to-epic needs")
	a.run(nobody, "validate").want(t, exitDone, "mapping won-deal-to-epic: sound")

	// Another consent replaces the first; the chain goes on with its tokens.
	a.run(a.consentAt("connect"), connect("hubspot", "--again")...).want(t, exitDone, "connected")
	a.run(nobody, "validate").want(t, exitDone)

	// A revoked grant is noticed, and a new consent mends it.
	a.hubspot.Uninstall()
	a.run(nobody, connect("hubspot", "--check")...).want(t, exitSystem, "tenon connect hubspot")
	a.run(a.consentAt("connect"), connect("hubspot")...).want(t, exitDone, "connected")

	secret := []byte("refresh_token")
	state, err := os.ReadFile(filepath.Join(a.dir, "tenon.db"))
	if err != nil || bytes.Contains(state, secret) {
		t.Errorf("the state shows a grant (%v)", err)
	}
}

func TestConnectRefusesAnotherAccount(t *testing.T) {
	a := newAccountsOfAnApp(t, hubspot.Options{PortalID: 111})
	args := []string{"connect", "hubspot", "--no-browser", "--listen", "127.0.0.1:0", "--yes"}
	a.run(a.consentAt("connect"), args...).want(t, exitDone, "portal 111")
	other := hubspot.New(hubspot.Options{PortalID: 222})
	t.Cleanup(other.Close)
	server := httptest.NewServer(other)
	t.Cleanup(server.Close)
	a.configure(server.URL)
	a.run(a.consentAt("connect"), append(args, "--again")...).want(t, exitFound, "this is portal 222", "belongs to portal 111", "nothing was stored")
	a.configure(a.crm.URL)
	a.run(nobody, append(args, "--check")...).want(t, exitDone, "portal 111")
}

// TestConnectMakesTheTemplatesFields brings an account as HubSpot makes it to
// what the template needs, but for stages, which people make.
func TestConnectMakesTheTemplatesFields(t *testing.T) {
	a := newAccountsOfAnApp(t, hubspot.Options{Bare: true, NoSeed: true})
	mappingFile := "mappings/won-deal-to-epic.yaml"
	text, err := os.ReadFile(filepath.Join(a.dir, mappingFile))
	if err != nil {
		t.Fatal(err)
	}
	a.write(mappingFile, strings.Replace(string(text), "{deal: amount, epic: Budget,", "{deal: amuont, epic: Budget,", 1))
	args := []string{"connect", "hubspot", "--no-browser", "--listen", "127.0.0.1:0"}
	a.run(a.consentAt("connect"), args...).want(t, exitFound, "to create  the field expected_delivery (date) on deals, for won-deal-to-epic")
	a.run(nobody, append(args, "--yes")...).want(t, exitDone,
		"created    the field expected_delivery (date) on deals", "created    the field tenon_convert (text) on deals", "deals has no field amuont, which won-deal-to-epic names")
	a.write(mappingFile, string(text))
	done := a.run(nobody, append(args, "--check")...)
	done.want(t, exitDone, "rights     all that")
	if strings.Contains(done.out, "field") {
		t.Errorf("fields are still missing:\n%s", done.out)
	}
}

// TestPracticeByConsent takes the configuration that the sandbox writes for its
// own apps to a sound mapping.
func TestPracticeByConsent(t *testing.T) {
	e, err := startSandbox(sandboxOptions{seed: 1, only: []string{"hubspot", "jira"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.close)
	a := &accountsOfAnApp{t: t, dir: t.TempDir(), hubspot: e.hubspotOf(), jira: e.jiraOf(), site: &httptest.Server{URL: e.box("jira").URL()}}
	c := &cli{stderr: io.Discard}
	if err := c.practice(e, a.dir, "ticket-to-issue", "by post"); err == nil {
		t.Error("an unknown way to log in was taken")
	}
	if err := c.practice(e, a.dir, "ticket-to-issue", authOAuth); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"hubspot", "jira"} {
		a.run(a.consentAt("connect"), "connect", name, "--no-browser", "--listen", "127.0.0.1:0", "--yes").want(t, exitDone, "rights     all that ticket-to-issue needs")
	}
	a.run(nobody, "validate").want(t, exitDone, "mapping ticket-to-issue: sound")
}

// TestConnectAfterABadAnswer has a browser that brings answers of others first.
func TestConnectAfterABadAnswer(t *testing.T) {
	a := newAccountsOfAnApp(t, hubspot.Options{})
	a.run(func(address string) {
		u, err := url.Parse(address)
		if err != nil {
			t.Error(err)
			return
		}
		back := u.Query().Get("redirect_uri")
		a.get(back + "?code=stolen&state=guessed")
		a.consentAt("connect")(address)
	}, "connect", "hubspot", "--no-browser", "--listen", "127.0.0.1:0", "--yes").want(t, exitDone, "connected")
}

func TestConnectToldTooLittle(t *testing.T) {
	a := newAccountsOfAnApp(t, hubspot.Options{Redirects: []string{"http://localhost:8485/callback"}, AppScopes: []string{"oauth"}})
	// HubSpot shows a page that sends the browser nowhere: the wait ends.
	a.run(func(address string) {
		if body := a.get(address); !strings.Contains(body, "redirect URL") {
			t.Errorf("page: %s", body)
		}
	}, "connect", "hubspot", "--no-browser", "--listen", "127.0.0.1:0", "--timeout", "1s").want(t, exitSystem, "nobody consented in time", "register http://localhost")
	a.run(nobody, "connect", "hubspot", "--no-browser", "--listen", "192.0.2.1:1").want(t, exitUsage, "not a loopback address", "--listen")
	taken := strings.TrimPrefix(a.crm.URL, "http://")
	a.run(nobody, "connect", "hubspot", "--no-browser", "--listen", taken).want(t, exitUsage, "address already in use", "name another port with --listen")
	a.run(nobody, "connect", "hubspt").want(t, exitUsage, `no connection "hubspt"`, "connections are hubspot, jira")
	a.write(".env", "")
	a.run(nobody, "connect", "hubspot").want(t, exitConfig, "HUBSPOT_CLIENT_SECRET is not set")
}

// TestConnectWhileTheStateIsOpen says what to do, and changes nothing.
func TestConnectWhileTheStateIsOpen(t *testing.T) {
	a := newAccountsOfAnApp(t, hubspot.Options{})
	registry, err := all.Registry()
	if err != nil {
		t.Fatal(err)
	}
	c := &cli{stderr: io.Discard, registry: registry, configPath: filepath.Join(a.dir, "tenon.yaml")}
	cfg, err := c.load(config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	v, err := openVault(t.Context(), cfg.State, quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer v.close()
	a.run(nobody, "connect", "hubspot", "--check").want(t, exitState, "running service has open", "`tenon status` shows")
	a.run(a.consentAt("connect"), "connect", "hubspot", "--no-browser", "--listen", "127.0.0.1:0").want(t, exitState, "no service answers", "hint: is `tenon serve` running")
}

// TestConnectWithALateCode has a person who takes longer than the code lasts.
func TestConnectWithALateCode(t *testing.T) {
	clock := kit.NewManualClock(time.Date(2026, 3, 12, 9, 0, 0, 0, time.UTC))
	a := newAccountsOfAnApp(t, hubspot.Options{Clock: clock})
	a.run(func(address string) {
		u, err := url.Parse(address)
		if err != nil {
			t.Error(err)
			return
		}
		back := u.Query().Get("redirect_uri")
		code := a.hubspot.Authorize(back, []string{"oauth"}, adaAtWork)
		clock.Advance(2 * time.Minute)
		if page := a.get(back + "?code=" + code + "&state=" + u.Query().Get("state")); !strings.Contains(page, "did not work") {
			t.Errorf("page: %s", page)
		}
	}, "connect", "hubspot", "--no-browser", "--listen", "127.0.0.1:0").want(t, exitSystem, "missing or unknown auth code", "hint: run `tenon connect hubspot`")
	a.run(nobody, "connect", "hubspot", "--check").want(t, exitFound, "nobody has connected hubspot yet")
}

// TestConnectWhileServing hands a new consent to the running service, which
// goes on with it; one for another account is refused.
func TestConnectWhileServing(t *testing.T) {
	a := newAccountsOfAnApp(t, hubspot.Options{PortalID: 111})
	address, release, err := reserve()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	a.listen = address
	a.configure(a.crm.URL)
	connect := func(name string, more ...string) []string {
		return append([]string{"connect", name, "--no-browser", "--listen", "127.0.0.1:0", "--yes"}, more...)
	}
	a.run(a.consentAt("connect"), connect("hubspot")...).want(t, exitDone)
	a.run(a.consentAt("connect"), connect("jira")...).want(t, exitDone)

	ctx, stop := context.WithCancel(t.Context())
	served := make(chan outcome, 1)
	ready := filepath.Join(a.dir, "ready.json")
	go func() {
		var out overflow
		code := run(ctx, []string{"--config", filepath.Join(a.dir, "tenon.yaml"), "serve", "--ready-file", ready}, strings.NewReader(""), &out, &out)
		served <- outcome{code, out.String(), ""}
	}()
	defer func() {
		stop()
		(<-served).want(t, exitDone, "starting anew")
	}()
	gone := func() {
		if err := os.Remove(ready); err != nil {
			t.Fatal(err)
		}
	}
	awaitReady := func() {
		eventually(t, func() error {
			_, err := os.Stat(ready)
			return err
		})
	}
	awaitReady()
	gone()
	a.hubspot.Uninstall()
	a.run(a.consentAt("connect"), connect("hubspot")...).want(t, exitDone, "the running service has the tokens")
	awaitReady() // it started anew
	eventually(t, func() error {
		if o := a.run(nobody, "status"); o.code != exitDone || strings.Contains(o.out, "refused") {
			return errors.New(o.out + o.errors)
		}
		return nil
	})

	other := hubspot.New(hubspot.Options{PortalID: 222})
	t.Cleanup(other.Close)
	server := httptest.NewServer(other)
	t.Cleanup(server.Close)
	a.configure(server.URL)
	a.run(a.consentAt("connect"), connect("hubspot")...).want(t, exitFound, "this is portal 222", "belongs to portal 111", "hint: log in to the account that it was")
}

// TestConnectPasted takes the answer from standard input.
func TestConnectPasted(t *testing.T) {
	a := newAccountsOfAnApp(t, hubspot.Options{})
	var out bytes.Buffer
	shown := &overheard{found: make(chan string, 1)}
	in, person := io.Pipe()
	go func() {
		u, err := url.Parse(<-shown.found)
		if err != nil {
			t.Error(err)
			return
		}
		q := u.Query()
		back := q.Get("redirect_uri")
		code := a.hubspot.Authorize(back, append(strings.Fields(q.Get("scope")), strings.Fields(q.Get("optional_scope"))...), adaAtWork)
		if _, err := io.WriteString(person, back+"?code="+code+"&state="+q.Get("state")+"\n"); err != nil {
			t.Error(err)
		}
	}()
	code := run(t.Context(), []string{"--config", filepath.Join(a.dir, "tenon.yaml"), "connect", "hubspot", "--paste", "--yes"}, in, &out, shown)
	outcome{code, out.String(), shown.String()}.want(t, exitDone, "connected", "paste the address")
}

// TestConnectWithATokenOfTooFewRights names each right that is missing.
func TestConnectWithATokenOfTooFewRights(t *testing.T) {
	a := newAccountsOfAnApp(t, hubspot.Options{Scopes: []string{"crm.objects.deals.read", "crm.objects.contacts.read", "crm.objects.owners.read", "crm.objects.deals.write"}})
	if err := a.jira.Deny(jira.DefaultEmail, "DELIV", "TRANSITION_ISSUES"); err != nil {
		t.Fatal(err)
	}
	a.write("tenon.yaml", `connections:
  hubspot: {kind: hubspot, base_url: "`+a.crm.URL+`", token: "${CRM_TOKEN}"}
  jira: {kind: jira, base_url: "`+a.site.URL+`", email: `+jira.DefaultEmail+`, token: "${JIRA_TOKEN}"}
mappings: mappings/
`)
	a.write(".env", "CRM_TOKEN="+hubspot.DefaultToken+"\nJIRA_TOKEN="+jira.DefaultToken+"\n")
	a.run(nobody, "connect", "hubspot", "--check").want(t, exitFound,
		"missing    crm.objects.contacts.write, to write notes on deals", "add the scope to the app", "1 right is missing for won-deal-to-epic", "to create  the property tenon_key")
	a.run(nobody, "connect", "jira").want(t, exitFound, "missing    Transition issues in project DELIV, to change the status")
	a.run(nobody, "connect", "jira", "--output", "json").want(t, exitFound, `"right": "Transition issues"`, `"connected": false`)
	// With a state, the account is known again.
	c := []string{"connect", "hubspot", "--yes"}
	a.run(nobody, "status").want(t, exitDone) // makes one
	a.run(nobody, c...).want(t, exitFound, "1 right is missing")
	other := hubspot.New(hubspot.Options{PortalID: 222})
	t.Cleanup(other.Close)
	server := httptest.NewServer(other)
	t.Cleanup(server.Close)
	text, err := os.ReadFile(filepath.Join(a.dir, "tenon.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	a.write("tenon.yaml", strings.Replace(string(text), a.crm.URL, server.URL, 1))
	a.run(nobody, c...).want(t, exitFound, "this is portal 222, but the connection hubspot belongs to portal ", "nothing was stored")
	a.write("tenon.yaml", string(text))
	a.write(".env", "CRM_TOKEN=revoked\nJIRA_TOKEN=revoked\n")
	a.run(nobody, "connect", "hubspot").want(t, exitSystem, "hint: renew the token")
	a.run(nobody, "connect", "jira").want(t, exitSystem, "hint: ")
}
