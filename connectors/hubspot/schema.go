package hubspot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// maxText is the longest text that a property holds, in characters.
const maxText = 65_536

// property is what is needed to read and write one property.
type property struct {
	name, label string
	typ         connectors.Type
	html        bool // rich text, HTML on the wire
	oneLine     bool
	open        bool   // options that the schema does not list
	readOnly    string // why it cannot be written; "" when it can
	computed    bool
	unique      bool
	required    bool
	options     []connectors.Option
	labels      map[string]string // of the options, by id
}

// meta is what HubSpot tells about one object.
type meta struct {
	t         *objectType
	props     map[string]*property
	order     []string // the properties as HubSpot lists them
	pipelines []wirePipeline
}

// engagementBodies are rich text whatever their fieldType says.
var engagementBodies = map[string]bool{
	"hs_note_body": true, "hs_task_body": true, "hs_call_body": true, "hs_meeting_body": true, "hs_email_html": true,
}

func newProperty(w *wireProperty, t *objectType) *property {
	p := &property{
		name: w.Name, label: cmp.Or(w.Label, w.Name), typ: typeOf(w),
		html:    w.FieldType == "html" || engagementBodies[w.Name],
		oneLine: w.FieldType != "textarea" && w.FieldType != "html",
		unique:  w.HasUniqueValue || t.id == contactsID && w.Name == "email", required: slices.Contains(t.required, w.Name),
		computed: w.Calculated || strings.HasPrefix(w.FieldType, "calculation"),
	}
	switch {
	case t.readOnly:
		p.readOnly = "HubSpot lets nobody write " + t.plural
	case p.computed:
		p.readOnly = "HubSpot computes it"
	case w.Modification.ReadOnlyValue || w.Name == "hs_object_id":
		p.readOnly = "HubSpot sets it"
	}
	if p.html && p.typ == connectors.TypeText {
		p.typ = connectors.TypeRichText
	}
	if p.typ == connectors.TypeOption || p.typ == connectors.TypeOptions {
		options := make([]connectors.Option, 0, len(w.Options))
		for _, o := range w.Options {
			options = append(options, connectors.Option{ID: o.Value, Label: cmp.Or(o.Label, o.Value)})
		}
		p.setOptions(options)
		p.open = len(options) == 0
	}
	return p
}

func (p *property) setOptions(options []connectors.Option) {
	p.options, p.open = options, false
	p.labels = make(map[string]string, len(options))
	for _, o := range options {
		p.labels[o.ID] = o.Label
	}
}

func typeOf(w *wireProperty) connectors.Type {
	if w.Name == ownerProperty || w.ReferencedObjectType == "OWNER" {
		if w.FieldType == "checkbox" {
			return connectors.TypeOptions
		}
		return connectors.TypePerson
	}
	switch w.Type {
	case "number", "currency_number":
		return connectors.TypeNumber
	case "bool":
		return connectors.TypeBool
	case "date":
		return connectors.TypeDate
	case "datetime":
		return connectors.TypeInstant
	case "enumeration":
		switch {
		case w.FieldType == "booleancheckbox" && onlyBooleans(w.Options):
			return connectors.TypeBool
		case w.FieldType == "checkbox":
			return connectors.TypeOptions
		}
		return connectors.TypeOption
	}
	return connectors.TypeText
}

func onlyBooleans(options []wireOption) bool {
	return !slices.ContainsFunc(options, func(o wireOption) bool { return o.Value != "true" && o.Value != "false" })
}

// newMeta reads an object's definitions.
func newMeta(t *objectType, properties []wireProperty, pipelines []wirePipeline) *meta {
	m := &meta{t: t, props: make(map[string]*property, len(properties)), pipelines: pipelines}
	for i := range properties {
		if w := &properties[i]; !w.Archived && w.Name != "" && m.props[w.Name] == nil {
			m.props[w.Name] = newProperty(w, t)
			m.order = append(m.order, w.Name)
		}
	}
	pipeline, stage := t.pipelineProperties()
	if p := m.props[pipeline]; p != nil && len(pipelines) > 0 {
		var options []connectors.Option
		for _, pl := range pipelines {
			options = append(options, connectors.Option{ID: pl.ID, Label: cmp.Or(pl.Label, pl.ID)})
		}
		p.typ = connectors.TypeOption
		p.setOptions(options)
	}
	if p := m.props[stage]; p != nil && len(pipelines) > 0 {
		p.typ = connectors.TypeOption
		p.setOptions(m.stages(""))
	}
	return m
}

// stages returns the stages of one pipeline, of all for "".
func (m *meta) stages(pipeline string) []connectors.Option {
	var out []connectors.Option
	for _, pl := range m.pipelines {
		if pipeline != "" && pl.ID != pipeline {
			continue
		}
		for _, s := range pl.Stages {
			if !s.Archived {
				out = append(out, connectors.Option{ID: s.ID, Label: cmp.Or(s.Label, s.ID)})
			}
		}
	}
	return out
}

// schema describes the object within a scope.
func (m *meta) schema(object string, scope scope) *connectors.Schema {
	s := &connectors.Schema{Object: object, Label: m.t.label, Fields: make([]connectors.Field, 0, len(m.order))}
	pipeline, stage := m.t.pipelineProperties()
	for _, name := range m.order {
		p := m.props[name]
		f := connectors.Field{
			Name: p.name, Label: p.label, Type: p.typ, ReadOnly: p.readOnly,
			Writable: p.readOnly == "", Creatable: p.readOnly == "",
			Clearable: p.readOnly == "" && !p.required && name != stage && name != pipeline,
			Required:  p.required && scope.equal[name] == "",
			Unique:    p.unique || name == "hs_object_id",
			Findable:  p.findable(), History: !p.computed,
			Options: p.options, Open: p.open, OneLine: p.oneLine, Scale: -1,
		}
		if p.typ == connectors.TypeText || p.typ == connectors.TypeRichText {
			f.MaxLength = maxText
		}
		if in := scope.equal[pipeline]; name == stage && in != "" {
			f.Options = m.stages(in)
		}
		s.Fields = append(s.Fields, f)
	}
	for _, l := range m.links() {
		s.Fields = append(s.Fields, l.field())
	}
	return s
}

// findable reports whether a search for one value of the property makes sense.
func (p *property) findable() bool {
	return p.typ != connectors.TypeRichText && p.typ != connectors.TypeOptions
}

// scope is a resolved connectors.Scope: the wire values that a record's
// properties must have, and the object that its parent is of.
type scope struct {
	equal  map[string]string
	parent *objectType
}

// contains reports whether the record is within the scope.
func (s scope) contains(w *wireRecord) bool {
	for name, want := range s.equal {
		if v := w.Properties[name]; v == nil || *v != want {
			return false
		}
	}
	return true
}

// parentKey is the scope key that names the object of Create.Parent.
const parentKey = "parent"

// resolve checks a scope's keys: "pipeline", "parent", and the name of any
// single-choice or yes-no property.
func (m *meta) resolve(in connectors.Scope) (scope, error) {
	out := scope{equal: map[string]string{}}
	var problems []error
	for _, key := range slices.Sorted(maps.Keys(in)) {
		value := in[key]
		if key == parentKey {
			if out.parent = standardType(value); out.parent == nil {
				problems = append(problems, fmt.Errorf("scope %q: %q is not a standard object of HubSpot", key, value))
			}
			continue
		}
		p := m.props[key]
		if pipeline, _ := m.t.pipelineProperties(); key == "pipeline" {
			p = m.props[pipeline]
		}
		if p == nil || (p.typ != connectors.TypeOption && p.typ != connectors.TypeBool) {
			problems = append(problems, fmt.Errorf("scope %q: %s have no property of that name with a choice; scopes are pipeline, parent, or such a property", key, m.t.plural))
			continue
		}
		wire, err := p.choice(value)
		if err != nil {
			problems = append(problems, fmt.Errorf("scope %q: %w", key, err))
			continue
		}
		out.equal[p.name] = wire
	}
	return out, errors.Join(problems...)
}

// choice returns the wire value of the option that a text names by id or by
// label.
func (p *property) choice(text string) (string, error) {
	if p.typ == connectors.TypeBool {
		if text != "true" && text != "false" {
			return "", fmt.Errorf("%q is neither true nor false", text)
		}
		return text, nil
	}
	if p.open {
		return text, nil
	}
	f := connectors.Field{Options: p.options}
	if o, ok := f.Option(text); ok {
		return o.ID, nil
	}
	var known []string
	for _, o := range p.options[:min(len(p.options), 20)] {
		known = append(known, fmt.Sprintf("%s (%s)", o.ID, o.Label))
	}
	return "", fmt.Errorf("%q is none of %s", text, rest.Clip(strings.Join(known, ", ")))
}

// metaOf returns what HubSpot tells about an object, not older than age.
func (c *connection) metaOf(ctx context.Context, op, object string, age time.Duration) (*meta, error) {
	t, err := c.object(ctx, op, object)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	cache := c.metas[t.id]
	if cache == nil {
		cache = rest.NewCached[*meta](c.name, c.clock)
		c.metas[t.id] = cache
	}
	c.mu.Unlock()
	return cache.Get(ctx, age, func(ctx context.Context) (*meta, error) { return c.fetchMeta(ctx, t) })
}

func (c *connection) fetchMeta(ctx context.Context, t *objectType) (*meta, error) {
	var properties struct {
		Results []wireProperty `json:"results"`
	}
	err := c.do(ctx, rest.Request{
		Op: "read properties", Record: t.plural, Path: pathProperties,
		Params: map[string]string{"type": t.id}, Out: &properties,
	})
	if err != nil {
		return nil, err
	}
	var pipelines struct {
		Results []wirePipeline `json:"results"`
	}
	_, stage := t.pipelineProperties()
	if slices.ContainsFunc(properties.Results, func(p wireProperty) bool { return p.Name == stage }) {
		err := c.do(ctx, rest.Request{
			Op: "read pipelines", Record: t.plural, Path: pathPipelines,
			Params: map[string]string{"type": t.id}, Out: &pipelines,
		})
		switch connectors.KindOf(err) {
		case connectors.NotFound, connectors.Invalid, connectors.Permission:
			pipelines.Results = nil // an object with stages of its own kind
		default:
			if err != nil {
				return nil, err
			}
		}
	}
	pipelines.Results = slices.DeleteFunc(pipelines.Results, func(p wirePipeline) bool { return p.Archived })
	return newMeta(t, properties.Results, pipelines.Results), nil
}

// Schema implements connectors.Connection. It always asks HubSpot.
func (c *connection) Schema(ctx context.Context, object string, in connectors.Scope) (*connectors.Schema, error) {
	const op = "read schema"
	m, err := c.metaOf(ctx, op, object, 0)
	if err != nil {
		return nil, err
	}
	s, err := m.resolve(in)
	if err != nil {
		return nil, c.fail(op, object, connectors.Invalid, "%w", err)
	}
	c.askZone(ctx)
	return m.schema(object, s), nil
}

// scoped returns an object's definitions and a resolved scope.
func (c *connection) scoped(ctx context.Context, op, object string, in connectors.Scope) (*meta, scope, error) {
	m, err := c.metaOf(ctx, op, object, schemaAge)
	if err != nil {
		return nil, scope{}, err
	}
	s, err := m.resolve(in)
	if err != nil { // perhaps a choice that is newer than what we know
		if m, err = c.metaOf(ctx, op, object, refetchAge); err != nil {
			return nil, scope{}, err
		}
		if s, err = m.resolve(in); err != nil {
			return nil, scope{}, c.fail(op, object, connectors.Invalid, "%w", err)
		}
	}
	return m, s, nil
}
