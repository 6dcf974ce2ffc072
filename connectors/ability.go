package connectors

import (
	"context"
	"net/http"
	"time"
)

// Finder looks records up by field values, for match rules.
type Finder interface {
	// Find returns, for each value, the ids of the live records in scope whose
	// field holds it, at most limit each, in the order of values. Results may
	// lag by Facts.IndexLag.
	Find(ctx context.Context, sel Selection, field string, values []Value, limit int) ([][]string, error)
}

// PeopleFinder knows the users of a system by their e-mail.
type PeopleFinder interface {
	// PeopleByEmail returns, in the order of emails (lower case), the person
	// with that e-mail; a zero Person where there is none or it may not be
	// seen. An entry without an @, or with one at its start, is a user name or
	// an id, which a system that hides e-mails knows; elsewhere nobody is it. It
	// never guesses.
	PeopleByEmail(ctx context.Context, emails []string) ([]Person, error)
}

// WebhookSource is a system that sends webhooks.
type WebhookSource interface {
	// ParseWebhook checks a delivery's signature over the raw body, in constant
	// time, and returns its hints. A wrong, missing or outdated signature is an
	// Auth error, an unreadable body Invalid. It does no I/O.
	ParseWebhook(req WebhookRequest) (Delivery, error)
}

// WebhookRequest is a delivery as it came. Body is complete and bounded by the
// caller. URL is the address as the sender knew it (the public one).
type WebhookRequest struct {
	Method string
	URL    string
	Header http.Header
	Body   []byte
	Now    time.Time
}

// Delivery is what a webhook told. ID is the same when the system sends the
// same delivery again; "" where it tells none. Hints may be empty (a test
// message). Answer, if not nil, is what the system wants to hear (a handshake).
// Secret tells which of the connection's secrets signed it: 0 is the newest.
type Delivery struct {
	ID     string
	Hints  []Change
	Answer *WebhookAnswer
	Secret int
}

// WebhookAnswer is an answer that a handshake asks for.
type WebhookAnswer struct {
	Status int
	Header http.Header
	Body   []byte
}

// WebhookRegistrar can subscribe by itself.
type WebhookRegistrar interface {
	// EnsureWebhook makes sure that deliveries for the objects go to the
	// address, and renews what runs out. It returns when to call again; zero
	// for never. A repeat makes no second subscription.
	EnsureWebhook(ctx context.Context, target WebhookTarget) (renew time.Time, err error)
}

// WebhookTarget says which deliveries are wanted where.
type WebhookTarget struct {
	URL     string
	Objects []Selection
}

// WebhookGuide is a system whose webhooks people subscribe to by hand.
type WebhookGuide interface {
	// Subscriptions says in plain words, one a line, what to subscribe to so
	// that deliveries tell of what the needs name.
	Subscriptions(needs []Need) []string
}

// Commenter reads and writes the comments of a record.
type Commenter interface {
	// Comments returns a record's comments, oldest first, all of them.
	Comments(ctx context.Context, object, id string) ([]Comment, error)
	// AddComment writes one comment. Comment.Key makes it findable: Comments
	// returns it with the same Key. A repeat writes another.
	AddComment(ctx context.Context, object, id string, c Comment) (commentID string, err error)
}

// BatchCommenter is a Commenter that reads the comments of many records at once.
type BatchCommenter interface {
	Commenter
	// CommentsOf returns what Comments does, for each id in order, by fewer
	// requests; any number of ids. The error is for the call as a whole; what is
	// wrong with one record stands in its result.
	CommentsOf(ctx context.Context, object string, ids []string) ([]CommentsResult, error)
}

// CommentsResult is what CommentsOf tells of one record: Err is set where its
// comments could not be read.
type CommentsResult struct {
	Comments []Comment
	Err      error
}

// Comment is one comment. Body is CommonMark. Key is set on those that were
// written with one.
type Comment struct {
	ID       string
	Key      string
	Author   Person
	Body     string
	Created  time.Time
	Modified time.Time
}

// HistoryReader tells the past edits of fields, so that an edit that our own
// write covered is seen.
type HistoryReader interface {
	// History returns the edits of the named fields since a time, oldest
	// first, for each id in order. Fields whose edits the system does not keep
	// are left out (Field.History).
	History(ctx context.Context, object string, ids, fields []string, since time.Time) ([][]FieldEdit, error)
}

// FieldEdit is one edit of one field. Value is what the edit set.
type FieldEdit struct {
	Field  string
	At     time.Time
	Value  Value
	Author string // the user's or app's id, "" when unknown
}

// Deleter deletes records; Archiver puts them out of sight. One result each, in
// the order of ids. A record that is not there any more counts as done.
type Deleter interface {
	Delete(ctx context.Context, object string, ids []string) []error
}

// Archiver puts records out of sight, where they can be restored.
type Archiver interface {
	Archive(ctx context.Context, object string, ids []string) []error
}

// Preparer creates in a system what the connector needs there, such as a
// property for create keys.
type Preparer interface {
	// Missing lists what is not there yet for what is done with an object, in
	// plain words. The need's scope is of no interest.
	Missing(ctx context.Context, need Need) ([]string, error)
	// Prepare creates it. A repeat creates nothing.
	Prepare(ctx context.Context, need Need) error
}

// FieldMaker adds fields to an object, where the system lets its users do so.
type FieldMaker interface {
	// MakesField reports whether the system can have such a field: by its name
	// and type.
	MakesField(f Field) bool
	// MakeFields creates fields by name, label, type and options. One that is
	// there already stays as it is.
	MakeFields(ctx context.Context, object string, fields []Field) error
}

// StepTeller knows which values of a field that changes by steps (Field.Hops) no
// step leads to.
type StepTeller interface {
	// Unreachable returns the options of a field, in a scope, that no step leads
	// to: a record holds them only when it is made so. What is not surely known
	// counts as reachable. It changes nothing.
	Unreachable(ctx context.Context, object string, scope Scope, field string) ([]Option, error)
}

// IDNormaliser is a system that calls one record by several ids.
type IDNormaliser interface {
	// NormalID returns the form of a record's id that the connection's records
	// have; id itself where it has that form already, or is no id of the system's.
	// It asks nothing.
	NormalID(id string) string
}

// AbilityTeller is a connection that says itself which abilities it has: one
// whose account or configuration takes some away, or a decorator that passes
// on those of the connection it wraps.
type AbilityTeller interface {
	Abilities() Abilities
}

// Abilities are the optional abilities of one connection; nil means that it
// lacks one.
type Abilities struct {
	Finder           Finder
	PeopleFinder     PeopleFinder
	WebhookSource    WebhookSource
	WebhookRegistrar WebhookRegistrar
	Commenter        Commenter
	HistoryReader    HistoryReader
	Deleter          Deleter
	Archiver         Archiver
	Preparer         Preparer
	BudgetTeller     BudgetTeller
	Locator          Locator
	RightsChecker    RightsChecker
	FieldMaker       FieldMaker
	WebhookGuide     WebhookGuide
	WriteChecker     WriteChecker
	StepTeller       StepTeller
	Streamer         Streamer
	Filer            Filer
	IDNormaliser     IDNormaliser
}

// AbilitiesOf returns what the connection can do beyond the contract: what it
// says as an AbilityTeller, else the interfaces that it implements.
func AbilitiesOf(c Connection) Abilities {
	if t, ok := c.(AbilityTeller); ok {
		return t.Abilities()
	}
	return Implemented(c)
}

// Implemented returns the abilities whose interfaces the connection implements,
// for an AbilityTeller to take some away from.
func Implemented(c Connection) Abilities {
	var a Abilities
	a.Finder, _ = c.(Finder)
	a.PeopleFinder, _ = c.(PeopleFinder)
	a.WebhookSource, _ = c.(WebhookSource)
	a.WebhookRegistrar, _ = c.(WebhookRegistrar)
	a.Commenter, _ = c.(Commenter)
	a.HistoryReader, _ = c.(HistoryReader)
	a.Deleter, _ = c.(Deleter)
	a.Archiver, _ = c.(Archiver)
	a.Preparer, _ = c.(Preparer)
	a.BudgetTeller, _ = c.(BudgetTeller)
	a.Locator, _ = c.(Locator)
	a.RightsChecker, _ = c.(RightsChecker)
	a.FieldMaker, _ = c.(FieldMaker)
	a.WebhookGuide, _ = c.(WebhookGuide)
	a.WriteChecker, _ = c.(WriteChecker)
	a.StepTeller, _ = c.(StepTeller)
	a.Streamer, _ = c.(Streamer)
	a.Filer, _ = c.(Filer)
	a.IDNormaliser, _ = c.(IDNormaliser)
	return a
}
