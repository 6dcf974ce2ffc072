package mapping

import "github.com/tenonsync/tenon/connectors"

// Need returns what the file's rules do with the records of a side, so that the
// rights for it can be looked at before any schema is known. For a file with
// errors it is what can be read.
func (f *File) Need(side SideID) connectors.Need {
	s := f.Sides[side&1]
	need := connectors.Need{Object: s.Object, Scope: s.Scope, Write: f.writes(side)}
	if create := f.root.get("create").get(s.Name); create != nil && create.kind != badNode {
		need.Create = true
	}
	if source := f.root.get("create").get(f.Sides[side.Other()&1].Name); source != nil {
		if button := source.get("button"); button.get("field") != nil {
			need.Write = true // the button's address
		}
	}
	switch word(f.root.get("comments").str()) {
	case "", "none":
	default:
		need.Comment = true
	}
	if policy := f.deletePolicy(side.Other()); policy == "archive" || policy == "delete" {
		need.Retire = true
	} else if f.deletePolicy(side) == "recreate" {
		need.Create = true
	}
	return need
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
