package e2e

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenonsync/tenon/config"
	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/all"
	"github.com/tenonsync/tenon/engine/state/memory"
	"github.com/tenonsync/tenon/examples"
	"github.com/tenonsync/tenon/examples/stage"
	"github.com/tenonsync/tenon/mapping"
	"github.com/tenonsync/tenon/sandbox/kit"
	"github.com/tenonsync/tenon/sandbox/systems"
)

const (
	seller  = "rosa.delgado@harbourworks.example"
	planner = "tom.becker@harbourworks.example"
)

// company is an example with its systems, the people who work in them, and the
// service.
type company struct {
	*rig
	example examples.Example
	boxes   []*systems.Box
	acts    []*stage.Act
	edits   int
}

// TestEveryExampleAgrees lets people and faults loose on the systems of each
// example and holds them against each other afterwards.
func TestEveryExampleAgrees(t *testing.T) {
	for _, x := range examples.Examples() {
		for i := range *seeds {
			seed := *firstSeed + uint64(i)
			t.Run(fmt.Sprintf("%s seed %d", x.Name, seed), func(t *testing.T) {
				c := newCompany(t, x, seed)
				c.settle(false)
				for range *events {
					c.event()
				}
				for _, b := range c.boxes {
					b.System.Faults().Clear()
				}
				c.settle(true)
				c.audit()
				before := stage.Everything(c.acts)
				c.settle(true)
				if after := stage.Everything(c.acts); after != before {
					t.Errorf("something was written at rest:\n%s\n%s", before, after)
				}
				if t.Failed() {
					c.dump()
				}
			})
		}
	}
}

// newCompany starts the systems of an example on one clock and the service
// between them.
func newCompany(t *testing.T, x examples.Example, seed uint64) *company {
	t.Helper()
	return newCompanyWith(t, x, seed, "", "")
}

// newCompanyWith is newCompany with a text of the mappings replaced.
func newCompanyWith(t *testing.T, x examples.Example, seed uint64, old, with string) *company {
	t.Helper()
	c := &company{rig: newRig(t, seed, memory.New(), slog.New(slog.DiscardHandler)), example: x}
	hooks := c.listen()
	variables := map[string]string{"TENON_ADDRESS": "127.0.0.1:8484"}
	for _, name := range x.Connections {
		k, ok := systems.Find(name)
		if !ok {
			t.Fatalf("there is no emulated system %s", name)
		}
		b, err := k.Start("127.0.0.1:0", kit.Listen, systems.Options{Seed: seed, Clock: c.clock.ManualClock, WebhookTarget: hooks + "/" + name})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(b.Close)
		c.boxes = append(c.boxes, b)
		for _, g := range b.Given() {
			variables[g.Variable] = g.Value
		}
	}
	c.connect(variables)
	for _, cast := range x.Casts {
		c.acts = append(c.acts, stage.NewAct(cast, c.box))
	}
	c.prepare()
	c.clock.Advance(5 * time.Second)
	names, err := fs.Glob(x.FS(), "mappings/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range slices.DeleteFunc(names, func(n string) bool { return strings.HasSuffix(n, "_test.yaml") }) {
		source, err := fs.ReadFile(x.FS(), name)
		if err != nil {
			t.Fatal(err)
		}
		c.compile(path.Base(name), []byte(strings.Replace(string(source), old, with, 1)))
	}
	c.boot()
	c.subscribe(hooks)
	return c
}

func (c *company) box(name string) *systems.Box {
	return c.boxes[slices.IndexFunc(c.boxes, func(b *systems.Box) bool { return b.Name == name })]
}

// connect opens the connections of the example's configuration.
func (c *company) connect(variables map[string]string) {
	c.t.Helper()
	file := filepath.Join(c.t.TempDir(), "tenon.yaml")
	if err := os.WriteFile(file, []byte(c.example.SandboxConfig()), 0o600); err != nil {
		c.t.Fatal(err)
	}
	registry, err := all.Registry()
	if err != nil {
		c.t.Fatal(err)
	}
	cfg, problems := config.Load(file, registry, config.Options{Lookup: func(name string) (string, bool) { v, ok := variables[name]; return v, ok }})
	if err := problems.Err(); err != nil {
		c.t.Fatal(err)
	}
	for _, found := range cfg.Connections {
		conn, err := found.Connector.Open(connectors.Config{Name: found.Name, Settings: found.Settings}, connectors.Options{Clock: c.clock, Logger: c.log})
		if err != nil {
			c.t.Fatal(err)
		}
		c.t.Cleanup(func() { _ = conn.Close() })
		c.conns[found.Name] = conn
	}
}

// parts returns the places of a connection.
func (c *company) parts(name string) []examples.Part {
	var parts []examples.Part
	for _, cast := range c.example.Casts {
		for _, p := range []examples.Part{cast.Source, cast.Target} {
			if p.Connection == name {
				parts = append(parts, p)
			}
		}
	}
	return parts
}

// prepare makes in the systems what the connectors need there.
func (c *company) prepare() {
	c.t.Helper()
	for name, conn := range c.conns {
		preparer := connectors.AbilitiesOf(conn).Preparer
		if preparer == nil {
			continue
		}
		for _, p := range c.parts(name) {
			need := connectors.Need{Object: p.Object, Scope: p.Scope, Write: true, Create: true, Comment: true}
			if err := preparer.Prepare(c.t.Context(), need); err != nil {
				c.t.Fatalf("%s: %v", name, err)
			}
		}
	}
}

// subscribe asks for webhooks where a system takes such requests.
func (c *company) subscribe(hooks string) {
	c.t.Helper()
	for name, conn := range c.conns {
		registrar := connectors.AbilitiesOf(conn).WebhookRegistrar
		if registrar == nil {
			continue
		}
		target := connectors.WebhookTarget{URL: hooks + "/" + name}
		for _, m := range c.maps {
			for _, side := range []mapping.SideID{mapping.Left, mapping.Right} {
				if end := m.Side(side); end.Connection == name {
					target.Objects = append(target.Objects, connectors.Selection{Object: end.Object, Scope: end.Scope, Fields: m.Needs(side)})
				}
			}
		}
		if _, err := registrar.EnsureWebhook(c.t.Context(), target); err != nil {
			c.t.Fatalf("%s: %v", name, err)
		}
	}
}

// event lets one thing happen.
func (c *company) event() {
	c.t.Helper()
	a := c.acts[c.rng.IntN(len(c.acts))]
	switch n := c.rng.IntN(20); {
	case n < 5:
		c.editSource(a)
	case n < 9:
		c.editTarget(a)
	case n < 10:
		c.press()
	case n < 13:
		c.deliver()
	case n < 15:
		for _, m := range c.eng.Mappings() {
			c.try(func() error { _, err := c.eng.Drain(c.t.Context(), m); return err })
		}
	case n < 16:
		for _, f := range c.eng.Feeds() {
			c.try(func() error { _, err := c.eng.Poll(c.t.Context(), f); return err })
		}
	case n < 17:
		c.boot()
	case n < 19:
		if _, err := c.boxes[c.rng.IntN(len(c.boxes))].System.Faults().Add(c.rule()); err != nil {
			c.t.Fatal(err)
		}
	}
	c.clock.Advance(time.Duration(c.rng.IntN(5000)) * time.Millisecond)
}

func (c *company) editSource(a *stage.Act) {
	c.t.Helper()
	records := a.From.Records()
	r := records[c.rng.IntN(len(records))]
	c.edits++
	value := map[string]string{a.Source.Name: fmt.Sprintf("Name %d", c.edits)}
	switch n := c.rng.IntN(4); {
	case n == 0 && a.Source.Number != "":
		value = map[string]string{a.Source.Number: fmt.Sprint(1000 + c.rng.IntN(100000))}
	case n == 1:
		value = map[string]string{a.Source.State: a.Won}
	}
	if err := a.From.Edit(seller, r.ID, value); err != nil {
		c.t.Fatal(err)
	}
}

func (c *company) editTarget(a *stage.Act) {
	c.t.Helper()
	records := a.To.Records()
	if len(records) == 0 {
		return
	}
	r := records[c.rng.IntN(len(records))]
	c.edits++
	var err error
	switch n := c.rng.IntN(4); {
	case n == 0 && a.Target.Due != "":
		err = a.To.Edit(planner, r.ID, map[string]string{a.Target.Due: fmt.Sprintf("2026-05-%02d", 1+c.rng.IntN(28))})
	case a.Follows:
	case n == 1:
		err = a.To.Comment(planner, r.ID, fmt.Sprintf("Word from delivery %d.", c.edits))
	case n == 2 && r.Fields[a.Target.State] != a.Working:
		err = a.To.Edit(planner, r.ID, map[string]string{a.Target.State: a.Working})
	default:
		err = a.To.Edit(planner, r.ID, map[string]string{a.Target.Name: fmt.Sprintf("Name %d", c.edits)})
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

// press presses the button of some source, twice.
func (c *company) press() {
	a := c.acts[0]
	records := a.From.Records()
	id := records[c.rng.IntN(len(records))].ID
	for range 2 {
		c.try(func() error { return c.eng.Ask(c.t.Context(), a.Mapping, id, seller) })
	}
}

// audit holds the systems against each other.
func (c *company) audit() {
	c.t.Helper()
	pairs := 0
	for _, a := range c.acts {
		for _, r := range a.From.Records() {
			if len(a.Counterparts(r.ID)) == 0 && r.Fields[a.Source.State] != a.Won {
				continue
			}
			pairs++
			if err := errors.Join(a.Agrees(r), stage.RolledUp(c.acts, r.ID)); err != nil {
				c.t.Error(err)
			}
		}
		if err := a.Strays(nil); err != nil {
			c.t.Error(err)
		}
	}
	status, err := c.eng.Status(c.t.Context())
	if err != nil {
		c.t.Fatal(err)
	}
	for _, m := range status.Mappings {
		if m.Failed+m.SetAside > 0 || m.State != "running" {
			c.t.Errorf("mapping %s is %s with %d failed and %d set aside: %s", m.Name, m.State, m.Failed, m.SetAside, m.Reason)
		}
	}
	if pairs == 0 {
		c.t.Error("no record has a counterpart")
	}
}
