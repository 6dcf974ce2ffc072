package systems

import (
	"strings"

	"github.com/tenonsync/tenon/sandbox/salesforce"
)

// noteSubject is the subject of the tasks that people write as progress notes.
const noteSubject = "Progress note"

type salesforceHand struct {
	system *salesforce.System
	object string
}

func (h salesforceHand) Records() []Record {
	var list []Record
	for _, r := range h.system.All(h.object) {
		list = append(list, salesforceRecord(r))
	}
	return list
}

func (h salesforceHand) Get(id string) (Record, error) {
	r, err := h.system.Get(h.object, id)
	return salesforceRecord(r), err
}

func salesforceRecord(r salesforce.Record) Record {
	out := Record{ID: r.ID, Mark: r.ID, Fields: map[string]string{}, Changed: r.Modified, Gone: r.Deleted}
	for name, value := range r.Fields {
		if name == "Amount" {
			value = number(value)
		}
		put(out.Fields, name, value)
	}
	for _, c := range r.Comments {
		out.Comments = append(out.Comments, strings.TrimSpace(c.Text))
	}
	return out
}

func (h salesforceHand) Create(who string, fields map[string]string) (string, error) {
	return h.system.As(who).Create(h.object, fields)
}

func (h salesforceHand) Edit(who, id string, fields map[string]string) error {
	return h.system.As(who).Edit(id, fields)
}

func (h salesforceHand) Comment(who, id, text string) error {
	_, err := h.system.As(who).LogTask(id, noteSubject, text)
	return err
}

func (h salesforceHand) Remove(who, id string) error { return h.system.As(who).Delete(id) }
