package connectortest

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// TB is what the suite needs of a test. Run hands it a *testing.T; the tests
// of the suite itself hand it a recorder.
type TB interface {
	Helper()
	Name() string
	Context() context.Context
	Cleanup(func())
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Logf(format string, args ...any)
	Skipf(format string, args ...any)
	Failed() bool
	Run(name string, f func(TB)) bool
}

// T makes a TB of a test.
func T(t *testing.T) TB { return goTest{t} }

type goTest struct{ *testing.T }

// Run implements TB.
func (t goTest) Run(name string, f func(TB)) bool {
	return t.T.Run(name, func(t *testing.T) { f(goTest{t}) })
}

// World is one system with a connection to it. The methods besides Connection
// act on the system as people do: at once and around the connection. They fail
// the test themselves.
//
// What only some worlds can do is in optional interfaces: Webhooker, Archiver,
// Streamer, Merger, Mover, Hider, Reshaper, Waiter, Talker, Attacher, Faulter,
// Throttler, Counter.
type World interface {
	// Connection is the connection under test, always the same one.
	Connection() connectors.Connection

	// Create makes a record of the harness's object in its scope.
	Create(t TB, fields map[string]connectors.Value) (id string)
	// Edit sets one field; Null clears it.
	Edit(t TB, id, field string, v connectors.Value)
	// Delete deletes a record, as far as people can.
	Delete(t TB, id string)
	// Truth returns what the system holds in the harness's fields, in the form
	// in which a connection would read it; cleared fields are missing or Null.
	// Nil means that the record is not there.
	Truth(t TB, id string) map[string]connectors.Value
	// IDs returns the records of the harness's object and scope that are there.
	IDs(t TB) []string
	// Settle lets at least Facts.IndexLag and one step of the system's clock
	// pass, so that lists show whatever was done, and the overlap of a list of
	// changes lies behind.
	Settle(t TB)
}

// Webhooker is a World that sends webhooks.
type Webhooker interface {
	// Webhooks returns the deliveries since the last call, signed, with Now
	// set, oldest first.
	Webhooks(t TB) []connectors.WebhookRequest
}

// Archiver is a World whose people archive records.
type Archiver interface {
	Archive(t TB, id string)
}

// Merger is a World whose people merge records.
type Merger interface {
	Merge(t TB, loser, winner string)
}

// Mover is a World whose people move records out of the harness's scope.
type Mover interface {
	Move(t TB, id string)
}

// Hider is a World that can take the connection's right to read a field away.
type Hider interface {
	Hide(t TB, field string)
}

// Waiter is a World that can let any time pass, so that the suite can look while
// changes do not show yet. Without it the tests of late changes see less.
type Waiter interface {
	Wait(t TB, d time.Duration)
}

// Talker is a World whose people comment.
type Talker interface {
	Comment(t TB, id, markdown string)
	CommentCount(t TB, id string) int
}

// Attacher is a World whose people attach files.
type Attacher interface {
	// Attach adds a file to a record and returns its id.
	Attach(t TB, id, name string, content []byte) (fileID string)
	// Attached returns what the system shows of a record's attachments, oldest
	// first, with the content of those that are files.
	Attached(t TB, id string) []AttachedFile
}

// AttachedFile is an attachment in truth. Content is nil for a link.
type AttachedFile struct {
	Name    string
	Link    string
	Content []byte
}

// Fault is something that goes wrong between the connection and the system.
type Fault uint8

// The faults. Those of one request hit the next request that changes
// something, TooMany the next one of any kind; the others last until Heal.
const (
	ResetBefore Fault = iota // the connection is cut before the write takes effect
	ResetAfter               // the write takes effect, then the connection is cut
	ErrorAfter               // the write takes effect and is answered with status 500
	TooMany                  // the request is refused with 429; it may be repeated after a second at most
	Revoked                  // the credentials are refused
	Forbidden                // writes are refused for want of a right
	Down                     // nothing is answered but 503
)

// String returns the fault's name.
func (f Fault) String() string {
	return [...]string{"reset before the effect", "reset after the effect", "error after the effect", "too many requests", "revoked credentials", "forbidden", "down"}[f]
}

// Faulter is a World in which things go wrong on demand.
type Faulter interface {
	// Fault arms a fault; false where the world has no such fault.
	Fault(t TB, f Fault) bool
	// Heal ends what is armed or lasting.
	Heal(t TB)
}

// Sample is a field with two values that may be written to it.
type Sample struct {
	Field    string
	One, Two connectors.Value
	// OneReads and TwoReads are what is read after writing, where the system
	// changes the form; nil: what was written.
	OneReads, TwoReads *connectors.Value
}

// Harness describes a connector to the suite.
type Harness struct {
	// Open returns a fresh world; the suite opens one for each test. It uses
	// t.Cleanup for what must end.
	Open func(t TB) World

	Object string
	Scope  connectors.Scope

	// Title is a text field that can be written, of at least 60 characters; its
	// values tell records apart. Required are the other fields that a create
	// needs.
	Title    string
	Required map[string]connectors.Value

	// Samples are the fields to write and read, one of each type at least that
	// the system has. They do not hold Title.
	Samples []Sample

	// Refused is an update that the system refuses because of this field, with
	// its reason ignored.
	Refused map[string]connectors.Value
	// ReadOnly is a field that cannot be written, and a value to try.
	ReadOnly Sample

	// Droppable is the field of a sample that an admin can delete (see Reshaper).
	Droppable string

	BadScope     connectors.Scope    // a scope that makes no sense; nil: none exists
	AbsentID     string              // an id of the right form that no record has
	Find         Sample              // a field that Finder knows; two values
	Email        string              // of a person the connection may see; "": none
	Labels       string              // an options field with at least three choices or open, for SetEdits
	LabelOptions []connectors.Option // three of its options

	Child *Child // nil: no records are made under the object's

	// OldWebhooks says that the system's deliveries carry no time, so that old
	// ones cannot be told.
	OldWebhooks bool

	// Patience is how long a stream may take to tell something; default a minute,
	// which only broken ones take.
	Patience time.Duration

	// Records is how many records the tests of lists make; default 30. More
	// than a page is best.
	Records int

	// Groups are the groups of tests to run, such as "stream"; nil: all.
	Groups []string
}

// Run checks a connector.
func Run(t *testing.T, h Harness) {
	t.Helper()
	RunTB(T(t), h)
}

// RunTB is Run for any TB.
func RunTB(t TB, h Harness) {
	t.Helper()
	if h.Records == 0 {
		h.Records = 30
	}
	if h.Patience == 0 {
		h.Patience = time.Minute
	}
	for _, g := range []struct {
		name  string
		tests []test
	}{
		{"basics", basics},
		{"read", reads},
		{"changes", changes},
		{"write", writes},
		{"keys", keys},
		{"children", children},
		{"find", finds},
		{"people", people},
		{"comments", comments},
		{"files", files},
		{"history", history},
		{"webhooks", webhooks},
		{"stream", streams},
		{"retire", retires},
		{"rights", rights},
		{"faults", faults},
		{"mishaps", mishaps},
		{"concurrency", concurrency},
		{"cost", cost},
	} {
		if h.Groups != nil && !slices.Contains(h.Groups, g.name) {
			continue
		}
		t.Run(g.name, func(t TB) {
			for _, tc := range g.tests {
				t.Run(tc.name, func(t TB) { tc.run(open(t, h)) })
			}
		})
	}
}

// test is one test of a group.
type test struct {
	name string
	run  func(*env)
}

// env is what a test works with.
type env struct {
	TB
	h   Harness
	w   World
	c   connectors.Connection
	can connectors.Abilities
	sel connectors.Selection
}

func open(t TB, h Harness) *env {
	t.Helper()
	w := h.Open(t)
	e := &env{TB: t, h: h, w: w, c: w.Connection()}
	e.can = connectors.AbilitiesOf(e.c)
	e.sel = connectors.Selection{Object: h.Object, Scope: h.Scope, Fields: []string{h.Title}}
	for _, s := range h.Samples {
		e.sel.Fields = append(e.sel.Fields, s.Field)
	}
	if e.can.Preparer != nil {
		if err := e.can.Preparer.Prepare(t.Context(), connectors.Need{Object: h.Object, Comment: true, Attach: true}); err != nil {
			t.Fatalf("Prepare: %v", err)
		}
	}
	return e
}
