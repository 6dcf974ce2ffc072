package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/tenonsync/tenon/connectors"
)

func TestOneLine(t *testing.T) {
	for _, test := range []struct{ name, in, want string }{
		{"plain", "Roll-out für Åse 🚀", "Roll-out für Åse 🚀"},
		{"right to left", "עברית שלום", "עברית שלום"},
		{"line ends", "a\nb\r\nc\u2028d\u2029e\u0085f", "a b  c d e f"},
		{"escapes", "\x1b[31mred\x07\x7f\u009b2J", " [31mred   2J"},
		{"overrides", "invoice\u202egpj.exe\u202c", "invoice gpj.exe "},
		{"isolates", "\u2067a\u2069", " a "},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := oneLine(test.in); got != test.want {
				t.Errorf("oneLine(%q): got %q, want %q", test.in, got, test.want)
			}
		})
	}
}

func TestInterrupted(t *testing.T) {
	ctx, stop := context.WithCancelCause(t.Context())
	lost := &connectors.Error{Kind: connectors.Unavailable, Op: "read deals", Err: fmt.Errorf("ask: %w", context.Canceled)}
	tell := func(err error) (int, string) {
		var stderr bytes.Buffer
		c := &cli{stderr: &stderr}
		return c.report(ctx, err), stderr.String()
	}
	if code, _ := tell(lost); code != exitSystem {
		t.Errorf("a lost connection without a signal: got code %d, want %d", code, exitSystem)
	}
	stop(errors.New("interrupt signal received"))
	code, text := tell(lost)
	want := "tenon: interrupted\nhint: what was done until then stands; the same command goes on from there\n"
	if code != exitProgram || text != want {
		t.Errorf("after a signal: got code %d and %q, want %d and %q", code, text, exitProgram, want)
	}
	if code, text := tell(fail(exitConfig, "mend it", "tenon.yaml is bad")); code != exitConfig || text != "tenon: tenon.yaml is bad\nhint: mend it\n" {
		t.Errorf("an error of its own after a signal: got code %d and %q", code, text)
	}
}

func TestClassify(t *testing.T) {
	for _, test := range []struct {
		name string
		err  error
		code int
		hint string
	}{
		{
			"a full disk", fmt.Errorf("plan: %w", &os.PathError{Op: "write", Path: "x.plan", Err: syscall.ENOSPC}),
			exitState, "make room on the disk, or name a file elsewhere",
		},
		{
			"an answer cut off", &connectors.Error{Kind: connectors.Internal, Err: io.ErrUnexpectedEOF},
			exitProgram, "try again; if it stays so, see whether the system, or something before it, answers as it should",
		},
		{
			"a wrong address", &connectors.Error{Kind: connectors.Unavailable, Err: fmt.Errorf("check: %w", &net.OpError{Op: "dial", Err: &net.DNSError{Name: "acme"}})},
			exitSystem, "is the address in tenon.yaml right, and may this machine reach it?",
		},
		{"the connector's own advice", &connectors.Error{Kind: connectors.Internal, Help: "look there"}, exitProgram, "look there"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if code, hint := classify(test.err); code != test.code || hint != test.hint {
				t.Errorf("got code %d and the hint %q, want %d and %q", code, hint, test.code, test.hint)
			}
		})
	}
}
