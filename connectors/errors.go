package connectors

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Kind says what an error means for the work at hand. The set is closed and
// the engine decides by it alone, never by an error's text.
type Kind uint8

// The kinds of errors.
const (
	Internal    Kind = iota // a fault of ours, or an answer that makes no sense
	NotFound                // the record, object or field is not there, or may not be seen
	Conflict                // somebody changed the record meanwhile, or the unique value is taken
	RateLimited             // too many requests; RetryAfter says when to come again
	Auth                    // the credentials are refused or have expired
	Permission              // the account lacks a right
	Invalid                 // the system refuses the content; the same request fails again
	Unavailable             // the system is down, slow or unreachable; a later try may succeed
)

var kindNames = [...]string{
	"internal", "not found", "conflict", "rate limited", "auth",
	"permission", "invalid", "unavailable",
}

// String returns the kind's name.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// Temporary reports whether the same request may succeed later without anybody
// doing something about it.
func (k Kind) Temporary() bool { return k == RateLimited || k == Unavailable || k == Internal }

// FieldError is a field that the system refused, with the system's own words.
type FieldError struct {
	Field  string
	Reason string
}

// Error is what a connection returns; the engine looks at Kind, RetryAfter,
// Unsure and Fields only.
type Error struct {
	Op         string // "update", "list changes"
	Connection string // configured name, "hubspot-eu"
	Record     string // "deals/1042"; empty when not about one record
	Kind       Kind
	RetryAfter time.Duration // zero: the engine picks the wait

	// Unsure says that a write may have taken effect although it failed: the
	// answer was lost or cut. Nothing may be concluded before a read.
	Unsure bool

	// Fields are the fields that an Invalid write was refused for, where the
	// system names them. Nothing of that write took effect; the write without
	// them may succeed.
	Fields []FieldError

	// Help says what a person should do, if known: "renew the token in Jira".
	Help string

	Err error
}

// Error returns "connection: op record: cause".
func (e *Error) Error() string {
	var b strings.Builder
	if e.Connection != "" {
		b.WriteString(e.Connection + ": ")
	}
	b.WriteString(e.Op)
	if e.Record != "" {
		b.WriteString(" " + e.Record)
	}
	for _, f := range e.Fields {
		fmt.Fprintf(&b, ": field %q: %s", f.Field, f.Reason)
	}
	if e.Err != nil && len(e.Fields) == 0 {
		b.WriteString(": " + e.Err.Error())
	} else if e.Err == nil && len(e.Fields) == 0 {
		b.WriteString(": " + e.Kind.String())
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of err: that of the first *Error in its chain,
// Unavailable for an ended context, else Internal.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return Unavailable
	}
	return Internal
}

// RetryAfter returns how long the system asked to wait, zero if it did not.
func RetryAfter(err error) time.Duration {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.RetryAfter
	}
	return 0
}

// IsUnsure reports whether a write that ended in err may have taken effect. An
// error of another type is unsure: it tells nothing about the system.
func IsUnsure(err error) bool {
	if err == nil {
		return false
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Unsure
	}
	return true
}

// Sure marks the error of a write that came before anything was sent, or of
// what does no harm: nothing took effect. Other errors stay as they are.
func Sure(err error) error {
	e, ok := errors.AsType[*Error](err)
	if !ok || !e.Unsure {
		return err
	}
	certain := *e
	certain.Unsure = false
	return &certain
}

// AboutRecord reports whether an error of a call for one record is about that
// record, not about the connection.
func AboutRecord(err error) bool {
	switch KindOf(err) {
	case NotFound, Permission, Invalid:
		return true
	}
	return false
}
