package memory

import (
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// Options are the habits of a System. The zero value is a system with one
// object ("record", see Sample), no lag, exact times and all abilities.
type Options struct {
	Name    string           // the account's name; default "memory"
	Clock   connectors.Clock // default: a Clock that stands at 2026-01-05 09:00 UTC until advanced
	Objects []Object         // default: Sample
	People  []connectors.Person
	// Everybody has an account: who is not among People has the e-mail as id.
	Everybody bool
	User      string // the id that the program writes as; default "tenon"
	Zone      string // of the account
	Secret    string // signs webhooks; default "memory-secret"

	// Unsigned: webhooks carry no signature and no time.
	Unsigned bool

	// IndexLag and KeyLag are as in connectors.Facts. How late a change shows
	// differs from change to change within IndexLag, so that changes show out
	// of order. Truth and Read never lag.
	IndexLag time.Duration
	KeyLag   time.Duration

	Precision         time.Duration // of modified times; default a microsecond
	KeyIsUnique       bool
	ConditionalWrites bool
	SetEdits          bool
	NoVersions        bool
	WebhookVersions   bool
	ReadBatch         int
	CreateBatch       int
	UpdateBatch       int
	PageSize          int  // rows in a page of changes; default 100
	ListsRecords      bool // rows of changes show the fields asked for
	DailyRequests     int

	// Partial: a write takes effect without the fields that are refused; else
	// one refused field refuses the record.
	Partial bool
	// Silent: writes answer ids only, no records.
	Silent bool
	// ShowsDeleted: a read tells a deleted record from one that never was, and
	// lists of changes name it.
	ShowsDeleted bool
	// NeedsPrepare: creates with a key are refused until Prepare was called.
	NeedsPrepare bool
	// TrimText: spaces around texts are cut off on writing.
	TrimText bool
	// RoundInstants: instants are cut to a multiple of it on writing; 0: kept.
	// Numbers are rounded to their field's Scale.
	RoundInstants time.Duration
	// HidesSilently: records lack the fields that are hidden, where others say so.
	HidesSilently bool
	// ShiftingPages: the list of changes is paged while it shifts, so that rows
	// repeat: each page begins with the last row of the one before, rows of
	// older versions stay in the list, and rows name records that are out of
	// scope or gone.
	ShiftingPages bool
	// CursorLife: a cursor that nobody used for so long is not understood any
	// more; 0: cursors live for ever.
	CursorLife time.Duration
	// Still names fields whose change moves neither version nor time, and shows
	// in no list, webhook or stream.
	Still []string
	// Streams: connections have the ability Streamer. StreamEnds: a stream breaks
	// by itself once all has been told, so that whoever listens is not kept.
	Streams    bool
	StreamEnds bool
	// ReadMoments: each record of a read has a Moment of its own, "read record",
	// whose error is that record's alone.
	ReadMoments bool

	// FileLimit is the size of the largest file that is taken, in bytes; 0: any
	// size. LinksOnly: no file is taken at all. KeylessFiles: files and links have no place for a key.
	FileLimit    int64
	LinksOnly    bool
	KeylessFiles bool

	// Without lists the abilities that connections lack: "Finder",
	// "PeopleFinder", "WebhookSource", "Commenter", "HistoryReader", "Deleter",
	// "Archiver", "Preparer", "Locator", "Filer".
	Without []string
}

// Object is one kind of record.
type Object struct {
	Schema connectors.Schema
	// Scopes are the keys that a scope may have, each with its values; nil
	// values allow any. A record belongs to the values it was created with.
	Scopes map[string][]string
	// Parent is the object that this one's records belong to; "" for none.
	Parent string
	// Prefix makes readable keys: "REC" gives "REC-12".
	Prefix string
	// Title is the field whose text people call a record by; default "title".
	Title string
	// Shows names fields that repeat a record's own "id", "key" or "url".
	Shows map[string]string
}

// Sample is an object named "record" with a field of each type. Its scope has
// the key "project", with any value.
func Sample() Object {
	f := func(name, label string, t connectors.Type, change func(*connectors.Field)) connectors.Field {
		field := connectors.Field{
			Name: name, Label: label, Type: t, Scale: -1,
			Writable: true, Creatable: true, Clearable: true, History: true,
		}
		if change != nil {
			change(&field)
		}
		return field
	}
	stages := []connectors.Option{{ID: "1", Label: "Open"}, {ID: "2", Label: "In progress"}, {ID: "3", Label: "Done"}}
	return Object{
		Prefix: "REC",
		Scopes: map[string][]string{"project": nil},
		Schema: connectors.Schema{Object: "record", Label: "Record", Fields: []connectors.Field{
			f("title", "Title", connectors.TypeText, func(f *connectors.Field) {
				f.Required, f.Clearable, f.MaxLength, f.OneLine, f.Findable = true, false, 255, true, true
			}),
			f("code", "Code", connectors.TypeText, func(f *connectors.Field) {
				f.Findable, f.Unique, f.OneLine = true, true, true
			}),
			f("notes", "Notes", connectors.TypeText, nil),
			f("description", "Description", connectors.TypeRichText, nil),
			f("count", "Count", connectors.TypeNumber, func(f *connectors.Field) { f.Findable = true }),
			f("amount", "Amount", connectors.TypeNumber, func(f *connectors.Field) { f.Scale = 2 }),
			f("price", "Price", connectors.TypeMoney, nil),
			f("active", "Active", connectors.TypeBool, nil),
			f("due", "Due date", connectors.TypeDate, nil),
			f("starts", "Starts", connectors.TypeInstant, nil),
			f("stage", "Stage", connectors.TypeOption, func(f *connectors.Field) { f.Options, f.Findable = stages, true }),
			f("regions", "Regions", connectors.TypeOptions, func(f *connectors.Field) {
				f.Options = []connectors.Option{{ID: "de", Label: "Germany"}, {ID: "fr", Label: "France"}, {ID: "jp", Label: "Japan"}}
			}),
			f("labels", "Labels", connectors.TypeOptions, func(f *connectors.Field) { f.Open = true }),
			f("owner", "Owner", connectors.TypePerson, nil),
			f("related", "Related to", connectors.TypeReference, func(f *connectors.Field) { f.Object = "record" }),
			f("file", "File", connectors.TypeFile, nil),
			f("number", "Number", connectors.TypeText, func(f *connectors.Field) {
				f.Writable, f.Creatable, f.Clearable, f.History = false, false, false, false
				f.ReadOnly = "the system numbers the records"
			}),
		}},
	}
}

// People are the users of the default system.
func defaultPeople() []connectors.Person {
	return []connectors.Person{
		{ID: "u1", Email: "ada@example.com", Name: "Ada Lovelace"},
		{ID: "u2", Email: "grace@example.com", Name: "Grace Hopper"},
		{ID: "u3", Email: "", Name: "No Mail"},
	}
}

func (o *Options) fill() {
	if o.Name == "" {
		o.Name = "memory"
	}
	if o.Clock == nil {
		o.Clock = NewClock(time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC))
	}
	if len(o.Objects) == 0 {
		o.Objects = []Object{Sample()}
	}
	if o.People == nil {
		o.People = defaultPeople()
	}
	if o.User == "" {
		o.User = "tenon"
	}
	if o.Secret == "" {
		o.Secret = "memory-secret"
	}
	if o.Precision <= 0 {
		o.Precision = time.Microsecond
	}
	if o.PageSize <= 0 {
		o.PageSize = 100
	}
}
