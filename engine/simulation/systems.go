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
			IndexLag: 2 * time.Minute, KeyLag: connectors.NoLag, KeyIsUnique: true, Precision: time.Millisecond,
			ReadBatch: 100, CreateBatch: 100, UpdateBatch: 100, PageSize: 100, Without: []string{"Deleter"},
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
			Streams: true, StreamEnds: true, Unsigned: true, Without: []string{"Archiver"},
		},
		// Sync tokens run out; tags and followers are edited one by one.
		"asana": {
			IndexLag: time.Minute, KeyLag: connectors.NoLag, Precision: time.Millisecond, SetEdits: true,
			ReadBatch: 10, CreateBatch: 10, UpdateBatch: 10, PageSize: 6, CursorLife: time.Hour, TrimText: true, ListsRecords: true,
			Without: []string{"Archiver"},
		},
		// Not every write moves the time of the last activity.
		"trello": {
			IndexLag: 10 * time.Second, KeyLag: 3 * time.Second, Precision: time.Millisecond, SetEdits: true,
			ReadBatch: 10, PageSize: 8, ListsRecords: true, Still: []string{"count"},
		},
		// A list and the record itself tell of what is gone.
		"github": {
			IndexLag: time.Minute, Precision: time.Second, SetEdits: true, WebhookVersions: true, ReadBatch: 50, UpdateBatch: 10, PageSize: 5,
			ShiftingPages: true, ListsRecords: true, ShowsDeleted: true, Without: []string{"Archiver"},
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

// hear lets the streams that systems have tell what they know; mostly the lists
// are asked for what they have missed.
func (w *world) hear() {
	for side := range w.systems {
		if !w.v.Systems[side].Streams {
			continue
		}
		if w.listen(side); w.owed[side] && w.rng.IntN(3) > 0 {
			w.pollSide(side)
		}
	}
}

// streams reports whether a system of the world tells of changes over a stream.
func (v Variant) streams() bool { return v.Systems[0].Streams || v.Systems[1].Streams }
