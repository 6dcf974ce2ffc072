package server_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// BenchmarkIntake compares taking webhooks in (signature, dedupe, queueing,
// durable before the answer) with the least that a durable intake can be: a
// bare net/http server with the same HMAC that appends bodies to one log,
// whoever waits sharing a sync. Both are measured in turns within one run, with
// the collector as the service sets it; the ratio is the median of the rounds.
// Deliveries are sorted into the queues beside, as in the service, or, to tell
// the door's share, between the rounds (sort-cpu-us is then what that takes).
//
//	go test ./server -run '^$' -bench 'Intake$' -benchtime 1x
func BenchmarkIntake(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	for _, conns := range []int{64, 256} {
		b.Run(fmt.Sprintf("conns=%d/sorting=beside", conns), func(b *testing.B) { compareIntake(b, conns, true) })
		b.Run(fmt.Sprintf("conns=%d/sorting=between", conns), func(b *testing.B) { compareIntake(b, conns, false) })
	}
}

func compareIntake(b *testing.B, conns int, beside bool) {
	const rounds, each = 7, 700 * time.Millisecond
	for b.Loop() {
		r := newRig(b)
		r.link(20_000)
		bare := newBareIntake(b)
		sort := r.takeBatch
		if !beside {
			sort = nil
		}
		got := map[string][]float64{}
		event := 0
		for round := range rounds + 1 {
			tenon, cpu := load(b, r.address, conns, each, r.dealPool(&event), sort)
			before := cpuTime()
			n := r.takeIn()
			spent := cpuTime() - before
			base, cpuBare := load(b, bare.address, conns, each, r.dealPool(&event), nil)
			if round == 0 {
				continue // warm
			}
			for unit, value := range map[string]float64{
				"tenon/s": tenon, "bare/s": base, "ratio": tenon / base, "tenon-cpu-us": cpu, "bare-cpu-us": cpuBare,
			} {
				got[unit] = append(got[unit], value)
			}
			if !beside {
				got["sort-cpu-us"] = append(got["sort-cpu-us"], float64(spent.Microseconds())/float64(max(n, 1)))
			}
		}
		for unit, values := range got {
			b.ReportMetric(median(values), unit)
		}
		b.ReportMetric(0, "ns/op")
		r.stop()
		bare.stop()
	}
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}

// poolSize is how many requests are made before a measurement starts; when
// they are used up, it ends early.
const poolSize = 60_000

// dealPool makes signed deliveries about random deals, each with an event of
// its own.
func (r *rig) dealPool(event *int) []string {
	rng := rand.New(rand.NewPCG(uint64(*event), 7))
	now := time.Now()
	pool := make([]string, poolSize)
	for i := range pool {
		*event++
		pool[i] = hubspotRequest(hubSecret, "/hooks/hubspot", r.dealBody(*event, 1+rng.IntN(20_000), now), now)
	}
	return pool
}

// load sends the pool over conns connections at once, each waiting for an
// answer before it sends again. Meanwhile sort, if not nil, is called as the
// running engine would. It returns the deliveries taken a second, and the
// processor time of each, that of its sender included, in microseconds.
func load(b *testing.B, address string, conns int, each time.Duration, pool []string, sort func() int) (rate, cpu float64) {
	b.Helper()
	var next, taken atomic.Int64
	var wg sync.WaitGroup
	senders := make([]*sender, conns)
	for i := range senders {
		senders[i] = dial(b, address)
	}
	runtime.GC()
	if sort != nil {
		defer sorting(sort)()
	}
	start, before := time.Now(), cpuTime()
	end := start.Add(each)
	for _, s := range senders {
		wg.Go(func() {
			defer s.conn.Close()
			for time.Now().Before(end) {
				i := int(next.Add(1)) - 1
				if i >= len(pool) {
					return
				}
				if status, err := s.send(pool[i]); err != nil || status != http.StatusNoContent {
					b.Errorf("answer %d, %v", status, err)
					return
				}
				taken.Add(1)
			}
		})
	}
	wg.Wait()
	used := cpuTime() - before
	return float64(taken.Load()) / time.Since(start).Seconds(), float64(used.Microseconds()) / float64(taken.Load())
}

// sortBatch is how many deliveries the engine sorts in one commit.
const sortBatch = 256

// sorting calls sort as often as the running engine sorts deliveries into its
// queues, until the function that it returns is called.
func sorting(sort func() int) (end func()) {
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for pause := 50 * time.Millisecond; ; {
			select {
			case <-stop:
				return
			case <-time.After(pause):
			}
			start := time.Now()
			if pause = 50 * time.Millisecond; sort() == sortBatch {
				pause = 2 * time.Since(start)
			}
		}
	}()
	return func() { close(stop); <-stopped }
}

// BenchmarkAcknowledge sends a thousand deliveries a second, at their times
// whatever became of those before, and tells how long after its time each was
// answered; then the same with 5 ms added to each of the two syncs of a commit.
//
//	go test ./server -run '^$' -bench Acknowledge -benchtime 1x
func BenchmarkAcknowledge(b *testing.B) {
	for name, slower := range map[string]time.Duration{"plain": 0, "sync+5ms": 10 * time.Millisecond} {
		b.Run(name, func(b *testing.B) {
			const rounds, conns, all = 5, 64, 3000
			for b.Loop() {
				r := newRig(b, func(r *rig) { r.committed = func(uint64) { time.Sleep(slower) } })
				r.link(20_000)
				var p50, p99 []float64
				event := 0
				end := sorting(r.takeBatch)
				for round := range rounds + 1 {
					took := paced(b, r.address, conns, r.dealPool(&event)[:all])
					slices.Sort(took)
					if round == 0 {
						continue // warm
					}
					p50 = append(p50, float64(took[all/2].Microseconds())/1000)
					p99 = append(p99, float64(took[all*99/100].Microseconds())/1000)
				}
				end()
				b.ReportMetric(median(p50), "ms-p50")
				b.ReportMetric(median(p99), "ms-p99")
				b.ReportMetric(0, "ns/op")
				r.stop()
			}
		})
	}
}

// paced sends the pool, one request a millisecond, and returns how long after
// its time each was answered.
func paced(b *testing.B, address string, conns int, pool []string) []time.Duration {
	b.Helper()
	took := make([]time.Duration, len(pool))
	var next atomic.Int64
	var wg sync.WaitGroup
	start := time.Now().Add(50 * time.Millisecond)
	for range conns {
		s := dial(b, address)
		wg.Go(func() {
			defer s.conn.Close()
			for {
				i := int(next.Add(1)) - 1
				if i >= len(pool) {
					return
				}
				due := start.Add(time.Duration(i) * time.Millisecond)
				time.Sleep(time.Until(due))
				if status, err := s.send(pool[i]); err != nil || status != http.StatusNoContent {
					b.Errorf("answer %d, %v", status, err)
					return
				}
				took[i] = time.Since(due)
			}
		})
	}
	wg.Wait()
	return took
}

// sender is one connection that sends raw requests: an http.Client would take
// as much of the machine as the server.
type sender struct {
	conn net.Conn
	in   *bufio.Reader
}

func dial(tb testing.TB, address string) *sender {
	tb.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		tb.Fatal(err)
	}
	return &sender{conn: conn, in: bufio.NewReaderSize(conn, 1024)}
}

// send returns the status of the answer, which has no body.
func (s *sender) send(request string) (status int, err error) {
	if _, err := io.WriteString(s.conn, request); err != nil {
		return 0, err
	}
	for first := true; ; first = false {
		line, err := s.in.ReadSlice('\n')
		switch {
		case err != nil:
			return 0, err
		case first:
			if _, err := fmt.Sscanf(string(line[:min(len(line), 12)]), "HTTP/1.1 %d", &status); err != nil {
				return 0, err
			}
		case len(bytes.TrimSpace(line)) == 0:
			return status, nil
		}
	}
}

// bareIntake is the least that a durable intake can be.
type bareIntake struct {
	address string
	log     *os.File
	server  *http.Server

	mu      sync.Mutex
	waiting []*appended
	wake    chan struct{}
	ended   chan struct{}
}

type appended struct {
	body []byte
	done chan error
}

func newBareIntake(b *testing.B) *bareIntake {
	b.Helper()
	log, err := os.Create(filepath.Join(b.TempDir(), "log"))
	if err != nil {
		b.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	a := &bareIntake{address: l.Addr().String(), log: log, wake: make(chan struct{}, 1), ended: make(chan struct{})}
	a.server = &http.Server{Handler: http.HandlerFunc(a.take), ReadHeaderTimeout: 10 * time.Second}
	go a.server.Serve(l)
	go a.commit()
	return a
}

func (a *bareIntake) stop() {
	a.server.Shutdown(context.Background())
	close(a.wake)
	<-a.ended
	a.log.Close()
}

func (a *bareIntake) take(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 4<<20))
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	stamp := r.Header.Get("X-HubSpot-Request-Timestamp")
	mac := hmac.New(sha256.New, []byte(hubSecret))
	io.WriteString(mac, r.Method+publicAddress+r.URL.RequestURI())
	mac.Write(body)
	io.WriteString(mac, stamp)
	want := base64.StdEncoding.EncodeToString(mac.Sum(nil))
	if subtle.ConstantTimeCompare([]byte(want), []byte(r.Header.Get("X-HubSpot-Signature-v3"))) != 1 {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	entry := &appended{body: body, done: make(chan error, 1)}
	a.mu.Lock()
	a.waiting = append(a.waiting, entry)
	a.mu.Unlock()
	select {
	case a.wake <- struct{}{}:
	default:
	}
	if err := <-entry.done; err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// commit writes what waits, syncs once, and answers.
func (a *bareIntake) commit() {
	defer close(a.ended)
	var buf []byte
	for range a.wake {
		a.mu.Lock()
		batch := a.waiting
		a.waiting = nil
		a.mu.Unlock()
		buf = buf[:0]
		for _, e := range batch {
			buf = append(append(buf, e.body...), '\n')
		}
		_, err := a.log.Write(buf)
		err = errors.Join(err, a.log.Sync())
		for _, e := range batch {
			e.done <- err
		}
	}
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
