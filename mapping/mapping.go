package mapping

import (
	"slices"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// Side is one of the two ends of a mapping. Name is what the file calls it.
type Side struct {
	Name       string
	Connection string
	Object     string
	Scope      connectors.Scope
}

// Mapping is a mapping file that passed its check.
type Mapping struct {
	name        string
	description string
	path        string
	sides       [2]Side
	zone        *time.Location
	rules       []*Rule
	match       []MatchRule
	create      [2]*Create
	needs       [2][]string
	conflict    Policy
	firstSync   FirstSync
	onDelete    [2]DeletePolicy
	commentsTo  [2]bool
	filesTo     [2]bool
	fileLimit   int64
	within      string
	hash        uint64
	source      uint64
	writes      [2]map[string]position // the fields that rules write, for CheckTogether
	rolls       [2]map[string]*Rule    // the rules among them that roll up
	file        *File                  // for the places of problems
}

// Name returns the mapping's name.
func (m *Mapping) Name() string { return m.name }

// Description returns what the file says about itself, "" if nothing.
func (m *Mapping) Description() string { return m.description }

// Path returns the file's name as given to Parse.
func (m *Mapping) Path() string { return m.path }

// Hash returns a hash of everything that decides what the mapping does: sides,
// scopes, rules, policies and the types of the fields. Comments, layout and the
// description do not count. It is stable across releases and machines.
func (m *Mapping) Hash() uint64 { return m.hash }

// Source returns File.Hash of the file that the mapping was compiled from.
func (m *Mapping) Source() uint64 { return m.source }

// Zone returns the time zone in which instants become days and days instants.
func (m *Mapping) Zone() *time.Location { return m.zone }

// Side returns one end of the mapping.
func (m *Mapping) Side(id SideID) Side { return m.sides[id&1] }

// SideNamed returns the side that the file calls name.
func (m *Mapping) SideNamed(name string) (SideID, bool) {
	for id, s := range m.sides {
		if s.Name == name {
			return SideID(id), true
		}
	}
	return Left, false
}

// Rules returns the field rules in the order of the file.
func (m *Mapping) Rules() []*Rule { return m.rules }

// Needs returns the API names of the fields that must be read on a side for
// rules, match, conditions, tasks and creation, sorted.
func (m *Mapping) Needs(side SideID) []string { return slices.Clone(m.needs[side&1]) }

// Match returns the rules that propose a counterpart, in the order to try.
func (m *Mapping) Match() []MatchRule { return m.match }

// Create returns how records are made on a side, nil when none are.
func (m *Mapping) Create(target SideID) *Create { return m.create[target&1] }

// Conflict returns the mapping's own policy. Rules may have another one.
func (m *Mapping) Conflict() Policy { return m.conflict }

// FirstSync returns how a link of two existing records starts.
func (m *Mapping) FirstSync() FirstSync { return m.firstSync }

// OnDelete returns what follows when the record on that side was deleted.
func (m *Mapping) OnDelete(deletedOn SideID) DeletePolicy { return m.onDelete[deletedOn&1] }

// CommentsTo reports whether comments are copied to that side.
func (m *Mapping) CommentsTo(side SideID) bool { return m.commentsTo[side&1] }

// FilesTo reports whether attachments are copied to that side.
func (m *Mapping) FilesTo(side SideID) bool { return m.filesTo[side&1] }

// FileLimit returns the size in bytes of the largest attachment that is copied;
// a link takes the place of a larger one.
func (m *Mapping) FileLimit() int64 { return m.fileLimit }

// CarriesTo reports whether comments or attachments are copied to that side.
func (m *Mapping) CarriesTo(side SideID) bool { return m.CommentsTo(side) || m.FilesTo(side) }

// Within returns the name of the mapping whose links are the parents of this
// one's records, "" when there is none.
func (m *Mapping) Within() string { return m.within }

// MatchRule proposes as counterparts records whose values are equal.
type MatchRule struct {
	// Fields are the API names to compare; "id" where the record's own id
	// counts (see ByID).
	Fields [2]string
	// ByID says that on that side the record's id is compared, not a field.
	ByID    [2]bool
	convert [2]*converter
}

// Value returns what a record offers for comparison: a field's value or the
// record's id as text.
func (r MatchRule) Value(side SideID, rec *connectors.Record) (connectors.Value, connectors.Presence) {
	if r.ByID[side&1] {
		return connectors.Text(rec.Ref.ID), connectors.Present
	}
	return rec.Get(r.Fields[side&1])
}

// Convert returns the other side's value in the form in which this side's field
// would hold it. An error or the outcome Leave says that nothing can match.
func (r MatchRule) Convert(to SideID, v connectors.Value) (connectors.Value, Outcome, error) {
	return r.convert[to&1].value(v)
}
