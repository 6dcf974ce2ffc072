package jira

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// maxHops is how many transitions one write may make.
const maxHops = 8

// move takes an issue to the status that a write asks for. A reason says why
// it could not get there, for a person; the issue may be on the way.
func (c *Connection) move(ctx context.Context, op, id string, p *prepared, scope scopeRef) (reason string, err error) {
	w, err := c.getIssue(ctx, op, id, []string{"status", "project", "issuetype"})
	if err != nil {
		return "", err
	}
	var now status
	var project, kind named
	if err := json.Unmarshal(w.Fields["status"], &now); err != nil {
		return "", c.fail(op, ref(id), connectors.Internal, "the issue tells no status: %w", err)
	}
	_ = json.Unmarshal(w.Fields["project"], &project) // absent: one workflow for all
	_ = json.Unmarshal(w.Fields["issuetype"], &kind)
	m := mover{
		Connection: c, op: op, id: id, p: p, want: p.status.Option(), at: now, visited: []string{now.ID},
		flow: string(project.ID) + "/" + string(kind.ID), scope: scopeRef{project: string(project.ID), issueType: string(kind.ID)},
	}
	for range maxHops {
		if m.there() {
			return "", nil
		}
		if reason, err = m.hop(ctx); err != nil || reason != "" {
			return reason, err
		}
	}
	if m.there() {
		return "", nil
	}
	return fmt.Sprintf("%q is more than %d transitions away; the issue is in %q now", m.want.Label, maxHops, m.at.Name), nil
}

// mover moves one issue through its workflow.
type mover struct {
	*Connection
	op, id  string
	p       *prepared
	want    connectors.Option
	at      status
	flow    string // names the workflow in the cache
	scope   scopeRef
	visited []string
}

func (m *mover) there() bool {
	return m.at.ID == m.want.ID || m.want.ID == "" && strings.EqualFold(m.at.Name, m.want.Label)
}

func (m *mover) hop(ctx context.Context) (reason string, err error) {
	steps, err := m.transitions(ctx, m.op, m.id)
	if err != nil {
		return "", err
	}
	m.flows.learn(m.flow, m.at.ID, steps, m.clock.Now())
	next, err := m.next(ctx, steps)
	if err != nil {
		return "", err
	}
	if next == "" {
		return m.noWay(steps), nil
	}
	var blocked string
	for _, t := range bestFirst(steps, next) {
		var fields map[string]any
		fields, blocked, err = m.screen(ctx, t)
		if err != nil {
			return "", err
		}
		if blocked != "" {
			continue
		}
		if reason, err = m.take(ctx, t, fields); err != nil || reason != "" {
			return reason, err
		}
		m.at = t.To
		m.visited = append(m.visited, t.To.ID)
		return "", nil
	}
	return blocked, nil
}

// bestFirst returns the transitions that lead to a status, those that ask for
// the least first.
func bestFirst(steps []transition, to string) []transition {
	var out []transition
	for _, t := range steps {
		if t.To.ID == to {
			out = append(out, t)
		}
	}
	asks := func(t transition) int {
		n := 0
		for _, f := range t.Fields {
			if f.Required && !f.HasDefaultValue {
				n++
			}
		}
		return n
	}
	slices.SortStableFunc(out, func(a, b transition) int { return asks(a) - asks(b) })
	return out
}

// next chooses the status to go to: the wanted one, else the first one on the
// shortest known way, else one on the way to what is not known yet.
func (m *mover) next(ctx context.Context, steps []transition) (string, error) {
	target := m.want.ID
	for _, t := range steps {
		if t.To.ID == target || target == "" && strings.EqualFold(t.To.Name, m.want.Label) {
			return t.To.ID, nil
		}
	}
	if s := m.openStep(steps, m.flows.step(m.flow, m.at.ID, target)); s != "" {
		return s, nil
	}
	if !m.flows.scanned(m.flow) {
		if err := m.scanFlow(ctx); err != nil {
			return "", err
		}
		if s := m.openStep(steps, m.flows.step(m.flow, m.at.ID, target)); s != "" {
			return s, nil
		}
	}
	if !m.flows.has(m.flow, target) {
		return "", nil
	}
	return m.openStep(steps, m.flows.explore(m.flow, m.at.ID)), nil
}

// openStep returns the step if it is open and new, else "".
func (m *mover) openStep(steps []transition, to string) string {
	if to == "" || slices.Contains(m.visited, to) || !slices.ContainsFunc(steps, func(t transition) bool { return t.To.ID == to }) {
		return ""
	}
	return to
}

// scanFlow learns the workflow by asking one issue in each status of the type
// what may follow.
func (m *mover) scanFlow(ctx context.Context) error {
	types, err := m.statuses(ctx, m.op, m.scope)
	if err != nil {
		return err
	}
	all := []string{}
	for _, o := range statusOptions(types) {
		all = append(all, o.ID)
	}
	for _, o := range statusOptions(types) {
		if m.flows.knows(m.flow, o.ID) {
			continue
		}
		page, err := m.search(ctx, m.op, searchQuery{jql: jqlOf(m.scope, "status = "+o.ID, "updated DESC"), max: 1})
		if err != nil {
			return err
		}
		for _, h := range page.Issues {
			steps, err := m.transitions(ctx, m.op, h.ID)
			if connectors.KindOf(err) == connectors.NotFound {
				continue
			}
			if err != nil {
				return err
			}
			m.flows.learn(m.flow, o.ID, steps, m.clock.Now())
		}
	}
	m.flows.setAll(m.flow, all)
	return nil
}

func (m *mover) noWay(steps []transition) string {
	if len(steps) == 0 {
		return fmt.Sprintf("no transition leads out of %q for this account; it may lack the right Transition issues", m.at.Name)
	}
	var names []string
	for _, t := range steps {
		if !slices.Contains(names, t.To.Name) {
			names = append(names, t.To.Name)
		}
	}
	want := m.want.Label
	if want == "" {
		want = m.want.ID
	}
	return fmt.Sprintf("no way is known from %q to %q; from there the workflow leads to %s", m.at.Name, want, strings.Join(names, ", "))
}

func (c *Connection) transitions(ctx context.Context, op, id string) ([]transition, error) {
	var answer struct {
		Transitions []transition `json:"transitions"`
	}
	_, err := c.do(ctx, rest.Request{
		Op: op, Record: ref(id), Path: "/issue/{id}/transitions", Params: map[string]string{"id": id},
		Query: query("expand", "transitions.fields"), Out: &answer,
	})
	return answer.Transitions, err
}

// screen fills in what a transition's screen asks for. Blocked says what is
// missing, for a person.
func (m *mover) screen(ctx context.Context, t transition) (fields map[string]any, blocked string, err error) {
	fields = map[string]any{}
	var needed []string
	for id, meta := range t.Fields {
		switch {
		case id == "resolution":
			if r := m.resolutionFor(t, meta); r != nil {
				fields[id] = r
			}
		case meta.Required && !meta.HasDefaultValue:
			needed = append(needed, id)
		}
	}
	if len(needed) == 0 {
		return fields, "", nil
	}
	slices.Sort(needed)
	w, err := m.getIssue(ctx, m.op, m.id, needed)
	if err != nil {
		return nil, "", err
	}
	var missing []string
	for _, id := range needed {
		if raw := w.Fields[id]; isNull(raw) || string(raw) == "[]" {
			missing = append(missing, fmt.Sprintf("%q", t.Fields[id].Name))
		}
	}
	if len(missing) > 0 {
		return nil, fmt.Sprintf("the transition %q asks for %s first", t.Name, strings.Join(missing, " and ")), nil
	}
	return fields, "", nil
}

// resolutionFor chooses the resolution for a transition whose screen has one:
// the write's own, else the configured one, else the first, nil for none.
func (m *mover) resolutionFor(t transition, meta fieldMeta) map[string]any {
	if m.p.named && !m.p.resolve.IsNull() {
		return encodeOption(&field{id: "resolution", shape: choice}, m.p.resolve.Option())
	}
	if t.To.Category.Key != "done" && !meta.Required {
		return nil
	}
	allowed := decodeNamed(meta.AllowedValues)
	for _, n := range allowed {
		if strings.EqualFold(n.Name, m.resolution) {
			return map[string]any{"id": string(n.ID)}
		}
	}
	if len(allowed) > 0 {
		return map[string]any{"id": string(allowed[0].ID)}
	}
	return map[string]any{"name": m.resolution}
}

// take makes a transition. Screens that Jira lists need not be those that it
// checks: where it complains of the resolution, it is sent after all, or left
// out.
func (m *mover) take(ctx context.Context, t transition, fields map[string]any) (reason string, err error) {
	err = m.post(ctx, t, fields)
	if e, ok := asError(err); ok && slices.ContainsFunc(e.Fields, func(f connectors.FieldError) bool { return f.Field == "resolution" }) {
		if _, sent := fields["resolution"]; sent {
			delete(fields, "resolution")
		} else {
			fields["resolution"] = map[string]any{"name": m.resolution}
		}
		err = m.post(ctx, t, fields)
	}
	if connectors.KindOf(err) == connectors.Invalid {
		e, _ := asError(err)
		words := e.Err.Error()
		if len(e.Fields) > 0 {
			words = e.Fields[0].Reason
		}
		return fmt.Sprintf("Jira refused the transition %q: %s", t.Name, words), nil
	}
	return "", err
}

func (m *mover) post(ctx context.Context, t transition, fields map[string]any) error {
	body := map[string]any{"transition": map[string]string{"id": t.ID}}
	if len(fields) > 0 {
		body["fields"] = fields
	}
	resp, err := m.jira.Issue.DoTransitionWithPayloadWithContext(calling(ctx, "/issue/{id}/transitions"), m.id, body)
	return m.outcome(m.op, ref(m.id), resp, err)
}
