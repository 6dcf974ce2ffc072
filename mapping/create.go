package mapping

import (
	"slices"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// Create says how records are made on one side.
type Create struct {
	when   *computed
	button *Button
	with   []assignment
	tasks  []taskPlan
}

// Button is what CRM users press. Field is the API name of a field on the
// source side that the signed link is written into, "" for none.
type Button struct {
	Label string
	Field string
}

// FieldValue is a value for a field, by its API name.
type FieldValue struct {
	Field string
	Value connectors.Value
}

// Task is a child record to be made with the record itself, once. Key is
// stable: the same task of the same mapping has the same key, whatever the
// record. Fields includes the title.
type Task struct {
	Key    string // [a-z0-9-]{1,48}
	Title  string
	Object string
	Scope  connectors.Scope
	Fields []FieldValue
}

// HasWhen reports whether records are made by themselves, on a condition.
func (c *Create) HasWhen() bool { return c.when != nil }

// When reports whether the source record asks for a counterpart. It is false
// without a condition: then only the button makes one. The error says which
// field could not be read or why the expression failed.
func (c *Create) When(source *connectors.Record) (bool, error) {
	if c.when == nil {
		return false, nil
	}
	return c.when.truth(source)
}

// Condition returns the condition as the file writes it and the API names of the
// fields of the source record that it reads; "" and nil where there is none.
func (c *Create) Condition() (text string, fields []string) {
	if c.when == nil {
		return "", nil
	}
	return c.when.expr.source, slices.Clone(c.when.expr.needs)
}

// Button returns the button, nil when there is none.
func (c *Create) Button() *Button { return c.button }

// With returns the values that are set once, at creation, besides those of the
// rules. The error names the field whose value could not be made.
func (c *Create) With(source *connectors.Record) ([]FieldValue, error) {
	return evaluate(c.with, source, time.Time{})
}

// Tasks returns the tasks to be made with the record, in order. Days are
// counted from now in the mapping's time zone.
func (c *Create) Tasks(source *connectors.Record, now time.Time) ([]Task, error) {
	tasks := make([]Task, 0, len(c.tasks))
	for i := range c.tasks {
		t, err := c.tasks[i].make(source, now)
		if err != nil {
			return nil, err
		}
		tasks = append(tasks, t)
	}
	return tasks, nil
}

// TaskObjects lists the objects of the tasks, each once, in order.
func (c *Create) TaskObjects() []string {
	var objects []string
	for i := range c.tasks {
		if !slices.Contains(objects, c.tasks[i].object) {
			objects = append(objects, c.tasks[i].object)
		}
	}
	return objects
}
