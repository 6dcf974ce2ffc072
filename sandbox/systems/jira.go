package systems

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/tenonsync/tenon/sandbox/jira"
)

type jiraHand struct {
	system             *jira.System
	project, issuetype string
}

func (h jiraHand) Records() []Record {
	var list []Record
	for _, i := range h.system.Issues(h.project) {
		if i.Type == h.issuetype && !i.Archived {
			list = append(list, h.record(i))
		}
	}
	return list
}

func (h jiraHand) Get(id string) (Record, error) {
	i, ok := h.system.Issue(id)
	if !ok {
		return Record{}, fmt.Errorf("there is no issue %s", id)
	}
	return h.record(i), nil
}

func (h jiraHand) record(i jira.Issue) Record {
	out := Record{ID: i.ID, Mark: i.Key, Fields: map[string]string{"status": i.Status}, Tasks: len(i.Children), Changed: i.Updated, Gone: i.Archived}
	for name, value := range i.Fields {
		put(out.Fields, name, plain(value))
	}
	for _, name := range []string{"CRM deal", "Budget"} {
		put(out.Fields, name, number(plain(i.Fields[h.system.FieldID(name)])))
	}
	for _, c := range i.Comments {
		out.Comments = append(out.Comments, c.Text)
	}
	return out
}

func (h jiraHand) Create(who string, fields map[string]string) (string, error) {
	status := fields["status"]
	values := h.values(fields)
	values["project"], values["issuetype"] = h.project, h.issuetype
	key, err := h.system.As(who).Create(values)
	if err != nil {
		return "", err
	}
	if status != "" {
		err = h.system.As(who).Transition(key, status, nil)
	}
	i, _ := h.system.Issue(key)
	return i.ID, err
}

func (h jiraHand) Edit(who, id string, fields map[string]string) error {
	if status := fields["status"]; status != "" {
		if err := h.system.As(who).Transition(id, status, nil); err != nil {
			return err
		}
	}
	values := h.values(fields)
	if len(values) == 0 {
		return nil
	}
	return h.system.As(who).Edit(id, values)
}

// values turns texts into what a person's form takes.
func (h jiraHand) values(fields map[string]string) map[string]any {
	values := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if name == "status" {
			continue
		}
		id := h.system.FieldID(name)
		if id == "" {
			id = name
		}
		if values[id] = fields[name]; fields[name] == "" {
			values[id] = nil
		} else if n, err := strconv.ParseFloat(fields[name], 64); err == nil && name == "Budget" {
			values[id] = n
		}
	}
	return values
}

func (h jiraHand) Comment(who, id, text string) error {
	_, err := h.system.As(who).Comment(id, text)
	return err
}

func (h jiraHand) Remove(who, id string) error { return h.system.As(who).Delete(id) }

// Loose counts the issues of the project that are of another type and below no
// record of the place.
func (h jiraHand) Loose() int {
	n := 0
	for _, i := range h.system.Issues(h.project) {
		if i.Type == h.issuetype {
			n -= len(i.Children)
		} else {
			n++
		}
	}
	return n
}
