// Package state is what Tenon remembers between two steps: links with their
// baselines, the queue, intents, what is set aside and why, cursors, seen
// deliveries, the journal and sealed secrets.
//
// The Store interface is written in those words. Open lays them out over a
// Backend, an ordered store of bytes with transactions: state/bolt (the
// default, one file) and state/memory (tests and simulation). The layout, its
// encodings and its invariants are in docs/state.md. statetest is the suite
// that every backend passes.
package state

import (
	"context"
	"io"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// Store keeps the state. It is safe for use by several goroutines.
type Store interface {
	// View runs fn over one consistent snapshot. What fn got from the Tx stays
	// valid after it returns.
	View(ctx context.Context, fn func(Tx) error) error

	// Update runs fn and makes its changes durable as a whole before it
	// returns nil; an error changes nothing. Several updates may share one
	// commit. fn may run more than once and must do nothing but use the Tx: no
	// network, no clock. A full disk is ErrFull; the store goes on when there
	// is room again.
	Update(ctx context.Context, fn func(Tx) error) error

	// Backup writes a consistent copy that Restore of the same backend opens.
	Backup(ctx context.Context, w io.Writer) error

	// Check reads everything and reports what is damaged or contradicts itself.
	Check(ctx context.Context) (Report, error)

	// VerifyJournal follows the chain that binds each event of the journal to
	// the one before it, and tells the first that does not fit. at asks for the
	// mark of one event (0: none).
	VerifyJournal(ctx context.Context, at uint64) (*Chain, error)

	// Close ends the store after the updates under way. A repeat is harmless.
	Close() error
}

// Tx is one transaction. Lists come in the order of their keys; with a limit
// of 0 or less they are empty. Times are kept in microseconds, UTC. What is
// deleted need not be there. Methods that write return ErrReadOnly in a View;
// ids that they set in their arguments are set back to 0 when the transaction
// does not commit.
type Tx interface {
	Links
	Queue
	Intents
	Asides
	Journal
	Memory
}

// Links are pairings of two records under a mapping.
type Links interface {
	// Link returns ErrNotFound when there is none.
	Link(id uint64) (*Link, error)
	// LinkOf returns the link of a record under a mapping, ErrNotFound if none.
	LinkOf(mapping string, side uint8, record string) (*Link, error)
	// PutLink stores a link; ID 0 is given the next free id. A record that is
	// already in another link of the mapping is ErrTaken. A link stays with its
	// mapping.
	PutLink(l *Link) error
	// DeleteLink removes a link, its asides and its entry in the queue.
	DeleteLink(id uint64) error
	// ListLinks returns up to limit links of a mapping ("" for all) with ids
	// above after.
	ListLinks(mapping string, after uint64, limit int) ([]*Link, error)
	// CountLinks counts a mapping's ("" for all), ended ones included.
	CountLinks(mapping string) (int, error)
	// CountActive counts a mapping's ("" for all) that have not ended.
	CountActive(mapping string) (int, error)
}

// Queue holds what is to be reconciled: one entry per mapping and link, or per
// mapping and unlinked record.
type Queue interface {
	// Entry returns ErrNotFound when the subject is not queued.
	Entry(s Subject) (*Entry, error)
	// PutEntry stores an entry. A link's is stored without Side and Record, and
	// is ErrNotFound when the mapping has no such link.
	PutEntry(e *Entry) error
	DeleteEntry(s Subject) error
	// Due returns up to limit entries of a mapping that are ready at now: the
	// most urgent priority first, then the earliest Due.
	Due(mapping string, now time.Time, limit int) ([]*Entry, error)
	// NextDue returns when the next entry becomes ready, ok false if none will.
	NextDue(mapping string) (at time.Time, ok bool, err error)
	// ListEntries returns up to limit entries of a mapping ("" for all) whose
	// subject comes after the given one (nil: from the start).
	ListEntries(mapping string, after *Subject, limit int) ([]*Entry, error)
	// CountEntries returns how many entries a mapping ("" for all) has by
	// status; it does not read them all.
	CountEntries(mapping string) (map[Status]int, error)
}

// Intents are durable notes of creates that are about to be sent.
type Intents interface {
	Intent(key string) (*Intent, error)
	PutIntent(i *Intent) error
	DeleteIntent(key string) error
	// IntentsOf returns the intents of a source record under a mapping.
	IntentsOf(mapping string, side uint8, record string) ([]*Intent, error)
	// ListIntents returns up to limit intents of a mapping ("" for all) with
	// keys above afterKey.
	ListIntents(mapping, afterKey string, limit int) ([]*Intent, error)
}

// Asides are fields that are held back from a link's sync: conflicts that wait
// for a person, values that a system refused, fields that flip.
type Asides interface {
	Aside(link uint64, rule uint32) (*Aside, error)
	// PutAside stores an aside; ErrNotFound when there is no such link.
	PutAside(a *Aside) error
	DeleteAside(link uint64, rule uint32) error
	AsidesOf(link uint64) ([]*Aside, error)
	// ListAsides returns a mapping's ("" for all) of the links with ids above
	// after. It stops at limit but never within a link, so that the last
	// link's id is where the next page goes on.
	ListAsides(mapping string, after uint64, limit int) ([]*Aside, error)
	CountAsides(mapping string) (map[AsideKind]int, error)
}

// Journal is the append-only history.
type Journal interface {
	// AppendJournal stores e under the next sequence number and sets e.Seq. With
	// Run NewRun the event begins a run, whose number is that of the event.
	AppendJournal(e *Event) error
	Event(seq uint64) (*Event, error)
	// ListJournal returns up to limit events with Seq below before (0: from
	// the newest), newest first, that the filter lets pass. With f.Link it reads
	// that link's events only, else all of them back to f.Since or f.After.
	ListJournal(before uint64, limit int, f EventFilter) ([]*Event, error)
	// PruneJournal removes up to limit of the oldest events, as long as they are
	// older than t, and returns how many. An event with a time after that of the
	// newest one, written while the clock was wrong, is as old as the next one
	// that was not.
	PruneJournal(t time.Time, limit int) (int, error)
	// ForgetReplaced removes the replaced values of up to limit events that are
	// older than t and were not dealt with yet, the oldest first, and returns how
	// many events those were. Age is as for PruneJournal.
	ForgetReplaced(t time.Time, limit int) (int, error)
}

// Memory is small keyed data: cursors, seen deliveries, records looked at and
// left alone, secrets and documents of the engine.
type Memory interface {
	Cursor(name string) (string, error) // "" when none
	SetCursor(name, cursor string) error

	// SeenDelivery notes a delivery and reports whether it was noted before
	// and has not expired. now orders expiry. Without an id it does nothing.
	SeenDelivery(connection, id string, now, expires time.Time) (bool, error)
	// PruneDeliveries removes up to limit expired notes.
	PruneDeliveries(now time.Time, limit int) (int, error)

	// Known returns the mark last stored for an unlinked record that was
	// looked at and left alone; nil when none.
	Known(mapping string, side uint8, record string) ([]byte, error)
	SetKnown(mapping string, side uint8, record string, mark []byte) error // nil mark deletes

	// Secret returns sealed bytes; nil when none. SetSecret(name, nil) deletes.
	Secret(name string) ([]byte, error)
	SetSecret(name string, sealed []byte) error

	// Doc returns a small document of the engine; nil when none.
	Doc(kind, key string) ([]byte, error)
	SetDoc(kind, key string, doc []byte) error // nil deletes
	ListDocs(kind, afterKey string, limit int) (keys []string, docs [][]byte, err error)
}

// Side numbers, as in mapping.SideID.
const (
	Left  uint8 = 0
	Right uint8 = 1
)

// Print is a keyed 64-bit fingerprint of a value in its normal form.
type Print uint64

// Link pairs two records under a mapping.
type Link struct {
	ID      uint64
	Mapping string
	Ends    [2]End
	Status  LinkStatus
	Created time.Time
	Synced  time.Time // when both sides last agreed
	Scheme  uint64    // the hash of the mapping that wrote the baselines
	Fields  []Field   // by Rule, ascending
}

// LinkStatus says whether a link is worked.
type LinkStatus uint8

// The statuses of a link. An ended link stays as a tombstone, so that neither
// record is taken for a new one.
const (
	LinkActive  LinkStatus = iota
	LinkEnded              // unlinked by policy or by a person
	LinkWaiting            // one record is out of scope, hidden or archived; nothing is written
)

// End is one side of a link, as last read.
type End struct {
	ID       string
	Version  string
	Modified time.Time
	State    connectors.State
	OutScope bool
}

// Field is what a link remembers of one rule.
type Field struct {
	Rule  uint32
	Known [2]bool  // whether Base holds for that side
	Base  [2]Print // the fingerprint of each side's own value when they last agreed
	// Sets are the fingerprints of each side's elements, ascending, for rules
	// that merge sets.
	Sets [2][]Print
	// Pending notes a write that was about to be sent and is not known to have
	// ended: nil when none.
	Pending *Pending
}

// Pending is a durable note of a field write: what was about to be written to
// which side, carrying which value of the other.
type Pending struct {
	To        uint8
	Source    Print // of the other side's value that is carried
	Target    Print // of the value as sent
	Read      Print // of what the side held when the write was decided; 0: not known
	SourceSet []Print
	TargetSet []Print
	// What the journal will tell of the write once it is known to have taken
	// effect: the value that gives way (sealed; nil with Empty: there was none;
	// nil without: not kept), and the run.
	Replaced []byte
	Empty    bool
	Run      uint64
	// Since is from when on the target's history can show the write, where that
	// is later than End.Modified; zero: it is not.
	Since time.Time
}

// Subject names an entry of the queue: a link, or an unlinked record (Link 0).
type Subject struct {
	Mapping string
	Link    uint64
	Side    uint8
	Record  string
}

// Status says where an entry stands.
type Status uint8

// The statuses of an entry.
const (
	Ready   Status = iota // to be worked when due
	Waiting               // failed for the time being; worked again when due
	Failed                // stands still until the record, the mapping or a person changes it
)

// String returns the status's name.
func (s Status) String() string { return [...]string{"ready", "waiting", "failed"}[min(s, 2)] }

// Entry is one thing to reconcile.
type Entry struct {
	Subject
	Sides    uint8 // bits of the sides that hints named: 1 left, 2 right
	Priority connectors.Priority
	Status   Status
	Due      time.Time // Failed entries are not due
	First    time.Time // when the oldest hint came that is not worked yet
	Gen      uint64    // raised by every hint
	Attempts int
	Code     string // the reason code, "" while nothing went wrong
	Reason   string // the reason in words
	Source   string // where the last hint came from: "webhook", "poll", "button", "sweep"
	Convert  bool   // a person asked for the counterpart to be made
}

// IntentKind says what an intent makes.
type IntentKind uint8

// The kinds of intents.
const (
	IntentRecord IntentKind = iota
	IntentTask
	IntentComment
	IntentFile
)

// Intent is the durable note of a create. It is stored before the create is
// sent and removed with the commit that stores what came of it.
type Intent struct {
	Key     string // what the target can be asked for
	Kind    IntentKind
	Mapping string
	Side    uint8  // of the source record
	Record  string // the source record's id
	Part    string // the task's key, the comment's or the attachment's id; "" for the record itself
	Created time.Time
	Sent    time.Time // zero: not sent yet
	Result  string    // the id of what was made; "" while not known
	Doc     []byte    // what the engine needs to finish (sealed where it holds values)
}

// AsideKind says why a field is held back.
type AsideKind uint8

// The kinds of asides.
const (
	AsideConflict  AsideKind = iota // both sides changed; a person chooses
	AsideRefused                    // the target refused the value, or it cannot be converted
	AsideFlips                      // the field flips; somebody else's automation
	AsideUnmatched                  // a person or an option without a counterpart
)

// String returns the kind's name.
func (k AsideKind) String() string {
	return [...]string{"conflict", "refused", "oscillating", "unmatched"}[min(k, 3)]
}

// Aside is one field of one link that is held back.
type Aside struct {
	Link    uint64
	Rule    uint32
	Mapping string
	Name    string // the rule's name, for people
	Kind    AsideKind
	Since   time.Time
	To      uint8    // the side that was to be written, for AsideRefused
	Prints  [2]Print // the two values then; another value tries again
	Code    string
	Reason  string
	Values  [2][]byte // sealed, for a person to choose from; may be nil
	Choice  string    // what a person decided, not carried out yet: "left", "right", ""
}

// Event is one row of the journal.
type Event struct {
	Seq     uint64
	Run     uint64 // the number of the event that began the run; 0: outside of any
	At      time.Time
	Mapping string
	Link    uint64
	Records [2]string // ids, "" where there is none
	Action  string    // "linked", "created", "updated", "run started", "conflict", …
	To      uint8     // the side written to, where one was
	Source  string    // what led to it: "webhook", "poll", "button", "sweep", "resolve"
	Fields  []EventField
	Code    string
	Detail  string
}

// NewRun is the Event.Run of an event that begins a run.
const NewRun = ^uint64(0)

// EventField is one field of an event.
type EventField struct {
	Rule uint32
	Name string
	Why  string // "left changed", "conflict: newest", "refused: …"

	// Target is the API name of the field that a write changed, on the side
	// Event.To; "" where nothing was written. Held is the print of what the
	// system held after the write.
	Target string
	Held   Print

	// What the write replaced: a value (Replaced, sealed), or nothing (Empty).
	// Neither: it was not kept, or Forgotten after its time.
	Replaced  []byte
	Empty     bool
	Forgotten bool
}

// EventFilter lets events pass; zero fields let all pass.
type EventFilter struct {
	Mapping string
	Link    uint64
	Record  string
	Action  string
	Run     uint64
	After   uint64 // only events with a higher Seq
	Since   time.Time
}

// Report is what Check found. No problems: the state is sound.
type Report struct {
	Links, Entries, Intents, Asides, Events int
	// Older is the version of an older layout, whose rows were not looked into:
	// opening the state for writing upgrades it. 0: the present one.
	Older    uint64 `json:",omitempty"`
	Problems []string
}
