package connectortest

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// probe makes one call of a connection and checks what comes back.
type probe struct {
	testing.TB
	h       Harness
	c       connectors.Connection
	ids     []string
	secrets []string
	op      string
}

// answerCalls are the calls that inputs name by number: append only.
var answerCalls = []struct {
	name string
	run  func(*probe)
}{
	{"check", (*probe).check},
	{"schema", (*probe).schema},
	{"read", (*probe).read},
	{"changes", (*probe).changes},
	{"create", (*probe).create},
	{"update", (*probe).update},
	{"find by key", (*probe).findByKey},
	{"find", (*probe).find},
	{"people", (*probe).people},
	{"comments", (*probe).comments},
	{"add comment", (*probe).addComment},
	{"history", (*probe).history},
	{"retire", (*probe).retire},
	{"prepare", (*probe).prepare},
	{"ensure webhook", (*probe).ensureWebhook},
}

const (
	maxErrorText = 4 << 10 // bytes that an error may show
	probeKey     = "tenon-0123456789abcdef"
)

// told checks an error.
func (p *probe) told(err error) {
	p.Helper()
	if err == nil {
		return
	}
	e, ok := errors.AsType[*connectors.Error](err)
	if !ok {
		p.Errorf("%s: an error of type %T: %v", p.op, err, err)
		return
	}
	text := err.Error() + e.Help
	if len(text) > maxErrorText {
		p.Errorf("%s: an error of %d bytes: %.200s…", p.op, len(text), text)
	}
	for _, s := range p.secrets {
		if strings.Contains(text, s) {
			p.Errorf("%s: the error shows the secret %q: %s", p.op, s, text)
		}
	}
	if e.Connection == "" || e.RetryAfter < 0 || e.Kind > connectors.Unavailable {
		p.Errorf("%s: an error without a connection, or of no sense: %+v", p.op, e)
	}
}

// record checks a record that was told for an id; any id where id is "".
func (p *probe) record(r *connectors.Record, id string) {
	p.Helper()
	if r.Ref.ID == "" || r.Ref.Connection == "" || r.Ref.Object == "" || id != "" && r.Ref.ID != id {
		p.Errorf("%s: record %v, want id %q", p.op, r.Ref, id)
	}
	for name, v := range r.Fields {
		again, err := connectors.DecodeValue(connectors.EncodeValue(v))
		if err != nil || !connectors.Equal(v, again) {
			p.Errorf("%s: field %s: %v is stored as %v, %v", p.op, name, v, again, err)
		}
	}
}

func (p *probe) selection() connectors.Selection {
	sel := connectors.Selection{Object: p.h.Object, Scope: p.h.Scope, Fields: []string{p.h.Title}}
	for _, s := range p.h.Samples {
		sel.Fields = append(sel.Fields, s.Field)
	}
	return sel
}

func (p *probe) check() {
	_, err := p.c.Check(p.Context())
	p.told(err)
}

func (p *probe) schema() {
	s, err := p.c.Schema(p.Context(), p.h.Object, p.h.Scope)
	p.told(err)
	if (s == nil) == (err == nil) {
		p.Errorf("schema: %v and %v", s, err)
	}
	if s == nil {
		return
	}
	for _, f := range s.Fields {
		if f.Name == "" || f.MaxLength < 0 {
			p.Errorf("schema: field %+v", f)
		}
	}
}

func (p *probe) read() {
	results, err := p.c.Read(p.Context(), p.selection(), p.ids)
	p.told(err)
	if err == nil && len(results) != len(p.ids) {
		p.Errorf("read: %d results, want %d", len(results), len(p.ids))
	}
	for i, r := range results {
		p.told(r.Err)
		if (r.Record == nil) == (r.Err == nil) {
			p.Errorf("read: result %d is %+v", i, r)
		} else if r.Record != nil {
			p.record(r.Record, p.ids[i])
		}
	}
}

func (p *probe) changes() {
	cursor := ""
	for range 3 {
		page, err := p.c.Changes(p.Context(), p.selection(), cursor)
		p.told(err)
		if err != nil {
			if cursor != "" && strings.Contains(err.Error(), "cursor") {
				p.Errorf("changes: its own cursor %q is not understood: %v", cursor, err)
			}
			return
		}
		for _, row := range page.Changes {
			if row.ID == "" || row.Object == "" {
				p.Errorf("changes: row %+v", row)
			}
		}
		if len(page.Next) > 16<<10 {
			p.Errorf("changes: a cursor of %d bytes", len(page.Next))
		}
		cursor = page.Next
	}
}

func (p *probe) results(results []connectors.WriteResult, ids []string) {
	p.Helper()
	if len(results) != len(ids) {
		p.Errorf("%s: %d results, want %d", p.op, len(results), len(ids))
		return
	}
	for i, r := range results {
		p.told(r.Err)
		if r.Err == nil && r.ID == "" || r.Err == nil && ids[i] != "" && r.ID != ids[i] {
			p.Errorf("%s: result %d names %q, want %q", p.op, i, r.ID, ids[i])
		}
		if r.Record != nil {
			p.record(r.Record, ids[i])
		}
	}
}

func (p *probe) create() {
	creates := []connectors.Create{
		{Object: p.h.Object, Scope: p.h.Scope, Fields: p.h.fields(0), Key: probeKey},
		{Object: p.h.Object, Scope: p.h.Scope, Fields: p.h.fields(1)},
	}
	if child := p.h.Child; child != nil {
		creates = append(creates, connectors.Create{
			Object: child.Object, Scope: child.Scope, Parent: p.ids[0], Key: probeKey + "1",
			Fields: Harness{Title: child.Title, Required: child.Required}.fields(0),
		})
	}
	p.results(p.c.Create(p.Context(), creates), make([]string, len(creates)))
}

func (p *probe) update() {
	updates := []connectors.Update{
		{Object: p.h.Object, Scope: p.h.Scope, ID: p.ids[0], Fields: p.h.fields(0)},
		{Object: p.h.Object, Scope: p.h.Scope, ID: p.ids[1], Fields: p.h.fields(1)},
	}
	if p.h.Labels != "" && p.c.Facts().SetEdits {
		updates[1].Fields = nil
		updates[1].Edits = map[string]connectors.SetEdit{p.h.Labels: {Add: p.h.LabelOptions[:1], Remove: p.h.LabelOptions[1:]}}
	}
	p.results(p.c.Update(p.Context(), updates), p.ids[:2])
}

func (p *probe) found(found [][]string, err error, want, limit int) {
	p.Helper()
	p.told(err)
	if err == nil && len(found) != want {
		p.Errorf("%s: %d results, want %d", p.op, len(found), want)
	}
	for _, ids := range found {
		if limit > 0 && len(ids) > limit {
			p.Errorf("%s: %d ids, limit %d", p.op, len(ids), limit)
		}
		for _, id := range ids {
			if id == "" {
				p.Errorf("%s: an empty id", p.op)
			}
		}
	}
}

func (p *probe) findByKey() {
	found, err := p.c.FindByKey(p.Context(), p.h.Object, p.h.Scope, []string{probeKey, probeKey + "1"})
	p.found(found, err, 2, 0)
}

func (p *probe) find() {
	can := connectors.AbilitiesOf(p.c)
	if can.Finder == nil || p.h.Find.Field == "" {
		return
	}
	found, err := can.Finder.Find(p.Context(), p.selection(), p.h.Find.Field, []connectors.Value{p.h.Find.One, p.h.Find.Two}, 2)
	p.found(found, err, 2, 2)
}

func (p *probe) people() {
	can := connectors.AbilitiesOf(p.c)
	if can.PeopleFinder == nil {
		return
	}
	people, err := can.PeopleFinder.PeopleByEmail(p.Context(), []string{p.h.Email, "nobody@example.com"})
	p.told(err)
	if err == nil && len(people) != 2 {
		p.Errorf("people: %d results, want 2", len(people))
	}
}

func (p *probe) comments() {
	can := connectors.AbilitiesOf(p.c)
	if can.Commenter == nil {
		return
	}
	list, err := can.Commenter.Comments(p.Context(), p.h.Object, p.ids[0])
	p.told(err)
	for _, c := range list {
		if c.ID == "" {
			p.Errorf("comments: one without an id: %+v", c)
		}
	}
}

func (p *probe) addComment() {
	can := connectors.AbilitiesOf(p.c)
	if can.Commenter == nil {
		return
	}
	id, err := can.Commenter.AddComment(p.Context(), p.h.Object, p.ids[0], connectors.Comment{Key: probeKey, Body: "A *comment*"})
	p.told(err)
	if err == nil && id == "" {
		p.Errorf("add comment: no id")
	}
}

func (p *probe) history() {
	can := connectors.AbilitiesOf(p.c)
	if can.HistoryReader == nil {
		return
	}
	edits, err := can.HistoryReader.History(p.Context(), p.h.Object, p.ids, p.selection().Fields, answersFrom.Add(-24*time.Hour))
	p.told(err)
	if err == nil && len(edits) != len(p.ids) {
		p.Errorf("history: %d results, want %d", len(edits), len(p.ids))
	}
	for _, list := range edits {
		for i, e := range list {
			if e.Field == "" || i > 0 && e.At.Before(list[i-1].At) {
				p.Errorf("history: edit %d is %+v", i, e)
			}
		}
	}
}

func (p *probe) retire() {
	can := connectors.AbilitiesOf(p.c)
	ids := p.ids[:2]
	var errs []error
	switch {
	case can.Deleter != nil:
		errs = can.Deleter.Delete(p.Context(), p.h.Object, ids)
	case can.Archiver != nil:
		errs = can.Archiver.Archive(p.Context(), p.h.Object, ids)
	default:
		return
	}
	if len(errs) != len(ids) {
		p.Errorf("retire: %d results, want %d", len(errs), len(ids))
	}
	for _, err := range errs {
		p.told(err)
	}
}

func (p *probe) prepare() {
	can := connectors.AbilitiesOf(p.c)
	if can.Preparer == nil {
		return
	}
	_, err := can.Preparer.Missing(p.Context(), connectors.Need{Object: p.h.Object, Comment: true})
	p.told(err)
	p.told(can.Preparer.Prepare(p.Context(), connectors.Need{Object: p.h.Object, Comment: true}))
}

func (p *probe) ensureWebhook() {
	can := connectors.AbilitiesOf(p.c)
	if can.WebhookRegistrar == nil {
		return
	}
	_, err := can.WebhookRegistrar.EnsureWebhook(p.Context(), connectors.WebhookTarget{
		URL: "https://tenon.example/hooks/system", Objects: []connectors.Selection{p.selection()},
	})
	p.told(err)
}
