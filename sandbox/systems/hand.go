package systems

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tenonsync/tenon/sandbox/asana"
	"github.com/tenonsync/tenon/sandbox/github"
	"github.com/tenonsync/tenon/sandbox/hubspot"
	"github.com/tenonsync/tenon/sandbox/jira"
	"github.com/tenonsync/tenon/sandbox/salesforce"
	"github.com/tenonsync/tenon/sandbox/trello"
)

// Place is where a Hand works: a kind of record, and where those are, in the
// words of a mapping's side.
type Place struct {
	Object string
	Scope  map[string]string
}

// Record is the truth about one record as people see it.
type Record struct {
	ID   string
	Mark string // what its address ends in: a key, a number, an id
	// Fields by the names that mappings use, those with a value. Numbers stand
	// without needless digits, days as 2006-01-02, options by id in HubSpot and
	// Salesforce and by label elsewhere, rich text in the system's own form.
	Fields   map[string]string
	Tasks    int // records or list items below it
	Comments []string
	Changed  time.Time
	Gone     bool // archived, closed for good or in the bin
}

// Hand does in one place of a system what a person does there, past its API, its
// faults and its limits. A person is named by e-mail.
type Hand interface {
	// Records returns the records of the place that are not gone.
	Records() []Record
	// Get returns one record, gone or not; an error where there is none.
	Get(id string) (Record, error)
	Create(who string, fields map[string]string) (id string, err error)
	// Edit sets fields; an empty text clears one.
	Edit(who, id string, fields map[string]string) error
	Comment(who, id, text string) error
	// Remove does what people do with a record that they want no more.
	Remove(who, id string) error
}

// HandIn returns the hand for a place of a system.
func HandIn(s System, p Place) Hand {
	switch s := s.(type) {
	case *hubspot.System:
		return hubspotHand{s, p.Object}
	case *jira.System:
		return jiraHand{s, p.Scope["project"], p.Scope["issuetype"]}
	case *asana.System:
		return asanaHand{s, p.Scope["project"]}
	case *github.System:
		return githubHand{s, p.Scope["repo"]}
	case *salesforce.System:
		return salesforceHand{s, p.Object}
	case *trello.System:
		return trelloHand{s, p.Scope["board"]}
	}
	panic(fmt.Sprintf("there is no hand for %T", s)) // the table is this package's own
}

// Hand returns the hand for a place of the system.
func (b *Box) Hand(p Place) Hand { return HandIn(b.System, p) }

func variableOf(name, what string) string { return strings.ToUpper(name) + "_" + what }

// plain writes a value as text: equal numbers alike, nothing for nothing.
func plain(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return fmt.Sprint(v)
}

// number writes equal numbers alike, and other texts as they are.
func number(text string) string {
	if f, err := strconv.ParseFloat(text, 64); err == nil {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return text
}

// put sets a field that has a value.
func put(fields map[string]string, name, value string) {
	if value != "" {
		fields[name] = value
	}
}
