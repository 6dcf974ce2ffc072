package stage_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/tenonsync/tenon/examples"
	"github.com/tenonsync/tenon/examples/stage"
	"github.com/tenonsync/tenon/sandbox/kit"
	"github.com/tenonsync/tenon/sandbox/systems"
)

const ada = "ada.okafor@harbourworks.example"

// TestHands lets a person make, edit, comment on and remove a record in each
// place of each example, by the words of its cast.
func TestHands(t *testing.T) {
	for _, x := range examples.Examples() {
		t.Run(x.Name, func(t *testing.T) {
			box := start(t, x)
			for _, cast := range x.Casts {
				a := stage.NewAct(cast, box)
				work(t, a.From, cast.Source, cast.Won)
				work(t, a.To, cast.Target, cast.Working)
			}
		})
	}
}

// start starts the systems of an example.
func start(t *testing.T, x examples.Example) func(string) *systems.Box {
	t.Helper()
	boxes := map[string]*systems.Box{}
	for _, name := range x.Connections {
		k, ok := systems.Find(name)
		if !ok {
			t.Fatalf("there is no emulated system %s", name)
		}
		b, err := k.Start("127.0.0.1:0", kit.Listen, systems.Options{Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(b.Close)
		boxes[name] = b
	}
	return func(name string) *systems.Box { return boxes[name] }
}

func work(t *testing.T, h systems.Hand, p examples.Part, state string) {
	t.Helper()
	fields := map[string]string{p.Name: "Made by hand", p.State: state}
	maps.Copy(fields, p.Fresh)
	id, err := h.Create(ada, fields)
	if err != nil {
		t.Fatalf("%s: create: %v", p.Noun, err)
	}
	edits := map[string]string{p.Name: "Edited by hand"}
	if p.Number != "" {
		edits[p.Number] = "1234.5"
	}
	if p.Due != "" {
		edits[p.Due] = "2026-05-04"
	}
	if err := h.Edit(ada, id, edits); err != nil {
		t.Fatalf("%s: edit: %v", p.Noun, err)
	}
	if err := h.Comment(ada, id, "Said by hand."); err != nil {
		t.Fatalf("%s: comment: %v", p.Noun, err)
	}
	r, err := h.Get(id)
	if err != nil {
		t.Fatalf("%s: get: %v", p.Noun, err)
	}
	edits[p.State] = state
	for name, want := range edits {
		if got := r.Fields[name]; got != want {
			t.Errorf("%s: %s is %q, want %q", p.Noun, name, got, want)
		}
	}
	if len(r.Comments) != 1 || !strings.Contains(r.Comments[0], "Said by hand.") || r.Mark == "" || r.Gone {
		t.Errorf("%s: got %+v", p.Noun, r)
	}
	there := func(r systems.Record) bool { return r.ID == id }
	if !slices.ContainsFunc(h.Records(), there) {
		t.Errorf("%s %s is not among the records", p.Noun, id)
	}
	if err := h.Remove(ada, id); err != nil {
		t.Fatalf("%s: remove: %v", p.Noun, err)
	}
	if p.Button != "" && slices.ContainsFunc(h.Records(), there) {
		t.Errorf("%s %s was removed and is still there", p.Noun, id)
	}
}
