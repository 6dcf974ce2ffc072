package main

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// withoutSIGXFSZ makes the process ignore the signal for files over the limit,
// as a service on a full disk gets none: a write then fails as it does there.
const withoutSIGXFSZ = "TENON_TEST_IGNORE_SIGXFSZ"

func init() {
	if os.Getenv(withoutSIGXFSZ) != "" {
		signal.Ignore(syscall.SIGXFSZ)
	}
}

// limitFiles bounds the size of the files that a running process may write; no
// rights are needed for a process of one's own.
func limitFiles(t *testing.T, pid int, bytes uint64) {
	t.Helper()
	const prlimit64, fileSize = syscall.SYS_PRLIMIT64, syscall.RLIMIT_FSIZE
	var old syscall.Rlimit
	if _, _, errno := syscall.RawSyscall6(prlimit64, uintptr(pid), fileSize, 0, uintptr(unsafe.Pointer(&old)), 0, 0); errno != 0 {
		t.Fatalf("read the limit of a process: %v", errno)
	}
	limit := syscall.Rlimit{Cur: min(bytes, old.Max), Max: old.Max}
	if _, _, errno := syscall.RawSyscall6(prlimit64, uintptr(pid), fileSize, uintptr(unsafe.Pointer(&limit)), 0, 0, 0); errno != 0 {
		t.Fatalf("set the limit of a process: %v", errno)
	}
}

// TestFull takes the room for the state away from a running service, at once and
// while its file grows, and gives it back. Meanwhile webhooks are answered 503
// with Retry-After, and everything that only reads goes on. Afterwards it goes
// on without a restart, and nothing is lost.
func TestFull(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a real process for some seconds; not in -short")
	}
	b := newTestbed(t, 5, withoutSIGXFSZ+"=1", "TENON_ENGINE_POLL_INTERVAL=24h", "TENON_ENGINE_SWEEP_INTERVAL=24h")
	r := newRelay(t, b)
	p := newPairs(t, b)
	r.blind.Store(true)
	go r.send(newRand(5, 0))
	t.Cleanup(r.end)
	token := strings.TrimSpace(b.tenon("token", "create", "operator", "--scopes", "read,operate,configure"))
	service := b.serve()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log of the service:\n%s", tail(service.log.String(), 6000))
		}
	})
	metas := 2 * uint64(os.Getpagesize()) // the pages that every commit writes last; what it writes before them lies behind
	for round, limit := range []uint64{0, 1, metas / 2, metas, 3 * metas, 64 << 10} {
		eventually(t, b.nothingWaits)
		eventually(t, r.idle)
		limitFiles(t, service.cmd.Process.Pid, limit)
		name := fmt.Sprintf("edited without room, %d", round)
		p.editDeal(t, 0, map[string]string{"dealname": name})
		p.editEpic(t, 1, map[string]any{"summary": name})
		p.make(t, name)
		if limit <= metas { // else a commit may find free pages below the limit
			eventually(t, func() error { return b.putsOff(r) })
			eventually(t, func() error { return b.reads(token) })
		}
		limitFiles(t, service.cmd.Process.Pid, 1<<62)
		eventually(t, r.idle)
		eventually(t, func() error {
			return p.inStep(map[int][]string{0: {name}, 1: {name}, len(p.deal) - 1: {name}})
		})
	}
	eventually(t, b.nothingWaits)
	service.stop(t)
	if n := r.refused.Load(); n > 0 {
		t.Errorf("%d webhooks were refused for good", n)
	}
	checkSound(t, filepath.Join(b.dir, "tenon.db"))
	r.blind.Store(false)
	p.quietAfter(t)
}

// putsOff says how the service answers a webhook other than it must without
// room.
func (b *testbed) putsOff(r *relay) error {
	r.mu.Lock()
	if len(r.waiting) == 0 {
		r.mu.Unlock()
		return fmt.Errorf("no webhook waits")
	}
	d := r.waiting[0]
	r.mu.Unlock()
	resp, err := r.request(d)
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
		return fmt.Errorf("a webhook is answered %s, Retry-After %q", resp.Status, resp.Header.Get("Retry-After"))
	}
	return nil
}

// reads says what cannot be read although nothing needs to be written.
func (b *testbed) reads(token string) error {
	client := &http.Client{Timeout: time.Minute}
	for _, path := range []string{"/healthz", "/", "/history", "/queue", "/api/v1/status", "/api/v1/links", "/api/v1/history", "/api/v1/backup", "/metrics"} {
		req, err := http.NewRequest(http.MethodGet, b.url()+path, nil)
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", "Bearer "+token)
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		var body bytes.Buffer
		_, err = body.ReadFrom(resp.Body)
		resp.Body.Close()
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: %s %.200s", path, resp.Status, body.String())
		}
	}
	return nil
}
