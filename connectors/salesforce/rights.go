package salesforce

import (
	"context"
	"slices"

	"github.com/tenonsync/tenon/connectors"
)

const setHelp = "add it to the integration user's permission set in Salesforce (Setup, Permission Sets, Object Settings)"

// MissingRights implements connectors.RightsChecker: from what describe tells
// this account, read anew.
func (c *connection) MissingRights(ctx context.Context, needs []connectors.Need) ([]connectors.Gap, error) {
	var gaps []connectors.Gap
	add := func(g connectors.Gap) {
		if !slices.ContainsFunc(gaps, func(have connectors.Gap) bool { return have.Right == g.Right && have.Where == g.Where }) {
			gaps = append(gaps, g)
		}
	}
	seen := map[string]*meta{}
	describe := func(object string) (*meta, error) {
		if m := seen[object]; m != nil {
			return m, nil
		}
		m, err := c.metaOf(ctx, "check", object, 0)
		if err == nil {
			seen[object] = m
		}
		return m, err
	}
	for _, n := range needs {
		m, err := describe(n.Object)
		if err != nil {
			if kind := connectors.KindOf(err); kind != connectors.NotFound && kind != connectors.Permission {
				return nil, err
			}
			add(connectors.Gap{Right: "Read", Where: "object " + n.Object, For: "read " + n.Object, Help: setHelp})
			continue
		}
		c.gapsOf(n, m, add)
		if !n.Comment {
			continue
		}
		notes := taskObject
		if c.o.notes == notesChatter {
			notes = "FeedItem"
		}
		of, err := describe(notes)
		if kind := connectors.KindOf(err); err != nil && kind != connectors.NotFound && kind != connectors.Permission {
			return nil, err
		}
		if err != nil || !of.Createable || !of.Queryable {
			add(connectors.Gap{Right: "Edit Tasks", Where: "object " + notes, For: "read and write comments of " + n.Object, Help: setHelp})
		}
	}
	return gaps, nil
}

// gapsOf tells what stands in the way of one need.
func (c *connection) gapsOf(n connectors.Need, m *meta, add func(connectors.Gap)) {
	where := "object " + m.name
	for _, r := range []struct {
		needed, have bool
		right, why   string
	}{
		{true, m.Queryable, "Read", "read "},
		{n.Write, m.Updateable, "Edit", "write "},
		{n.Create, m.Createable, "Create", "create "},
		{n.Retire, m.Deletable, "Delete", "delete "},
	} {
		if r.needed && !r.have {
			add(connectors.Gap{Right: r.right, Where: where, For: r.why + m.name, Help: setHelp})
		}
	}
	for _, f := range n.Fields {
		if m.prop(f) == nil {
			add(connectors.Gap{
				Right: "Field access", Where: "field " + m.name + "." + f, For: "read and write " + f,
				Help: "give the integration user access to the field in its permission set, or correct its name in the mapping",
			})
		}
	}
}
