package hubspot_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/connectortest"
)

// TestMakeFields makes a property of each type, and reads back what came of it.
func TestMakeFields(t *testing.T) {
	w := openWorld(connectortest.T(t), ofDeals)
	choices := []connectors.Option{{ID: "a", Label: "A"}, {ID: "b", Label: "B"}}
	fields := []connectors.Field{
		{Name: "made_line", Label: "A line", Type: connectors.TypeText, OneLine: true},
		{Name: "made_text", Label: "A text", Type: connectors.TypeText},
		{Name: "made_rich", Label: "A rich text", Type: connectors.TypeRichText},
		{Name: "made_number", Label: "A number", Type: connectors.TypeNumber},
		{Name: "made_day", Type: connectors.TypeDate},
		{Name: "made_time", Label: "A time", Type: connectors.TypeInstant},
		{Name: "made_yes", Label: "A yes", Type: connectors.TypeBool},
		{Name: "made_choice", Label: "A choice", Type: connectors.TypeOption, Options: choices},
		{Name: "made_choices", Label: "Choices", Type: connectors.TypeOptions, Options: choices},
	}
	maker := connectors.AbilitiesOf(w.conn).FieldMaker
	if _, err := w.conn.Schema(t.Context(), "deals", nil); err != nil { // what is known before is outdated
		t.Fatal(err)
	}
	for range 2 {
		if err := maker.MakeFields(t.Context(), "deals", fields); err != nil {
			t.Fatal(err)
		}
	}
	schema, err := w.conn.Schema(t.Context(), "deals", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range fields {
		got := schema.Field(want.Name)
		if got == nil || got.Type != want.Type || !got.Writable || got.OneLine != want.OneLine && want.Type == connectors.TypeText {
			t.Errorf("%s: %+v", want.Name, got)
			continue
		}
		if diff := cmp.Diff(want.Options, got.Options); len(want.Options) > 0 && diff != "" {
			t.Errorf("options of %s (-want +got):\n%s", want.Name, diff)
		}
	}
	for _, bad := range []connectors.Field{
		{Name: "Made Text", Type: connectors.TypeText}, {Name: "made_person", Type: connectors.TypePerson}, {Name: "made_none", Type: connectors.TypeOption},
	} {
		if maker.MakesField(bad) {
			t.Errorf("%s of type %s can be made", bad.Name, bad.Type)
		}
		if err := maker.MakeFields(t.Context(), "deals", []connectors.Field{bad}); connectors.KindOf(err) != connectors.Invalid {
			t.Errorf("%s of type %s: %v", bad.Name, bad.Type, err)
		}
	}
}
