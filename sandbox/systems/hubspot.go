package systems

import (
	"strconv"
	"time"

	"github.com/tenonsync/tenon/sandbox/hubspot"
)

type hubspotHand struct {
	system *hubspot.System
	object string
}

func (h hubspotHand) Records() []Record {
	var list []Record
	for _, r := range h.system.All(h.object) {
		list = append(list, h.record(r))
	}
	return list
}

func (h hubspotHand) Get(id string) (Record, error) {
	r, err := h.system.Get(h.object, id)
	return h.record(r), err
}

func (h hubspotHand) record(r hubspot.Record) Record {
	out := Record{ID: r.ID, Mark: r.ID, Fields: map[string]string{}, Changed: r.Updated, Gone: r.Archived, Tasks: len(r.Linked["tasks"])}
	for name, value := range r.Properties {
		switch name {
		case "amount":
			value = number(value)
		case "expected_delivery":
			value = hubspotDay(value)
		}
		put(out.Fields, name, value)
	}
	for _, id := range r.Linked["notes"] {
		if note, err := h.system.Get("notes", id); err == nil && !note.Archived {
			out.Comments = append(out.Comments, note.Properties["hs_note_body"])
		}
	}
	return out
}

// hubspotDay reads a date property, which HubSpot writes as a day or as the
// milliseconds of its midnight in UTC.
func hubspotDay(text string) string {
	if ms, err := strconv.ParseInt(text, 10, 64); err == nil {
		return time.UnixMilli(ms).UTC().Format(time.DateOnly)
	}
	return text
}

func (h hubspotHand) Create(who string, fields map[string]string) (string, error) {
	return h.system.As(who).Create(h.object, fields)
}

func (h hubspotHand) Edit(who, id string, fields map[string]string) error {
	return h.system.As(who).Edit(h.object, id, fields)
}

func (h hubspotHand) Comment(who, id, text string) error {
	person := h.system.As(who)
	note, err := person.Create("notes", map[string]string{"hs_note_body": "<p>" + text + "</p>", "hs_timestamp": strconv.FormatInt(h.now().UnixMilli(), 10)})
	if err == nil {
		err = person.Link("notes", note, h.object, id)
	}
	return err
}

// now is the time of the newest change, which no clock of the caller's is before.
func (h hubspotHand) now() time.Time {
	var last time.Time
	for _, r := range h.system.All(h.object) {
		if r.Updated.After(last) {
			last = r.Updated
		}
	}
	return last
}

func (h hubspotHand) Remove(who, id string) error { return h.system.As(who).Archive(h.object, id) }
