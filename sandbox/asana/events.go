package asana

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// event is something that happened, for streams and webhooks.
type event struct {
	seq      int64
	at       time.Time
	shows    time.Time // in streams
	user     *user
	action   string // added, changed, removed, deleted, undeleted
	resource ref
	parent   ref
	field    string // of a change
	did      string // to the field; "changed" unless set
	news     any    // new_value or added_value
	seen     []string
}

const (
	maxEventsKept = 50_000
	eventPage     = 100
	syncLife      = 24 * time.Hour
	maxSyncs      = 10_000
)

// syncToken is a place in a resource's stream.
type syncToken struct {
	resource string
	seq      int64
	issued   time.Time
}

// seenBy lists the objects whose streams tell of a task: itself, those above
// it, its projects and those of the ones above.
func (s *System) seenBy(t *task) []string {
	var out []string
	for up := t; up != nil; up = up.parent {
		out = append(out, up.gid)
		for _, m := range up.memberships {
			if !slices.Contains(out, m.project.gid) {
				out = append(out, m.project.gid)
			}
		}
	}
	return out
}

// emit keeps an event for the streams and hands it to the webhooks.
func (s *System) emit(e *event) {
	s.lastSeq++
	e.seq, e.shows = s.lastSeq, e.at
	if s.opts.EventDelay > 0 {
		e.shows = e.at.Add(s.opts.EventDelay)
	}
	s.events = append(s.events, e)
	for _, h := range s.hooks {
		if slices.Contains(e.seen, h.resource.gid) && h.wants(e) {
			s.collect(h, e)
		}
	}
}

// wire shows an event.
func (e *event) wire() map[string]any {
	out := map[string]any{
		"action": e.action, "created_at": stamp(e.at), "user": nil, "parent": nil,
		"resource": e.resource.wire(),
	}
	if e.user != nil {
		out["user"] = map[string]any{"gid": e.user.gid, "resource_type": "user"}
	}
	if e.parent.gid != "" {
		out["parent"] = e.parent.wire()
	}
	if e.action != "changed" {
		return out
	}
	did, member := e.did, "new_value"
	switch did {
	case "":
		did = "changed"
	case "added":
		member = "added_value"
	case "removed":
		member = "removed_value"
	}
	change := map[string]any{"field": e.field, "action": did}
	if e.news != nil {
		if in, ok := e.news.(inline); ok {
			change[member] = map[string]any(in)
		}
	}
	out["change"] = change
	return out
}

func (r ref) wire() map[string]any {
	out := map[string]any{"gid": r.gid, "resource_type": r.kind}
	if r.subtype != "" {
		out["resource_subtype"] = r.subtype
	}
	return out
}

const staleSync = "Sync token invalid or too old. If you are attempting to keep resources in sync, you must fetch the full dataset for this query now and use the new sync token for the next sync."

// readEvents is GET /events. Without a good token it answers 412, with a token.
func readEvents(c *call) (*answer, *apiError) {
	s, id := c.s, c.query.Get("resource")
	if id == "" {
		return nil, invalid("resource: Missing input")
	}
	if _, err := c.project("resource", id); err != nil {
		if _, err := c.task("resource", id); err != nil {
			return nil, err
		}
	}
	text := c.query.Get("sync")
	tk, ok := s.syncs[text]
	oldest := int64(0)
	if len(s.events) > 0 {
		oldest = s.events[0].seq - 1
	}
	if !ok || tk.resource != id || c.now.Sub(tk.issued) > syncLife || tk.seq < oldest && len(s.events) >= maxEventsKept {
		return nil, &apiError{status: http.StatusPreconditionFailed, message: staleSync, more: map[string]any{"sync": s.newSync(id, s.lastSeq, c.now)}}
	}
	data := []any{}
	last, more := tk.seq, false
	for _, e := range s.events {
		if e.seq <= tk.seq {
			continue
		}
		if e.shows.After(c.now) {
			break
		}
		if slices.Contains(e.seen, id) {
			if len(data) == eventPage {
				more = true
				break
			}
			data = append(data, e.wire())
		}
		last = e.seq
	}
	next := text
	if last != tk.seq || c.now.Sub(tk.issued) > time.Hour {
		next = s.newSync(id, last, c.now)
	}
	return &answer{raw: data, more: map[string]any{"sync": next, "has_more": more}}, nil
}

func (s *System) newSync(resource string, seq int64, now time.Time) string {
	if len(s.syncs) > maxSyncs {
		clear(s.syncs)
	}
	text := strings.ReplaceAll(s.rand.UUID(), "-", "") + ":" + strconv.Itoa(0)
	s.syncs[text] = syncToken{resource: resource, seq: seq, issued: now}
	return text
}

// ExpireSyncTokens ends all sync tokens of the event streams.
func (s *System) ExpireSyncTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.syncs)
}
