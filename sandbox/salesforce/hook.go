package salesforce

import (
	"maps"
	"slices"
	"time"
)

// A ChangeKind says what happened to a record.
type ChangeKind string

// The kinds of changes, as change events spell them.
const (
	Created   ChangeKind = "CREATE"
	Updated   ChangeKind = "UPDATE"
	Deleted   ChangeKind = "DELETE"
	Undeleted ChangeKind = "UNDELETE"
)

// A Change is what one transaction did to one record.
type Change struct {
	Object string // canonical name
	ID     string // 18 characters
	Kind   ChangeKind
	// Fields are the canonical names of the fields that an update changed, sorted,
	// without those that the system keeps besides LastModifiedDate and
	// LastModifiedById. Nil for the other kinds.
	Fields []string
	// Before and Values are the fields before and at the commit: nil, string,
	// bool, Decimal or time.Time. Before is nil for creates, Values for deletes.
	Before, Values map[string]any
}

// Decimal is the text of a decimal number.
type Decimal string

// A Commit is one transaction that took effect. Its changes are in the order in
// which the records were first touched, one per record.
type Commit struct {
	Transaction string    // key of the transaction
	Number      int64     // ascending
	At          time.Time // of the commit, in whole milliseconds
	User        string    // 18-character id of the user who did it
	Origin      string    // as in changeOrigin; empty for internal automation
	Changes     []Change
}

// Listen has fn called with each commit, in commit order, until stop is called.
// fn is called with the System locked: it must be quick and must not call the
// System.
func (s *System) Listen(fn func(Commit)) (stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nextListener++
	n := s.nextListener
	s.listeners[n] = fn
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.listeners, n)
	}
}

func (s *System) tell(c Commit) {
	for _, n := range slices.Sorted(maps.Keys(s.listeners)) {
		s.listeners[n](c)
	}
}

// A FieldInfo tells about one field, as describe does.
type FieldInfo struct {
	Name, Label, Type string
	Length            int
	Nillable          bool
	Calculated        bool
	Custom            bool
	Compound          string   // name of the compound field that it is a part of
	ReferenceTo       []string // objects
}

// An ObjectInfo tells about one object, whatever rights hide.
type ObjectInfo struct {
	Name, Label, KeyPrefix string
	Custom                 bool
	Fields                 []FieldInfo
}

// Object tells about the object with this name in any case.
func (s *System) Object(name string) (ObjectInfo, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.object(name)
	if o == nil {
		return ObjectInfo{}, false
	}
	info := ObjectInfo{Name: o.name, Label: o.label, KeyPrefix: o.prefix, Custom: o.custom}
	for _, f := range o.fields {
		info.Fields = append(info.Fields, FieldInfo{
			Name: f.name, Label: f.label, Type: f.kind, Length: f.length, Nillable: f.nillable, Calculated: f.calculated, Custom: f.custom,
			Compound: f.compound, ReferenceTo: slices.Clone(f.references),
		})
	}
	return info, true
}

// Objects returns the names of all objects.
func (s *System) Objects() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, o := range s.objects {
		out = append(out, o.name)
	}
	return out
}

// A Session is who an access token belongs to.
type Session struct {
	User string // 18-character id
	Org  string // 18-character id
}

// Session returns whom an access token belongs to, unless it is unknown or its
// time is over. It counts as use of the token.
func (s *System) Session(token string) (Session, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sess := s.sessions[token]
	if now := s.tick(); sess == nil || !now.Before(sess.expires) {
		return Session{}, false
	}
	if u := s.find(sess.user); u == nil || !u.flag("IsActive") {
		return Session{}, false
	}
	s.use(sess)
	return Session{User: sess.user, Org: s.org}, true
}

// Hidden reports whether field-level security hides a field, or a permission a
// whole object (field empty), from the user of the API.
func (s *System) Hidden(object, field string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.object(object)
	if o == nil || s.denied(o.name, "read") {
		return true
	}
	f := o.field(field)
	return field != "" && (f == nil || s.hides(f))
}

// Now returns the System's time.
func (s *System) Now() time.Time { return s.clock.Now().UTC() }

// OrgID returns the 18-character id of the organisation.
func (s *System) OrgID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.org
}

// IntegrationUser returns the 18-character id of the user that the API's
// clients run as by default.
func (s *System) IntegrationUser() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.apiUser
}
