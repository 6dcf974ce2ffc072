package mapping

import "github.com/tenonsync/tenon/connectors"

// checkSafe refuses pairs of types that do not convert by themselves.
func (k *compilation) checkSafe(d *ruleDraft) bool {
	var problem, hint [2]string
	for side := range d.fields {
		id := SideID(side)
		if d.flow.To(id) {
			problem[side], hint[side] = k.refusal(d, id)
		}
	}
	for side := range d.fields {
		id := SideID(side)
		if problem[side] == "" {
			continue
		}
		if d.flow == Both && problem[1-side] == "" {
			flow := "write `flow: " + k.arrow(id.Other()) + "` if that way is enough"
			if d.fields[side].Type == connectors.TypeInstant && d.fields[1-side].Type == connectors.TypeDate {
				flow = hint[side] + "; or " + flow
			}
			hint[side] = flow
		}
		k.errorf(d.nodes[id.Other()].pos, hint[side], "%s", problem[side])
		return false
	}
	return true
}

// refusal says why the other side's field does not convert into the field of
// side to, "" when it does.
func (k *compilation) refusal(d *ruleDraft, to SideID) (problem, hint string) {
	from, into := d.fields[to.Other()], d.fields[to]
	source := k.sideName(to.Other()) + "." + from.Name
	problem = article(from.Type) + " (" + k.displayName(to.Other(), from) + ") does not become " + article(into.Type) + " (" + k.displayName(to, into) + ") by itself"
	if d.item.get("values") != nil {
		return k.tableRefusal(from, into)
	}
	f, t := from.Type, into.Type
	switch {
	case f == connectors.TypeFile || t == connectors.TypeFile:
		return "files are not copied by rules", "map a text field to the record's address with `set: " + k.sideName(to.Other()) + ".url`"
	case t == connectors.TypeReference:
		return problem + ": the other system does not know that record", "leave the rule out: what another record is called can only go into a text"
	case t == connectors.TypeText:
		return "", ""
	case t == connectors.TypeRichText:
		if f == connectors.TypeText || f == connectors.TypeRichText {
			return "", ""
		}
		return problem, "write `set: text(" + source + ")`"
	case t == connectors.TypeNumber || t == connectors.TypeMoney:
		if f == connectors.TypeNumber || f == connectors.TypeMoney {
			return "", ""
		}
		return problem, hintIf(f == connectors.TypeText, "write `set: number("+source+")`")
	case t == connectors.TypeDate:
		if f == connectors.TypeDate || f == connectors.TypeInstant {
			return "", ""
		}
		return problem, hintIf(f == connectors.TypeText, "write `set: date("+source+")`")
	case t == connectors.TypeInstant:
		if f == connectors.TypeInstant || f == connectors.TypeDate && d.item.get("at") != nil {
			return "", ""
		}
		return problem, hintIf(f == connectors.TypeDate, "say at which time of the day: `at: \"09:00\"`")
	case t == connectors.TypePerson:
		if f == t {
			return "", ""
		}
		return problem, hintIf(f == connectors.TypeText, "write `set: "+source+"` if the text is an e-mail")
	case t == connectors.TypeOption || t == connectors.TypeOptions:
		return k.optionRefusal(d, to, problem)
	case f == t:
		return "", ""
	}
	return problem, "list the values with `values: {…}`, or compute one with `set`"
}

func hintIf(when bool, hint string) string {
	if when {
		return hint
	}
	return "compute the value with `set`"
}

// tableRefusal says why `values` cannot go between two fields.
func (k *compilation) tableRefusal(from, into *connectors.Field) (problem, hint string) {
	for _, f := range []*connectors.Field{from, into} {
		switch f.Type {
		case connectors.TypeFile, connectors.TypeReference, connectors.TypeMoney, connectors.TypeRichText, connectors.TypePerson, connectors.TypeDate, connectors.TypeInstant:
			return "`values` is for options, texts, numbers and booleans; `" + f.Name + "` is " + article(f.Type), "use `set` with conditions"
		}
	}
	if from.Type == connectors.TypeOptions && into.Type != connectors.TypeOptions {
		return "`" + from.Name + "` holds several values and `" + into.Name + "` only one", "choose one with `set`: `first(…)`"
	}
	return "", ""
}

// optionRefusal checks rules into option fields without `values`: the target
// must know an option for everything that can come.
func (k *compilation) optionRefusal(d *ruleDraft, to SideID, problem string) (string, string) {
	from, into := d.fields[to.Other()], d.fields[to]
	advice := "list them with `values: {…}`, or say what else becomes of them: `otherwise: leave`"
	switch {
	case from.Type == connectors.TypeOptions && into.Type == connectors.TypeOption:
		return problem, "choose one with `set: first(" + k.sideName(to.Other()) + "." + from.Name + ")`"
	case from.Type == connectors.TypeOption || from.Type == connectors.TypeOptions:
		if into.Open || d.item.get("otherwise") != nil {
			return "", ""
		}
		var unknown []string
		c := &converter{to: into}
		for _, o := range from.Options {
			if _, err := c.option(connectors.Choice(o)); err != nil {
				unknown = append(unknown, firstNonEmpty(o.Label, o.ID))
			}
		}
		if len(unknown) > 0 {
			return k.displayName(to, into) + " has no option for " + oneAnd(unknown) + " of `" + from.Name + "`", advice
		}
		return "", ""
	case from.Type == connectors.TypeText && (into.Open && into.Type == connectors.TypeOption || d.item.get("otherwise") != nil && into.Type == connectors.TypeOption):
		return "", ""
	case from.Type == connectors.TypeText && into.Type == connectors.TypeOptions:
		return problem, "write `set: split(" + k.sideName(to.Other()) + "." + from.Name + ", \",\")`"
	case from.Type == connectors.TypeText:
		return problem, "list the values with `values: {…}`, or write `otherwise: copy` to take the option of the same name"
	}
	return problem, "list the values with `values: {…}`, or compute one with `set`"
}

// oneAnd joins words as "`a`, `b` and `c`", at most six.
func oneAnd(words []string) string {
	out := ""
	for i, w := range words {
		switch {
		case i == 6:
			return out + " and others"
		case i > 0 && i == len(words)-1:
			out += " and "
		case i > 0:
			out += ", "
		}
		out += "`" + w + "`"
	}
	return out
}
