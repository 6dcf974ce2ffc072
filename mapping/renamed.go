package mapping

import "github.com/tenonsync/tenon/connectors"

// renamedField says what became of a field that is not there any more, from the
// schema as it was saved; "" where that tells nothing.
func (k *compilation) renamedField(side SideID, name string) string {
	before := k.env.Before[side]
	if before == nil {
		return ""
	}
	found := before.Find(name)
	if len(found) != 1 {
		return ""
	}
	if now := k.env.Schemas[side].Field(found[0].Name); now != nil {
		return "it was renamed: write `" + now.Label + "`, or its API name `" + now.Name + "`"
	}
	return "the system had it when the schema was saved, and does not show it any longer: drop the rule, bring the field back, or give the account the right to see it"
}

// renamedOption says what became of an option that is not there any more.
func (k *compilation) renamedOption(end tableEnd, text string) string {
	before := k.env.Before[end.side]
	if before == nil {
		return ""
	}
	f := before.Field(end.field.Name)
	if f == nil {
		return ""
	}
	was, ok := f.Option(text)
	if !ok {
		return ""
	}
	for _, now := range end.field.Options {
		if now.ID == was.ID {
			return "it was renamed to `" + now.Label + "`"
		}
	}
	return "the system had it when the schema was saved, and has it no longer: " + optionsLeft(end.field.Options)
}

func optionsLeft(options []connectors.Option) string {
	if len(options) == 0 {
		return "there are no options now"
	}
	return "there are " + oneAnd(optionLabels(options))
}
