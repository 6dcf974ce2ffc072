package trello_test

import (
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/connectortest"
	"github.com/tenonsync/tenon/sandbox/kit"
	sandbox "github.com/tenonsync/tenon/sandbox/trello"
)

// harness describes cards to the suite. The ids of the sandbox depend on its
// seed and clock only.
func harness() connectortest.Harness {
	sys := sandbox.New(sandbox.Options{
		Seed: 7, NoSeed: true, Clock: kit.NewManualClock(time.Date(2026, 3, 12, 9, 0, 0, 0, time.UTC)),
	})
	defer sys.Close()
	label := func(name string) connectors.Option {
		return connectors.Option{ID: sys.LabelID(sandbox.DefaultBoard, name), Label: name}
	}
	field := func(name string) string {
		id, _ := sys.FieldID(sandbox.DefaultBoard, name)
		return id
	}
	listOf := func(name string) connectors.Value {
		return connectors.Choice(connectors.Option{ID: sys.ListID(sandbox.DefaultBoard, name), Label: name})
	}
	number := func(s string) connectors.Value {
		v, err := connectors.ParseNumber(s)
		if err != nil {
			panic(err)
		}
		return v
	}
	_, sizes := sys.FieldID(sandbox.DefaultBoard, "Size")
	size := func(name string) connectors.Value {
		return connectors.Choice(connectors.Option{ID: sizes[name], Label: name})
	}
	person := func(email string) connectors.Value {
		return connectors.PersonValue(connectors.Person{ID: sys.MemberID(email)})
	}
	return connectortest.Harness{
		Open:   func(t connectortest.TB) connectortest.World { return newWorld(t, sandbox.Options{}, nil) },
		Object: "card", Scope: delivery, Title: "name",
		Samples: []connectortest.Sample{
			{Field: field("CRM deal"), One: connectors.Text("deal 4711"), Two: connectors.Text("deal 4712 & sons")},
			{Field: "desc", One: connectors.RichText("A **bold** start\n\n- one\n- two"), Two: connectors.RichText("## Next\n\n[link](https://example.com/)")},
			{Field: field("Budget"), One: number("1250.5"), Two: number("99999999999.01")},
			{Field: "due", One: connectors.Instant(time.UnixMilli(1773300843846)), Two: connectors.Instant(time.Date(2027, 1, 31, 23, 0, 0, 0, time.UTC))},
			{Field: "start", One: connectors.Instant(time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC)), Two: connectors.Instant(time.Date(2026, 5, 2, 8, 0, 0, 0, time.UTC))},
			{Field: "dueComplete", One: connectors.Bool(false), Two: connectors.Bool(true)},
			{Field: field("Kick-off"), One: connectors.Instant(time.Date(2026, 6, 1, 10, 0, 0, 0, time.UTC)), Two: connectors.Instant(time.Date(2026, 7, 1, 10, 0, 0, 0, time.UTC))},
			{Field: field("Contract signed"), One: connectors.Bool(false), Two: connectors.Bool(true)},
			{Field: field("Size"), One: size("Small"), Two: size("Large")},
			{Field: "idList", One: listOf("In progress"), Two: listOf("Done")},
			{Field: "idLabels", One: connectors.Choices(label("Refit"), label("Urgent")), Two: connectors.Choices(label("crm"))},
			{Field: "member", One: person(sandbox.Ada), Two: person(sandbox.Mei)},
		},
		Refused:   map[string]connectors.Value{field("Size"): connectors.Choice(connectors.Option{ID: "no_such_choice", Label: "no such choice"})},
		ReadOnly:  connectortest.Sample{Field: "url", One: connectors.Text("https://elsewhere.example/")},
		Droppable: field("CRM deal"),
		BadScope:  connectors.Scope{"board": "Nowhere"}, AbsentID: "69b2a1f0aaaaaaaaaaaaaaaa",
		Find:   connectortest.Sample{Field: field("CRM deal"), One: connectors.Text("e.com/1"), Two: connectors.Text("e.com/2")},
		Email:  sandbox.Ada,
		Labels: "idLabels", LabelOptions: []connectors.Option{label("New build"), label("Refit"), label("Urgent")},
		Child:       &connectortest.Child{Object: "checkitem", Scope: delivery, Title: "name"},
		OldWebhooks: true,
	}
}

func TestConformance(t *testing.T) { connectortest.Run(t, harness()) }
