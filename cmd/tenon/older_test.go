package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenonsync/tenon/engine/state/mark"
)

// pairs is a small world for what becomes of a state: some won deals with their
// epics, of which each test edits its own.
type pairs struct {
	*dealStory
	b    *testbed
	deal []string // linked
	made int
}

// newPairs brings the systems into step once.
func newPairs(t *testing.T, b *testbed) *pairs {
	t.Helper()
	p := &pairs{dealStory: newDealStory(b.demonstration), b: b}
	b.tenon("sync")
	for _, d := range p.deals() {
		if d.Properties["dealstage"] == "closedwon" {
			p.deal = append(p.deal, d.ID)
		}
	}
	if len(p.deal) < 8 {
		t.Fatalf("the seed gives too few won deals: %d", len(p.deal))
	}
	return p
}

func (p *pairs) editDeal(t *testing.T, n int, properties map[string]string) {
	t.Helper()
	if err := p.systems.hubspotOf().As(seller).Edit("deals", p.deal[n], properties); err != nil {
		t.Fatal(err)
	}
}

func (p *pairs) editEpic(t *testing.T, n int, fields map[string]any) {
	t.Helper()
	epic, err := p.epic(p.deal[n])
	if err == nil {
		err = p.systems.jiraOf().As(planner).Edit(epic.Key, fields)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (p *pairs) comment(t *testing.T, n int, text string) {
	t.Helper()
	epic, err := p.epic(p.deal[n])
	if err == nil {
		_, err = p.systems.jiraOf().As(planner).Comment(epic.Key, text)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (p *pairs) make(t *testing.T, name string) {
	t.Helper()
	id, err := p.systems.hubspotOf().As(seller).Create("deals", map[string]string{
		"dealname": name, "dealstage": "closedwon", "amount": "1200", "closedate": "2026-03-01",
	})
	if err != nil {
		t.Fatal(err)
	}
	p.deal = append(p.deal, id)
	p.made++
}

// inStep says what is not in step: every deal has one epic with its three
// tasks, equal to it, and shows one of the names that want allows it.
func (p *pairs) inStep(want map[int][]string) error {
	for n, id := range p.deal {
		d, err := p.dealNow(id)
		if err != nil || d.Archived {
			continue
		}
		epic, err := p.epic(id)
		if err != nil {
			return err
		}
		if len(epic.Children) != 3 {
			return fmt.Errorf("%s has %d tasks", epic.Key, len(epic.Children))
		}
		if err := p.compareWith(d, epic); err != nil {
			return err
		}
		if names := want[n]; names != nil && !slices.Contains(names, d.Properties["dealname"]) {
			return fmt.Errorf("deal %d is %q, want one of %q", n, d.Properties["dealname"], names)
		}
	}
	return nil
}

// notes counts the notes in HubSpot that carry a text.
func (p *pairs) notes(text string) int {
	n := 0
	for _, note := range p.systems.hubspotOf().All("notes") {
		if strings.Contains(note.Properties["hs_note_body"], text) {
			n++
		}
	}
	return n
}

// counts are the numbers of everything that may not come into being twice.
func (p *pairs) counts() string {
	issues := map[string]int{}
	for _, i := range p.systems.jiraOf().Issues("DELIV") {
		issues[i.Type]++
		issues["comments"] += len(i.Comments)
	}
	return fmt.Sprintf("%d deals, %d notes, %v", len(p.deals()), len(p.systems.hubspotOf().All("notes")), issues)
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// live does what happens after a copy of the state was taken, in step with the
// running service: creates, edits on both sides, a comment, a deletion.
func (p *pairs) live(t *testing.T) {
	t.Helper()
	first := len(p.deal)
	p.editDeal(t, 0, map[string]string{"dealname": "from the deal"})
	p.editEpic(t, 1, map[string]any{"summary": "from the epic"})
	p.editEpic(t, 2, map[string]any{"duedate": "2026-04-01"})
	p.comment(t, 3, "said after the copy")
	p.make(t, "made after the copy")
	p.make(t, "another one made after the copy")
	if err := p.systems.hubspotOf().As(seller).Archive("deals", p.deal[4]); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		if n := p.notes("said after the copy"); n != 1 {
			return fmt.Errorf("the comment is in %d notes", n)
		}
		return p.inStep(map[int][]string{0: {"from the deal"}, 1: {"from the epic"}, first: {"made after the copy"}})
	})
	eventually(t, p.unlinked(p.deal[4]))
}

// unlinked says whether the link of a deal that is gone has not ended yet.
func (p *pairs) unlinked(deal string) func() error {
	return func() error {
		if out := p.b.tenon("history", "--record", deal); !strings.Contains(out, "unlinked") {
			return fmt.Errorf("deal %s is not unlinked: %s", deal, out)
		}
		return nil
	}
}

// quiet says what is written or waits although nothing happens any more.
func (p *pairs) quietAfter(t *testing.T) {
	t.Helper()
	eventually(t, p.b.nothingWaits)
	was := p.counts()
	before := p.writes()
	p.b.tenon("sync")
	if n := p.writes() - before; n > 0 {
		t.Errorf("%d writes although nothing happened", n)
	}
	if now := p.counts(); now != was {
		t.Errorf("the systems hold %s, before %s", now, was)
	}
}

// TestOlderCopy puts an older copy of the state in its place, after people and
// Tenon went on and after people went on alone. It is noticed; no edit is lost,
// nothing is made twice.
func TestOlderCopy(t *testing.T) {
	byBaseline := map[int][]string{0: {"from the deal, unseen"}, 1: {"from the epic, unseen"}, 5: {"left"}, 6: {"newer, epic"}}
	for _, c := range []struct {
		name string
		put  func(t *testing.T, b *testbed, path, older string)
		want map[int][]string // the names that deals may have then
	}{
		{"a copied file", func(t *testing.T, b *testbed, path, older string) {
			copyFile(t, older, path)
			code, _, stderr := b.run("check")
			if want := "it is older than the state that was last in use here: commit "; code != exitState || !strings.Contains(stderr, want) {
				t.Errorf("check of an older copy: exit code %d, %q, want %d and %q", code, stderr, exitState, want)
			}
		}, byBaseline},
		{"a backup", func(_ *testing.T, b *testbed, _, older string) { b.tenon("restore", older) }, byBaseline},
		{"a backup on another machine", func(t *testing.T, b *testbed, path, older string) {
			remove(t, path, path+mark.Suffix)
			b.tenon("restore", older)
		}, byBaseline},
		// Without baselines nobody knows who edited what: first_sync, "deal wins", decides.
		{"nothing at all", func(t *testing.T, _ *testbed, path, _ string) { remove(t, path) }, map[int][]string{
			0: {"from the deal, unseen"}, 1: {"from the epic"}, 6: {"older, deal"},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			testOlderCopy(t, c.put, c.want)
		})
	}
}

func remove(t *testing.T, paths ...string) {
	t.Helper()
	for _, path := range paths {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

func testOlderCopy(t *testing.T, put func(t *testing.T, b *testbed, path, older string), want map[int][]string) {
	t.Helper()
	b := newTestbed(t, 3)
	path := filepath.Join(b.dir, "tenon.db")
	older := filepath.Join(t.TempDir(), "older.db")
	p := newPairs(t, b)
	b.tenon("backup", older)

	service := b.serve()
	p.live(t)
	eventually(t, b.nothingWaits)
	service.stop(t)
	was := p.counts()

	// Nobody watches: each of these must survive.
	p.editDeal(t, 0, map[string]string{"dealname": "from the deal, unseen"})
	p.editEpic(t, 1, map[string]any{"summary": "from the epic, unseen"})
	p.editEpic(t, 5, map[string]any{"summary": "left", "duedate": "2026-05-01"})
	p.editDeal(t, 6, map[string]string{"dealname": "older, deal"})
	time.Sleep(100 * time.Millisecond)                         // the systems' times differ, no synchronisation
	p.editEpic(t, 6, map[string]any{"summary": "newer, epic"}) // both sides: the policy decides, newest wins
	put(t, b, path, older)

	service = b.serve()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log of the service:\n%s", tail(service.log.String(), 4000))
			t.Logf("history:\n%s", tail(b.tenon("history", "--limit", "0"), 20_000))
		}
	})
	eventually(t, func() error { return p.inStep(want) })
	eventually(t, b.nothingWaits)
	if now := p.counts(); now != was {
		t.Errorf("the systems hold %s, before %s", now, was)
	}
	if epics := p.epics(p.deal[4]); len(epics) != 1 {
		t.Errorf("the epic of a deleted deal: got %d, want 1, left alone", len(epics))
	}
	service.stop(t)
	p.quietAfter(t)
	checkSound(t, path)
	if report, err := checkState(t.Context(), path); err != nil || report.Doubt != "" {
		t.Errorf("the state is still in doubt: %q, %v", report.Doubt, err)
	}
}
