package connectors

import (
	"context"
	"log/slog"
	"net/http"
	"time"
)

// Connector is the code for one kind of system.
type Connector interface {
	// Info describes the connector and its settings. It is constant.
	Info() Info

	// Open checks the settings and returns a connection. It does no I/O: a
	// wrong password shows in Check, not here. The error names the setting and
	// what to write instead.
	Open(config Config, options Options) (Connection, error)
}

// Info describes a connector to people and to the checker of configurations.
type Info struct {
	Kind     string // "hubspot"
	Label    string // "HubSpot"
	Settings []Setting
}

// Config is what an admin wrote about one connection.
type Config struct {
	Name     string // the connection's name, "hubspot-eu"
	Settings Settings
}

// Options is what the program passes to every connection. Zero fields mean
// defaults.
type Options struct {
	Logger    *slog.Logger      // default: discards
	Transport http.RoundTripper // default: http.DefaultTransport's settings, own pool
	Clock     Clock             // default: the system clock
	Tokens    TokenStore        // where rotated tokens are kept; default: memory
	Observe   func(Call)        // told of every API request that was sent; may be nil
	UserAgent string
}

// Clock tells the time and waits. Tests put virtual time behind it.
type Clock interface {
	Now() time.Time
	// Sleep returns when d has passed or the context has ended (its cause is the error).
	Sleep(ctx context.Context, d time.Duration) error
}

// TokenStore keeps secrets and notes that must outlive the process, such as a
// rotated refresh token or the use of an allowance. Implementations store them
// sealed.
type TokenStore interface {
	// LoadToken returns nil, nil when nothing is stored under the name.
	LoadToken(ctx context.Context, name string) ([]byte, error)
	// SaveToken returns when the token is on stable storage.
	SaveToken(ctx context.Context, name string, token []byte) error
}

// Call is one request to a system, as told to Options.Observe. Path holds no
// ids and no secrets.
type Call struct {
	Connection string
	Method     string
	Path       string // a template: "/crm/v3/objects/{object}/batch/read"
	Status     int    // 0 when no answer came
	Duration   time.Duration
	Limit      Limit // as the answer's headers told, zero where they did not
}

// Limit is what a system told about an allowance. Negative means unknown.
type Limit struct {
	Known     bool
	PerWindow int           // requests a window
	Remaining int           // left in the window
	Window    time.Duration // the window's length
	Daily     int           // requests a day
	DailyLeft int
}

// Connection is one account of a system. Its methods may be called at the same
// time from several goroutines; the context bounds the call only. Errors are
// *Error values.
//
// A connection never retries a write that may have taken effect. It may retry
// reads within the context, obeys Retry-After for all its callers, and keeps
// to the system's pace by itself.
type Connection interface {
	// Facts describes the connection's habits; constant after Open.
	Facts() Facts

	// Check asks the system who we are. It returns Auth errors for refused
	// credentials, and the rights that are missing for what Tenon does.
	Check(ctx context.Context) (Account, error)

	// Schema describes an object within a scope, as the account sees it now.
	// NotFound says that there is no such object; Invalid that the scope makes
	// no sense, with the near misses.
	Schema(ctx context.Context, object string, scope Scope) (*Schema, error)

	// Read reads records by id; results come in the order of ids, one each,
	// any number of ids (the connection makes batches). Fields not named may be
	// missing from the records; unknown names are ignored. The error is for the
	// call as a whole (nothing can be concluded about any record); what is
	// wrong with one record stands in its result.
	Read(ctx context.Context, sel Selection, ids []string) ([]ReadResult, error)

	// Changes lists what changed in a scope since a cursor, oldest first. The
	// empty cursor starts with everything there is. Rows may repeat and may
	// name records that are out of scope or gone; none may be missing, however
	// late the system shows it within Facts.IndexLag: so the cursor that comes
	// back lies that far in the past, and rows repeat. A cursor that the
	// connection does not understand is an Invalid error.
	Changes(ctx context.Context, sel Selection, cursor string) (ChangePage, error)

	// Create makes records; results in the order of creates. With a Key, the
	// record can be found by FindByKey for ever after. A repeat makes another
	// record unless Facts.KeyIsUnique.
	Create(ctx context.Context, creates []Create) []WriteResult

	// Update changes records; results in the order of updates. Each id occurs
	// once in one call. A repeat of the same update is harmless. Fields not
	// named stay as they are.
	Update(ctx context.Context, updates []Update) []WriteResult

	// FindByKey returns the ids of the records made with each key, in the
	// order of keys; nil where the system knows none (yet: see Facts.KeyLag).
	// More than one id means that a create was repeated.
	FindByKey(ctx context.Context, object string, scope Scope, keys []string) ([][]string, error)

	// Close ends background work. Calls after it fail with Unavailable.
	Close() error
}

// Scope narrows an object, as the mapping file's side says: {project: DELIV}.
// Which keys there are is the connector's matter; Schema checks them.
type Scope map[string]string

// Selection names what to read.
type Selection struct {
	Object string
	Scope  Scope
	Fields []string // API names; empty: no fields, only what Record itself holds
}

// ReadResult is one record of a Read. Exactly one of Record and Err is set. A
// record that is not there comes as a Record with State Deleted only where the
// system says so beyond doubt; else as an Err of kind NotFound. A Permission
// error says that the record may be there.
type ReadResult struct {
	Record *Record
	Err    error
}

// Change is one row of a list of changes: a hint, no data.
type Change struct {
	Object   string
	ID       string
	Version  string    // as Record.Version, if the list tells it; "" if not
	Modified time.Time // zero when unknown
	State    State     // Live unless the list says otherwise

	// Record is what the row shows of the record, where Selection.Fields asked
	// for fields and the list shows them at no further request; nil otherwise.
	// It may be as old as Facts.IndexLag and may lack fields, so it can tell
	// that nothing has changed, never what to write.
	Record *Record
}

// ChangePage is one page of changes. Next is the cursor to keep once every row
// of this page is safe. More says that the next page can be asked for at once.
type ChangePage struct {
	Changes []Change
	Next    string
	More    bool
}

// Create asks for one new record.
type Create struct {
	Object string
	Scope  Scope
	Key    string // the crash-safe key, [a-z0-9-]{1,64}; empty: none
	Parent string // the id of the record to create it under; empty: none
	Fields map[string]Value
}

// Update asks for changes of one record.
type Update struct {
	Object string
	Scope  Scope
	ID     string
	Fields map[string]Value   // Null clears
	Edits  map[string]SetEdit // element-wise changes, only where Facts.SetEdits
	// IfVersion makes the write fail with Conflict when the record has another
	// version; only where Facts.ConditionalWrites, else ignored.
	IfVersion string
}

// SetEdit adds elements to a set and takes others out of it.
type SetEdit struct {
	Add    []Option
	Remove []Option
}

// WriteResult is what became of one create or update. ID is set whenever the
// record is known to exist. Record is the record as it stands after the write,
// if the answer tells (with at least the fields written); nil means: read it.
//
// Fields that the system took no notice of, or took in part, show in Record
// only. Refused lists fields that were left out while the others took effect.
type WriteResult struct {
	ID      string
	Record  *Record
	Refused []FieldError
	Err     error
}

// Account tells whose credentials a connection uses.
type Account struct {
	ID       string // of the user or app that writes
	Name     string
	System   string // which account, "acme.atlassian.net", "portal 1234"
	Zone     string // IANA name, if the account has one
	Missing  []string
	Warnings []string
}

// Facts are a connection's habits. The zero value of each claims least.
type Facts struct {
	ReadBatch   int // records in one read request; 0: one
	CreateBatch int
	UpdateBatch int

	// IndexLag is how long after a change lists, searches and FindByKey may
	// still not know it. KeyLag is the same for FindByKey, where it differs:
	// NoLag says that FindByKey knows at once, 0 that IndexLag holds. See KeyWait.
	IndexLag time.Duration
	KeyLag   time.Duration

	// KeyIsUnique says that the system itself refuses a second record with the
	// same key, so that a create with a key may be repeated.
	KeyIsUnique bool

	TimePrecision     time.Duration // of Record.Modified; 0: unknown
	ConditionalWrites bool          // Update.IfVersion is obeyed
	SetEdits          bool          // Update.Edits is obeyed
	WebhookVersions   bool          // hints carry the version that a read would tell
	WebhookUnsigned   bool          // deliveries carry no signature: they are taken at an unguessable address only
	PollInterval      time.Duration // how often to ask for changes; 0: the engine's default
	DailyRequests     int           // the account's allowance, if fixed; 0: unknown
}

// NoLag is the Facts.KeyLag of a system that finds a new key at once.
const NoLag = time.Nanosecond

// KeyWait returns how long after a create FindByKey may still not know its key.
func (f Facts) KeyWait() time.Duration {
	switch f.KeyLag {
	case 0:
		return f.IndexLag
	case NoLag:
		return 0
	}
	return f.KeyLag
}
