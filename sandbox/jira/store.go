package jira

import (
	"slices"
	"time"
)

// write says how a change of an issue is to be recorded.
type write struct {
	actor *user
	event string // webhook event; empty: none
	name  string // issue_event_type_name
	items []changeItem
	// silent writes leave updated alone, as those of properties and remote links.
	silent bool
	// quiet writes are not announced to webhooks.
	quiet bool
	// comment is shown in the event of a comment (Data Center).
	comment *comment
}

// put stores the next version of an issue: it sets updated, appends to the
// changelog, hands the version to the index and announces it.
func (s *System) put(next *issue, w write) {
	now := s.now()
	previous := s.issues[next.id]
	if !w.silent {
		if previous != nil && !now.After(previous.updated) {
			now = previous.updated.Add(time.Millisecond)
		}
		next.updated = now
	}
	entry := &change{author: w.actor, created: now, items: w.items}
	if len(w.items) > 0 {
		entry.id = s.nextID("changelog", 10100)
		if w.event != eventIssueCreated {
			next.history = append(next.history, entry)
		}
	}
	s.issues[next.id] = next
	s.keys[next.key] = next.id
	s.place(previous, next)
	s.index.add(next, s.now())
	if w.event != "" && !w.quiet {
		s.announceIssue(next, entry, w)
	}
}

// remove deletes an issue, its sub-tasks first, and announces it.
func (s *System) remove(i *issue, actor *user) {
	for _, child := range s.children(i) {
		if child.issueType.subtask {
			s.remove(child, actor)
			continue
		}
		orphan := child.clone()
		items := s.clearField(orphan, "parent")
		items = append(items, s.clearField(orphan, fieldEpicLink)...)
		s.put(orphan, write{actor: actor, event: eventIssueUpdated, name: "issue_updated", items: items})
	}
	delete(s.issues, i.id)
	s.place(i, nil)
	s.index.remove(i, s.now())
	kept := s.links[:0:0]
	var broken []*issueLink
	for _, l := range s.links {
		if l.inward == i.id || l.outward == i.id {
			broken = append(broken, l)
			continue
		}
		kept = append(kept, l)
	}
	s.links = kept
	s.announceDeletion(i, broken, actor)
}

func (s *System) clearField(i *issue, id string) []changeItem {
	old, had := i.fields[id]
	if !had {
		return nil
	}
	delete(i.fields, id)
	return []changeItem{s.item(id, old, true, value{}, false)}
}

// item describes the change of one field.
func (s *System) item(id string, from value, hadFrom bool, to value, hasTo bool) changeItem {
	f := s.field(id)
	it := changeItem{field: f.changeName(s.cloud()), fieldID: id, custom: f.isCustom()}
	if hadFrom {
		ref, text := f.kind.words(s, f, from)
		it.from, it.fromString = textOrNil(ref), textOrNil(text)
	}
	if hasTo {
		ref, text := f.kind.words(s, f, to)
		it.to, it.toString = textOrNil(ref), textOrNil(text)
	}
	return it
}

// changeName is the name of a field in the changelog: system fields go by
// their id there, save a few.
func (f *field) changeName(cloud bool) string {
	switch {
	case f.id == "parent" && cloud:
		return "IssueParentAssociation"
	case f.id == "parent":
		return "Parent"
	case f.id == "components":
		return "Component"
	case f.id == "fixVersions":
		return "Fix Version"
	case f.id == "versions":
		return "Version"
	case f.isCustom():
		return f.name
	}
	return f.id
}

// diff lists the changes between two versions, in the order of the field list.
// Lists of components and versions give one item per element, as in Jira.
func (s *System) diff(from, to *issue) []changeItem {
	var items []changeItem
	for _, f := range s.fields {
		old, had := from.fields[f.id]
		now, has := to.fields[f.id]
		if had == has && old.equal(now) {
			continue
		}
		if kind, ok := f.kind.(choicesKind); ok && !f.isCustom() {
			items = append(items, s.elementItems(kind, f, old.list, now.list)...)
			continue
		}
		items = append(items, s.item(f.id, old, had, now, has))
	}
	if from.issueType != to.issueType {
		items = append(items, changeItem{
			field: "issuetype", fieldID: "issuetype", from: &from.issueType.id, fromString: &from.issueType.name, to: &to.issueType.id, toString: &to.issueType.name,
		})
	}
	return items
}

func (s *System) elementItems(kind choicesKind, f *field, old, now []string) []changeItem {
	var items []changeItem
	for _, id := range old {
		if !slices.Contains(now, id) {
			ref, text := kind.words(s, f, value{list: []string{id}})
			items = append(items, changeItem{field: f.changeName(s.cloud()), fieldID: f.id, from: textOrNil(ref), fromString: textOrNil(text)})
		}
	}
	for _, id := range now {
		if !slices.Contains(old, id) {
			ref, text := kind.words(s, f, value{list: []string{id}})
			items = append(items, changeItem{field: f.changeName(s.cloud()), fieldID: f.id, to: textOrNil(ref), toString: textOrNil(text)})
		}
	}
	return items
}

func statusItem(name string, from, to *status) changeItem {
	it := changeItem{field: name, fieldID: "status", to: &to.id, toString: &to.name}
	if from != nil {
		it.from, it.fromString = &from.id, &from.name
	}
	return it
}

// enter puts an issue into a status, with the resolution dates that follow
// from it, and lists what changed besides the fields themselves.
func (s *System) enter(i *issue, to *status) {
	now := s.now()
	if i.status == nil || i.status.category != to.category {
		i.statusChanged = now
	}
	i.status = to
	_, resolved := i.fields["resolution"]
	switch {
	case !resolved:
		i.resolved = time.Time{}
	case i.resolved.IsZero():
		i.resolved = now
	}
}

// searchIndex holds what search sees: for each issue the version that it has
// caught up with.
type searchIndex struct {
	lag     time.Duration
	seen    map[int64]indexed
	pending []indexed
	next    int                     // sequence of versions: an older one never replaces a newer
	holds   map[int64]time.Duration // further lag of single issues
}

type indexed struct {
	id      int64
	seq     int
	version *issue // nil: deleted
	due     time.Time
}

func newSearchIndex(lag time.Duration) searchIndex {
	return searchIndex{lag: lag, seen: map[int64]indexed{}, holds: map[int64]time.Duration{}}
}

func (x *searchIndex) add(i *issue, now time.Time) { x.push(i.id, i, now) }

func (x *searchIndex) remove(i *issue, now time.Time) { x.push(i.id, nil, now) }

func (x *searchIndex) push(id int64, version *issue, now time.Time) {
	x.next++
	x.pending = append(x.pending, indexed{id: id, seq: x.next, version: version, due: now.Add(x.lag + x.holds[id])})
	if !x.pending[0].due.After(now) {
		x.settle(now)
	}
}

// settle lets the index catch up with what is due.
func (x *searchIndex) settle(now time.Time) {
	kept := x.pending[:0]
	for _, p := range x.pending {
		switch {
		case p.due.After(now):
			kept = append(kept, p)
		case p.seq > x.seen[p.id].seq:
			x.seen[p.id] = p
		}
	}
	clear(x.pending[len(kept):])
	x.pending = kept
}
