package hubspot

import (
	"cmp"
	"fmt"
	"html"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/richtext"
)

// ownerProperty holds the id of an owner, which is not the id of a user.
const ownerProperty = "hubspot_owner_id"

// timeForm is how instants are written: UTC, to the millisecond.
const timeForm = "2006-01-02T15:04:05.000Z"

// people knows the owners of an account.
type people struct {
	byID    map[string]connectors.Person
	byUser  map[string]connectors.Person
	byEmail map[string]connectors.Person // active ones only
	refused error                        // why the account may not see them
}

func newPeople(owners []wireOwner) *people {
	p := &people{byID: map[string]connectors.Person{}, byUser: map[string]connectors.Person{}, byEmail: map[string]connectors.Person{}}
	for _, o := range owners {
		person := connectors.Person{ID: string(o.ID), Email: strings.ToLower(strings.TrimSpace(o.Email)), Name: o.name()}
		p.byID[person.ID] = person
		if o.UserID != "" && o.UserID != "0" {
			p.byUser[string(o.UserID)] = person
		}
		if _, taken := p.byEmail[person.Email]; !taken && !o.Archived && person.Email != "" {
			p.byEmail[person.Email] = person
		}
	}
	return p
}

func (p *people) owner(id string) connectors.Person {
	if p != nil {
		if person, ok := p.byID[id]; ok {
			return person
		}
	}
	return connectors.Person{ID: id}
}

// decode returns the value of a property. Text that does not fit the
// property's type comes as text, so that nothing is taken for cleared.
func (p *property) decode(raw *string, owners *people) connectors.Value {
	if raw == nil || *raw == "" {
		return connectors.Null
	}
	s := *raw
	switch p.typ {
	case connectors.TypeNumber:
		if v, err := connectors.ParseNumber(s); err == nil {
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
		if t, ok := parseTime(s); ok {
			return connectors.DateOf(t)
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
			if id = strings.TrimSpace(id); id != "" {
				options = append(options, p.option(id))
			}
		}
		return connectors.Choices(options...)
	case connectors.TypePerson:
		return connectors.PersonValue(owners.owner(s))
	case connectors.TypeRichText:
		if markdown := richtext.FromHTML(s); markdown != "" {
			return connectors.RichText(markdown)
		}
		return connectors.Null
	}
	return connectors.Text(s)
}

func (p *property) option(id string) connectors.Option {
	return connectors.Option{ID: id, Label: cmp.Or(p.labels[id], id)}
}

// knows reports whether the value needs nothing that was not known when the
// definitions and the owners were read.
func (p *property) knows(v connectors.Value, owners *people) bool {
	switch p.typ {
	case connectors.TypeOption:
		return p.open || v.IsNull() || p.labels[v.Option().ID] != ""
	case connectors.TypeOptions:
		return p.open || !slices.ContainsFunc(v.Options(), func(o connectors.Option) bool { return p.labels[o.ID] == "" })
	case connectors.TypePerson:
		if owners == nil || v.IsNull() {
			return true
		}
		_, ok := owners.byID[v.Person().ID]
		return ok
	}
	return true
}

// encode returns the wire text of a value, "" for null. The error says why the
// property cannot hold the value.
func (p *property) encode(v connectors.Value, owners *people) (string, error) {
	if v.IsNull() {
		return "", nil
	}
	switch p.typ {
	case connectors.TypeNumber:
		if v.Number() != "" {
			return v.Number(), nil
		}
	case connectors.TypeBool:
		if v.Type() == connectors.TypeBool {
			return strconv.FormatBool(v.Bool()), nil
		}
	case connectors.TypeDate:
		if v.Type() == connectors.TypeDate {
			return v.Time().Format(time.DateOnly), nil
		}
	case connectors.TypeInstant:
		if v.Type() == connectors.TypeInstant || v.Type() == connectors.TypeDate {
			return v.Time().Format(timeForm), nil
		}
	case connectors.TypeOption:
		if v.Type() == connectors.TypeOption {
			return p.optionID(v.Option())
		}
	case connectors.TypeOptions:
		return p.encodeOptions(v)
	case connectors.TypePerson:
		if v.Type() == connectors.TypePerson {
			return encodePerson(v.Person(), owners)
		}
	case connectors.TypeRichText:
		switch v.Type() {
		case connectors.TypeRichText:
			return richtext.ToHTML(v.Text()), nil
		case connectors.TypeText:
			return "<p>" + strings.ReplaceAll(html.EscapeString(v.Text()), "\n", "<br>") + "</p>", nil
		}
	default:
		return v.String(), nil
	}
	return "", fmt.Errorf("a value of type %s where HubSpot wants %s", v.Type(), p.typ)
}

func (p *property) encodeOptions(v connectors.Value) (string, error) {
	options := v.Options()
	if v.Type() == connectors.TypeOption {
		options = []connectors.Option{v.Option()}
	} else if v.Type() != connectors.TypeOptions {
		return "", fmt.Errorf("a value of type %s where HubSpot wants %s", v.Type(), p.typ)
	}
	ids := make([]string, len(options))
	for i, o := range options {
		id, err := p.optionID(o)
		if err != nil {
			return "", err
		}
		ids[i] = id
	}
	return strings.Join(ids, ";"), nil
}

// optionID returns the id of an option, that of its label where it has none.
func (p *property) optionID(o connectors.Option) (string, error) {
	if o.ID != "" {
		return o.ID, nil
	}
	return p.choice(o.Label)
}

func encodePerson(who connectors.Person, owners *people) (string, error) {
	if who.ID != "" {
		return who.ID, nil
	}
	if owners == nil {
		return "", fmt.Errorf("%s cannot be looked up: the app may not read HubSpot's owners", who.Email)
	}
	if known, ok := owners.byEmail[who.Email]; ok {
		return known.ID, nil
	}
	return "", fmt.Errorf("no owner in HubSpot has the e-mail %s", who.Email)
}

// parseTime reads ISO 8601 with or without milliseconds, and epoch
// milliseconds.
func parseTime(s string) (time.Time, bool) {
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return t.UTC(), true
	}
	if ms, err := strconv.ParseInt(s, 10, 64); err == nil && ms > -1e15 && ms < 1e15 {
		return time.UnixMilli(ms).UTC(), true
	}
	return time.Time{}, false
}

// record returns a record as the connection called name knows it under the
// object's name in the mapping. Fields are the properties that HubSpot sent and
// the definitions know; complete is false when an option or an owner among them
// is unknown.
func (m *meta) record(connection, object string, w *wireRecord, s scope, owners *people) (r *connectors.Record, complete bool) {
	r = &connectors.Record{
		Ref:     connectors.Ref{Connection: connection, Object: object, ID: string(w.ID)},
		Version: w.UpdatedAt,
		InScope: s.contains(w),
		URL:     w.URL,
		Title:   m.t.titleOf(w),
	}
	r.Modified, _ = parseTime(w.UpdatedAt)
	r.Created, _ = parseTime(w.CreatedAt)
	if w.Archived {
		r.State = connectors.Archived
	}
	complete = true
	r.Grow(len(w.Properties))
	for name, raw := range w.Properties {
		p := m.props[name]
		if p == nil {
			continue
		}
		v := p.decode(raw, owners)
		complete = complete && p.knows(v, owners)
		r.Set(name, v)
	}
	return r, complete
}

func (t *objectType) titleOf(w *wireRecord) string {
	var words []string
	for _, name := range t.title {
		if v := w.Properties[name]; v != nil && *v != "" {
			words = append(words, *v)
		}
	}
	if len(words) == 0 && t.id == contactsID {
		if v := w.Properties["email"]; v != nil {
			return *v
		}
	}
	return strings.Join(words, " ")
}

// needsPeople reports whether a record holds the id of an owner.
func (m *meta) needsPeople(records []wireRecord) bool {
	for i := range records {
		for name, raw := range records[i].Properties {
			if p := m.props[name]; raw != nil && *raw != "" && p != nil && p.typ == connectors.TypePerson {
				return true
			}
		}
	}
	return false
}

// wanted returns the properties to ask for: the fields, and those that the
// record itself needs.
func (m *meta) wanted(fields []string, s scope) []string {
	names := []string{"hs_object_id", m.t.modified}
	names = append(names, m.t.title...)
	for name := range s.equal {
		names = append(names, name)
	}
	for _, f := range fields {
		if !isLink(f) {
			names = append(names, f)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
