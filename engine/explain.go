package engine

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

// explainWait bounds how long the systems may take to answer for Explain.
const explainWait = 30 * time.Second

// Explain tells what Tenon knows of a record, whether it is in step, and if not,
// why and what to do. It reads both sides as a run would and decides by the same
// code, and writes nothing to a system. record is connection/object/id, an id, a
// readable key, a web address, or link:N.
//
// A record that nobody knows, or that no mapping takes, is an explanation too.
// Errors are of kind NotFound for a link that is not there, Invalid for a name
// that means nothing or several records; others are the state's. A system that
// does not answer is told by Explanation.Unreachable.
func (e *Engine) Explain(ctx context.Context, record string, o ExplainOptions) (*Explanation, error) {
	if err := e.takenIn(ctx); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(connectors.WithPriority(ctx, connectors.PriorityButton), explainWait)
	defer cancel()
	x := &explainer{finder: finder{Engine: e, op: "explain", offline: o.Offline}, options: o, now: e.clock.Now().UTC(), out: &Explanation{
		Asked: record, Live: !o.Offline, Running: e.running.Load(),
		Findings: []Finding{}, Mappings: []ExplainedMapping{}, Events: []EventRow{},
	}}
	x.out.At = x.now
	s, err := x.find(ctx, record)
	if err != nil {
		return nil, err
	}
	x.out.Unreachable = x.unreachable
	if s.unknown {
		x.unknownRecord(record)
	} else if err := x.explain(ctx, s); err != nil {
		return nil, err
	}
	x.conclude()
	return x.out, nil
}

// explainer makes one explanation.
type explainer struct {
	finder
	options ExplainOptions
	now     time.Time
	out     *Explanation
}

// explain looks at every mapping that concerns a record.
func (x *explainer) explain(ctx context.Context, s subject) error {
	x.out.Record.Ref = s.ref
	for _, m := range x.mappings {
		if s.mapping != "" && m.Name() != s.mapping {
			continue
		}
		for side := range mapping.SideID(2) {
			if end := m.Side(side); end.Connection != s.ref.Connection || end.Object != s.ref.Object || s.mapping != "" && side != s.side {
				continue
			}
			em := &explaining{explainer: x, m: m, side: side, id: s.ref.ID}
			if err := em.explain(ctx); err != nil {
				return err
			}
			x.out.Mappings = append(x.out.Mappings, em.out)
			if rec := em.out.Sides[side].Record; x.out.Record.State == "" {
				x.out.Record = rec
			}
		}
	}
	x.unmapped(s)
	return x.tellEvents(ctx)
}

// unmapped tells of mappings that would concern the record and do not run, and
// that none concerns it at all.
func (x *explainer) unmapped(s subject) {
	broken := 0
	for _, b := range x.broken {
		named := b.Name != "" && b.Name == s.mapping
		if b.Sides[0].Connection == "" { // nobody knows what it would take
			named = named || len(x.out.Mappings) == 0
		}
		for _, side := range b.Sides {
			named = named || s.mapping == "" && side.Connection == s.ref.Connection && side.Object == s.ref.Object
		}
		if !named {
			continue
		}
		broken++
		x.out.Findings = append(x.out.Findings, x.finding(codeMappingError, Finding{
			Mapping: b.Name, Text: fmt.Sprintf("mapping %s does not run: %s", cmp.Or(b.Name, b.File), firstLine(b.Problem)),
		}, AdviceNames{Mapping: b.Name}))
	}
	if broken > 0 || len(x.out.Mappings) > 0 {
		return
	}
	if s.mapping != "" {
		x.out.Findings = append(x.out.Findings, x.finding(codeMappingError, Finding{
			Mapping: s.mapping, Text: fmt.Sprintf("the link is of mapping %s, which is not among the mappings that run", s.mapping),
		}, AdviceNames{Mapping: s.mapping}))
		return
	}
	var taken []string
	for _, m := range x.mappings {
		for side := range mapping.SideID(2) {
			if end := m.Side(side); end.Connection == s.ref.Connection {
				taken = append(taken, fmt.Sprintf("%s (mapping %s)", end.Object, m.Name()))
			}
		}
	}
	text := fmt.Sprintf("no mapping takes records of %s", s.ref.Connection)
	if len(taken) > 0 {
		slices.Sort(taken)
		text = fmt.Sprintf("no mapping takes records of %s that are %s; those that run take %s", s.ref.Connection, s.ref.Object, strings.Join(slices.Compact(taken), ", "))
	}
	x.out.Findings = append(x.out.Findings, x.finding(codeNoMapping, Finding{Connection: s.ref.Connection, Text: text}, AdviceNames{Connection: s.ref.Connection}))
}

func (x *explainer) unknownRecord(record string) {
	text := fmt.Sprintf("nothing is known of %q: no link, nothing in the queue, nothing in the history", brief(record))
	switch {
	case x.options.Offline:
		text += "; the systems were not asked"
	case x.out.Unreachable:
		text += ", and not every system could be asked"
	default:
		text += ", and no system shows a record of that name"
	}
	x.out.Findings = append(x.out.Findings, x.finding(codeUnknownRecord, Finding{Text: text}, AdviceNames{}))
}

// finding completes a finding with what is to be said about its code.
func (x *explainer) finding(code string, f Finding, names AdviceNames) Finding {
	a, ok := AdviceOf(code)
	if !ok {
		a = Advice{Code: code, Standing: NeedsYou, Do: []Step{{Text: "Look at the history of the record.", Command: "tenon history --record RECORD"}}}
	}
	f.Code, f.Doc = code, a.Doc()
	if f.Standing == "" {
		f.Standing = a.Standing
	}
	if f.Do == nil {
		f.Do = a.Steps(names)
	}
	f.Text = brief(f.Text)
	return f
}

// tellEvents adds the last events of the record.
func (x *explainer) tellEvents(ctx context.Context) error {
	n := x.options.Events
	if n == 0 {
		n = 10
	}
	if n < 0 {
		return nil
	}
	n = min(n, x.limits.Page)
	err := x.store.View(ctx, func(tx state.Tx) error {
		x.out.Events = x.out.Events[:0]
		for i := range x.out.Mappings {
			events, err := x.eventsOf(tx, &x.out.Mappings[i], n)
			if err != nil {
				return err
			}
			for _, ev := range events {
				x.out.Events = append(x.out.Events, x.eventRow(ev))
			}
		}
		return nil
	})
	slices.SortFunc(x.out.Events, func(a, b EventRow) int { return cmp.Compare(b.Seq, a.Seq) })
	x.out.Events = x.out.Events[:min(n, len(x.out.Events))]
	return err
}

// looseEvents is how far back the events of a record without a link are looked
// for: there is no list of them, so that all of the journal is read.
const looseEvents = 7 * 24 * time.Hour

func (x *explainer) eventsOf(tx state.Tx, m *ExplainedMapping, n int) ([]*state.Event, error) {
	if m.Link != nil {
		return tx.ListJournal(0, n, state.EventFilter{Link: m.Link.ID})
	}
	return tx.ListJournal(0, n, state.EventFilter{
		Mapping: m.Name, Record: m.Sides[m.Asked].Record.Ref.ID, Since: x.now.Add(-looseEvents),
	})
}

// rank orders the standings from the best to the gravest.
func (s Standing) rank() int {
	return slices.Index([]Standing{InSync, LeftAlone, OnItsWay, Waits, Unknown, NeedsYou}, s)
}

// gravest sorts findings so that the gravest comes first, and returns the
// standing of all.
func gravest(fs []Finding) Standing {
	slices.SortStableFunc(fs, func(a, b Finding) int { return b.Standing.rank() - a.Standing.rank() })
	if len(fs) == 0 {
		return InSync
	}
	return fs[0].Standing
}

// conclude draws the whole from the mappings: the verdict is that of the gravest
// finding. A mapping that rightly leaves a record alone is no blemish where
// another one keeps it in step.
func (x *explainer) conclude() {
	out := x.out
	linked := slices.ContainsFunc(out.Mappings, func(m ExplainedMapping) bool { return m.Link != nil && m.Link.Status == "active" })
	counted := slices.Clone(out.Findings)
	for i := range out.Mappings {
		m := &out.Mappings[i]
		out.Findings = append(out.Findings, m.Findings...)
		if linked && m.Link == nil && m.Standing == LeftAlone || m.Standing == InSync {
			continue
		}
		counted = append(counted, m.Findings...)
	}
	out.Findings = unique(out.Findings)
	gravest(out.Findings)
	counted = unique(counted)
	name := recordName(out.Record)
	if out.Standing = gravest(counted); out.Standing == InSync {
		out.Verdict = x.inSync(name)
		return
	}
	worst := counted[0]
	out.Code = worst.Code
	switch {
	case out.Record.Ref.IsZero():
		out.Verdict = worst.Text
		return
	case x.undecided():
		name += " cannot be compared now: "
	case out.Standing == LeftAlone && linked && !slices.ContainsFunc(counted, func(f Finding) bool { return f.Rule == 0 }):
		name += " is in sync, but for what is left alone: "
	default:
		name += map[Standing]string{
			LeftAlone: " is left alone: ", OnItsWay: " is not in sync yet: ", Waits: " waits: ",
			NeedsYou: " is not in sync: ", Unknown: ": ",
		}[out.Standing]
	}
	out.Verdict = name + worst.Text
}

// undecided reports whether nobody can tell if the record is in step.
func (x *explainer) undecided() bool {
	return !slices.ContainsFunc(x.out.Mappings, func(m ExplainedMapping) bool { return m.Standing != InSync && !m.undecided }) &&
		slices.ContainsFunc(x.out.Mappings, func(m ExplainedMapping) bool { return m.undecided })
}

func (x *explainer) inSync(name string) string {
	var with []string
	for _, m := range x.out.Mappings {
		if m.Link != nil && m.Standing == InSync {
			text := fmt.Sprintf("%s (mapping %s)", recordName(m.Sides[1-m.Asked].Record), m.Name)
			if !x.out.Live {
				text += ", as far as the state tells: nothing is due, and both last agreed at " + clockTime(m.Link.Synced)
			}
			with = append(with, text)
		}
	}
	return name + " is in sync with " + strings.Join(with, " and ")
}

// unique drops what several mappings say in the same words.
func unique(fs []Finding) []Finding {
	var kept []Finding
	for _, f := range fs {
		if !slices.ContainsFunc(kept, func(k Finding) bool { return k.Code == f.Code && k.Text == f.Text && k.Mapping == f.Mapping }) {
			kept = append(kept, f)
		}
	}
	if kept == nil {
		kept = []Finding{}
	}
	return kept
}

// recordName names a record for people: its Ref, and what they call it.
func recordName(r ExplainedRecord) string {
	name := r.Ref.String()
	if text := firstText(r.Key, ""); text != "" {
		name += " (" + text + ")"
	}
	if r.Title != "" {
		name += fmt.Sprintf(" %q", r.Title)
	}
	return name
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// clockTime writes a time as people read it in a sentence.
func clockTime(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") }
