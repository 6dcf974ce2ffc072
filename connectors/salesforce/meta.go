package salesforce

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// property is what is needed to read and write one field.
type property struct {
	name, label string
	wire        string // Salesforce's own type
	typ         connectors.Type
	oneLine     bool
	open        bool   // any option may be written
	readOnly    string // why it cannot be written; "" when it can
	creatable   bool
	writable    bool
	nillable    bool
	required    bool
	unique      bool
	filterable  bool
	masked      bool // classic encryption: what reads as asterisks is hidden
	compound    bool // its parts are fields of their own
	cascade     bool // the record belongs to the one it refers to
	tracked     bool // Salesforce keeps its edits
	length      int
	scale       int
	refs        []string
	options     []connectors.Option
	labels      map[string]string // of the options, by id
}

// meta is what Salesforce tells about one object.
type meta struct {
	wireObject
	name     string // as describe spells it
	props    map[string]*property
	fold     map[string]string // names by their lower case
	order    []string
	types    []wireRecordType
	modified string // the field that moves with every change
	note     string // the field of a task that names such a record; "" where none does
	title    string // the name field
	lost     map[string]bool
	at       string // Last-Modified, for the next describe
}

// prop returns the property that a name means, whatever its case.
func (m *meta) prop(name string) *property {
	if p := m.props[name]; p != nil {
		return p
	}
	return m.props[m.fold[strings.ToLower(name)]]
}

// has reports whether the object has a field of exactly that name.
func (m *meta) has(name string) bool { return m.props[name] != nil }

// The fields that records themselves are made of.
const (
	fieldID       = "Id"
	fieldDeleted  = "IsDeleted"
	fieldMerged   = "MasterRecordId"
	fieldCreated  = "CreatedDate"
	fieldCurrency = "CurrencyIsoCode"
	fieldType     = "RecordTypeId"
)

func newMeta(d *wireDescribe, tracked map[string]bool) *meta {
	m := &meta{
		wireObject: d.wireObject, name: d.Name, types: d.RecordTypes,
		props: make(map[string]*property, len(d.Fields)), fold: make(map[string]string, len(d.Fields)), lost: map[string]bool{},
	}
	for i := range d.Fields {
		w := &d.Fields[i]
		if w.Name == "" || w.Hidden || m.props[w.Name] != nil {
			continue
		}
		p := newProperty(w)
		if p == nil {
			continue
		}
		p.tracked = tracked[w.Name] && p.remembered()
		if w.NameField && !p.compound {
			m.title = w.Name
		} else if w.NameField {
			m.title = cmp.Or(m.title, w.Name)
		}
		m.props[w.Name], m.fold[strings.ToLower(w.Name)] = p, w.Name
		m.order = append(m.order, w.Name)
	}
	for _, child := range d.Children {
		if child.Object == taskObject && (child.Field == "WhatId" || child.Field == "WhoId") {
			m.note = child.Field
		}
	}
	for _, name := range []string{"SystemModstamp", "LastModifiedDate", fieldCreated} {
		if m.has(name) {
			m.modified = name
			break
		}
	}
	return m
}

// newProperty returns nil for fields that hold no value of ours.
func newProperty(w *wireField) *property {
	p := &property{
		name: w.Name, label: cmp.Or(w.Label, w.Name), wire: w.Type, oneLine: true,
		creatable: w.Createable, writable: w.Updateable, nillable: w.Nillable,
		unique: w.Unique || w.Type == "id", filterable: w.Filterable, cascade: w.Cascade,
		length: max(w.Length, 0), scale: -1, refs: w.ReferenceTo, masked: w.Type == "encryptedstring",
	}
	switch w.Type {
	case "id", "string", "email", "phone", "url", "combobox", "encryptedstring", "time":
		p.typ = connectors.TypeText
	case "textarea":
		p.typ, p.oneLine = connectors.TypeText, false
		if w.HTML || w.Extra == "richtextarea" {
			p.typ = connectors.TypeRichText
		}
	case "picklist":
		p.typ, p.open = connectors.TypeOption, !w.Restricted
	case "multipicklist":
		p.typ, p.open = connectors.TypeOptions, !w.Restricted
	case "boolean":
		p.typ = connectors.TypeBool
	case "int", "long":
		p.typ, p.scale = connectors.TypeNumber, 0
	case "double", "percent":
		p.typ, p.scale = connectors.TypeNumber, max(w.Scale, 0)
	case "currency":
		p.typ, p.scale = connectors.TypeMoney, max(w.Scale, 0)
	case "date":
		p.typ = connectors.TypeDate
	case "datetime":
		p.typ = connectors.TypeInstant
	case "reference":
		p.typ = connectors.TypeReference
		if slices.Contains(w.ReferenceTo, "User") {
			p.typ = connectors.TypePerson
		}
		if label, ok := strings.CutSuffix(p.label, " ID"); ok && label != "" {
			p.label = label
		}
	case "address", "location":
		p.typ, p.compound, p.oneLine = connectors.TypeText, true, false
	default: // blobs, and whatever is newer than this
		return nil
	}
	if p.typ == connectors.TypeOption || p.typ == connectors.TypeOptions {
		p.setOptions(w.PicklistEntries)
	}
	p.readOnly = whyReadOnly(w, p)
	p.required = w.Createable && !w.Nillable && !w.Defaulted && w.Type != "boolean"
	return p
}

// remembered reports whether the history keeps the field's values, not only
// that it was edited.
func (p *property) remembered() bool {
	switch p.wire {
	case "multipicklist", "encryptedstring":
		return false
	case "textarea":
		return p.length <= 255
	}
	return true
}

func whyReadOnly(w *wireField, p *property) string {
	switch {
	case w.Createable || w.Updateable:
		return ""
	case p.compound:
		return "its parts are fields of their own"
	case w.Calculated:
		return "Salesforce computes it"
	case w.AutoNumber:
		return "Salesforce numbers it"
	}
	return "Salesforce sets it, or the account may not write it"
}

func (p *property) setOptions(entries []wirePicklist) {
	p.labels = make(map[string]string, len(entries))
	for _, e := range entries {
		if e.Value == "" || p.labels[e.Value] != "" {
			continue
		}
		p.labels[e.Value] = cmp.Or(e.Label, e.Value)
		if e.Active {
			p.options = append(p.options, connectors.Option{ID: e.Value, Label: cmp.Or(e.Label, e.Value)})
		}
	}
}

// metaOf returns what Salesforce tells about an object, not older than age;
// zero asks even when nothing has changed, since a right that was taken away
// need not count as a change.
func (c *connection) metaOf(ctx context.Context, op, object string, age time.Duration) (*meta, error) {
	if !nameForm.MatchString(object) {
		return nil, c.fail(op, object, connectors.NotFound, "%q is no name of an object in Salesforce", object)
	}
	key := strings.ToLower(object)
	c.mu.Lock()
	cache := c.metas[key]
	if cache == nil {
		cache = rest.NewCached[*meta](c.name, c.clock)
		c.metas[key] = cache
	}
	c.mu.Unlock()
	m, err := cache.Get(ctx, age, func(ctx context.Context) (*meta, error) {
		return c.describe(ctx, object, cache.Last(), age > 0)
	})
	if err != nil {
		return nil, c.unknownObject(ctx, op, object, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.aliases[strings.ToLower(m.name)] == "" {
		c.aliases[strings.ToLower(m.name)] = object
	}
	return m, nil
}

// describe asks about an object; what is known stands where nothing has changed.
func (c *connection) describe(ctx context.Context, object string, old *meta, conditional bool) (*meta, error) {
	r := rest.Request{
		Op: "describe", Record: object, Path: c.path("/sobjects/{object}/describe"), Params: map[string]string{"object": object},
		Accept: []int{http.StatusNotModified},
	}
	if conditional && old != nil && old.at != "" {
		r.Header = http.Header{"If-Modified-Since": {old.at}}
	}
	var d wireDescribe
	r.Out = &d
	resp, err := c.client.Do(ctx, r)
	if err != nil {
		return nil, err
	}
	if resp.Status == http.StatusNotModified && old != nil {
		return old, nil
	}
	if d.Name == "" {
		return nil, c.fail("describe", object, connectors.Internal, "the answer describes no object")
	}
	m := newMeta(&d, c.tracked(ctx, d.Name))
	m.at = resp.Header.Get("Last-Modified")
	if old != nil {
		maps.Copy(m.lost, old.lost)
		for name := range old.props {
			m.lost[name] = true
		}
		for name := range m.props {
			delete(m.lost, name)
		}
	}
	return m, nil
}

// catalogue is the list of all objects.
type catalogue struct {
	objects  []wireObject
	byPrefix map[string]string
	at       string
}

// objectsOf returns the list of all objects.
func (c *connection) objectsOf(ctx context.Context, age time.Duration) (*catalogue, error) {
	return c.global.Get(ctx, age, func(ctx context.Context) (*catalogue, error) {
		old := c.global.Last()
		var out struct {
			Objects []wireObject `json:"sobjects"`
		}
		r := rest.Request{Op: "list objects", Path: c.path("/sobjects"), Out: &out, Accept: []int{http.StatusNotModified}}
		if old != nil && old.at != "" {
			r.Header = http.Header{"If-Modified-Since": {old.at}}
		}
		resp, err := c.client.Do(ctx, r)
		if err != nil {
			return nil, err
		}
		if resp.Status == http.StatusNotModified && old != nil {
			return old, nil
		}
		list := &catalogue{objects: out.Objects, byPrefix: map[string]string{}, at: resp.Header.Get("Last-Modified")}
		for _, o := range out.Objects {
			if o.KeyPrefix != "" && list.byPrefix[o.KeyPrefix] == "" {
				list.byPrefix[o.KeyPrefix] = o.Name
			}
		}
		return list, nil
	})
}

// unknownObject names the near misses of an object that is not there.
func (c *connection) unknownObject(ctx context.Context, op, object string, err error) error {
	if connectors.KindOf(err) != connectors.NotFound {
		return err
	}
	list, listErr := c.objectsOf(ctx, schemaAge)
	if listErr != nil {
		return err
	}
	var near []string
	short := strings.ToLower(strings.TrimSuffix(object, "__c"))
	for _, o := range list.objects {
		name, label := strings.ToLower(o.Name), strings.ToLower(o.Label)
		if strings.Contains(name, short) || strings.Contains(short, name) || label == short || label+"s" == short {
			near = append(near, o.Name)
		}
	}
	slices.Sort(near)
	text := "Salesforce has no object %q that this account may see"
	if len(near) > 0 {
		return c.fail(op, object, connectors.NotFound, text+"; there are %s", object, strings.Join(near[:min(len(near), 8)], ", "))
	}
	return c.fail(op, object, connectors.NotFound, text, object)
}

// parentField returns the field of an object that refers to a record, where
// there is one only.
func (c *connection) parentField(ctx context.Context, op string, m *meta, s scope, parent string) (string, error) {
	if s.parent != "" {
		return s.parent, nil
	}
	if m.has("WhatId") && m.has("WhoId") { // of tasks and events
		if p := prefixOf(parent); p == contactPrefix || p == leadPrefix {
			return "WhoId", nil
		}
		return "WhatId", nil
	}
	list, err := c.objectsOf(ctx, schemaAge)
	if err != nil {
		return "", err
	}
	object := list.byPrefix[prefixOf(parent)]
	var fields []string
	for _, name := range m.order {
		p := m.props[name]
		if p.wire == "reference" && p.creatable && slices.Contains(p.refs, object) {
			if p.cascade {
				return name, nil
			}
			fields = append(fields, name)
		}
	}
	if len(fields) == 1 {
		return fields[0], nil
	}
	fail := c.fail(op, m.name, connectors.Invalid, "%d fields of %s refer to %s", len(fields), m.name, cmp.Or(object, "such a record"))
	fail.Help = "name the field in the side's scope: {parent: FieldName}"
	return "", fail
}
