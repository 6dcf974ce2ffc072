package simulation

import (
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/memory"
)

// Habits are those of the systems that Tenon has connectors for, by kind, as
// far as a made-up system can have them: what their lists show and when, how
// exact their times are, what a repeat of a create does, what moves a version,
// and which abilities are missing. They are those that the connectors declare.
func Habits() map[string]memory.Options {
	return map[string]memory.Options{
		"hubspot": {
			IndexLag: time.Minute, KeyLag: connectors.NoLag, KeyIsUnique: true, Precision: time.Millisecond,
			ReadBatch: 100, CreateBatch: 100, UpdateBatch: 100, PageSize: 100, Unsigned: false,
		},
		"jira": {
			IndexLag: 5 * time.Minute, Precision: time.Millisecond, SetEdits: true, WebhookVersions: true, Silent: true,
			ReadBatch: 100, CreateBatch: 50, UpdateBatch: 1, PageSize: 5, ShiftingPages: true, ListsRecords: true, Partial: true,
			Without: []string{"Archiver"},
		},
		// A transaction shows when it ends, with a stamp of its middle; changes
		// come over a stream that may lose count.
		"salesforce": {
			IndexLag: 10 * time.Minute, KeyLag: connectors.NoLag, KeyIsUnique: true, Precision: time.Second,
			ReadBatch: 20, CreateBatch: 20, UpdateBatch: 20, PageSize: 4, ShowsDeleted: true, Silent: true, HidesSilently: true, TrimText: true,
			Streams: true, StreamEnds: true, Unsigned: true,
		},
		// Sync tokens run out; tags and followers are edited one by one.
		"asana": {
			Precision: time.Millisecond, SetEdits: true, ReadBatch: 10, CreateBatch: 10, UpdateBatch: 10, PageSize: 6,
			CursorLife: time.Hour, TrimText: true, ListsRecords: true, Unsigned: true,
		},
		// Not every write moves the time of the last activity.
		"trello": {
			IndexLag: 10 * time.Second, Precision: time.Millisecond, ReadBatch: 10, PageSize: 8, ListsRecords: true,
			Still: []string{"count"}, Unsigned: true,
		},
		"github": {
			IndexLag: time.Minute, KeyLag: time.Minute, Precision: time.Second, PageSize: 5, ShiftingPages: true, ListsRecords: true,
			ShowsDeleted: true, Without: []string{"Archiver"},
		},
	}
}

// systemVariants are worlds of pairs that people use.
func systemVariants(plain Variant) []Variant {
	habits := Habits()
	var list []Variant
	for _, pair := range []string{
		"hubspot-jira", "hubspot-trello", "hubspot-github", "salesforce-jira", "salesforce-asana", "salesforce-trello", "salesforce-github", "hubspot-asana",
	} {
		crm, tool, _ := strings.Cut(pair, "-")
		v := plain
		v.Name, v.Systems = "like "+pair, [2]memory.Options{habits[crm], habits[tool]}
		list = append(list, v)
	}
	return list
}

// listen lets a stream that a system has tell what it knows, or lets something
// happen to it.
func (w *world) listen() {
	for side, s := range w.systems {
		if !w.v.Systems[side].Streams {
			continue
		}
		switch w.rng.IntN(12) {
		case 0:
			s.LoseCount()
		case 1:
			s.ExpireStream()
		case 2:
			s.RepeatStream(1 + w.rng.IntN(4))
		}
		w.listenTo(side)
	}
}

func (w *world) listenTo(side int) {
	w.step("stream", func() error {
		polls := false
		out, err := w.eng.Listen(w.ctx, sideConn[side], func() { polls = true })
		if polls || out.Gap {
			for _, f := range w.eng.Feeds() {
				if _, err := w.eng.Poll(w.ctx, f); err != nil {
					return err
				}
			}
		}
		return err
	})
}

// streams reports whether a system of the world tells of changes over a stream.
func (v Variant) streams() bool { return v.Systems[0].Streams || v.Systems[1].Streams }
