package systems

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tenonsync/tenon/sandbox/asana"
)

type asanaHand struct {
	system  *asana.System
	project string
}

func (h asanaHand) Records() []Record {
	var list []Record
	for _, t := range h.system.Tasks(h.project) {
		if t.Parent == "" {
			list = append(list, h.record(t))
		}
	}
	return list
}

func (h asanaHand) Get(id string) (Record, error) {
	t, ok := h.system.Task(id)
	if !ok {
		return Record{}, fmt.Errorf("there is no task %s", id)
	}
	return h.record(t), nil
}

func (h asanaHand) record(t asana.Task) Record {
	out := Record{ID: t.GID, Mark: t.GID, Fields: map[string]string{}, Tasks: len(t.Subtasks), Changed: t.Modified}
	put(out.Fields, "name", t.Name)
	put(out.Fields, "notes", t.Notes)
	put(out.Fields, "section", t.Section)
	put(out.Fields, "due_on", t.DueOn)
	put(out.Fields, "start_on", t.StartOn)
	for name, value := range t.Fields {
		put(out.Fields, name, number(plain(value)))
	}
	for _, c := range t.Comments {
		out.Comments = append(out.Comments, strings.TrimSuffix(strings.TrimPrefix(c.HTML, "<body>"), "</body>"))
	}
	return out
}

func (h asanaHand) Create(who string, fields map[string]string) (string, error) {
	values := h.values(fields)
	section, _ := values["section"].(string)
	delete(values, "section")
	return h.system.As(who).Create(h.project, section, values)
}

func (h asanaHand) Edit(who, id string, fields map[string]string) error {
	return h.system.As(who).Edit(id, h.values(fields))
}

// values turns texts into what a person's form takes.
func (h asanaHand) values(fields map[string]string) map[string]any {
	values := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if values[name] = fields[name]; fields[name] == "" {
			values[name] = nil
		}
	}
	return values
}

func (h asanaHand) Comment(who, id, text string) error {
	_, err := h.system.As(who).Comment(id, text)
	return err
}

func (h asanaHand) Remove(who, id string) error { return h.system.As(who).Delete(id) }
