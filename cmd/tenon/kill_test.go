package main

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenonsync/tenon/examples/stage"

	"github.com/tenonsync/tenon/sandbox/systems"
)

var (
	killSeed  = flag.Uint64("kill.seed", 1, "draws the moments of the kills and the edits")
	killCount = flag.Int("kill.count", 12, "how often the service is killed, in all examples together")
)

// killed are the examples whose service is killed, each with its share of the
// kills in percent.
var killed = []struct {
	example string
	share   int
}{
	{"hubspot-jira", 40},
	{"hubspot-trello", 15},
	{"salesforce-jira", 15},
	{"salesforce-asana", 15},
	{"hubspot-github", 15},
}

// TestKill kills the service again and again with SIGKILL, under webhooks from
// several senders, edits on both sides and pressed buttons. In the end the
// systems must agree, no record, task or comment is there twice, and nothing
// waits.
func TestKill(t *testing.T) {
	if testing.Short() {
		t.Skip("kills a real process for some seconds; not in -short")
	}
	for _, k := range killed {
		t.Run(k.example, func(t *testing.T) { killAgainAndAgain(t, k.example, max(1, *killCount*k.share/100)) })
	}
}

func killAgainAndAgain(t *testing.T, example string, kills int) {
	t.Helper()
	b := newTestbedOf(t, example, *killSeed)
	r := newRelay(t, b)
	poll := "24h"
	if !r.canBlind {
		poll = "1s" // no webhook tells of what happens in some of its systems
	}
	b.extra = append(b.extra, "TENON_ENGINE_POLL_INTERVAL="+poll, "TENON_ENGINE_SWEEP_INTERVAL=24h")
	b.tenon("sync")
	r.blind.Store(r.canBlind)
	w := newKillWorld(t, b)
	rng := newRand(*killSeed, 0)
	stop := make(chan struct{})
	var people, senders sync.WaitGroup
	people.Go(func() { w.work(newRand(*killSeed, 1), stop) })
	people.Go(func() { w.pressAll(newRand(*killSeed, 2), stop) })
	for n := range uint64(4) {
		senders.Go(func() { r.send(newRand(*killSeed, 3+n)) })
	}
	t.Cleanup(func() { r.end(); senders.Wait() })
	t.Cleanup(sync.OnceFunc(func() { w.end(stop); people.Wait() }))
	var starts []time.Duration
	for n := range kills {
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
	if r.canBlind && r.blinded.Load() == 0 || r.refused.Load() > 0 {
		t.Errorf("%d lists were answered with nothing, want some; %d webhooks were refused, want none", r.blinded.Load(), r.refused.Load())
	}
	slices.Sort(starts)
	t.Logf("%d kills; %d new, %d edits, %d presses, %d comments; %d webhooks acknowledged; ready after %v (median), %v (slowest) of %d starts",
		kills, w.made, w.edits, len(w.pressed), len(w.comments), r.acked.Load(), starts[len(starts)/2], starts[len(starts)-1], len(starts))
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

// killWorld is what people do meanwhile. The name of each record is edited on
// one side only, so that the last edit is what both sides must show.
type killWorld struct {
	*story
	ended sync.Once
	lead  *stage.Act

	mu           sync.Mutex
	byFrom, byTo []string          // sources whose name is edited there, and in the counterpart
	open         []string          // sources to convert
	want         map[string]string // the name last given, by source
	pressed      map[string]bool
	comments     []string
	made, edits  int
	loose        int // tasks below no record, as the systems began
}

// loose counts the tasks that stand alone, where they can.
func loose(h systems.Hand) int {
	if l, ok := h.(interface{ Loose() int }); ok {
		return l.Loose()
	}
	return 0
}

func newKillWorld(t *testing.T, b *testbed) *killWorld {
	t.Helper()
	w := &killWorld{story: newStory(b.demonstration), want: map[string]string{}, pressed: map[string]bool{}}
	w.lead = w.acts[0]
	w.loose = loose(w.lead.To)
	for _, r := range w.lead.From.Records() {
		if r.Fields[w.lead.Source.State] == w.lead.Won {
			w.won(r.ID)
		} else {
			w.open = append(w.open, r.ID)
		}
	}
	if len(w.byFrom) == 0 || len(w.byTo) == 0 || len(w.open) < 5 {
		t.Fatalf("the seed gives too few records: %d, %d, %d", len(w.byFrom), len(w.byTo), len(w.open))
	}
	return w
}

// won gives a source that has a counterpart, or will have one, to those that are
// edited.
func (w *killWorld) won(id string) {
	if len(w.byFrom) <= len(w.byTo) {
		w.byFrom = append(w.byFrom, id)
	} else {
		w.byTo = append(w.byTo, id)
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

// work edits, comments and makes records. Each comes round once in a while, so
// that one lost webhook is seldom made up for by the next of its record.
func (w *killWorld) work(rng *rand.Rand, stop <-chan struct{}) {
	for n := 0; pause(stop, time.Duration(5+rng.IntN(50))*time.Millisecond); n++ {
		text := fmt.Sprintf("edit number %d", n)
		switch rng.IntN(10) {
		case 0, 1, 2:
			w.edit(w.byFrom[n%len(w.byFrom)], text, true)
		case 3, 4, 5:
			w.edit(w.byTo[n%len(w.byTo)], text, false)
		case 6:
			w.comment(w.byTo[rng.IntN(len(w.byTo))], fmt.Sprintf("comment number %d.", n))
		case 7:
			w.make(fmt.Sprintf("open number %d", n), w.lead.Open)
		default:
			w.make(fmt.Sprintf("won number %d", n), w.lead.Won)
		}
	}
}

func (w *killWorld) make(name, state string) {
	fields := map[string]string{w.lead.Source.Name: name, w.lead.Source.State: state}
	maps.Copy(fields, w.lead.Source.Fresh)
	id, err := w.lead.From.Create(seller, fields)
	if err != nil {
		panic(err) // the test's own data
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.made++
	if state == w.lead.Won {
		w.won(id)
	} else {
		w.open = append(w.open, id)
	}
}

func (w *killWorld) edit(id, text string, here bool) {
	var err error
	if here {
		err = w.lead.From.Edit(seller, id, map[string]string{w.lead.Source.Name: text})
	} else {
		var t systems.Record
		if t, err = w.lead.Counterpart(id); err == nil {
			err = w.lead.To.Edit(planner, t.ID, map[string]string{w.lead.Target.Name: text})
		}
	}
	if err == nil { // a counterpart may not be there yet
		w.want[id] = text
		w.edits++
	}
}

func (w *killWorld) comment(id, text string) {
	t, err := w.lead.Counterpart(id)
	if err != nil {
		return
	}
	if err := w.lead.To.Comment(planner, t.ID, text); err == nil {
		w.comments = append(w.comments, text)
	}
}

// pressAll presses buttons; the service may be dead or die. What was answered
// 2xx counts as asked for.
func (w *killWorld) pressAll(rng *rand.Rand, stop <-chan struct{}) {
	client := &http.Client{Timeout: 5 * time.Second}
	for pause(stop, time.Duration(20+rng.IntN(60))*time.Millisecond) {
		w.mu.Lock()
		id := w.open[rng.IntN(len(w.open))]
		w.mu.Unlock()
		r, err := w.lead.From.Get(id)
		button, parseErr := url.Parse(r.Fields[w.lead.Source.Button])
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
			w.pressed[id] = true
			w.mu.Unlock()
		}
	}
}

// settled says what is not yet as it must be in the end.
func (w *killWorld) settled() error {
	said := map[string]int{}
	for _, r := range w.lead.From.Records() {
		for _, c := range r.Comments {
			for _, text := range w.comments {
				said[text] += strings.Count(c, text)
			}
		}
		must := r.Fields[w.lead.Source.State] == w.lead.Won || w.pressed[r.ID]
		if !must && len(w.lead.Counterparts(r.ID)) == 0 {
			continue
		}
		if want, ok := w.want[r.ID]; ok && r.Fields[w.lead.Source.Name] != want {
			return fmt.Errorf("%s %s is %q, last edited to %q", w.lead.Source.Noun, r.ID, r.Fields[w.lead.Source.Name], want)
		}
		if err := w.lead.Agrees(r); err != nil {
			return err
		}
	}
	for _, text := range w.comments {
		if said[text] != 1 {
			return fmt.Errorf("%q is said %d times", text, said[text])
		}
	}
	if n := loose(w.lead.To) - w.loose; n != 0 {
		return fmt.Errorf("%d tasks that no %s has", n, w.lead.Target.Noun)
	}
	return w.lead.Strays(nil)
}
