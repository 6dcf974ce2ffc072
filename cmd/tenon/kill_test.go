package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tenonsync/tenon/sandbox/jira"
)

var (
	killSeed  = flag.Uint64("kill.seed", 1, "draws the moments of the kills and the edits")
	killCount = flag.Int("kill.count", 20, "how often the service is killed")
)

// TestKill kills the service again and again with SIGKILL, in the middle of
// edits on both sides and of pressed buttons. In the end both systems must
// agree: no edit lost, no record, task or comment made twice.
func TestKill(t *testing.T) {
	if testing.Short() {
		t.Skip("kills a real process for half a minute; not in -short")
	}
	address, release, err := reserve()
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	d := newTestDemo(t, *killSeed, address)
	d.tenon(t, "prepare")
	w := newKillWorld(t, d)
	rng := rand.New(rand.NewPCG(*killSeed, 0))
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() { w.work(rand.New(rand.NewPCG(*killSeed, 1)), stop) })
	for range *killCount {
		p := d.spawn(t)
		time.Sleep(time.Duration(rng.IntN(2000)) * time.Millisecond) // the moment of the kill, no synchronisation
		p.kill(t)
	}
	close(stop)
	wg.Wait()
	p := d.spawn(t)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log of the service:\n%s", tail(p.log.String(), 4000))
			t.Logf("history:\n%s", tail(d.tenon(t, "history", "--limit", "0"), 200_000))
		}
	})
	eventually(t, w.answers) // all may be settled before it has even started
	eventually(t, w.settled)
	t.Logf("%d edits, %d presses, %d comments, %d kills", w.edits, len(w.pressed), len(w.comments), *killCount)
	p.stop(t)
	d.tenon(t, "check")
}

// child is the service as a process.
type child struct {
	cmd *exec.Cmd
	log bytes.Buffer
}

func (d *demonstration) command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, append(args, "--config", filepath.Join(d.dir, "tenon.yaml"))...)
	cmd.Env = d.environ()
	return cmd
}

// tenon runs a command to its end.
func (d *demonstration) tenon(t *testing.T, args ...string) string {
	t.Helper()
	out, err := d.command(t, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("tenon %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func (d *demonstration) spawn(t *testing.T) *child {
	t.Helper()
	p := &child{cmd: d.command(t, "serve")}
	p.cmd.Stderr = &p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if p.cmd.ProcessState == nil {
			_ = p.cmd.Process.Kill() // a failed test left it
			_ = p.cmd.Wait()
		}
	})
	return p
}

func (p *child) kill(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatalf("the service ended by itself: %v\n%s", err, p.log.String())
	}
	var exit *exec.ExitError
	if err := p.cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != -1 {
		t.Fatalf("the service ended by itself: %v\n%s", err, p.log.String())
	}
}

// stop ends the service in peace.
func (p *child) stop(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("the service did not stop in peace: %v\n%s", err, p.log.String())
	}
}

func tail(text string, n int) string {
	if len(text) > n {
		return "…" + text[len(text)-n:]
	}
	return text
}

// killWorld is what people do meanwhile. The name of each deal is edited on one
// side only, so that the last edit is what both sides must show.
type killWorld struct {
	*story
	byDeal, byEpic []string // deals whose name is edited in HubSpot, and in Jira
	open           []string // deals to convert

	want     map[string]string // the name last given, by deal
	pressed  map[string]bool
	comments []string
	edits    int
}

func newKillWorld(t *testing.T, d *demonstration) *killWorld {
	t.Helper()
	w := &killWorld{story: &story{demonstration: d}, want: map[string]string{}, pressed: map[string]bool{}}
	won := 0
	for _, deal := range w.deals() {
		switch {
		case deal.Properties["dealstage"] != "closedwon":
			w.open = append(w.open, deal.ID)
		case won%2 == 0:
			won++
			w.byDeal = append(w.byDeal, deal.ID)
		default:
			won++
			w.byEpic = append(w.byEpic, deal.ID)
		}
	}
	if len(w.byDeal) == 0 || len(w.byEpic) == 0 || len(w.open) < 5 {
		t.Fatalf("the seed gives too few deals: %d, %d, %d", len(w.byDeal), len(w.byEpic), len(w.open))
	}
	return w
}

func (w *killWorld) work(rng *rand.Rand, stop <-chan struct{}) {
	client := &http.Client{Timeout: 5 * time.Second}
	for n := 0; ; n++ {
		select {
		case <-stop:
			return
		case <-time.After(time.Duration(5+rng.IntN(40)) * time.Millisecond): // the pace of people, no synchronisation
		}
		text := fmt.Sprintf("edit number %d", n)
		switch rng.IntN(8) {
		case 0, 1, 2:
			w.edit(w.byDeal[rng.IntN(len(w.byDeal))], text, true)
		case 3, 4, 5:
			w.edit(w.byEpic[rng.IntN(len(w.byEpic))], text, false)
		case 6:
			w.comment(w.byEpic[rng.IntN(len(w.byEpic))], "comment number "+fmt.Sprint(n))
		default:
			w.tryPress(client, w.open[rng.IntN(len(w.open))])
		}
	}
}

func (w *killWorld) edit(deal, text string, inHubSpot bool) {
	var err error
	if inHubSpot {
		err = w.systems.hubspotSystem.As(seller).Edit("deals", deal, map[string]string{"dealname": text})
	} else {
		var epic jira.Issue
		if epic, err = w.epic(deal); err == nil {
			err = w.systems.jiraSystem.As(planner).Edit(epic.Key, map[string]any{"summary": text})
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
	if _, err := w.systems.jiraSystem.As(planner).Comment(epic.Key, text); err == nil {
		w.comments = append(w.comments, text)
	}
}

// tryPress presses a deal's button; the service may be dead or die. What was
// answered 2xx counts as asked for.
func (w *killWorld) tryPress(client *http.Client, deal string) {
	d, err := w.dealNow(deal)
	if err != nil || d.Properties["tenon_convert"] == "" {
		return
	}
	resp, err := client.Post(d.Properties["tenon_convert"], "", nil)
	if err != nil {
		return
	}
	resp.Body.Close()
	if resp.StatusCode < 300 {
		w.pressed[deal] = true
	}
}

// answers says why the service does not answer yet.
func (w *killWorld) answers() error {
	resp, err := http.Get(w.url() + "/healthz")
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the service answers %s", resp.Status)
	}
	return nil
}

// settled says what is not yet as it must be in the end.
func (w *killWorld) settled() error {
	for _, d := range w.deals() {
		n := len(w.epics(d.ID))
		must := d.Properties["dealstage"] == "closedwon" || w.pressed[d.ID]
		if n > 1 || must && n != 1 {
			return fmt.Errorf("deal %s has %d epics", d.ID, n)
		}
		if n == 0 {
			continue
		}
		epic := w.epics(d.ID)[0]
		if len(epic.Children) != 3 {
			return fmt.Errorf("%s (%s, deal %s) has %d tasks", epic.Key, epic.ID, d.ID, len(epic.Children))
		}
		if want, ok := w.want[d.ID]; ok && d.Properties["dealname"] != want {
			return fmt.Errorf("deal %s is %q, last edited to %q", d.ID, d.Properties["dealname"], want)
		}
		if err := w.compare(d); err != nil {
			return err
		}
	}
	notes := map[string]int{}
	for _, n := range w.systems.hubspotSystem.All("notes") {
		for _, c := range w.comments {
			if body := n.Properties["hs_note_body"]; strings.Contains(body, c+"<") || strings.HasSuffix(body, c) {
				notes[c]++
			}
		}
	}
	for _, c := range w.comments {
		if notes[c] != 1 {
			return fmt.Errorf("%q is in %d notes", c, notes[c])
		}
	}
	return nil
}
