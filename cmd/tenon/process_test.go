package main

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// testbed is a demonstration whose service and commands are processes of their
// own.
type testbed struct {
	*demonstration
	t     *testing.T
	extra []string // more variables for them, as NAME=value
}

// newTestbed starts the emulated systems and prepares them. The address of the
// service stays the same over its starts.
func newTestbed(t *testing.T, seed uint64, extra ...string) *testbed {
	t.Helper()
	return newTestbedOf(t, "", seed, extra...)
}

// newTestbedOf is newTestbed for an example, the first for "".
func newTestbedOf(t *testing.T, example string, seed uint64, extra ...string) *testbed {
	t.Helper()
	address, release, err := reserve()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	b := &testbed{demonstration: newTestDemoOf(t, example, seed, address), t: t, extra: extra}
	b.tenon("prepare")
	return b
}

// child is the service as a process.
type child struct {
	cmd     *exec.Cmd
	log     bytes.Buffer
	started time.Time
}

func (b *testbed) command(args ...string) *exec.Cmd {
	b.t.Helper()
	binary, err := os.Executable()
	if err != nil {
		b.t.Fatal(err)
	}
	cmd := exec.Command(binary, append(args, "--config", filepath.Join(b.dir, "tenon.yaml"))...)
	cmd.Env = append(b.environ(), b.extra...)
	return cmd
}

// run runs a command to its end and returns its exit code and what it said.
func (b *testbed) run(args ...string) (code int, stdout, stderr string) {
	b.t.Helper()
	var out, errs bytes.Buffer
	cmd := b.command(args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		b.t.Fatalf("tenon %s: %v", strings.Join(args, " "), err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

// tenon runs a command that must do well.
func (b *testbed) tenon(args ...string) string {
	b.t.Helper()
	code, stdout, stderr := b.run(args...)
	if code != exitDone {
		b.t.Fatalf("tenon %s: exit code %d\n%s%s", strings.Join(args, " "), code, stdout, stderr)
	}
	return stdout
}

func (b *testbed) spawn() *child {
	b.t.Helper()
	p := &child{cmd: b.command("serve"), started: time.Now()}
	p.cmd.Stderr = &p.log
	if err := p.cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() {
		if p.cmd.ProcessState == nil {
			_ = p.cmd.Process.Kill() // a failed test left it
			_ = p.cmd.Wait()
		}
	})
	return p
}

// serve is spawn, and waits until the service is ready.
func (b *testbed) serve() *child {
	b.t.Helper()
	p := b.spawn()
	eventually(b.t, b.answersReady)
	return p
}

// get asks the service for a page and returns its status and text.
func (b *testbed) get(path string) (status int, text string, err error) {
	resp, err := http.Get(b.url() + path)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body), err
}

// answersReady says why the service is not ready.
func (b *testbed) answersReady() error {
	status, text, err := b.get("/readyz")
	if err == nil && status != http.StatusOK {
		err = errors.New(text)
	}
	return err
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
		t.Errorf("the service did not stop in peace: %v\n%s", err, tail(p.log.String(), 4000))
	}
}

// newRand returns one stream of what a seed draws.
func newRand(seed, stream uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, stream)) }

func tail(text string, n int) string {
	if len(text) > n {
		return "…" + text[len(text)-n:]
	}
	return text
}
