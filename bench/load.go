package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// world is the two systems, and who edits records and sends webhooks.
type world struct {
	crm, pm *system
	base    string
	secret  []byte
	http    *http.Server
	client  *http.Client

	mu      sync.Mutex
	waiting map[string]sent // by the epic's id: the last edit that was not seen yet
	took    []time.Duration
	seen    atomic.Int64
	edits   atomic.Int64
	lastAt  atomic.Int64 // when the last awaited write came, in ns since 1970
}

// sent is an edit on its way: the name that must arrive, and since when.
type sent struct {
	name string
	at   time.Time
}

func newWorld(connections int) (*world, error) {
	w := &world{crm: newSystem("deal"), pm: newSystem("epic"), secret: []byte("bench-secret"), waiting: map[string]sent{}}
	w.pm.written = w.written
	mux := http.NewServeMux()
	w.crm.mount(mux, "/crm")
	w.pm.mount(mux, "/pm")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	w.base = "http://" + l.Addr().String()
	w.http = &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	go func() { _ = w.http.Serve(l) }() // ends with close
	w.client = &http.Client{
		Transport: &http.Transport{MaxIdleConns: connections, MaxIdleConnsPerHost: connections, MaxConnsPerHost: connections},
		Timeout:   time.Minute,
	}
	return w, nil
}

func (w *world) close() { _ = w.http.Close() }

// fill makes deals from id first on.
func (w *world) fill(first, n int) {
	for i := first; i < first+n; i++ {
		id := strconv.Itoa(i)
		w.crm.put(id, dealOf(id, rand.New(rand.NewPCG(1, uint64(i)))))
	}
}

func dealOf(id string, r *rand.Rand) map[string]json.RawMessage {
	text := func(s string) json.RawMessage { return json.RawMessage(strconv.Quote(s)) }
	day := func() json.RawMessage { return text(fmt.Sprintf("2026-%02d-%02d", 1+r.IntN(12), 1+r.IntN(28))) }
	at := func() json.RawMessage {
		return text(fmt.Sprintf("2026-%02d-%02dT%02d:30:00Z", 1+r.IntN(12), 1+r.IntN(28), r.IntN(24)))
	}
	return map[string]json.RawMessage{
		"name": text("Roll-out " + id), "description": text("A roll-out of the new line in several plants, with training of the staff."),
		"company": text("Acme " + strconv.Itoa(r.IntN(1000))), "region": text("EMEA"), "contact": text("Ada Lovelace"), "phone": text(id),
		"city": text("Lyon"), "street": text("12 rue de la Gare"),
		"amount": json.RawMessage(strconv.Itoa(1000+r.IntN(90000)) + ".5"), "quantity": json.RawMessage(strconv.Itoa(1 + r.IntN(20))),
		"discount": json.RawMessage("0." + strconv.Itoa(1+r.IntN(9))), "probability": json.RawMessage("75"),
		"closed": json.RawMessage("false"), "urgent": json.RawMessage("true"),
		"closedate": day(), "startdate": day(), "duedate": day(), "created_at": at(), "signed_at": at(), "stage": text("won"),
	}
}

// written sees a write to an epic.
func (w *world) written(id string, properties map[string]json.RawMessage, at time.Time) {
	name, ok := properties["summary"]
	if !ok {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	s, ok := w.waiting[id]
	if !ok || string(name) != s.name {
		return
	}
	delete(w.waiting, id)
	w.took = append(w.took, at.Sub(s.at))
	w.seen.Add(1)
	w.lastAt.Store(at.UnixNano())
}

// reset forgets what was measured.
func (w *world) reset() {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.waiting)
	w.took = nil
	w.seen.Store(0)
}

// edit edits two fields of a deal and sends the webhook that tells of it. It
// returns when the webhook is answered.
func (w *world) edit(target, id string) error {
	n := w.edits.Add(1)
	name := strconv.Quote("Roll-out " + id + ", " + strconv.FormatInt(n, 10))
	w.crm.put(id, map[string]json.RawMessage{
		"name": json.RawMessage(name), "amount": json.RawMessage(strconv.FormatInt(1000+n%90000, 10)),
	})
	body := []byte(`{"id":` + strconv.Quote(id) + `}`)
	req, err := http.NewRequest(http.MethodPost, target+"/hooks/crm", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set(signatureHeader, sign(w.secret, body))
	req.Header.Set(deliveryHeader, strconv.FormatInt(n, 10))
	w.mu.Lock()
	w.waiting["p"+id] = sent{name, time.Now()}
	w.mu.Unlock()
	resp, err := w.client.Do(req)
	if err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, resp.Body) // the status tells
	_ = resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("the webhook was answered %s", resp.Status)
	}
	return nil
}

// flood edits the deals first to first+n-1 once each, over a number of
// connections as fast as they are answered, and waits until all arrived. It
// returns how long that took.
func (w *world) flood(target string, first, n, connections int) (time.Duration, error) {
	w.reset()
	start := time.Now()
	var next atomic.Int64
	errs := make(chan error, connections)
	var wg sync.WaitGroup
	for range connections {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				if err := w.edit(target, strconv.Itoa(first+i)); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	wg.Wait()
	select {
	case err := <-errs:
		return 0, err
	default:
	}
	if err := w.arrived(int64(n)); err != nil {
		return 0, err
	}
	return time.Unix(0, w.lastAt.Load()).Sub(start), nil
}

// arrived waits until n edits arrived.
func (w *world) arrived(n int64) error {
	for deadline := time.Now().Add(2 * time.Minute); w.seen.Load() < n; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			return fmt.Errorf("%d of %d edits arrived", w.seen.Load(), n)
		}
	}
	return nil
}

// steady edits deals at a rate for a time, whatever the answers take, each
// record in turn, and returns how long each took until its write was received.
func (w *world) steady(target string, first, n, rate int, length time.Duration) ([]time.Duration, error) {
	w.reset()
	start := time.Now()
	var wg sync.WaitGroup
	var failed atomic.Value
	total := int(length.Seconds() * float64(rate))
	for i := range total {
		if wait := time.Until(start.Add(time.Duration(i) * time.Second / time.Duration(rate))); wait > 0 {
			time.Sleep(wait)
		}
		wg.Go(func() {
			if err := w.edit(target, strconv.Itoa(first+i%n)); err != nil {
				failed.Store(err)
			}
		})
	}
	wg.Wait()
	if err, ok := failed.Load().(error); ok {
		return nil, err
	}
	w.mu.Lock()
	left := len(w.waiting)
	w.mu.Unlock()
	for deadline := time.Now().Add(time.Minute); left > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("%d edits did not arrive", left)
		}
		w.mu.Lock()
		left = len(w.waiting)
		w.mu.Unlock()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	slices.Sort(w.took)
	return slices.Clone(w.took), nil
}

// quantile of sorted times.
func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

// child is a program under test in a process of its own.
type child struct {
	cmd    *exec.Cmd
	url    string
	waited time.Duration // told by Tenon when it stops
	lines  chan string
}

// start starts this program anew in a role.
func start(role string, args ...string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return startCommand(self, append([]string{role}, args...)...)
}

func startCommand(name string, args ...string) (*child, error) {
	c := &child{cmd: exec.Command(name, args...), lines: make(chan string, 16)}
	c.cmd.Stderr = os.Stderr
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(c.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			c.lines <- s.Text()
		}
	}()
	for line := range c.lines {
		if url, ok := strings.CutPrefix(line, ready); ok {
			c.url = url
			return c, nil
		}
	}
	return nil, errors.Join(errors.New("the program under test did not start"), c.cmd.Wait())
}

// stop ends the program in peace.
func (c *child) stop() error {
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	for line := range c.lines {
		if text, ok := strings.CutPrefix(line, waited); ok {
			c.waited, _ = time.ParseDuration(text) // a line of our own
		}
	}
	return c.cmd.Wait()
}

// cpu returns the processor time that a process has used.
func cpu(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, errors.New("/proc tells no times")
	}
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * time.Second / 100, nil // USER_HZ is 100 on Linux
}
