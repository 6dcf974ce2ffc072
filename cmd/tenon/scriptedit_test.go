package main

import (
	"os"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
)

// scriptWorlds holds the emulated systems of each script, by its folder.
var scriptWorlds sync.Map

func scriptWorld(ts *testscript.TestScript) *demonstration {
	d, ok := scriptWorlds.Load(ts.Getenv("WORK"))
	if !ok {
		ts.Fatalf("the script has no systems yet")
	}
	return d.(*demonstration)
}

// pairsOf reads name=value arguments.
func pairsOf(ts *testscript.TestScript, args []string) map[string]string {
	values := map[string]string{}
	for _, arg := range args {
		name, value, ok := strings.Cut(arg, "=")
		if !ok {
			ts.Fatalf("%q is no name=value", arg)
		}
		values[name] = value
	}
	return values
}

// scriptEdit replaces a text in a file: edit FILE OLD NEW.
func scriptEdit(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: edit FILE OLD NEW")
	}
	path := ts.MkAbs(args[0])
	text, err := os.ReadFile(path)
	ts.Check(err)
	changed := strings.Replace(string(text), args[1], args[2], 1)
	if changed == string(text) {
		ts.Fatalf("%s does not hold %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(path, []byte(changed), 0o600))
}

// scriptCut takes the second half of a file away: cut FILE.
func scriptCut(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: cut FILE")
	}
	path := ts.MkAbs(args[0])
	info, err := os.Stat(path)
	ts.Check(err)
	ts.Check(os.Truncate(path, info.Size()/2))
}

// scriptDeal edits a deal as a person does, by its id or name, or makes one:
// deal 1042 dealname=Other amount=12; deal new dealname=Fresh dealstage=closedwon.
func scriptDeal(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: deal ID|NAME|new PROPERTY=VALUE...")
	}
	crm := scriptWorld(ts).systems.hubspotOf().As(seller)
	if args[0] == "new" {
		id, err := crm.Create("deals", pairsOf(ts, args[1:]))
		ts.Check(err)
		ts.Setenv("DEAL", id)
		return
	}
	for _, d := range scriptWorld(ts).systems.hubspotOf().All("deals") {
		if d.ID == args[0] || d.Properties["dealname"] == args[0] {
			ts.Check(crm.Edit("deals", d.ID, pairsOf(ts, args[1:])))
			ts.Setenv("DEAL", d.ID)
			return
		}
	}
	ts.Fatalf("there is no deal %q", args[0])
}

// scriptIssue edits an issue as a person does, by its key or summary, or makes
// an epic: issue DELIV-12 summary=Other; issue new summary=Fresh.
func scriptIssue(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: issue KEY|SUMMARY|new FIELD=VALUE...")
	}
	tracker := scriptWorld(ts).systems.jiraOf()
	tracker.SetLag(0) // the next command is to find it
	fields := map[string]any{}
	for name, value := range pairsOf(ts, args[1:]) {
		if id := tracker.FieldID(name); id != "" {
			name = id
		}
		fields[name] = value
	}
	if args[0] == "new" {
		fields["project"], fields["issuetype"] = "DELIV", "Epic"
		key, err := tracker.As(planner).Create(fields)
		ts.Check(err)
		ts.Setenv("ISSUE", key)
		return
	}
	for _, i := range tracker.Issues("DELIV") {
		if i.Key == args[0] || i.Fields["summary"] == args[0] {
			ts.Check(tracker.As(planner).Edit(i.Key, fields))
			ts.Setenv("ISSUE", i.Key)
			return
		}
	}
	ts.Fatalf("there is no issue %q", args[0])
}
