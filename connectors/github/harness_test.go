package github_test

import (
	"maps"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/connectortest"
	sandbox "github.com/tenonsync/tenon/sandbox/github"
)

// harness describes the sandbox to the suite.
func harness(opts sandbox.Options, settings map[string]string, label string) connectortest.Harness {
	option := func(id string) connectors.Value { return connectors.Choice(connectors.Option{ID: id}) }
	scope := maps.Clone(delivery)
	if label != "" {
		scope["label"] = label
	}
	bad := maps.Clone(delivery)
	bad["repo"] = "harbourworks/nothing-here"
	person := connectors.PersonValue(connectors.Person{ID: "ada-okafor", Email: ada})
	h := connectortest.Harness{
		Open: func(t connectortest.TB) connectortest.World {
			w := newWorld(t, opts, settings)
			w.label = label
			return w
		},
		Object: "issue", Scope: scope, Title: "title",
		Samples: []connectortest.Sample{
			{Field: "body", One: connectors.RichText("Plain words"), Two: connectors.RichText("Two paragraphs\n\n- [ ] and a task")},
			{Field: "status", One: option("completed"), Two: option("not_planned")},
			{Field: "labels", One: connectors.Labels("bug", "rollout"), Two: connectors.Labels("enhancement")},
			{Field: "milestone", One: option("1"), Two: option("2")},
			{Field: "assignee", One: person, Two: connectors.PersonValue(connectors.Person{ID: "tbecker", Email: tom})},
			{Field: "type", One: option("Task"), Two: option("Bug")},
		},
		Refused:  map[string]connectors.Value{"milestone": option("999")},
		ReadOnly: connectortest.Sample{Field: "created_at", One: connectors.Instant(time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC))},
		BadScope: bad, AbsentID: "186853001-4711",
		Find:   connectortest.Sample{Field: "title", One: connectors.Text("deal 4711"), Two: connectors.Text("deal 4712")},
		Email:  ada,
		Labels: "labels", LabelOptions: connectors.Labels("alpha", "beta", "gamma").Options(),
		Child:       &connectortest.Child{Object: "issue", Scope: scope, Title: "title"},
		OldWebhooks: true,
		Records:     120, // more than a page
	}
	if opts.Enterprise {
		h.Child = nil
		h.Samples = h.Samples[:len(h.Samples)-1] // no types
	}
	return h
}
