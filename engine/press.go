package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

// pressed is the mapping of a button with the side that it is pressed on.
func (e *Engine) pressed(name string) (*worked, mapping.SideID, error) {
	m, err := e.mapping(name)
	if err != nil {
		return nil, 0, err
	}
	for from := range mapping.SideID(2) {
		if c := m.Create(from.Other()); c != nil && c.Button() != nil {
			return m, from, nil
		}
	}
	return nil, 0, &connectors.Error{Op: "convert", Kind: connectors.Invalid, Err: fmt.Errorf("mapping %s has no button", name)}
}

// normalID returns the id by which a record is known, of any that the system has
// for it.
func (c *connection) normalID(id string) string {
	if n := c.can.IDNormaliser; n != nil {
		return n.NormalID(id)
	}
	return id
}

// Preview tells what a press of a mapping's button would make from a record. It
// reads and writes nothing. Kinds of errors: NotFound for an unknown mapping or
// record.
func (e *Engine) Preview(ctx context.Context, name, record string) (*Preview, error) {
	m, from, err := e.pressed(name)
	if err != nil {
		return nil, err
	}
	ctx = connectors.WithPriority(ctx, connectors.PriorityButton)
	record = m.sides[from].normalID(record)
	to := from.Other()
	p := &Preview{
		Mapping: name, Button: m.Create(to).Button().Label, Source: m.ref(from, record),
		Target: m.Side(to).Name, System: m.Side(to).Connection,
	}
	conv, err := e.conversion(ctx, m, from, record)
	if err != nil {
		return nil, err
	}
	if conv.State != "" && conv.State != "none" {
		p.Conversion = conv
	}
	if pause, err := e.paused(ctx, m); err != nil {
		return nil, err
	} else if pause != nil {
		if p.Conversion == nil {
			return nil, pause.err("preview")
		}
		p.Title = record
		return p, nil // nothing is read, and what there is to tell is known
	}
	d := &drain{Engine: e, m: m, now: e.clock.Now(), guard: &guard{}, plan: true}
	j := &job{
		entry: &state.Entry{Subject: state.Subject{Mapping: name, Side: uint8(from), Record: record}, Convert: true, Source: "button", Sides: 1 << from},
		side:  from, asides: map[uint32]*state.Aside{},
	}
	d.jobs = []*job{j}
	if err := d.readSide(ctx, from, d.jobs); err != nil {
		return nil, err
	}
	if j.errs[from] != nil {
		return nil, j.errs[from]
	}
	if j.recs[from] == nil {
		return nil, &connectors.Error{Op: "preview", Connection: m.Side(from).Connection, Kind: connectors.Unavailable, Err: errors.New(j.outcome.reason)}
	}
	rec := j.recs[from]
	p.Title, p.SourceURL = firstText(rec.Title, rec.Key, record), rec.URL
	if rec.State != connectors.Live || !rec.InScope {
		p.Problems = append(p.Problems, fmt.Sprintf("the record is %s or outside the mapping's scope", rec.State))
		return p, nil
	}
	return p, e.fillPreview(ctx, d, j, p)
}

// fillPreview computes the fields and tasks that a press would send.
func (e *Engine) fillPreview(ctx context.Context, d *drain, j *job, p *Preview) error {
	m, to := d.m, j.side.Other()
	if err := e.fetchPeople(ctx, m, d.jobs); err != nil {
		return err
	}
	j.making = &making{to: to, create: m.Create(to), intent: &state.Intent{Key: "preview"}}
	if err := d.fillCreates(ctx, to, d.jobs); err != nil {
		return err
	}
	mk := j.making
	for _, r := range m.Rules() {
		if v, ok := mk.request.Fields[r.Field(to)]; ok && r.Flow().To(to) {
			p.Fields = append(p.Fields, PreviewField{Name: r.Field(to), Label: firstText(r.Label(to), r.Field(to)), Value: v.String()})
			delete(mk.request.Fields, r.Field(to))
		}
	}
	with, err := mk.create.With(j.recs[j.side])
	if err != nil {
		p.Problems = append(p.Problems, err.Error())
	}
	labels := e.labels(ctx, m, to)
	for _, w := range with {
		if v, ok := mk.request.Fields[w.Field]; ok {
			p.Fields = append(p.Fields, PreviewField{Name: w.Field, Label: firstText(labels[w.Field], w.Field), Value: v.String()})
		}
	}
	for _, a := range mk.asides {
		p.Problems = append(p.Problems, a.Name+": "+a.Reason)
	}
	p.Problems = append(p.Problems, mk.skipped...)
	tasks, err := mk.create.Tasks(j.recs[j.side], d.now)
	if err != nil {
		p.Problems = append(p.Problems, "tasks: "+err.Error())
		tasks = nil
	}
	var emails []string
	for _, t := range tasks {
		for _, f := range t.Fields {
			emails = append(emails, f.Value.Person().Email)
		}
	}
	if err := e.people.fetch(ctx, m.sides[to], emails); err != nil {
		return err
	}
	for _, t := range tasks {
		pt := PreviewTask{Title: t.Title}
		for _, f := range t.Fields {
			switch f.Value.Type() {
			case connectors.TypePerson:
				v, err := e.matchPerson(m.Side(to).Connection, f.Value)
				if err != nil {
					p.Problems = append(p.Problems, t.Title+": "+err.Error())
					continue
				}
				pt.Assignee = v.String()
			case connectors.TypeDate, connectors.TypeInstant:
				pt.Due = f.Value.Time()
			}
		}
		p.Tasks = append(p.Tasks, pt)
	}
	return nil
}

// labels returns what people call a side's fields; what the system does not tell
// is missing.
func (e *Engine) labels(ctx context.Context, m *worked, side mapping.SideID) map[string]string {
	s := m.Side(side)
	schema, err := m.sides[side].Schema(ctx, s.Object, s.Scope)
	if err != nil {
		e.log.Debug("labels unknown", "connection", s.Connection, "err", err)
		return nil
	}
	labels := make(map[string]string, len(schema.Fields))
	for _, f := range schema.Fields {
		labels[f.Name] = f.Label
	}
	return labels
}

// Press asks for a record's counterpart to be made, and waits until it stands
// or the context ends; then the answer's State is "under way" and the work goes
// on. A record that has its counterpart answers with it, however often the
// button is pressed. by names who pressed, for the journal.
func (e *Engine) Press(ctx context.Context, name, record, by string) (*Conversion, error) {
	m, from, err := e.pressed(name)
	if err != nil {
		return nil, err
	}
	record = m.sides[from].normalID(record)
	before, err := e.conversion(ctx, m, from, record)
	if err != nil || before.State == "done" {
		return before, err
	}
	if err := e.Ask(ctx, name, record, by); err != nil {
		return nil, err
	}
	for {
		wake := e.wake.wait()
		conv, err := e.conversion(ctx, m, from, record)
		if err != nil {
			return nil, err
		}
		if conv.Code == pausedCode {
			return conv, nil // the wish is kept; nobody can say for how long
		}
		if conv.State == "done" || conv.State == "failed" {
			conv.Made = conv.State == "done" && before.State != "under way"
			return conv, nil
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return conv, nil
		}
	}
}

// Ask is the part of Press that does not wait: the wish is durable when it
// returns nil. A repeat changes nothing.
func (e *Engine) Ask(ctx context.Context, name, record, by string) error {
	m, from, err := e.pressed(name)
	if err != nil {
		return err
	}
	record = m.sides[from].normalID(record)
	now := e.clock.Now()
	err = e.store.Update(ctx, func(tx state.Tx) error {
		link, err := tx.LinkOf(name, uint8(from), record)
		if err == nil && link.Status == state.LinkActive {
			return nil // it stands; its tasks are under way by themselves
		}
		if err != nil && !errors.Is(err, state.ErrNotFound) {
			return err
		}
		if _, err := enqueue(tx, m, hint{
			side: from, record: record, priority: connectors.PriorityButton, source: "button", due: now, convert: true,
		}, now); err != nil {
			return err
		}
		var records [2]string
		records[from] = record
		return e.journal(tx, &state.Event{At: now, Mapping: name, Records: records, Action: "pressed", Source: "button", Detail: "by " + by})
	})
	if err != nil {
		return err
	}
	e.nudge(name)
	return nil
}

// conversion tells how far a record's conversion is; State "none" when nobody
// asked.
func (e *Engine) conversion(ctx context.Context, m *worked, from mapping.SideID, record string) (*Conversion, error) {
	conv := &Conversion{State: "none", Source: m.ref(from, record)}
	var link *state.Link
	err := e.store.View(ctx, func(tx state.Tx) error {
		conv.State, conv.Tasks, link = "none", 0, nil
		s := state.Subject{Mapping: m.Name(), Side: uint8(from), Record: record}
		l, err := tx.LinkOf(m.Name(), uint8(from), record)
		switch {
		case err == nil:
			link, s = l, linkSubject(l)
			conv.State, conv.Target = "done", m.ref(from.Other(), l.Ends[from.Other()].ID)
			if l.Status == state.LinkEnded {
				conv.State, conv.Code, conv.Reason = "failed", "unlinked", "the record was linked before and its link has ended"
			}
			intents, err := tx.IntentsOf(m.Name(), uint8(from), record)
			if err != nil {
				return err
			}
			for _, i := range intents {
				if i.Kind == state.IntentTask && conv.State == "done" {
					conv.State = "under way"
				}
			}
		case !errors.Is(err, state.ErrNotFound):
			return err
		}
		entry, err := tx.Entry(s)
		if errors.Is(err, state.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		again := link != nil && link.Status == state.LinkEnded
		if (link == nil || again) && entry.Convert || conv.State == "under way" {
			conv.State, conv.Code, conv.Reason = "under way", entry.Code, entry.Reason
			if entry.Status == state.Failed {
				conv.State = "failed"
				return nil
			}
			if p, err := pausedWork(tx, m); p != nil || err != nil {
				if p != nil {
					conv.Code, conv.Reason = pausedCode, p.String()
				}
				return err
			}
		}
		return nil
	})
	if err != nil || link == nil || conv.State != "done" {
		return conv, err
	}
	return conv, e.showTarget(ctx, m, from, link, conv)
}

// showTarget fills in what people need to find the counterpart.
func (e *Engine) showTarget(ctx context.Context, m *worked, from mapping.SideID, link *state.Link, conv *Conversion) error {
	to := from.Other()
	err := e.store.View(ctx, func(tx state.Tx) error {
		events, err := tx.ListJournal(0, 50, state.EventFilter{Mapping: m.Name(), Link: link.ID, Action: "task created"})
		conv.Tasks = len(events)
		return err
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	sel := m.selection(to)
	sel.Fields = nil
	results, err := m.sides[to].Read(connectors.WithPriority(ctx, connectors.PriorityButton), sel, []string{link.Ends[to].ID})
	if err == nil && len(results) == 1 && results[0].Record != nil {
		conv.Key, conv.URL = results[0].Record.Key, results[0].Record.URL
	}
	return nil // the counterpart stands, whether or not its address can be read now
}
