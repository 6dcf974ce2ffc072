package hubspot

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// link is a field that is no property: a record associated with this one.
type link struct {
	name   string // "associated_company"
	title  bool   // the text of its title rather than a reference
	target *objectType
}

const (
	linkPrefix  = "associated_"
	titleSuffix = "_name"
)

// linkTargets are the objects whose association is offered as a field.
var linkTargets = map[string][]string{
	contactsID: {"company"},
	dealsID:    {"company", "contact"},
	ticketsID:  {"company", "contact", "deal"},
	tasksID:    {"company", "contact", "deal", "ticket"},
	notesID:    {"company", "contact", "deal", "ticket"},
}

func isLink(field string) bool { return strings.HasPrefix(field, linkPrefix) }

// links returns the link fields of the object.
func (m *meta) links() []link {
	var out []link
	for _, name := range linkTargets[m.t.id] {
		target := standardType(name)
		out = append(out,
			link{name: linkPrefix + name, target: target},
			link{name: linkPrefix + name + titleSuffix, target: target, title: true})
	}
	return out
}

func (l link) field() connectors.Field {
	f := connectors.Field{
		Name: l.name, Label: "Associated " + strings.ToLower(l.target.label), Type: connectors.TypeReference,
		Object: l.target.plural, ReadOnly: "associations are made in HubSpot",
	}
	if l.title {
		f.Label, f.Type, f.Object, f.OneLine = f.Label+" name", connectors.TypeText, "", true
	}
	return f
}

// addLinks sets the asked link fields and the parents. Where several records
// are associated, the primary one counts, else the one with the lowest id.
func (c *connection) addLinks(ctx context.Context, m *meta, records []*connectors.Record, s scope, fields []string) error {
	if len(records) == 0 {
		return nil
	}
	if s.parent != nil {
		parents, err := c.associated(ctx, m.t, s.parent, records)
		if err != nil {
			return err
		}
		for _, r := range records {
			r.Parent = parents[r.Ref.ID]
		}
	}
	known := map[string]map[string]string{} // by target
	titles := map[string]map[string]string{}
	for _, l := range m.links() {
		if !slices.Contains(fields, l.name) {
			continue
		}
		var err error
		if known[l.target.id] == nil {
			if known[l.target.id], err = c.associated(ctx, m.t, l.target, records); err != nil {
				return err
			}
			if titles[l.target.id], err = c.titles(ctx, l.target, known[l.target.id]); err != nil {
				return err
			}
		}
		for _, r := range records {
			r.Set(l.name, l.value(known[l.target.id][r.Ref.ID], titles[l.target.id]))
		}
	}
	return nil
}

func (l link) value(id string, titles map[string]string) connectors.Value {
	switch {
	case id == "":
		return connectors.Null
	case !l.title:
		return connectors.Reference(l.target.plural, id, titles[id])
	case titles[id] == "":
		return connectors.Null
	}
	return connectors.Text(titles[id])
}

type wireAssociations struct {
	From struct {
		ID wireID `json:"id"`
	} `json:"from"`
	To     []wireAssociated `json:"to"`
	Paging *paging          `json:"paging"`
}

type wireAssociated struct {
	ID    wireID `json:"toObjectId"`
	Types []struct {
		TypeID int    `json:"typeId"`
		Label  string `json:"label"`
	} `json:"associationTypes"`
}

// primary reports whether the link is the one that HubSpot calls primary.
func (w wireAssociated) primary() bool {
	for _, t := range w.Types {
		if strings.EqualFold(t.Label, "Primary") {
			return true
		}
	}
	return false
}

// linkBatch is of how many records the associations are read at once.
const linkBatch = 1000

// associations reads what records are associated with; those without anything
// may be missing. At most linkBatch of them.
func (c *connection) associations(ctx context.Context, op string, from, to *objectType, ids []string) ([]wireAssociations, error) {
	var body struct {
		Inputs []batchInput `json:"inputs"`
	}
	for _, id := range ids {
		body.Inputs = append(body.Inputs, batchInput{ID: id})
	}
	var out struct {
		Results []wireAssociations `json:"results"`
	}
	err := c.do(ctx, rest.Request{
		Op: op, Record: from.plural, Method: http.MethodPost, Path: pathAssociations,
		Params: map[string]string{"from": from.id, "to": to.id}, Body: body, Out: &out, Reads: true,
	})
	return out.Results, err
}

// associated returns, by record id, the id of the associated record of an
// object.
func (c *connection) associated(ctx context.Context, from, to *objectType, records []*connectors.Record) (map[string]string, error) {
	ids := make([]string, len(records))
	for i, r := range records {
		ids[i] = r.Ref.ID
	}
	results, err := c.associations(ctx, "read associations", from, to, ids)
	if err != nil {
		return nil, err
	}
	links := map[string]string{}
	for _, a := range results {
		best := wireAssociated{}
		for _, candidate := range a.To {
			better := candidate.primary() && !best.primary() || candidate.primary() == best.primary() && lessID(candidate.ID, best.ID)
			if best.ID == "" || better {
				best = candidate
			}
		}
		links[string(a.From.ID)] = string(best.ID)
	}
	return links, nil
}

func lessID(a, b wireID) bool {
	if len(a) != len(b) {
		return len(a) < len(b)
	}
	return a < b
}

// titles reads what people call the linked records.
func (c *connection) titles(ctx context.Context, t *objectType, links map[string]string) (map[string]string, error) {
	var ids []string
	for _, id := range links {
		if id != "" {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	properties := append([]string{"hs_object_id", "email"}, t.title...)
	out := map[string]string{}
	for chunk := range slices.Chunk(ids, batchSize) {
		found, _, err := c.batchRead(ctx, t, "", properties, chunk, false)
		if err != nil {
			return nil, err
		}
		for i := range found {
			out[string(found[i].ID)] = t.titleOf(&found[i])
		}
	}
	return out, nil
}

// linkTypes are the numbers of the unlabelled associations that creates use, by
// the types' ids. HubSpot never changes them; others are asked for.
var linkTypes = map[[2]string]int{
	{notesID, contactsID}: 202, {notesID, companiesID}: 190, {notesID, dealsID}: 214, {notesID, ticketsID}: 228, {notesID, "0-970"}: 1249,
	{tasksID, contactsID}: 204, {tasksID, companiesID}: 192, {tasksID, dealsID}: 216, {tasksID, ticketsID}: 230,
	{"0-8", dealsID}: 20,
}

// link returns the association with which a new record is linked to another.
func (c *connection) link(ctx context.Context, from, to *objectType, toID string) ([]association, error) {
	if !isID(toID) {
		return nil, c.fail("associate", to.plural+"/"+toID, connectors.NotFound, "%q is not an id of HubSpot", toID)
	}
	kind, err := c.linkType(ctx, from, to)
	if err != nil {
		return nil, err
	}
	a := association{Types: []associationType{kind}}
	a.To.ID = toID
	return []association{a}, nil
}

// parentType finds out of which object a parent is, for a child whose scope does
// not say so: the one that mappings use besides the child's own, or where they
// use several, the only one that has a record of that id.
func (c *connection) parentType(ctx context.Context, child *objectType, id string) (*objectType, error) {
	const op = "find parent"
	c.mu.Lock()
	var names []string
	for typeID, known := range c.aliases {
		if typeID != child.id && typeID != notesID && typeID != tasksID && len(known) > 0 {
			names = append(names, known[0])
		}
	}
	c.mu.Unlock()
	slices.Sort(names)
	var found []*objectType
	for _, name := range names {
		t, err := c.object(ctx, op, name)
		if err != nil {
			return nil, err
		}
		if len(names) > 1 {
			records, _, err := c.batchRead(ctx, t, "", []string{"hs_object_id"}, []string{id}, false)
			if err != nil {
				return nil, err
			}
			if len(records) == 0 {
				continue
			}
		}
		found = append(found, t)
	}
	if len(found) == 1 {
		return found[0], nil
	}
	return nil, c.fail(op, child.plural, connectors.Invalid, "the scope does not say what the parent %s is; add parent: deals, or another object", id)
}

// linkType returns the unlabelled association of two types. Those with custom
// objects are as a rule defined by users.
func (c *connection) linkType(ctx context.Context, from, to *objectType) (associationType, error) {
	pair := [2]string{from.id, to.id}
	if number := linkTypes[pair]; number != 0 {
		return associationType{"HUBSPOT_DEFINED", number}, nil
	}
	c.mu.Lock()
	kind, known := c.linkTypes[pair]
	c.mu.Unlock()
	if known {
		return kind, nil
	}
	var out struct {
		Results []struct {
			Category string  `json:"category"`
			TypeID   int     `json:"typeId"`
			Label    *string `json:"label"`
		} `json:"results"`
	}
	err := c.do(ctx, rest.Request{
		Op: "read associations", Record: from.plural, Path: pathLabels,
		Params: map[string]string{"from": from.id, "to": to.id}, Out: &out,
	})
	if err != nil {
		return associationType{}, err
	}
	for _, l := range out.Results {
		if l.TypeID > 0 && (l.Label == nil || *l.Label == "") && (!known || l.Category == "HUBSPOT_DEFINED") {
			kind, known = associationType{l.Category, l.TypeID}, true
		}
	}
	if !known {
		return kind, c.fail("read associations", from.plural, connectors.Invalid, "HubSpot has no association from %s to %s", from.plural, to.plural)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.linkTypes[pair] = kind
	return kind, nil
}
