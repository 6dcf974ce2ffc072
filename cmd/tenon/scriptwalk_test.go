package main

import (
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// scriptAddress reserves an address of this machine for a process of the
// script and puts it into a variable: address TENON_SERVER_LISTEN.
func scriptAddress(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: address VARIABLE")
	}
	address, release, err := reserve()
	ts.Check(err)
	ts.Defer(release)
	ts.Setenv(args[0], address)
}

// scriptReady reads the ready file of `tenon sandbox` and sets HUBSPOT and JIRA
// to the systems' addresses: ready FILE.
func scriptReady(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: ready FILE")
	}
	var r map[string]map[string]string
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &r))
	jira := r["jira"]
	ts.Setenv("HUBSPOT", r["hubspot"]["url"])
	ts.Setenv("JIRA", strings.Replace(jira["url"], "http://", "http://"+jira["email"]+":"+jira["token"]+"@", 1))
}

// scriptRequest sends JSON as a person's page or a program does: request METHOD URL BODY.
func scriptRequest(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: request METHOD URL BODY")
	}
	req, err := http.NewRequest(args[0], args[1], strings.NewReader(args[2])) //nolint:noctx // a script has no context
	ts.Check(err)
	req.Header.Set("Content-Type", "application/json")
	if user := req.URL.User; user != nil {
		password, _ := user.Password()
		req.SetBasicAuth(user.Username(), password)
	}
	resp, err := http.DefaultClient.Do(req)
	ts.Check(err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	ts.Check(err)
	if resp.StatusCode >= 300 {
		ts.Fatalf("%s: %s", resp.Status, text)
	}
}

// scriptUntil repeats a command, however it ends, until its output matches:
// until 'pattern' tenon history.
func scriptUntil(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: until PATTERN COMMAND ARGS...")
	}
	pattern, err := regexp.Compile(`(?m)` + args[0])
	ts.Check(err)
	deadline := time.Now().Add(2 * time.Minute)
	for {
		_ = ts.Exec(args[1], args[2:]...) // what it says is looked at
		if pattern.MatchString(ts.ReadFile("stdout")) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("it never said %q", args[0])
		}
		time.Sleep(50 * time.Millisecond) // between two looks, bounded by the deadline
	}
}
