package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/engine"
)

// The mapping of the proof, right and with a slip: the epics' descriptions are
// taken from the deals' names.
const (
	undoProofHead = `mapping: won-deal-to-epic
between:
  deal: {connection: hubspot, object: deals}
  epic: {connection: jira, object: issue, scope: {project: DELIV, issuetype: Epic}}
match:
  - {deal: hs_object_id, epic: "CRM deal"}
create:
  epic:
    when: deal.dealstage == "closedwon"
    with: {"CRM deal": "{{ deal.id }}"}
conflict: newest
first_sync: deal wins
fields:
  - {deal: dealname, epic: summary}
`
	undoProofGood = undoProofHead + "  - {deal: description, epic: description}\n"
	undoProofSlip = undoProofHead + "  - {deal: dealname, epic: description, flow: deal -> epic}\n"
)

// undoProof is the emulated HubSpot and Jira with a folder in which commands run.
type undoProof struct {
	t *testing.T
	*demonstration
}

func newUndoProof(t *testing.T) *undoProof {
	t.Helper()
	address, release, err := reserve()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	d := newTestDemo(t, 1, address)
	for name, value := range d.variables() {
		t.Setenv(name, value)
	}
	return &undoProof{t, d}
}

func (p *undoProof) mapping(text string) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, "mappings", "won-deal-to-epic.yaml"), []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// tenon runs a command line and returns what it printed.
func (p *undoProof) tenon(want int, args ...string) string {
	p.t.Helper()
	var stdout, stderr bytes.Buffer
	args = append(args, "--config", filepath.Join(p.dir, "tenon.yaml"))
	if code := run(p.t.Context(), args, strings.NewReader(""), &stdout, &stderr); code != want {
		p.t.Fatalf("tenon %s: exit code %d, want %d\n%s%s", strings.Join(args, " "), code, want, stdout.String(), stderr.String())
	}
	return stdout.String()
}

// epics returns what the epics say, by key.
func (p *undoProof) epics() map[string]string {
	said := map[string]string{}
	for _, i := range p.systems.jiraOf().Issues("DELIV") {
		if i.Type == "Epic" {
			text, err := json.Marshal(i.Fields["description"])
			if err != nil {
				p.t.Fatal(err)
			}
			said[i.Key] = fmt.Sprint(i.Fields["summary"], " ", string(text))
		}
	}
	return said
}

// deals returns what the deals say, by id.
func (p *undoProof) deals() map[string]string {
	said := map[string]string{}
	for _, d := range p.systems.hubspotOf().All("deals") {
		said[d.ID] = d.Properties["dealname"] + " " + d.Properties["description"]
	}
	return said
}

// TestUndoOf200Epics is the proof at the emulated systems: a slip in the mapping
// overwrites 200 descriptions, people edit some of them, `tenon undo --run` puts
// back all but those. Then nothing is written, with the slip still in place and
// with the mapping mended.
func TestUndoOf200Epics(t *testing.T) {
	if testing.Short() {
		t.Skip("works 200 epics in the emulated systems")
	}
	p := newUndoProof(t)
	p.mapping(undoProofGood)
	have := 0
	for _, d := range p.systems.hubspotOf().All("deals") {
		if d.Properties["dealstage"] == "closedwon" {
			have++
		}
	}
	for i := range 200 - have {
		properties := map[string]string{"dealname": fmt.Sprintf("Proof %d", i), "dealstage": "closedwon", "pipeline": "default"}
		if i%3 > 0 {
			properties["description"] = fmt.Sprintf("what was agreed in case %d", i)
		}
		if _, err := p.systems.hubspotOf().As(seller).Create("deals", properties); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("TENON_ENGINE_GUARDS_SHARE", "0")
	p.tenon(exitDone, "prepare")
	p.tenon(exitDone, "sync")
	wantEpics, wantDeals := p.epics(), p.deals()

	p.mapping(undoProofSlip)
	p.tenon(exitDone, "sync")
	var runs []engine.EventRow
	if err := json.Unmarshal([]byte(p.tenon(exitDone, "history", "--action", "run started", "--limit", "1", "--output", "json")), &runs); err != nil || len(runs) != 1 {
		t.Fatalf("the latest run: %v, %v", runs, err)
	}
	var broken []string
	for key, said := range p.epics() {
		if said != wantEpics[key] {
			broken = append(broken, key)
		}
	}
	if len(broken) != 200 {
		t.Fatalf("the slip changed %d epics, want 200", len(broken))
	}
	slices.Sort(broken)
	edited := []string{broken[0], broken[99], broken[199]}
	for _, key := range edited {
		if err := p.systems.jiraOf().As(planner).Edit(key, map[string]any{"description": "edited by hand"}); err != nil {
			t.Fatal(err)
		}
		wantEpics[key] = p.epics()[key]
	}

	var undone engine.Undone
	order := []string{"undo", "--run", fmt.Sprint(runs[0].Seq), "--yes", "--output", "json"}
	if err := json.Unmarshal([]byte(p.tenon(exitFound, order...)), &undone); err != nil {
		t.Fatal(err)
	}
	if undone.Back != 197 || undone.Left != 3 || undone.Else != 0 {
		t.Errorf("undone: %d back, %d left, %d else; want 197, 3 and 0", undone.Back, undone.Left, undone.Else)
	}
	for _, row := range undone.Rows {
		if row.State == "left" && (row.Code != "edited-since" || row.Now != "edited by hand") {
			t.Errorf("left: %+v, want the edits by hand", row)
		}
	}
	still := func(what string) {
		t.Helper()
		if diff := cmp.Diff(wantEpics, p.epics()); diff != "" {
			t.Errorf("%s, epics (-want +got):\n%s", what, diff)
		}
		if diff := cmp.Diff(wantDeals, p.deals()); diff != "" {
			t.Errorf("%s, deals (-want +got):\n%s", what, diff)
		}
	}
	still("after the undo")
	updates := func() string { return p.tenon(exitDone, "history", "--action", "updated", "--limit", "1") }
	before := updates()
	p.tenon(exitDone, "sync")
	p.tenon(exitDone, "sync")
	if after := updates(); after != before {
		t.Errorf("with the slip still in place something was written:\n%s", after)
	}
	still("after two syncs with the slip")

	p.mapping(undoProofGood)
	p.tenon(exitDone, "sync")
	for id, said := range p.deals() { // the edits by hand flow, as they should
		if strings.Contains(said, "edited by hand") {
			wantDeals[id] = said
		}
	}
	still("with the mapping mended")
	before = updates()
	p.tenon(exitDone, "sync")
	p.tenon(exitDone, "sync")
	if after := updates(); after != before || strings.Count(strings.Join(mapValues(p.deals()), "\n"), "edited by hand") != len(edited) {
		t.Errorf("with the mapping mended something more was written:\n%s", after)
	}
	still("after two more syncs")
	p.tenon(exitDone, "plan")
	if again := p.tenon(exitFound, order...); !strings.Contains(again, `"back": 0,`) {
		t.Errorf("a repeat: got %s", again)
	}
	if out := p.tenon(exitDone, "verify"); !regexp.MustCompile(`^sound: \d+ events, from 1 to \d+\nhead \d+:[0-9a-f]{64}\n$`).MatchString(out) {
		t.Errorf("verify: got %q", out)
	}
	p.tenon(exitDone, "check")
}

func mapValues(m map[string]string) []string {
	values := make([]string, 0, len(m))
	for _, v := range m {
		values = append(values, v)
	}
	return values
}
