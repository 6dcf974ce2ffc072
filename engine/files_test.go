package engine_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/memory"
	"github.com/tenonsync/tenon/engine"
)

var withFiles = strings.Replace(twoWay, "comments: both", "comments: none\nattachments: {flow: both, limit: 1 MB}", 1)

// attached returns the names of a record's attachments, links as "name → address".
func attached(s *memory.System, id string) []string {
	var names []string
	for _, a := range s.Attachments(id) {
		name := a.Name
		if a.Link != "" {
			name += " → " + a.Link
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func wantAttached(t *testing.T, what string, s *memory.System, id string, want ...string) {
	t.Helper()
	slices.Sort(want)
	if got := attached(s, id); !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

func TestFilesTravelOnceBothWays(t *testing.T) {
	for name, keyless := range map[string]bool{"with keys": false, "without keys": true} {
		t.Run(name, func(t *testing.T) {
			w, id, epic := linked(t, withFiles, func(crm, pm *memory.Options) { crm.KeylessFiles, pm.KeylessFiles = keyless, keyless })
			content := bytes.Repeat([]byte("0123456789"), 50_000)
			w.crm.Attach(id, "u1", "offer.pdf", content)
			w.settle()
			w.pm.Attach(epic, "u2", "plan.png", []byte("png"))
			w.pm.AttachLink(epic, "u2", "Board", "https://pm.example/board")
			w.settle()
			w.sweep()
			all := []string{"offer.pdf", "plan.png", "Board → https://pm.example/board"}
			wantAttached(t, "deal", w.crm, id, all...)
			wantAttached(t, "epic", w.pm, epic, all...)
			for _, a := range w.pm.Attachments(epic) {
				if a.Name == "offer.pdf" && !bytes.Equal(w.pm.FileContent(epic, a.ID), content) {
					t.Error("the copy's bytes differ")
				}
			}
		})
	}
}

func TestFilesFromBeforeTheLinkTravelToo(t *testing.T) {
	w := newWorld(t, withFiles, nil)
	id := w.crm.Create("record", nil, "ada", deal("Early", map[string]connectors.Value{"active": connectors.Bool(false)}))
	w.crm.Attach(id, "u1", "signed.pdf", []byte("signed"))
	w.crm.Edit(id, "ada", "active", connectors.Bool(true))
	w.settle()
	rows := w.links()
	if len(rows) != 1 {
		t.Fatalf("%d links, want one", len(rows))
	}
	wantAttached(t, "epic", w.pm, rows[0].Records[1].ID, "signed.pdf")
}

func TestFileThatBothSidesHaveIsNotDoubled(t *testing.T) {
	w := newWorld(t, withFiles, func(crm, pm *memory.Options) { crm.KeylessFiles, pm.KeylessFiles = true, true })
	id := w.crm.Create("record", nil, "ada", deal("Twin", map[string]connectors.Value{"code": text("C-1")}))
	epic := w.pm.Create("record", nil, "bob", map[string]connectors.Value{"title": text("Twin"), "code": text("C-1")})
	for range 2 { // two of a name and size are two files
		w.crm.Attach(id, "u1", "same.pdf", []byte("1234"))
	}
	w.pm.Attach(epic, "u2", "same.pdf", []byte("1234"))
	w.settle()
	w.sweep()
	wantAttached(t, "deal", w.crm, id, "same.pdf", "same.pdf")
	wantAttached(t, "epic", w.pm, epic, "same.pdf", "same.pdf")
}

func TestFileBeyondTheLimitBecomesALink(t *testing.T) {
	const link = "big.iso → https://memory.example/files/big.iso"
	tests := []struct {
		name string
		pm   memory.Options
		size int
		want string
	}{
		{"the mapping's limit", memory.Options{}, 1<<20 + 1, link},
		{"at the mapping's limit", memory.Options{}, 1 << 20, "big.iso"},
		{"the system's limit", memory.Options{FileLimit: 100}, 101, link},
		{"at the system's limit", memory.Options{FileLimit: 100}, 100, "big.iso"},
		{"links only", memory.Options{LinksOnly: true}, 1, link},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w, id, epic := linked(t, withFiles, func(_, pm *memory.Options) { pm.FileLimit, pm.LinksOnly = tt.pm.FileLimit, tt.pm.LinksOnly })
			w.crm.Attach(id, "u1", "big.iso", make([]byte, tt.size))
			w.settle()
			w.sweep()
			wantAttached(t, "epic", w.pm, epic, tt.want)
			wantAttached(t, "deal", w.crm, id, "big.iso")
		})
	}
}

func TestRefusedFileIsSetAsideAndTheRestGoesOn(t *testing.T) {
	w, id, epic := linked(t, withFiles, nil)
	refusing := true
	w.pm.SetHook(func(m memory.Moment) error {
		if refusing && m.Call == "add file" && !m.After {
			refusing = false
			return &connectors.Error{Kind: connectors.Invalid, Err: errors.New("files of this kind are blocked")}
		}
		return nil
	})
	w.crm.Attach(id, "u1", "tool.exe", []byte("MZ"))
	w.crm.Attach(id, "u1", "notes.txt", []byte("words"))
	w.crm.Edit(id, "ada", "notes", text("see the files"))
	w.settle()
	wantAttached(t, "epic", w.pm, epic, "notes.txt")
	if got := w.get(w.pm, epic, "notes").Text(); got != "see the files" {
		t.Errorf("notes: %q", got)
	}
	rows, err := w.eng.Asides(t.Context(), "pair", false, 0, 10)
	if err != nil || len(rows) != 1 || rows[0].Field != "attachments" || !strings.Contains(rows[0].Reason, "tool.exe") || !strings.Contains(rows[0].Reason, "blocked") {
		t.Fatalf("asides: %+v, %v, want one of attachments with the file and the reason", rows, err)
	}
	w.crm.Edit(id, "ada", "notes", text("and again"))
	w.settle()
	wantAttached(t, "the refused file is not sent at every change: epic", w.pm, epic, "notes.txt")
	w.sweep()
	wantAttached(t, "every sweep tries again: epic", w.pm, epic, "notes.txt", "tool.exe")
	if rows, err := w.eng.Asides(t.Context(), "pair", false, 0, 10); err != nil || len(rows) > 0 {
		t.Errorf("the file went through, and is set aside still: %+v, %v", rows, err)
	}
}

func TestDeletedFilesStayDeleted(t *testing.T) {
	w, id, epic := linked(t, withFiles, nil)
	w.crm.Attach(id, "u1", "a.txt", []byte("a"))
	w.crm.Attach(id, "u1", "b.txt", []byte("b"))
	w.settle()
	w.pm.Detach(epic, w.pm.Attachments(epic)[0].ID)
	w.crm.Detach(id, w.crm.Attachments(id)[1].ID)
	w.settle()
	w.sweep()
	wantAttached(t, "deal", w.crm, id, "a.txt")
	wantAttached(t, "epic", w.pm, epic, "b.txt")
}

func TestManyFilesTravelInSeveralBatches(t *testing.T) {
	w, id, epic := linked(t, withFiles, nil)
	var want []string
	for i := range 80 {
		name := fmt.Sprintf("%02d.txt", i)
		w.crm.Attach(id, "u1", name, []byte(name))
		want = append(want, name)
	}
	w.settle()
	wantAttached(t, "epic", w.pm, epic, want...)
}

// TestFilesAreNeverDoubled cuts the work at each call and each effect in turn,
// with the answer lost and the process ended there.
func TestFilesAreNeverDoubled(t *testing.T) {
	for _, keyless := range []bool{false, true} {
		for at := 1; at <= 60; at++ {
			w, id, epic := linked(t, withFiles, func(crm, pm *memory.Options) {
				crm.KeylessFiles, pm.KeylessFiles = keyless, keyless
				pm.IndexLag, pm.KeyLag = 5*time.Second, 5*time.Second
			})
			w.crm.Attach(id, "u1", "offer.pdf", []byte("offer"))
			w.crm.Attach(id, "u1", "offer.pdf", []byte("older"))
			w.crm.Attach(id, "u1", "huge.iso", make([]byte, 1<<20+1))
			w.pm.Attach(epic, "u2", "plan.png", []byte("png"))
			seen, cut := 0, false
			hook := func(memory.Moment) error {
				if seen++; seen == at {
					cut = true
					return memory.Lost()
				}
				return nil
			}
			w.crm.SetHook(hook)
			w.pm.SetHook(hook)
			for range 200 {
				for _, f := range w.eng.Feeds() {
					_, _ = w.eng.Poll(t.Context(), f)
				}
				_, _ = w.eng.Drain(t.Context(), "pair")
				w.clock.Advance(time.Second)
				if cut {
					break
				}
			}
			w.crm.SetHook(nil)
			w.pm.SetHook(nil)
			w.start()
			w.settle()
			w.sweep()
			what := fmt.Sprintf("keyless %v, cut at %d", keyless, at)
			wantAttached(t, what+": deal", w.crm, id, "offer.pdf", "offer.pdf", "huge.iso", "plan.png")
			wantAttached(t, what+": epic", w.pm, epic, "offer.pdf", "offer.pdf", "huge.iso → https://memory.example/files/huge.iso", "plan.png")
			if t.Failed() {
				w.dump()
				return
			}
		}
	}
}

func TestPlanAndExplainTellOfFiles(t *testing.T) {
	w, id, _ := linked(t, withFiles, nil)
	w.crm.Attach(id, "u1", "offer.pdf", []byte("offer"))
	w.crm.Attach(id, "u1", "huge.iso", make([]byte, 1<<20+1))
	plan, err := w.eng.Plan(t.Context(), "pair", nil)
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(plan.Changes, func(c engine.PlanChange) bool { return c.Action == engine.PlanAttach })
	if at < 0 {
		t.Fatalf("plan: %+v, want an attach", plan.Changes)
	}
	c := plan.Changes[at]
	if c.To != "epic" || c.Reason != "2 files: offer.pdf, huge.iso" || len(c.Files) != 2 || c.Files[0].Size != 5 || c.Files[0].Link != "" || c.Files[1].Link == "" {
		t.Errorf("attach: %+v", c)
	}
	x, err := w.eng.Explain(t.Context(), "crm/record/"+id, engine.ExplainOptions{})
	if err != nil || x.Standing == engine.InSync || !slices.ContainsFunc(x.Findings, func(f engine.Finding) bool { return strings.Contains(f.Text, "2 files are not attached to the epic") }) {
		t.Errorf("explain: %+v, %v, want two files that are not attached", x, err)
	}
	w.settle()
	rows, err := w.eng.History(t.Context(), engine.HistoryFilter{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, r := range rows {
		if strings.HasSuffix(r.Action, "attached") {
			told = append(told, r.Action+" "+r.To+" "+r.Detail)
			if strings.Contains(r.Detail, "offer") {
				t.Errorf("the history holds a file's name: %q", r.Detail)
			}
		}
	}
	slices.Sort(told)
	if want := []string{"file attached epic f1 → f1", "link attached epic f2 → f2"}; !slices.Equal(told, want) {
		t.Errorf("history: got %q, want %q", told, want)
	}
}
