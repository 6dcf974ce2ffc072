//go:build linux && (amd64 || arm64)

package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/engine/state/bolt"
	"github.com/tenonsync/tenon/examples"
	"github.com/tenonsync/tenon/sandbox/hubspot"
	"github.com/tenonsync/tenon/sandbox/kit"
)

var (
	sizeLinks   = flag.Int("size.links", 20_000, "how many links the state has")
	sizeRate    = flag.Int("size.rate", 1000, "how many webhooks come a second")
	sizeSeconds = flag.Int("size.seconds", 10, "for how many seconds they come, and for how long the service is idle before")
	sizeDrop    = flag.Bool("size.drop-caches", false, "drop all of the system's caches before a cold start; needs root")
)

// BenchmarkSize runs the program, built as it is released, over a state of many
// links, between emulated systems whose records are twins of one pair. It tells
// what a link takes of the file, how long the service takes to its first 2xx,
// and its anonymous memory: idle, and while webhooks come that name records at
// random, one in ten with an edit that is written to Jira.
//
//	go test ./cmd/tenon -run '^$' -bench Size -benchtime 1x -size.links 1000000 -size.seconds 60
func BenchmarkSize(b *testing.B) {
	s := newSizing(b)
	for b.Loop() {
		b.ReportMetric(s.perLink, "B/link")
		warm, cold := s.starts(b, false), s.starts(b, true)
		b.ReportMetric(warm, "ms-warm")
		b.ReportMetric(cold, "ms-cold")
		s.memory(b)
	}
}

// sizing is a state of many links, the program, and the systems.
type sizing struct {
	dir, binary, url string
	env              []string
	perLink          float64
	deals, epics     *twins
	first            [2]uint64 // the ids of the first twins
}

func newSizing(b *testing.B) *sizing {
	b.Helper()
	address, release, err := reserve()
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(release)
	s := &sizing{dir: b.TempDir(), url: "http://" + address, first: [2]uint64{12_000_000_000, 1_000_000}}
	s.binary = filepath.Join(s.dir, "tenon")
	if out, err := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", s.binary, ".").CombinedOutput(); err != nil {
		b.Fatalf("build: %v\n%s", err, out)
	}
	sandbox, err := startSandbox(sandboxOptions{seed: 1, only: []string{"hubspot", "jira"}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(sandbox.close)
	s.deals = newTwins(sandbox.hubspotOf(), `\b12\d{9}\b`, "dealname")
	s.epics = newTwins(sandbox.jiraOf(), `\b[1-9]\d{6}\b`, "summary")
	s.env = append(os.Environ(), "TENON_ADDRESS="+address, "TENON_LOG_LEVEL=warn")
	for name, value := range sandbox.variables() {
		s.env = append(s.env, name+"="+value)
	}
	s.env = append(s.env, "HUBSPOT_URL="+s.listen(b, s.deals), "JIRA_URL="+s.listen(b, s.epics))
	if _, err := examples.Write(examples.HubSpotJira(), s.dir); err != nil {
		b.Fatal(err)
	}
	config := examples.Examples()[0].SandboxConfig() + "  poll_interval: 24h\n  sweep_interval: 24h\n"
	config = strings.Replace(config, "  poll_interval: 3s\n", "", 1)
	if err := os.WriteFile(filepath.Join(s.dir, "tenon.yaml"), []byte(config), 0o600); err != nil {
		b.Fatal(err)
	}
	s.editMapping(b, "comments: both\n", "")
	s.run(b, "prepare")
	s.run(b, "sync")
	s.fill(b, *sizeLinks)
	return s
}

func (s *sizing) listen(b *testing.B, h http.Handler) string {
	b.Helper()
	srv, err := kit.Listen("127.0.0.1:0", h)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = srv.Close(context.Background()) })
	return srv.URL()
}

// editMapping takes something out of the example's mapping: what would ask the
// systems for more than the two records of a link.
func (s *sizing) editMapping(b *testing.B, old, with string) {
	b.Helper()
	path := filepath.Join(s.dir, "mappings", "won-deal-to-epic.yaml")
	text, err := os.ReadFile(path)
	if err == nil && !bytes.Contains(text, []byte(old)) {
		err = fmt.Errorf("%s has no %q", path, old)
	}
	if err == nil {
		err = os.WriteFile(path, bytes.Replace(text, []byte(old), []byte(with), 1), 0o600)
	}
	if err != nil {
		b.Fatal(err)
	}
}

func (s *sizing) command(args ...string) *exec.Cmd {
	cmd := exec.Command(s.binary, append(args, "--config", filepath.Join(s.dir, "tenon.yaml"))...)
	cmd.Env = s.env
	return cmd
}

func (s *sizing) run(b *testing.B, args ...string) {
	b.Helper()
	if out, err := s.command(args...).CombinedOutput(); err != nil {
		b.Fatalf("tenon %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func (s *sizing) state() string { return filepath.Join(s.dir, "tenon.db") }

// fill adds links to the state, each like one that the program made itself.
func (s *sizing) fill(b *testing.B, n int) {
	b.Helper()
	before := size(b, s.state())
	db, err := bolt.Open(b.Context(), s.state(), bolt.Options{})
	if err != nil {
		b.Fatal(err)
	}
	store, err := state.Open(b.Context(), db, state.Options{})
	if err != nil {
		b.Fatal(err)
	}
	var model *state.Link
	err = store.View(b.Context(), func(tx state.Tx) error {
		links, err := tx.ListLinks("won-deal-to-epic", 0, 1)
		if err == nil && len(links) == 0 {
			err = state.ErrNotFound
		}
		if err == nil {
			model = links[0]
		}
		return err
	})
	for from := 0; from < n && err == nil; from += 1000 {
		err = store.Update(b.Context(), func(tx state.Tx) error {
			for i := from; i < min(n, from+1000); i++ {
				l := *model
				l.ID = 0
				for side := range l.Ends {
					l.Ends[side].ID = strconv.FormatUint(s.first[side]+uint64(i), 10)
				}
				if err := tx.PutLink(&l); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err != nil {
		b.Fatal(err)
	}
	if err := store.Close(); err != nil {
		b.Fatal(err)
	}
	s.deals.template, s.epics.template = model.Ends[0].ID, model.Ends[1].ID
	s.perLink = float64(size(b, s.state())-before) / float64(n)
}

func size(b *testing.B, path string) int64 {
	b.Helper()
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	return info.Size()
}

// starts starts the service five times and returns the median of the times to
// its first 2xx, in milliseconds.
func (s *sizing) starts(b *testing.B, cold bool) float64 {
	b.Helper()
	var took []float64
	for range 5 {
		if cold {
			s.chill(b)
		}
		begin := time.Now()
		p := s.serve(b)
		took = append(took, float64(time.Since(begin).Microseconds())/1000)
		s.stop(b, p)
	}
	slices.Sort(took)
	return took[len(took)/2]
}

// chill makes the system forget the pages of the program and of its state.
func (s *sizing) chill(b *testing.B) {
	b.Helper()
	syscall.Sync()
	if *sizeDrop {
		if err := os.WriteFile("/proc/sys/vm/drop_caches", []byte("3"), 0o200); err != nil {
			b.Fatal(err)
		}
		return
	}
	for _, path := range []string{s.state(), s.binary} {
		f, err := os.Open(path)
		if err != nil {
			b.Fatal(err)
		}
		const dontNeed = 4 // POSIX_FADV_DONTNEED
		if _, _, e := syscall.Syscall6(syscall.SYS_FADVISE64, f.Fd(), 0, 0, dontNeed, 0, 0); e != 0 {
			b.Fatal(e)
		}
		f.Close()
	}
}

// serve starts the service and returns when it answered 2xx.
func (s *sizing) serve(b *testing.B) *exec.Cmd {
	b.Helper()
	cmd := s.command("serve")
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill() // a failed benchmark left it
			_ = cmd.Wait()
		}
	})
	client := &http.Client{Timeout: time.Second}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		resp, err := client.Get(s.url + "/readyz")
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return cmd
			}
		}
		if time.Now().After(deadline) {
			b.Fatalf("the service does not answer: %v\n%s", err, log.String())
		}
	}
}

func (s *sizing) stop(b *testing.B, cmd *exec.Cmd) {
	b.Helper()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		b.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		b.Fatal(err)
	}
}

// memory reports the service's anonymous memory: the most while idle, and the
// most while webhooks come.
func (s *sizing) memory(b *testing.B) {
	b.Helper()
	p := s.serve(b)
	defer s.stop(b, p)
	lasting := time.Duration(*sizeSeconds) * time.Second
	watch := func(until <-chan struct{}) (most float64) {
		for {
			most = max(most, anonymous(b, p.Process.Pid))
			select {
			case <-until:
				return most
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
	ctx, cancel := context.WithTimeout(b.Context(), lasting)
	b.ReportMetric(watch(ctx.Done()), "MiB-idle")
	cancel()

	sent := make(chan struct{})
	var accepted int
	var took time.Duration
	go func() {
		defer close(sent)
		begin := time.Now()
		accepted = s.flood(lasting)
		took = time.Since(begin)
	}()
	b.ReportMetric(watch(sent), "MiB-loaded")
	b.ReportMetric(float64(accepted)/took.Seconds(), "hooks/s")
	b.ReportMetric(float64(s.deals.read.Load())/took.Seconds(), "read/s")
	b.ReportMetric(float64(s.epics.written.Load())/took.Seconds(), "written/s")
}

// anonymous returns the anonymous memory of a process in MiB.
func anonymous(b *testing.B, pid int) float64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "RssAnon:"); ok {
			kib, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")))
			if err != nil {
				b.Fatal(err)
			}
			return float64(kib) / 1024
		}
	}
	b.Fatal("no RssAnon")
	return 0
}

// flood sends webhooks at the rate asked for and returns how many were answered
// 2xx.
func (s *sizing) flood(lasting time.Duration) int {
	const senders = 32
	due := make(chan int, 4**sizeRate)
	var accepted atomic.Int64
	var wg sync.WaitGroup
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: senders}}
	for n := range uint64(senders) {
		rng := rand.New(rand.NewPCG(1, n))
		wg.Go(func() {
			for event := range due {
				if s.hook(client, event, s.first[0]+rng.Uint64N(uint64(*sizeLinks)), rng.IntN(10) == 0) {
					accepted.Add(1)
				}
			}
		})
	}
	begin, event := time.Now(), 0
	for time.Since(begin) < lasting {
		for want := int(time.Since(begin).Seconds() * float64(*sizeRate)); event < want; event++ {
			due <- event
		}
		time.Sleep(time.Millisecond) // the pace of the senders
	}
	close(due)
	wg.Wait()
	return int(accepted.Load())
}

// hook changes a deal and tells the service of it.
func (s *sizing) hook(client *http.Client, event int, deal uint64, edited bool) bool {
	id, now := strconv.FormatUint(deal, 10), time.Now()
	s.deals.touch(id, now, edited)
	body := fmt.Sprintf(`[{"eventId":%d,"subscriptionId":7,"occurredAt":%d,"subscriptionType":"object.propertyChange","objectTypeId":"0-3","objectId":%s,"propertyName":"dealname","propertyValue":"x","attemptNumber":0}]`, event, now.UnixMilli(), id)
	stamp := strconv.FormatInt(now.UnixMilli(), 10)
	address := s.url + "/hooks/hubspot"
	mac := hmac.New(sha256.New, []byte(hubspot.DefaultClientSecret))
	fmt.Fprintf(mac, "POST%s%s%s", address, body, stamp)
	req, err := http.NewRequest(http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		return false
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-HubSpot-Request-Timestamp", stamp)
	req.Header.Set("X-HubSpot-Signature-v3", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	resp, err := client.Do(req)
	if err != nil {
		return false
	}
	_, _ = io.Copy(io.Discard, resp.Body) // the status is all that counts
	_ = resp.Body.Close()
	return resp.StatusCode/100 == 2
}
