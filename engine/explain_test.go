package engine_test

import (
	"context"
	"crypto/sha256"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/memory"
	"github.com/tenonsync/tenon/engine"
)

var update = flag.Bool("update", false, "write the golden files anew")

// cause is one reason for which a record is not in step.
type cause struct {
	name     string
	scene    func(t *testing.T) (w *world, record string) // what to ask for
	options  engine.ExplainOptions
	stopped  bool // no service runs
	code     string
	standing engine.Standing
}

// TestExplainTellsTheCauses seeds one cause at a time and asks why. The code and
// the standing stand in the table, the sentences, the values and the advice in
// testdata/explain.txtar.
func TestExplainTellsTheCauses(t *testing.T) {
	golden := filepath.Join("testdata", "explain.txtar")
	archive := &txtar.Archive{}
	if text, err := os.ReadFile(golden); err == nil {
		archive = txtar.Parse(text)
	}
	want := map[string]string{}
	for _, f := range archive.Files {
		want[f.Name] = string(f.Data)
	}
	var fresh txtar.Archive
	for _, c := range causes() {
		t.Run(c.name, func(t *testing.T) {
			w, record := c.scene(t)
			w.eng.PretendRunning(!c.stopped)
			before := w.statePrint()
			x, err := w.eng.Explain(t.Context(), record, c.options)
			if err != nil {
				t.Fatal(err)
			}
			if x.Code != c.code || x.Standing != c.standing {
				t.Errorf("got %s, %s; want %s, %s", x.Code, x.Standing, c.code, c.standing)
			}
			for _, f := range x.Findings {
				if _, ok := engine.AdviceOf(f.Code); !ok {
					t.Errorf("the code %q has no advice", f.Code)
				}
				if len(f.Do) == 0 {
					t.Errorf("%s: nothing to do is told", f.Code)
				}
			}
			if diff := cmp.Diff(before, w.statePrint()); diff != "" {
				t.Errorf("explaining changed something: %s", diff)
			}
			got := shown(x)
			fresh.Files = append(fresh.Files, txtar.File{Name: c.name, Data: []byte(got)})
			if *update {
				return
			}
			if diff := cmp.Diff(want[c.name], got); diff != "" {
				t.Errorf("the explanation (-want +got; -update writes it anew):\n%s", diff)
			}
		})
	}
	if *update && !t.Failed() {
		fresh.Comment = []byte("What Explain says of each seeded cause. TestExplainTellsTheCauses -update writes it anew.\n\n")
		if err := os.WriteFile(golden, txtar.Format(&fresh), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// statePrint tells the whole state, and what both systems hold.
func (w *world) statePrint() (all [3]string) {
	w.t.Helper()
	if _, err := w.eng.TakeIn(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	h := sha256.New()
	if err := w.store.Backup(w.t.Context(), h); err != nil {
		w.t.Fatal(err)
	}
	all[0] = fmt.Sprintf("%x", h.Sum(nil))
	for i, s := range []*memory.System{w.crm, w.pm} {
		for _, id := range s.IDs("record") {
			truth := s.Truth(id)
			for _, field := range slices.Sorted(maps.Keys(truth)) {
				if text := truth[field].String(); len(text) < 100 {
					all[i+1] += id + " " + field + " = " + text + "\n"
				}
			}
		}
	}
	return all
}

var (
	times   = regexp.MustCompile(`\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?Z`)
	spans   = regexp.MustCompile(`after \d+ tries`)
	shortly = strings.NewReplacer("docs/troubleshooting.md#", "#")
)

// shown writes what people read of an explanation, without the times.
func shown(x *engine.Explanation) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", x.Verdict)
	if x.Unreachable {
		b.WriteString("(a system did not answer)\n")
	}
	for _, f := range x.Findings {
		fmt.Fprintf(&b, "- [%s] %s: %s\n", f.Code, f.Standing, f.Text)
		for _, s := range f.Do {
			fmt.Fprintf(&b, "    %s", s.Text)
			if s.Command != "" {
				fmt.Fprintf(&b, " $ %s", s.Command)
			}
			b.WriteString("\n")
		}
	}
	for _, m := range x.Mappings {
		for _, f := range m.Fields {
			if f.Standing == engine.InSync && f.Code == "" {
				continue
			}
			fmt.Fprintf(&b, "* %s (%s): %s %s", f.Name, f.Flow, f.Standing, f.Code)
			for side, told := range f.Told {
				if told {
					fmt.Fprintf(&b, "; %s: %q", m.Sides[side].Name, f.Values[side])
				}
			}
			if f.After != "" {
				fmt.Fprintf(&b, "; %s -> %q", f.To, f.After)
			}
			if f.Why != "" {
				b.WriteString("; " + f.Why)
			}
			b.WriteString("\n")
		}
	}
	return shortly.Replace(spans.ReplaceAllString(times.ReplaceAllString(b.String(), "TIME"), "after N tries"))
}

// snapshot is a connection that answers for one record what it held once, as a
// replica that lags.
type snapshot struct {
	connectors.Connection
	id   string
	held *connectors.Record
}

func (s *snapshot) Abilities() connectors.Abilities { return connectors.AbilitiesOf(s.Connection) }

func (s *snapshot) keep(t *testing.T) {
	t.Helper()
	results, err := s.Connection.Read(t.Context(), connectors.Selection{Object: "record", Fields: []string{
		"title", "notes", "count", "due", "starts", "labels", "owner", "stage", "code", "active",
	}}, []string{s.id})
	if err != nil || len(results) != 1 || results[0].Record == nil {
		t.Fatalf("read: %+v, %v", results, err)
	}
	s.held = results[0].Record
}

func (s *snapshot) Read(ctx context.Context, sel connectors.Selection, ids []string) ([]connectors.ReadResult, error) {
	results, err := s.Connection.Read(ctx, sel, ids)
	for i, id := range ids {
		if err == nil && id == s.id {
			results[i] = connectors.ReadResult{Record: s.held.Clone()}
		}
	}
	return results, err
}
