package engine

import (
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// Plan is what a sync of a mapping would do. Nothing is written for it.
type Plan struct {
	Mapping string         `json:"mapping"`
	At      time.Time      `json:"at"`
	Listed  int            `json:"listed"` // rows of both sides' listings
	Read    int            `json:"read"`   // records and links that were read, since something of them may differ
	Counts  map[string]int `json:"counts"` // by PlanChange.Action
	Changes []PlanChange   `json:"changes"`
	Omitted int            `json:"omitted,omitempty"` // changes that were counted, but are not in Changes

	// Alone counts, by the sides' names, the records in scope that have no
	// counterpart and are to have none.
	Alone map[string]int `json:"alone,omitempty"`
	// Standing counts, by kind, the fields that were set aside before and wait
	// for a person or for their cause to go; a sync does nothing about them.
	Standing map[string]int `json:"standing,omitempty"`
	Lacks    []PlanLack     `json:"lacks,omitempty"`    // people and options without a counterpart, and what else cannot be carried over
	Guards   []string       `json:"guards,omitempty"`   // why a sync would stop and ask
	Warnings []string       `json:"warnings,omitempty"` // what a person should know before the creates of this plan
	Cost     *PlanCost      `json:"cost,omitempty"`     // nil where nothing would be done
}

// The actions of a PlanChange.
const (
	PlanLink      = "link"      // two records that match are linked
	PlanCreate    = "create"    // the counterpart is made, with its tasks
	PlanUpdate    = "update"    // fields are written
	PlanRepeat    = "try again" // fields are written that the system refused before
	PlanArchive   = "archive"   // the counterpart of a record that is gone is archived
	PlanDelete    = "delete"    // … deleted
	PlanRecreate  = "recreate"  // a record that is gone is made again
	PlanUnlink    = "unlink"    // the link ends, both records stay as they are
	PlanComment   = "comment"   // comments are copied
	PlanAttach    = "attach"    // files are copied, or links to them
	PlanOffer     = "offer"     // the button's address is written into the record
	PlanConflict  = "conflict"  // a field will wait for a person
	PlanAside     = "set aside" // a field is left out, for the reason given
	PlanAmbiguous = "ambiguous" // several records match; a person links the right one
	PlanWait      = "wait"      // nothing can be said about it yet
	PlanFailed    = "failed"    // it cannot be done, for the reason given
)

// PlanActions lists the actions in the order in which they are shown.
var PlanActions = []string{
	PlanLink, PlanCreate, PlanUpdate, PlanRepeat, PlanComment, PlanAttach, PlanOffer, PlanArchive, PlanDelete, PlanRecreate, PlanUnlink,
	PlanConflict, PlanAside, PlanAmbiguous, PlanWait, PlanFailed,
}

// PlanChange is one thing that a sync would do, or cannot do.
type PlanChange struct {
	Action     string            `json:"action"`
	Records    [2]connectors.Ref `json:"records"`
	Versions   [2]string         `json:"versions,omitzero"` // as read; "" where unknown
	To         string            `json:"to,omitempty"`      // the name of the side that is written
	Title      string            `json:"title,omitempty"`
	Rule       string            `json:"rule,omitempty"` // the field that is set aside, or what two records match by
	Fields     []PlanField       `json:"fields,omitempty"`
	Tasks      []PreviewTask     `json:"tasks,omitempty"`
	Back       []string          `json:"back,omitempty"`     // fields of the source that are written once the new record is there, if it holds something for them
	Comments   []string          `json:"comments,omitempty"` // the ids of those that are copied
	Files      []PlanAttachment  `json:"files,omitempty"`
	Candidates []PlanCandidate   `json:"candidates,omitempty"`
	Code       string            `json:"code,omitempty"` // a reason code
	Reason     string            `json:"reason,omitempty"`
}

// PlanField is one field write of a plan. Prints are keyed fingerprints of the
// two values: they tell whether a value is the same, and nothing else.
type PlanField struct {
	Name   string    `json:"name"` // the rule's name
	Field  string    `json:"field,omitempty"`
	Before string    `json:"before"`
	After  string    `json:"after"`
	Why    string    `json:"why"`
	Rule   uint32    `json:"rule,omitempty"`
	Prints [2]string `json:"prints,omitzero"`
}

// PlanAttachment is a file that is copied, or a link that takes its place.
type PlanAttachment struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Size int64  `json:"size"` // in bytes; -1 where unknown
	Link string `json:"link,omitempty"`
}

// PlanCandidate is one of several records that match.
type PlanCandidate struct {
	Record connectors.Ref `json:"record"`
	Title  string         `json:"title,omitempty"`
	URL    string         `json:"url,omitempty"`
}

// PlanLack is something that has no counterpart on a side, with how many
// records name it.
type PlanLack struct {
	Field    string           `json:"field"`
	To       string           `json:"to"` // the side's name
	Code     string           `json:"code"`
	Reason   string           `json:"reason"`
	Records  int              `json:"records"`
	Examples []connectors.Ref `json:"examples"` // a few of them
}

// PlanCost is about what carrying out a plan would take. Basis says in words
// how it was worked out.
type PlanCost struct {
	Calls   []PlanCalls `json:"calls"` // one row a connection
	Seconds int         `json:"seconds"`
	Basis   string      `json:"basis"`
}

// PlanCalls are about how many requests a plan needs of one connection.
type PlanCalls struct {
	Connection string `json:"connection"`
	Reads      int    `json:"reads"`
	Writes     int    `json:"writes"`
	Left       int    `json:"left,omitempty"` // of the day's allowance that is Tenon's
	Known      bool   `json:"known"`          // whether Left is known
	Enough     bool   `json:"enough"`         // whether Left suffices; true where it is not known
}

// PlanOptions say how a plan is made and what is kept of it.
type PlanOptions struct {
	// Limit is how many changes of each action Plan.Changes keeps; 0: all. All
	// are counted and told to Each.
	Limit int
	// Each is told of every record or link with something to do, in the order
	// in which they are found; an error ends the plan. May be nil.
	Each func(PlanItem) error
	// Progress is told while the systems are read. May be nil.
	Progress func(SyncProgress)

	at time.Time // what the days of tasks are counted from; zero: now
}

// PlanItem is what a sync would do about one link, or about one record that has
// none.
type PlanItem struct {
	Link    uint64       `json:"link,omitempty"`
	Side    string       `json:"side,omitempty"`   // of a record without a link
	Record  string       `json:"record,omitempty"` // its id
	Changes []PlanChange `json:"changes"`
}
