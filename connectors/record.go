package connectors

import (
	"fmt"
	"strings"
	"time"
)

// Ref names a record: the connection it lives in, its object and its id there.
// The id is the system's own stable id (Jira's numeric id, not the key that a
// move changes).
type Ref struct {
	Connection string `json:"connection"`
	Object     string `json:"object"`
	ID         string `json:"id"`
}

// String returns "connection/object/id".
func (r Ref) String() string { return r.Connection + "/" + r.Object + "/" + r.ID }

// IsZero reports whether r names nothing.
func (r Ref) IsZero() bool { return r == Ref{} }

// ParseRef reads what String writes. The id may hold slashes.
func ParseRef(s string) (Ref, error) {
	connection, rest, ok := strings.Cut(s, "/")
	object, id, ok2 := strings.Cut(rest, "/")
	if !ok || !ok2 || connection == "" || object == "" || id == "" {
		return Ref{}, fmt.Errorf("%q does not name a record; write connection/object/id", clip(s))
	}
	return Ref{Connection: connection, Object: object, ID: id}, nil
}

// Presence tells the three meanings of "no value here" apart. Only a present
// field takes part in a merge.
type Presence uint8

// The presences. The zero value is the one that claims least.
const (
	Absent  Presence = iota // not asked for, or not in the answer
	Hidden                  // the account may not read the field
	Present                 // the system told the value; Null says that it is cleared
)

// String returns "absent", "hidden" or "present".
func (p Presence) String() string {
	return [...]string{"absent", "hidden", "present"}[min(p, 2)]
}

// State says what has become of a record.
type State uint8

// The states of a record.
const (
	Live     State = iota // it is there
	Archived              // out of sight, can be restored
	Deleted               // gone for good, or in a bin that the API does not show
	Merged                // another record took its place: Record.MergedInto
)

// String returns the state's name.
func (s State) String() string {
	return [...]string{"live", "archived", "deleted", "merged"}[min(s, 3)]
}

// Record is what one read told about one record.
type Record struct {
	Ref Ref

	// Version changes with every change of the record and is compared for
	// equality only; empty where the system has none.
	Version string

	// Modified and Created are the system's own times, UTC, zero when unknown.
	// Their precision is Facts.TimePrecision.
	Modified time.Time
	Created  time.Time

	// State is Live unless the system said otherwise. InScope is false when the
	// record is there but outside the scope that the read named: that is no
	// deletion.
	State      State
	InScope    bool
	MergedInto string // the id of the record that took this one's place

	// URL is where people see the record; Key is its readable name ("DELIV-12"),
	// Title what people call it. All may be empty.
	URL   string
	Key   string
	Title string

	// Parent is the id of the record that this one belongs to, if any.
	Parent string

	fields map[string]Value
	hidden map[string]bool
}

// Grow makes room for n more fields, for whoever knows how many will be set.
func (r *Record) Grow(n int) {
	if r.fields == nil && n > 0 {
		r.fields = make(map[string]Value, n)
	}
}

// Set stores the value of a field as told by the system.
func (r *Record) Set(field string, v Value) {
	if r.fields == nil {
		r.fields = make(map[string]Value, 16)
	}
	r.fields[field] = v
}

// Hide notes that the account may not read the field.
func (r *Record) Hide(field string) {
	if r.hidden == nil {
		r.hidden = make(map[string]bool)
	}
	r.hidden[field] = true
	delete(r.fields, field)
}

// Get returns a field's value and whether the system told it. The value is
// Null unless the field is Present.
func (r *Record) Get(field string) (Value, Presence) {
	if v, ok := r.fields[field]; ok {
		return v, Present
	}
	if r.hidden[field] {
		return Null, Hidden
	}
	return Null, Absent
}

// Fields calls yield for each present field, in no particular order.
func (r *Record) Fields(yield func(field string, v Value) bool) {
	for f, v := range r.fields {
		if !yield(f, v) {
			return
		}
	}
}

// Clone returns a copy that shares nothing that can change.
func (r *Record) Clone() *Record {
	c := *r
	c.fields, c.hidden = nil, nil
	for f, v := range r.fields {
		c.Set(f, v)
	}
	for f := range r.hidden {
		c.Hide(f)
	}
	return &c
}
