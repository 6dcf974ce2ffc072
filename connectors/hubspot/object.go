package hubspot

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// objectType is one kind of record.
type objectType struct {
	id       string // "0-3"
	plural   string // "deals"
	singular string // "deal"
	label    string // "Deal"
	modified string // the property with the time of the last change
	title    []string
	required []string
	readOnly bool
	timed    bool // wants hs_timestamp; a create without one gets the present time
}

func (t *objectType) is(name string) bool {
	return name == t.id || strings.EqualFold(name, t.plural) || strings.EqualFold(name, t.singular)
}

// pipelineProperties returns the names of the properties for a pipeline and for
// its stage.
func (t *objectType) pipelineProperties() (pipeline, stage string) {
	if t.id == dealsID {
		return "pipeline", "dealstage"
	}
	return "hs_pipeline", "hs_pipeline_stage"
}

const (
	contactsID  = "0-1"
	companiesID = "0-2"
	dealsID     = "0-3"
	ticketsID   = "0-5"
	tasksID     = "0-27"
	notesID     = "0-46"

	modifiedProperty = "hs_lastmodifieddate"
	timeProperty     = "hs_timestamp" // of a note, when it was; of a task, when it is due
)

var standardTypes = []*objectType{
	{id: contactsID, plural: "contacts", singular: "contact", label: "Contact", modified: "lastmodifieddate", title: []string{"firstname", "lastname"}},
	{id: companiesID, plural: "companies", singular: "company", label: "Company", title: []string{"name"}},
	{id: dealsID, plural: "deals", singular: "deal", label: "Deal", title: []string{"dealname"}, required: []string{"dealname", "dealstage"}},
	{id: ticketsID, plural: "tickets", singular: "ticket", label: "Ticket", title: []string{"subject"}, required: []string{"subject", "hs_pipeline_stage"}},
	{id: "0-7", plural: "products", singular: "product", label: "Product", title: []string{"name"}, required: []string{"name"}},
	{id: "0-8", plural: "line_items", singular: "line_item", label: "Line item", title: []string{"name"}},
	{id: "0-14", plural: "quotes", singular: "quote", label: "Quote", title: []string{"hs_title"}, required: []string{"hs_title", "hs_expiration_date"}},
	{id: "0-19", plural: "feedback_submissions", singular: "feedback_submission", label: "Feedback submission", title: []string{"hs_survey_name"}, readOnly: true},
	{id: tasksID, plural: "tasks", singular: "task", label: "Task", title: []string{"hs_task_subject"}, timed: true},
	{id: notesID, plural: "notes", singular: "note", label: "Note", timed: true},
	{id: "0-47", plural: "meetings", singular: "meeting", label: "Meeting", title: []string{"hs_meeting_title"}, timed: true},
	{id: "0-48", plural: "calls", singular: "call", label: "Call", title: []string{"hs_call_title"}, timed: true},
	{id: "0-49", plural: "emails", singular: "email", label: "E-mail", title: []string{"hs_email_subject"}, required: []string{"hs_email_direction"}, timed: true},
	{id: "0-53", plural: "invoices", singular: "invoice", label: "Invoice"},
	{id: "0-69", plural: "subscriptions", singular: "subscription", label: "Subscription"},
	{id: "0-74", plural: "goal_targets", singular: "goal_target", label: "Goal"},
	{id: "0-123", plural: "orders", singular: "order", label: "Order", title: []string{"hs_order_name"}},
	{id: "0-136", plural: "leads", singular: "lead", label: "Lead", title: []string{"hs_lead_name"}},
	{id: "0-162", plural: "services", singular: "service", label: "Service", title: []string{"hs_name"}},
	{id: "0-970", plural: "projects", singular: "project", label: "Project", title: []string{"hs_name"}, required: []string{"hs_name"}},
}

func standardType(name string) *objectType {
	for _, t := range standardTypes {
		if t.is(name) {
			if t.modified == "" {
				c := *t
				c.modified = modifiedProperty
				return &c
			}
			return t
		}
	}
	return nil
}

var typeID = regexp.MustCompile(`^[0-9]{1,4}-[0-9]{1,12}$`)

// object finds a type by the name that a mapping uses: the plural, the
// singular, the type id; for custom objects also p_name and the full name. The
// name is remembered, so that webhooks can use it.
func (c *connection) object(ctx context.Context, op, name string) (*objectType, error) {
	t := standardType(name)
	if t == nil {
		var err error
		if t, err = c.customObject(ctx, op, name); err != nil {
			return nil, err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !slices.Contains(c.aliases[t.id], name) {
		c.aliases[t.id] = append(c.aliases[t.id], name)
	}
	return t, nil
}

func (c *connection) customObject(ctx context.Context, op, name string) (*objectType, error) {
	schemas, err := c.schemas.Get(ctx, schemaAge, c.fetchSchemas)
	if err != nil {
		if missingScope(err) && typeID.MatchString(name) {
			return &objectType{id: name, plural: name, singular: name, label: name, modified: modifiedProperty}, nil
		}
		return nil, err
	}
	var known []string
	for _, t := range standardTypes {
		known = append(known, t.plural)
	}
	for _, s := range schemas {
		names := []string{s.TypeID, s.Name, s.Full, "p_" + s.Name, s.Labels.Singular, s.Labels.Plural}
		if slices.ContainsFunc(names, func(n string) bool { return n != "" && strings.EqualFold(n, name) }) {
			return &objectType{
				id: s.TypeID, plural: s.Name, singular: s.Name, label: cmp.Or(s.Labels.Singular, s.Name),
				modified: modifiedProperty, title: nonEmpty(s.Display), required: s.Required,
			}, nil
		}
		known = append(known, s.Name)
	}
	if typeID.MatchString(name) {
		return &objectType{id: name, plural: name, singular: name, label: name, modified: modifiedProperty}, nil
	}
	return nil, &connectors.Error{
		Op: op, Connection: c.name, Record: name, Kind: connectors.NotFound,
		Err: fmt.Errorf("HubSpot has no object %q; there are %s", name, strings.Join(known, ", ")),
	}
}

func (c *connection) fetchSchemas(ctx context.Context) ([]wireSchema, error) {
	var out struct {
		Results []wireSchema `json:"results"`
	}
	err := c.do(ctx, rest.Request{Op: "list objects", Path: pathSchemas, Out: &out})
	return out.Results, err
}

func nonEmpty(texts ...string) []string {
	return slices.DeleteFunc(texts, func(s string) bool { return s == "" })
}
