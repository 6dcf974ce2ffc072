package engine

import (
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// ExplainOptions say how far Explain goes.
type ExplainOptions struct {
	Offline bool // read nothing from the systems: only what the state holds
	Events  int  // how many of the last events are told; 0: 10, negative: none
}

// Standing says how a record, or one field of it, stands.
type Standing string

// The standings, from the best to the gravest. Of several, the gravest is that
// of the whole.
const (
	InSync    Standing = "in sync"    // both sides say the same under the mapping
	LeftAlone Standing = "left alone" // not in step, as the mapping or a person wants it
	OnItsWay  Standing = "on its way" // Tenon writes it by itself, soon
	Waits     Standing = "waits"      // for a system or for a time; goes on by itself
	NeedsYou  Standing = "needs you"  // nothing happens until a person does something
	Unknown   Standing = "unknown"    // no mapping, no such record, or nothing could be read
)

// Explanation tells in plain words what Tenon knows of one record, whether it is
// in step, and if not, why and what to do.
type Explanation struct {
	At       time.Time `json:"at"`
	Asked    string    `json:"asked"`
	Standing Standing  `json:"standing"`
	Verdict  string    `json:"verdict"`        // one sentence
	Code     string    `json:"code,omitempty"` // of the finding that the verdict tells; "" in sync

	// Live says that the systems were asked now; Unreachable that one of them
	// did not answer, so that what is told of it may be old. Running says that
	// the engine that answers polls and works the queue by itself.
	Live        bool `json:"live"`
	Unreachable bool `json:"unreachable,omitempty"`
	Running     bool `json:"running"`

	Record   ExplainedRecord    `json:"record"`
	Findings []Finding          `json:"findings"` // of all mappings too, the gravest first
	Mappings []ExplainedMapping `json:"mappings"` // those that concern the record
	Events   []EventRow         `json:"events"`   // newest first
}

// ExplainedRecord is a record as it was found. Title, Key, URL and State are set
// where it could be read.
type ExplainedRecord struct {
	Ref   connectors.Ref `json:"ref"`
	Title string         `json:"title,omitempty"`
	Key   string         `json:"key,omitempty"` // readable, "DELIV-12"
	URL   string         `json:"url,omitempty"`
	State string         `json:"state,omitempty"` // "live", "archived", "deleted", "merged"
	Error string         `json:"error,omitempty"` // why it could not be read
}

// Finding is one thing that keeps a record, or a field, from being in step, or
// that is worth knowing. Code is a key of Advices; docs/troubleshooting.md has a
// heading for each.
type Finding struct {
	Code       string   `json:"code"`
	Standing   Standing `json:"standing"`
	Text       string   `json:"text"` // what is the case, with names and the systems' own words
	Do         []Step   `json:"do,omitempty"`
	Mapping    string   `json:"mapping,omitempty"`
	Connection string   `json:"connection,omitempty"`
	Link       uint64   `json:"link,omitempty"`
	Rule       uint32   `json:"rule,omitempty"`  // 0: the record as a whole
	Field      string   `json:"field,omitempty"` // the rule's name
	Doc        string   `json:"doc"`             // "docs/troubleshooting.md#refused"
}

// Step is one thing to do about a finding: Text says what, and Command, where
// there is one, is the command line that does it.
type Step struct {
	Text    string `json:"text"`
	Command string `json:"command,omitempty"`
}

// ExplainedMapping is what one mapping has to do with a record.
type ExplainedMapping struct {
	Name     string           `json:"name"`
	File     string           `json:"file"`
	Standing Standing         `json:"standing"`
	Verdict  string           `json:"verdict"`
	Asked    int              `json:"asked"` // the side that the record is of: 0 left, 1 right
	Sides    [2]ExplainedSide `json:"sides"`
	Link     *ExplainedLink   `json:"link,omitempty"`  // nil: none
	Queue    *ExplainedEntry  `json:"queue,omitempty"` // nil: nothing is due
	LastHint *ExplainedHint   `json:"lastHint,omitempty"`
	LastWork time.Time        `json:"lastWork,omitzero"` // when it was last reconciled, as far as that left a trace
	Fields   []ExplainedField `json:"fields,omitempty"`
	Findings []Finding        `json:"findings,omitempty"`

	undecided bool // a system did not answer, and nothing tells of a difference
}

// ExplainedSide is one end of a mapping with its record and how word of changes
// comes from there.
type ExplainedSide struct {
	Name        string           `json:"name"`
	Connection  string           `json:"connection"`
	Object      string           `json:"object"`
	Scope       connectors.Scope `json:"scope,omitempty"`
	Record      ExplainedRecord  `json:"record"`
	LastWebhook time.Time        `json:"lastWebhook,omitzero"`
	LastPoll    time.Time        `json:"lastPoll,omitzero"`
	LastSweep   time.Time        `json:"lastSweep,omitzero"`
	PollEvery   string           `json:"pollEvery"` // "30s"
}

// ExplainedLink is the link of a record under a mapping.
type ExplainedLink struct {
	ID      uint64    `json:"id"`
	Status  string    `json:"status"` // "active", "ended", "waiting"
	Created time.Time `json:"created"`
	Synced  time.Time `json:"synced,omitzero"` // when both sides last agreed
}

// ExplainedEntry is the record's place in the queue.
type ExplainedEntry struct {
	QueueRow
	Ahead int `json:"ahead"` // entries of the mapping that go first; at most AheadMost are counted
}

// AheadMost bounds how many entries of a queue Explain counts.
const AheadMost = 1000

// ExplainedHint is when and from where word of the record came last.
type ExplainedHint struct {
	At     time.Time `json:"at"`
	Source string    `json:"source"` // "webhook", "poll", "sweep", "button", …
}

// ExplainedField is how one rule of a mapping stands.
type ExplainedField struct {
	Rule     uint32    `json:"rule"`
	Name     string    `json:"name"` // "dealname ↔ summary"
	Fields   [2]string `json:"fields"`
	Flow     string    `json:"flow"` // "both ways", "deal -> epic"
	Standing Standing  `json:"standing"`
	Code     string    `json:"code,omitempty"`
	Why      string    `json:"why,omitempty"`
	Values   [2]string `json:"values"` // as read now; shown where Told
	Told     [2]bool   `json:"told"`
	To       string    `json:"to,omitempty"`    // the side that would be written
	After    string    `json:"after,omitempty"` // what would be written there
	Since    time.Time `json:"since,omitzero"`  // since when it is set aside
}
