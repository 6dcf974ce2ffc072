package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenonsync/tenon/sandbox/hubspot"
	"github.com/tenonsync/tenon/sandbox/jira"
)

var (
	killSeed  = flag.Uint64("kill.seed", 1, "draws the moments of the kills and the edits")
	killCount = flag.Int("kill.count", 12, "how often the service is killed")
)

// TestKill kills the service again and again with SIGKILL, under webhooks from
// several senders, edits on both sides and pressed buttons. The lists of changes
// are empty all the while: what happened is known from acknowledged webhooks
// only. In the end both systems must agree, no record, task or comment is there
// twice, and nothing waits.
func TestKill(t *testing.T) {
	if testing.Short() {
		t.Skip("kills a real process for some seconds; not in -short")
	}
	b := newTestbed(t, *killSeed, "TENON_ENGINE_POLL_INTERVAL=24h", "TENON_ENGINE_SWEEP_INTERVAL=24h")
	r := newRelay(t, b)
	b.tenon("sync")
	r.blind.Store(true)
	w := newKillWorld(t, b)
	rng := newRand(*killSeed, 0)
	stop := make(chan struct{})
	var people, senders sync.WaitGroup
	people.Go(func() { w.work(newRand(*killSeed, 1), stop) })
	people.Go(func() { w.press(newRand(*killSeed, 2), stop) })
	for n := range uint64(4) {
		senders.Go(func() { r.send(newRand(*killSeed, 3+n)) })
	}
	t.Cleanup(func() { r.end(); senders.Wait() })
	t.Cleanup(sync.OnceFunc(func() { w.end(stop); people.Wait() }))
	var starts []time.Duration
	for n := range *killCount {
		p := b.spawn()
		if n == 0 || rng.IntN(5) > 0 { // the others die while they start
			eventually(t, b.answersReady)
			starts = append(starts, time.Since(p.started))
		}
		time.Sleep(time.Duration(rng.IntN(400)) * time.Millisecond) // the moment of the kill, no synchronisation
		p.kill(t)
		if n%5 == 0 {
			checkSound(t, filepath.Join(b.dir, "tenon.db"))
		}
	}
	w.end(stop)
	people.Wait()
	p := b.serve()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log of the service:\n%s", tail(p.log.String(), 4000))
			t.Logf("history:\n%s", tail(b.tenon("history", "--limit", "0"), 200_000))
		}
	})
	eventually(t, r.idle)
	eventually(t, w.settled)
	eventually(t, b.nothingWaits)
	p.stop(t)
	checkSound(t, filepath.Join(b.dir, "tenon.db"))
	if r.blinded.Load() == 0 || r.refused.Load() > 0 {
		t.Errorf("%d lists were answered with nothing, want some; %d webhooks were refused, want none", r.blinded.Load(), r.refused.Load())
	}
	slices.Sort(starts)
	t.Logf("%d kills; %d new deals, %d edits, %d presses, %d comments; %d webhooks acknowledged; ready after %v (median), %v (slowest) of %d starts",
		*killCount, w.made, w.edits, len(w.pressed), len(w.comments), r.acked.Load(), starts[len(starts)/2], starts[len(starts)-1], len(starts))
}

// checkSound checks a state that no process has open.
func checkSound(t *testing.T, path string) {
	t.Helper()
	report, err := checkState(t.Context(), path)
	if err != nil || len(report.Problems) > 0 {
		t.Errorf("check: %v, %v", report.Problems, err)
	}
}

// nothingWaits says what the queue still holds.
func (b *testbed) nothingWaits() error {
	code, stdout, stderr := b.run("queue", "--output", "json")
	if code != exitDone || strings.TrimSpace(stdout) != "[]" {
		return fmt.Errorf("tenon queue: exit code %d, %s%s", code, stdout, stderr)
	}
	return nil
}

// killWorld is what people do meanwhile. The name of each deal is edited on one
// side only, so that the last edit is what both sides must show.
type killWorld struct {
	*dealStory
	ended sync.Once

	mu             sync.Mutex
	byDeal, byEpic []string          // deals whose name is edited in HubSpot, and in Jira
	open           []string          // deals to convert
	want           map[string]string // the name last given, by deal
	pressed        map[string]bool
	comments       []string
	made, edits    int
	loose          int // tasks below no epic, as the systems began
}

func newKillWorld(t *testing.T, b *testbed) *killWorld {
	t.Helper()
	w := &killWorld{dealStory: newDealStory(b.demonstration), want: map[string]string{}, pressed: map[string]bool{}}
	_, w.loose = w.project()
	for _, deal := range w.deals() {
		if deal.Properties["dealstage"] == "closedwon" {
			w.won(deal.ID)
		} else {
			w.open = append(w.open, deal.ID)
		}
	}
	if len(w.byDeal) == 0 || len(w.byEpic) == 0 || len(w.open) < 5 {
		t.Fatalf("the seed gives too few deals: %d, %d, %d", len(w.byDeal), len(w.byEpic), len(w.open))
	}
	return w
}

// won gives a deal that has an epic, or will have one, to those that are edited.
func (w *killWorld) won(deal string) {
	if len(w.byDeal) <= len(w.byEpic) {
		w.byDeal = append(w.byDeal, deal)
	} else {
		w.byEpic = append(w.byEpic, deal)
	}
}

func (w *killWorld) end(stop chan struct{}) { w.ended.Do(func() { close(stop) }) }

// pause is the pace of people, no synchronisation; false in the end.
func pause(stop <-chan struct{}, d time.Duration) bool {
	select {
	case <-stop:
		return false
	case <-time.After(d):
		return true
	}
}

// work edits, comments and makes deals. Each deal comes round once in a while,
// so that one lost webhook is seldom made up for by the next of its deal.
func (w *killWorld) work(rng *rand.Rand, stop <-chan struct{}) {
	for n := 0; pause(stop, time.Duration(5+rng.IntN(50))*time.Millisecond); n++ {
		text := fmt.Sprintf("edit number %d", n)
		switch rng.IntN(10) {
		case 0, 1, 2:
			w.edit(w.byDeal[n%len(w.byDeal)], text, true)
		case 3, 4, 5:
			w.edit(w.byEpic[n%len(w.byEpic)], text, false)
		case 6:
			w.comment(w.byEpic[rng.IntN(len(w.byEpic))], "comment number "+fmt.Sprint(n))
		case 7:
			w.make(fmt.Sprintf("open deal number %d", n), "appointmentscheduled")
		default:
			w.make(fmt.Sprintf("won deal number %d", n), "closedwon")
		}
	}
}

func (w *killWorld) make(name, stage string) {
	id, err := w.systems.hubspotOf().As(seller).Create("deals", map[string]string{
		"dealname": name, "dealstage": stage, "amount": "1200", "closedate": "2026-03-01", "dealtype": "newbusiness",
	})
	if err != nil {
		panic(err) // the test's own data
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.made++
	if stage == "closedwon" {
		w.won(id)
	} else {
		w.open = append(w.open, id)
	}
}

func (w *killWorld) edit(deal, text string, inHubSpot bool) {
	var err error
	if inHubSpot {
		err = w.systems.hubspotOf().As(seller).Edit("deals", deal, map[string]string{"dealname": text})
	} else {
		var epic jira.Issue
		if epic, err = w.epic(deal); err == nil {
			err = w.systems.jiraOf().As(planner).Edit(epic.Key, map[string]any{"summary": text})
		}
	}
	if err == nil { // an epic may not be there yet
		w.want[deal] = text
		w.edits++
	}
}

func (w *killWorld) comment(deal, text string) {
	epic, err := w.epic(deal)
	if err != nil {
		return
	}
	if _, err := w.systems.jiraOf().As(planner).Comment(epic.Key, text); err == nil {
		w.comments = append(w.comments, text)
	}
}

// press presses buttons; the service may be dead or die. What was answered 2xx
// counts as asked for.
func (w *killWorld) press(rng *rand.Rand, stop <-chan struct{}) {
	client := &http.Client{Timeout: 5 * time.Second}
	for pause(stop, time.Duration(20+rng.IntN(60))*time.Millisecond) {
		w.mu.Lock()
		deal := w.open[rng.IntN(len(w.open))]
		w.mu.Unlock()
		d, err := w.dealNow(deal)
		button, parseErr := url.Parse(d.Properties["tenon_convert"])
		if err != nil || parseErr != nil || button.Path == "" {
			continue
		}
		button.Host = w.address // not through the relay of the webhooks
		resp, err := client.Post(button.String(), "", nil)
		if err != nil {
			continue
		}
		resp.Body.Close()
		if resp.StatusCode < 300 {
			w.mu.Lock()
			w.pressed[deal] = true
			w.mu.Unlock()
		}
	}
}

// project returns the epics by the deal that they name, and how many issues are
// no epic's and below none.
func (w *killWorld) project() (epics map[string][]jira.Issue, loose int) {
	field := w.systems.jiraOf().FieldID("CRM deal")
	epics = map[string][]jira.Issue{}
	for _, i := range w.systems.jiraOf().Issues("DELIV") {
		if i.Type != "Epic" {
			loose++
			continue
		}
		deal := fmt.Sprint(i.Fields[field])
		epics[deal] = append(epics[deal], i)
		loose -= len(i.Children)
	}
	return epics, loose
}

// settled says what is not yet as it must be in the end.
func (w *killWorld) settled() error {
	epics, loose := w.project()
	for _, d := range w.deals() {
		found := epics[d.ID]
		if must := d.Properties["dealstage"] == "closedwon" || w.pressed[d.ID]; len(found) > 1 || must && len(found) != 1 {
			return fmt.Errorf("deal %s has %d epics", d.ID, len(found))
		}
		if len(found) == 0 {
			continue
		}
		if err := w.settledPair(d, found[0]); err != nil {
			return err
		}
	}
	if loose != w.loose {
		return fmt.Errorf("%d tasks that no epic has", loose-w.loose)
	}
	return w.settledComments()
}

func (w *killWorld) settledPair(d hubspot.Record, epic jira.Issue) error {
	if len(epic.Children) != 3 {
		return fmt.Errorf("%s (%s, deal %s) has %d tasks", epic.Key, epic.ID, d.ID, len(epic.Children))
	}
	if want, ok := w.want[d.ID]; ok && d.Properties["dealname"] != want {
		return fmt.Errorf("deal %s is %q, last edited to %q", d.ID, d.Properties["dealname"], want)
	}
	return w.compareWith(d, epic)
}

func (w *killWorld) settledComments() error {
	notes := map[string]int{}
	for _, n := range w.systems.hubspotOf().All("notes") {
		body := n.Properties["hs_note_body"]
		if at := strings.Index(body, "comment number "); at >= 0 {
			text, _, _ := strings.Cut(body[at:], "<")
			notes[strings.TrimSpace(text)]++
		}
	}
	for _, c := range w.comments {
		if notes[c] != 1 {
			return fmt.Errorf("%q is in %d notes", c, notes[c])
		}
	}
	return nil
}
