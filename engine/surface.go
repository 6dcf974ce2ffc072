package engine

import (
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// Status is how the whole service stands.
type Status struct {
	At          time.Time          `json:"at"`
	Connections []ConnectionStatus `json:"connections"`
	Mappings    []MappingStatus    `json:"mappings"`
	Inbox       int                `json:"inbox"` // deliveries that are safe and not sorted into the queues yet
}

// ConnectionStatus is how one connection stands.
type ConnectionStatus struct {
	Name        string    `json:"name"`
	State       string    `json:"state"`          // "up", "paused"
	Code        string    `json:"code,omitempty"` // also while up: "quota" where less urgent work waits
	Reason      string    `json:"reason,omitempty"`
	Since       time.Time `json:"since,omitzero"`
	RetryAt     time.Time `json:"retryAt,omitzero"`
	LastWebhook time.Time `json:"lastWebhook,omitzero"`
	LastPoll    time.Time `json:"lastPoll,omitzero"`
	Calls       int64     `json:"calls"`
	Daily       int       `json:"daily,omitempty"`     // the allowance a day, 0 unknown
	DailyLeft   int       `json:"dailyLeft,omitempty"` // what is left of it

	Budget *BudgetStatus `json:"budget,omitempty"` // nil where the connection does not tell
	Stream *StreamStatus `json:"stream,omitempty"` // nil where the connection has none, or no mapping looks at it
	Paused *Pause        `json:"paused,omitempty"` // by a person; State is "paused" then, Code "paused"
}

// StreamStatus is how the stream of a connection stands that tells of changes.
// Counts are since the start.
type StreamStatus struct {
	State   string            `json:"state"` // "up", "opening", "down", "paused" (as the connection is), "off" (no service runs)
	Since   time.Time         `json:"since,omitzero"`
	Reason  string            `json:"reason,omitempty"` // why it broke, or could not be opened
	RetryAt time.Time         `json:"retryAt,omitzero"`
	Last    time.Time         `json:"last,omitzero"` // when it told something last
	Hints   int64             `json:"hints"`
	Breaks  int64             `json:"breaks"`
	Gaps    int64             `json:"gaps"`             // how often something may have been missed, so that the lists were asked
	Gap     string            `json:"gap,omitempty"`    // why, the last time
	Silent  map[string]string `json:"silent,omitempty"` // objects that it does not tell of, with the reason
}

// MappingStatus is how one mapping stands.
type MappingStatus struct {
	Name      string `json:"name"`
	State     string `json:"state"` // "running", "stopped" (by a guard), "paused" (by a person)
	Code      string `json:"code,omitempty"`
	Reason    string `json:"reason,omitempty"`
	Resume    string `json:"resume,omitempty"` // the command that lets it go on
	Paused    *Pause `json:"paused,omitempty"` // by a person: the mapping itself, or a connection of it
	Run       uint64 `json:"run,omitempty"`    // the run that the engine which answers works in; 0: none
	Links     int    `json:"links"`
	Queued    int    `json:"queued"`
	Waiting   int    `json:"waiting"`
	Failed    int    `json:"failed"`
	Conflicts int    `json:"conflicts"`
	SetAside  int    `json:"setAside"`
}

// LinkRow is one link, for people and programs.
type LinkRow struct {
	ID      uint64            `json:"id"`
	Mapping string            `json:"mapping"`
	Records [2]connectors.Ref `json:"records"`
	States  [2]string         `json:"states"` // of the records, as last read: "live", "archived", "deleted", "merged"
	Status  string            `json:"status"` // "active", "ended", "waiting"
	Created time.Time         `json:"created"`
	Synced  time.Time         `json:"synced,omitzero"`
	Asides  []AsideRow        `json:"asides,omitempty"`
}

// AsideRow is one field that is held back. Values are shown where they could
// be unsealed, for the asker to choose from.
type AsideRow struct {
	Link    uint64            `json:"link"`
	Rule    uint32            `json:"rule"`
	Mapping string            `json:"mapping"`
	Field   string            `json:"field"`
	Kind    string            `json:"kind"`
	Since   time.Time         `json:"since"`
	Code    string            `json:"code"`
	Reason  string            `json:"reason"`
	Records [2]connectors.Ref `json:"records"`
	Sides   [2]string         `json:"sides"` // the sides' names
	Values  [2]string         `json:"values"`
	Choice  string            `json:"choice,omitempty"` // what a person decided, not carried out yet: "left", "right", "value"
}

// QueueRow is one entry of the queue.
type QueueRow struct {
	Key      string    `json:"key"` // names the entry: a list goes on behind it
	Mapping  string    `json:"mapping"`
	Link     uint64    `json:"link,omitempty"`
	Record   string    `json:"record"` // a Ref where unlinked, else the link's left Ref
	Status   string    `json:"status"`
	Priority string    `json:"priority"`
	Due      time.Time `json:"due,omitzero"`
	First    time.Time `json:"first"`
	Attempts int       `json:"attempts"`
	Code     string    `json:"code,omitempty"`
	Reason   string    `json:"reason,omitempty"`
	Source   string    `json:"source"`
}

// EventRow is one row of the history.
type EventRow struct {
	Seq     uint64          `json:"seq"`
	Run     uint64          `json:"run,omitempty"` // the event that began the run it belongs to
	At      time.Time       `json:"at"`
	Mapping string          `json:"mapping"`
	Link    uint64          `json:"link,omitempty"`
	Records [2]string       `json:"records"` // Refs, "" where there is none; of a run's start connection/object
	Action  string          `json:"action"`
	To      string          `json:"to,omitempty"` // the name of the side written to
	Source  string          `json:"source"`
	Code    string          `json:"code,omitempty"`
	Detail  string          `json:"detail,omitempty"`
	Fields  []EventFieldRow `json:"fields,omitempty"`
	// Partial says that events between this row and the one before it, or the
	// start of the page, may be missing: see History.
	Partial bool `json:"partial,omitempty"`
}

// EventFieldRow is one field of an event. The values that a write replaced
// stay sealed.
type EventFieldRow struct {
	Name     string `json:"name"`
	Why      string `json:"why"`
	Field    string `json:"field,omitempty"`    // the API name of the field that was written
	Replaced string `json:"replaced,omitempty"` // of a write, what an undo would put back
}

// What the journal keeps of the value that a write replaced.
const (
	ReplacedKept      = "kept"      // sealed
	ReplacedEmpty     = "empty"     // there was none
	ReplacedForgotten = "forgotten" // the time for which it is kept is over
	ReplacedNotKept   = "not kept"
)

// Verified is what following the journal's chain came to.
type Verified struct {
	Sound    bool   `json:"sound"`
	Events   int    `json:"events"`
	First    uint64 `json:"first,omitempty"`    // the oldest event that is kept
	Last     uint64 `json:"last,omitempty"`     // the newest
	Head     string `json:"head,omitempty"`     // SEQ:HASH, to be noted elsewhere
	Expected string `json:"expected,omitempty"` // the mark that it was compared with
	Broken   uint64 `json:"broken,omitempty"`   // the first event that does not fit
	Reason   string `json:"reason,omitempty"`
}

// HistoryFilter narrows the history; zero fields let all pass.
type HistoryFilter struct {
	Mapping string
	Link    uint64
	Record  string // an id or a whole Ref
	Action  string
	Run     uint64 // the number of the run
	Field   string // of either side, or the rule's name
	Since   time.Time
	Before  uint64 // Seq to go on from
	Limit   int    // 0: 100
}

// QueueFilter narrows the queue; zero fields let all pass.
type QueueFilter struct {
	Mapping string
	Status  string // "ready", "waiting", "failed"
	Code    string // the reason code
	Record  string // of Retry: only this record, named as for Explain
	After   string // the Key of a row, to go on behind it
	Limit   int
}

// Preview is what a press of the button would make. It is read live and
// nothing is written.
type Preview struct {
	Mapping   string         `json:"mapping"`
	Button    string         `json:"button"`
	Source    connectors.Ref `json:"source"`
	SourceURL string         `json:"sourceURL,omitempty"`
	Title     string         `json:"title"`  // of the source record
	Target    string         `json:"target"` // the side's name
	System    string         `json:"system"` // the target's connection
	Fields    []PreviewField `json:"fields"`
	Tasks     []PreviewTask  `json:"tasks"`
	Problems  []string       `json:"problems,omitempty"` // what will be left out, and why
	// Conversion is set when the record has its counterpart already.
	Conversion *Conversion `json:"conversion,omitempty"`
}

// PreviewField is one field of what would be made.
type PreviewField struct {
	Name  string `json:"name"`  // API name
	Label string `json:"label"` // as people see it
	Value string `json:"value"`
}

// PreviewTask is one task that would be made with it.
type PreviewTask struct {
	Title    string    `json:"title"`
	Assignee string    `json:"assignee,omitempty"`
	Due      time.Time `json:"due,omitzero"` // a day, midnight UTC
}

// Conversion is what a press of the button came to. A press of a record that
// has its counterpart answers with that counterpart.
type Conversion struct {
	State  string         `json:"state"` // "done", "under way", "failed"
	Source connectors.Ref `json:"source"`
	Target connectors.Ref `json:"target,omitzero"`
	Key    string         `json:"key,omitempty"` // readable, "DELIV-12"
	URL    string         `json:"url,omitempty"`
	Tasks  int            `json:"tasks"`
	Made   bool           `json:"made"` // made by this press, not before
	Code   string         `json:"code,omitempty"`
	Reason string         `json:"reason,omitempty"`
}

// SyncProgress is told while long work goes on.
type SyncProgress struct {
	Mapping string `json:"mapping"`
	Listed  int    `json:"listed"`
	Done    int    `json:"done"`
	Queued  int    `json:"queued"`
	Stage   string `json:"stage,omitempty"` // of other work than a sync: "checking", "linking", "writing", "undo"
}

// Step names the work for people: the mapping, the stage, or both.
func (p SyncProgress) Step() string {
	if p.Mapping == "" || p.Stage == "" {
		return p.Mapping + p.Stage
	}
	return p.Mapping + ", " + p.Stage
}
