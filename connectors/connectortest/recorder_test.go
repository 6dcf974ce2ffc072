package connectortest_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"

	"github.com/tenonsync/tenon/connectors/connectortest"
)

// recorder is a TB that notes what fails instead of failing.
type recorder struct {
	name string
	ctx  context.Context
	root *record

	mu       sync.Mutex
	failed   bool
	cleanups []func()
}

// record is what a whole run came to.
type record struct {
	mu       sync.Mutex
	failures []string // "group/test: message"
	skips    []string
}

func newRecorder(ctx context.Context) *recorder {
	return &recorder{ctx: ctx, root: &record{}}
}

func (r *recorder) Helper()                  {}
func (r *recorder) Name() string             { return r.name }
func (r *recorder) Context() context.Context { return r.ctx }
func (r *recorder) Logf(string, ...any)      {}

func (r *recorder) Cleanup(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cleanups = append(r.cleanups, f)
}

func (r *recorder) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	r.failed = true
	r.mu.Unlock()
	r.root.mu.Lock()
	defer r.root.mu.Unlock()
	r.root.failures = append(r.root.failures, r.name+": "+fmt.Sprintf(format, args...))
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

func (r *recorder) Skipf(format string, args ...any) {
	r.root.mu.Lock()
	r.root.skips = append(r.root.skips, r.name+": "+fmt.Sprintf(format, args...))
	r.root.mu.Unlock()
	runtime.Goexit()
}

// Run runs a subtest to its end; a panic is a failure.
func (r *recorder) Run(name string, f func(connectortest.TB)) bool {
	sub := &recorder{name: strings.TrimPrefix(r.name+"/"+name, "/"), ctx: r.ctx, root: r.root}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			for i := len(sub.cleanups) - 1; i >= 0; i-- {
				sub.cleanups[i]()
			}
		}()
		defer func() {
			if p := recover(); p != nil {
				sub.Errorf("panic: %v", p)
			}
		}()
		f(sub)
	}()
	<-done
	return !sub.Failed()
}
