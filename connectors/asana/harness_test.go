package asana_test

import (
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/connectortest"
	sandbox "github.com/tenonsync/tenon/sandbox/asana"
)

func number(s string) connectors.Value {
	v, err := connectors.ParseNumber(s)
	if err != nil {
		panic(err)
	}
	return v
}

// harness describes the sandbox to the suite.
func harness(oauth bool, settings map[string]string) connectortest.Harness {
	model := sandbox.New(sandbox.Options{NoSeed: true}) // gids depend on the seed alone
	defer model.Close()
	option := func(field, name string) connectors.Option {
		return connectors.Option{ID: model.OptionGID(field, name), Label: name}
	}
	section := func(name string) connectors.Value {
		return connectors.Choice(connectors.Option{ID: model.SectionGID(sandbox.DefaultProject, name), Label: name})
	}
	person := func(email string) connectors.Value {
		return connectors.PersonValue(connectors.Person{ID: model.UserGID(email), Email: email})
	}
	user := func(email string) connectors.Option { return connectors.Option{ID: model.UserGID(email)} }
	h := connectortest.Harness{
		Open: func(t connectortest.TB) connectortest.World {
			return newWorld(t, sandbox.Options{NoSeed: true}, oauth, settings)
		},
		Object: "task", Scope: delivery, Title: "name",
		Samples: []connectortest.Sample{
			{Field: model.FieldGID("CRM deal"), One: connectors.Text("deal 4711"), Two: connectors.Text("deal 4712 & <sons>")},
			{Field: "notes", One: connectors.RichText("Plain **words**"), Two: connectors.RichText("# Two\n\n- one\n- two")},
			{Field: model.FieldGID("Budget"), One: number("125000.5"), Two: number("-3")},
			{Field: model.FieldGID("Progress"), One: number("0.25"), Two: number("1")},
			{Field: model.FieldGID("Kick-off"), One: connectors.Date(2026, 4, 1), Two: connectors.Date(2024, 2, 29)},
			{Field: model.FieldGID("Priority"), One: connectors.Choice(option("Priority", "High")), Two: connectors.Choice(option("Priority", "Low"))},
			{Field: model.FieldGID("Skills"), One: connectors.Choices(option("Skills", "Design"), option("Skills", "Rollout")), Two: connectors.Choices(option("Skills", "Training"))},
			{Field: model.FieldGID("Reviewers"), One: connectors.Choices(user(ada)), Two: connectors.Choices(user(ada), user(jonas))},
			{Field: "assignee", One: person(ada), Two: person(jonas)},
			{Field: "completed", One: connectors.Bool(false), Two: connectors.Bool(true)},
			{Field: "section", One: section("In Progress"), Two: section("Done")},
			{Field: "tags", One: connectors.Labels("crm", "brand new"), Two: connectors.Labels("urgent")},
		},
		Refused:  map[string]connectors.Value{model.FieldGID("Priority"): connectors.Choice(connectors.Option{ID: "999", Label: "No such priority"})},
		ReadOnly: connectortest.Sample{Field: "created_at", One: connectors.Instant(time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC))},
		BadScope: connectors.Scope{"project": "No such project"}, AbsentID: "1209999999999999",
		Find:   connectortest.Sample{Field: model.FieldGID("CRM deal"), One: connectors.Text("deal 4711"), Two: connectors.Text("deal 4712")},
		Email:  ada,
		Labels: "tags", LabelOptions: connectors.Labels("alpha", "beta", "gamma").Options(),
		Child:   &connectortest.Child{Object: "subtask", Scope: delivery, Title: "name"},
		Records: 120, // more than a page
	}
	h.Droppable = h.Samples[0].Field
	when := connectortest.Sample{Field: "due_on", One: connectors.Date(2026, 3, 29), Two: connectors.Date(2026, 10, 25)}
	if oauth { // the two exclude each other
		when = connectortest.Sample{
			Field: "due_at", One: connectors.Instant(time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC)), Two: connectors.Instant(time.Date(2027, 1, 1, 23, 30, 0, 0, time.UTC)),
		}
	}
	h.Samples = append(h.Samples, when)
	return h
}
