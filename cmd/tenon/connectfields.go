package main

import (
	"context"
	"slices"
	"strings"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/mapping"
)

// lackingFields are what a mapping names on one object and the account does not
// have: those that can be made as the saved schema shows them, and the names of
// the others.
type lackingFields struct {
	object   string
	makeable []connectors.Field
	others   []string
}

// makeFields creates fields that the mappings name and the account lacks, where
// schemas/ says how they look. So a mapping from a template finds its fields,
// and a misspelt name makes none.
func (k *connecting) makeFields(ctx context.Context) error {
	maker := connectors.AbilitiesOf(k.opened).FieldMaker
	if maker == nil {
		return nil
	}
	for _, f := range k.files {
		for side, s := range f.Sides {
			if s.Connection != k.conn.Name {
				continue
			}
			l, err := k.lacking(ctx, f, mapping.SideID(side), maker) //nolint:gosec // 0 or 1
			if err == nil {
				err = k.make(ctx, f.Name, l, maker)
			}
			if kind := connectors.KindOf(err); kind == connectors.Permission || kind == connectors.NotFound || kind == connectors.Invalid {
				k.warn(oneLine(err.Error()))
			} else if err != nil {
				return err
			}
		}
	}
	return nil
}

func (k *connecting) lacking(ctx context.Context, f *mapping.File, side mapping.SideID, maker connectors.FieldMaker) (lackingFields, error) {
	s := f.Sides[side]
	l := lackingFields{object: s.Object}
	has, err := k.opened.Schema(ctx, s.Object, s.Scope)
	if err != nil {
		return l, err
	}
	saved, err := schemaFolder(k.cfg).Load(s.Connection, s.Object, s.Scope)
	if err != nil {
		k.warn(err.Error())
	}
	for _, name := range f.Names(side) {
		if len(has.Find(name)) > 0 {
			continue
		}
		var wanted []*connectors.Field
		if saved != nil {
			wanted = saved.Find(name)
		}
		if len(wanted) == 1 && wanted[0].Writable && maker.MakesField(*wanted[0]) {
			l.makeable = append(l.makeable, *wanted[0])
		} else {
			l.others = append(l.others, name)
		}
	}
	return l, nil
}

func (k *connecting) make(ctx context.Context, mapping string, l lackingFields, maker connectors.FieldMaker) error {
	if len(l.others) > 0 {
		k.warn(l.object + " has no field " + strings.Join(l.others, ", ") + ", which " + mapping + " names; `tenon validate` shows where")
	}
	if len(l.makeable) == 0 {
		return nil
	}
	row := prepareRow{Connection: k.conn.Name, Object: l.object}
	for _, f := range l.makeable {
		row.Missing = append(row.Missing, "the field "+f.Name+" ("+f.Type.String()+") on "+l.object+", for "+mapping)
	}
	if !k.options.check && k.ask.confirm("Create in "+oneLine(k.report.System)+": "+oneLine(strings.Join(row.Missing, "; "))+"?") {
		if err := maker.MakeFields(ctx, l.object, l.makeable); err != nil {
			k.report.Prepared = append(k.report.Prepared, row)
			return err
		}
		row.Made = true
	}
	if !slices.ContainsFunc(k.report.Prepared, func(r prepareRow) bool { return r.Object == row.Object && slices.Equal(r.Missing, row.Missing) }) {
		k.report.Prepared = append(k.report.Prepared, row)
	}
	return nil
}
