package mapping

import (
	"slices"

	"github.com/tenonsync/tenon/connectors"
)

// Need returns what the file's rules do with the records of a side, so that the
// rights for it can be looked at before any schema is known. For a file with
// errors it is what can be read.
func (f *File) Need(side SideID) connectors.Need {
	s := f.Sides[side&1]
	need := connectors.Need{Object: s.Object, Scope: s.Scope, Write: f.writes(side)}
	if create := f.root.get("create").get(s.Name); create != nil && create.kind != badNode {
		need.Create = true
	}
	if f.buttonField(side) != nil {
		need.Write = true // the button's address
	}
	switch word(f.root.get("comments").str()) {
	case "", "none":
	default:
		need.Comment = true
	}
	need.Attach = f.carriesFiles()
	if policy := f.deletePolicy(side.Other()); policy == "archive" || policy == "delete" {
		need.Retire = true
	} else if f.deletePolicy(side) == "recreate" {
		need.Create = true
	}
	return need
}

// carriesFiles reports whether attachments are copied, either way.
func (f *File) carriesFiles() bool {
	n := f.root.get("attachments")
	if n != nil && n.kind == objectNode {
		n = n.get("flow")
	}
	w := word(n.str())
	return w != "" && w != "none"
}

// writes reports whether a rule writes fields of the side.
func (f *File) writes(side SideID) bool {
	rules := f.root.get("fields")
	if rules == nil {
		return false
	}
	name, other := f.Sides[side&1].Name, f.Sides[side.Other()&1].Name
	for _, item := range rules.items {
		switch {
		case item.get(name) == nil:
		case item.get("set") != nil:
			return true
		case word(item.get("flow").str()) != name+" -> "+other:
			return true
		}
	}
	return false
}

// deletePolicy is the word of on_delete for a deletion on the side.
func (f *File) deletePolicy(deletedOn SideID) string {
	n := f.root.get("on_delete")
	if n != nil && n.kind == objectNode {
		return n.get(f.Sides[deletedOn&1].Name).str()
	}
	return n.str()
}

// Names returns the fields of a side that the file's rules name, as written,
// each once in the order of the file. Those in expressions are not among them.
func (f *File) Names(side SideID) []string {
	var names []string
	add := func(n *node) {
		if name := n.str(); name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	side &= 1
	for _, list := range []string{"match", "fields"} {
		if rules := f.root.get(list); rules != nil {
			for _, item := range rules.items {
				add(item.get(f.Sides[side].Name))
			}
		}
	}
	add(f.buttonField(side))
	return names
}

// buttonField returns the field of a side that the button's address is written
// to; nil where there is none.
func (f *File) buttonField(side SideID) *node {
	return f.root.get("create").get(f.Sides[side.Other()&1].Name).get("button").get("field")
}
