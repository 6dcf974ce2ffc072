package salesforce

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"slices"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/richtext"
)

// The forms of instants: as REST tells them, and as it takes them.
const (
	wireTime  = "2006-01-02T15:04:05.000-0700"
	writeTime = "2006-01-02T15:04:05.000Z"
)

// parseTime reads an instant of REST, of the Bulk API or of an outbound message.
func parseTime(s string) (time.Time, bool) {
	for _, form := range []string{wireTime, time.RFC3339Nano, "2006-01-02T15:04:05-0700"} {
		if t, err := time.Parse(form, s); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

// settling is for how long a stamp may still stand for further changes: stamps
// are whole seconds, and the server's clock shows no parts of them either.
const settling = 2 * time.Second

// versionOf returns a record's version: its stamp, once nothing can be stamped
// the same any more. Without the server's time there is none.
func versionOf(stamp, server time.Time) string {
	if stamp.IsZero() || server.IsZero() || stamp.Add(settling).After(server) {
		return ""
	}
	return stamp.Format(writeTime)
}

// reading is what turns rows into records.
type reading struct {
	connection string
	instance   string // the origin of the record's pages
	object     string // as the mapping calls it
	m          *meta
	scope      scope
	fields     []string // asked for
	people     map[string]connectors.Person
	currency   string // of an org with one only
	server     time.Time
}

// record returns the record that a row tells.
func (r *reading) record(w row) *connectors.Record {
	id, _ := id18(w.text(fieldID))
	rec := &connectors.Record{
		Ref:     connectors.Ref{Connection: r.connection, Object: r.object, ID: id},
		InScope: r.scope.contains(r.m, w),
		Title:   w.text(r.m.title),
	}
	if r.instance != "" {
		rec.URL = r.instance + "/lightning/r/" + r.m.name + "/" + id + "/view"
	}
	if stamp, ok := parseTime(w.text(r.m.modified)); ok {
		rec.Modified, rec.Version = stamp, versionOf(stamp, r.server)
	}
	rec.Created, _ = parseTime(w.text(fieldCreated))
	if w.text(fieldDeleted) == "true" {
		rec.State = connectors.Archived
		if into, ok := id18(w.text(fieldMerged)); ok {
			rec.State, rec.MergedInto = connectors.Merged, into
		}
	}
	for _, name := range r.m.parents(r.scope) {
		if parent, ok := id18(w.text(name)); ok {
			rec.Parent = parent
			break
		}
	}
	rec.Grow(len(r.fields))
	for _, asked := range r.fields {
		p := r.m.prop(asked)
		switch {
		case p == nil && r.m.lost[asked], p != nil && p.masked && strings.Contains(w.text(p.name), "***"):
			rec.Hide(asked)
		case p == nil:
		case p.compound:
			if v, told := compound(w, p.name); told {
				rec.Set(asked, v)
			}
		default:
			if text, told := w[p.name]; told {
				rec.Set(asked, r.value(p, text, w))
			}
		}
	}
	return rec
}

// value returns the value of a field. Text that does not fit the field's type
// comes as text, so that nothing is taken for cleared.
func (r *reading) value(p *property, text *string, w row) connectors.Value {
	if text == nil || *text == "" {
		return connectors.Null
	}
	s := *text
	switch p.typ {
	case connectors.TypeNumber:
		if v, err := connectors.ParseNumber(s); err == nil {
			return v
		}
	case connectors.TypeMoney:
		if v, err := connectors.Money(s, cmp.Or(w.text(fieldCurrency), r.currency)); err == nil {
			return v
		}
	case connectors.TypeBool:
		if s == "true" || s == "false" {
			return connectors.Bool(s == "true")
		}
	case connectors.TypeDate:
		if v, err := connectors.ParseDate(s); err == nil {
			return v
		}
	case connectors.TypeInstant:
		if t, ok := parseTime(s); ok {
			return connectors.Instant(t)
		}
	case connectors.TypeOption:
		return connectors.Choice(p.option(s))
	case connectors.TypeOptions:
		var options []connectors.Option
		for id := range strings.SplitSeq(s, ";") {
			if id != "" {
				options = append(options, p.option(id))
			}
		}
		return connectors.Choices(options...)
	case connectors.TypePerson:
		return r.person(s)
	case connectors.TypeReference:
		if id, ok := id18(s); ok {
			object := ""
			if len(p.refs) == 1 {
				object = p.refs[0]
			}
			return connectors.Reference(object, id, "")
		}
	case connectors.TypeRichText:
		if markdown := richtext.Salesforce.From(s); markdown != "" {
			return connectors.RichText(markdown)
		}
		return connectors.Null
	}
	return connectors.Text(s)
}

func (r *reading) person(s string) connectors.Value {
	id, ok := id18(s)
	if !ok {
		return connectors.Text(s)
	}
	if who, known := r.people[id]; known {
		return connectors.PersonValue(who)
	}
	return connectors.PersonValue(connectors.Person{ID: id})
}

func (p *property) option(id string) connectors.Option {
	return connectors.Option{ID: id, Label: cmp.Or(p.labels[id], id)}
}

// compound returns the text of an address or a place, which come in parts; told
// is false where the row has none of them.
func compound(w row, name string) (v connectors.Value, told bool) {
	if whole, ok := w[name]; ok && whole == nil {
		return connectors.Null, true
	}
	part := func(suffix string) string {
		_, ok := w[name+"."+suffix]
		told = told || ok
		return w.text(name + "." + suffix)
	}
	city := strings.TrimSpace(part("postalCode") + " " + part("city"))
	lines := []string{part("street"), city, part("state"), part("country")}
	lines = slices.DeleteFunc(lines, func(s string) bool { return s == "" })
	if len(lines) == 0 {
		if lat, long := part("latitude"), part("longitude"); lat != "" && long != "" {
			lines = []string{lat + ", " + long}
		}
	}
	if len(lines) == 0 {
		return connectors.Null, told
	}
	return connectors.Text(strings.Join(lines, "\n")), told
}

// encode returns what a write sends for a value: nil, a text, a number or a
// bool. The error says why the field cannot hold the value. people are known by
// e-mail.
func (p *property) encode(v connectors.Value, people map[string]connectors.Person) (any, error) {
	if v.IsNull() {
		if p.typ == connectors.TypeBool {
			return nil, errors.New("a checkbox is on or off, never empty")
		}
		return nil, nil
	}
	misfit := fmt.Errorf("a value of type %s where Salesforce wants %s", v.Type(), p.typ)
	switch p.typ {
	case connectors.TypeNumber, connectors.TypeMoney:
		if v.Number() == "" {
			return nil, misfit
		}
		return json.Number(v.Number()), nil
	case connectors.TypeBool:
		if v.Type() != connectors.TypeBool {
			return nil, misfit
		}
		return v.Bool(), nil
	case connectors.TypeDate:
		if v.Type() != connectors.TypeDate {
			return nil, misfit
		}
		return v.Time().Format(time.DateOnly), nil
	case connectors.TypeInstant:
		if v.Type() != connectors.TypeInstant && v.Type() != connectors.TypeDate {
			return nil, misfit
		}
		return v.Time().Format(writeTime), nil
	case connectors.TypeOption:
		if v.Type() != connectors.TypeOption {
			return nil, misfit
		}
		return p.optionID(v.Option())
	case connectors.TypeOptions:
		return p.encodeOptions(v, misfit)
	case connectors.TypePerson:
		if v.Type() != connectors.TypePerson {
			return nil, misfit
		}
		return encodePerson(v.Person(), people)
	case connectors.TypeReference:
		return p.encodeReference(v, misfit)
	case connectors.TypeRichText:
		return p.fit(p.encodeRich(v))
	}
	return p.fit(v.String())
}

// fit refuses what is too long, since Salesforce refuses the whole record.
func (p *property) fit(text string) (any, error) {
	if n := len([]rune(text)); p.length > 0 && n > p.length {
		return nil, fmt.Errorf("%d characters where Salesforce takes %d", n, p.length)
	}
	return text, nil
}

func (p *property) encodeRich(v connectors.Value) string {
	if v.Type() == connectors.TypeRichText {
		return richtext.Salesforce.To(v.Text())
	}
	return "<p>" + strings.ReplaceAll(html.EscapeString(v.String()), "\n", "<br>") + "</p>"
}

func (p *property) encodeOptions(v connectors.Value, misfit error) (any, error) {
	options := v.Options()
	if v.Type() == connectors.TypeOption {
		options = []connectors.Option{v.Option()}
	} else if v.Type() != connectors.TypeOptions {
		return nil, misfit
	}
	ids := make([]string, len(options))
	for i, o := range options {
		id, err := p.optionID(o)
		if err != nil {
			return nil, err
		}
		if strings.Contains(id, ";") {
			return nil, fmt.Errorf("an option cannot hold a semicolon: %q", id)
		}
		ids[i] = id
	}
	return strings.Join(ids, ";"), nil
}

// optionID returns the API value of an option, that of its label where it has
// none.
func (p *property) optionID(o connectors.Option) (string, error) {
	if o.ID != "" {
		return o.ID, nil
	}
	f := connectors.Field{Options: p.options}
	if known, ok := f.Option(o.Label); ok {
		return known.ID, nil
	}
	if p.open {
		return o.Label, nil
	}
	return "", fmt.Errorf("%q is no option of this field", o.Label)
}

func (p *property) encodeReference(v connectors.Value, misfit error) (any, error) {
	id := v.Text()
	if v.Type() == connectors.TypeReference {
		_, id, _ = v.Reference()
	} else if v.Type() != connectors.TypeText {
		return nil, misfit
	}
	long, ok := id18(id)
	if !ok {
		return nil, fmt.Errorf("%q is no id of a record", id)
	}
	return long, nil
}

func encodePerson(who connectors.Person, people map[string]connectors.Person) (any, error) {
	if who.ID != "" {
		return who.ID, nil
	}
	if known, ok := people[who.Email]; ok && known.ID != "" {
		return known.ID, nil
	}
	return nil, fmt.Errorf("no active user in Salesforce has the e-mail %s", who.Email)
}
