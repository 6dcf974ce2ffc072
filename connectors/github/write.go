package github

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

func decimal(n int) string { return strconv.Itoa(n) }

// prepared is a write ready to be sent.
type prepared struct {
	fields  map[string]any // of one PATCH or POST
	status  string         // "" or one of statusOptions
	add     []string       // labels, one by one
	remove  []string
	people  *connectors.SetEdit // of the assignees, to be made of those that there are
	refused []connectors.FieldError
	named   []string // the fields that are written
}

func (p *prepared) refuse(field, format string, args ...any) {
	p.refused = append(p.refused, connectors.FieldError{Field: field, Reason: fmt.Sprintf(format, args...)})
}

// prepare converts the fields of a write.
func (c *Connection) prepare(ctx context.Context, op string, sc scopeRef, fields map[string]connectors.Value, edits map[string]connectors.SetEdit) (*prepared, error) {
	p := &prepared{fields: map[string]any{}}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		f, known := issueFields[name]
		switch {
		case !known:
			p.refuse(name, "GitHub has no such field")
		case !f.Writable:
			p.refuse(name, "it is read only: %s", f.ReadOnly)
		default:
			if err := c.prepareField(ctx, op, sc, p, name, fields[name]); err != nil {
				return nil, err
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(edits)) {
		if _, whole := fields[name]; whole {
			continue
		}
		if err := c.prepareEdits(ctx, op, sc, p, name, edits[name]); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (c *Connection) prepareField(ctx context.Context, op string, sc scopeRef, p *prepared, name string, v connectors.Value) error {
	p.named = append(p.named, name)
	switch name {
	case "title":
		title := strings.TrimSpace(v.Text())
		if title == "" {
			p.refuse(name, "an issue always has a title")
			return nil
		}
		p.fields[name] = v.Text()
	case "body":
		p.fields[name] = v.Text() // with its mark, later
	case "status", "state":
		p.prepareStatus(name, v)
	case "labels":
		labels, err := c.labelNames(ctx, op, sc, p, v.Options())
		if err != nil || labels == nil {
			return err
		}
		if sc.label != "" {
			labels = append(labels, sc.label)
		}
		p.fields[name] = labels
	case "milestone":
		return c.prepareStone(ctx, op, sc, p, v)
	case "assignee":
		return c.prepareAssignee(ctx, op, p, v)
	case "assignees":
		logins := []string{}
		for _, o := range v.Options() {
			logins = append(logins, o.ID)
		}
		p.fields[name] = logins
	case "type":
		p.fields[name] = nil
		if !v.IsNull() {
			p.fields[name] = v.Option().ID
		}
	}
	return nil
}

func (p *prepared) prepareStatus(name string, v connectors.Value) {
	id := v.Option().ID
	known := slices.ContainsFunc(statusOptions, func(o connectors.Option) bool { return o.ID == id })
	switch {
	case name == "state" && id == stateClosed && p.status != "" && p.status != stateOpen: // the status says why
	case name == "state" && (id == stateOpen || id == stateClosed):
		p.status = id
	case name == "status" && known && (p.status != stateClosed || id != stateOpen):
		p.status = id
	case v.IsNull():
		p.refuse(name, "an issue is either open or closed")
	default:
		p.refuse(name, "there is no option %q", v.Option().ID)
	}
}

// labelNames writes labels as the repository does. Nil says that they were
// refused.
func (c *Connection) labelNames(ctx context.Context, op string, sc scopeRef, p *prepared, options []connectors.Option) ([]string, error) {
	m, err := c.metaOf(ctx, op, sc.repo, metaAge)
	if err != nil {
		return nil, err
	}
	out := []string{}
	for _, o := range options {
		name := m.label(o.ID)
		if name == "" && c.refuse {
			if m, err = c.metaOf(ctx, op, sc.repo, 0); err != nil { // it may be new
				return nil, err
			}
			if name = m.label(o.ID); name == "" {
				p.refuse("labels", "%s has no label %q, and new_labels is %s", sc.repo.fullName(), o.ID, labelsRefuse)
				return nil, nil
			}
		}
		if name == "" {
			name = o.ID
		}
		out = append(out, name)
	}
	return out, nil
}

func (c *Connection) prepareEdits(ctx context.Context, op string, sc scopeRef, p *prepared, name string, e connectors.SetEdit) error {
	p.named = append(p.named, name)
	switch name {
	case "labels":
	case "assignees":
		p.people = &e
		return nil
	default:
		p.refuse(name, "it is written as a whole only")
		return nil
	}
	var err error
	if p.add, err = c.labelNames(ctx, op, sc, p, e.Add); err != nil {
		return err
	}
	for _, o := range e.Remove {
		if sc.label == "" || !strings.EqualFold(o.ID, sc.label) {
			p.remove = append(p.remove, o.ID)
		}
	}
	return nil
}

func (c *Connection) prepareStone(ctx context.Context, op string, sc scopeRef, p *prepared, v connectors.Value) error {
	if v.IsNull() {
		p.fields["milestone"] = nil
		return nil
	}
	o := v.Option()
	if n, err := strconv.Atoi(o.ID); err == nil && n > 0 {
		p.fields["milestone"] = n
		return nil
	}
	m, err := c.metaOf(ctx, op, sc.repo, metaAge)
	if err != nil {
		return err
	}
	f := connectors.Field{Options: m.milestones}
	if found, ok := f.Option(o.ID); ok {
		p.fields["milestone"], err = strconv.Atoi(found.ID)
		return err
	}
	p.refuse("milestone", "%s has no milestone %q", sc.repo.fullName(), o.ID)
	return nil
}

// prepareAssignee makes one person the only assignee. Who is not found is
// refused: the field is left alone, never cleared.
func (c *Connection) prepareAssignee(ctx context.Context, op string, p *prepared, v connectors.Value) error {
	if v.IsNull() {
		p.fields["assignees"] = []string{}
		return nil
	}
	who := v.Person()
	if who.ID == "" {
		people, err := c.findPeople(ctx, op, []string{who.Email})
		if err != nil {
			return err
		}
		who = people[0]
	}
	if who.ID == "" {
		p.refuse("assignee", "GitHub shows no user with the e-mail %s; name the login below people: in tenon.yaml", v.Person().Email)
		return nil
	}
	p.fields["assignees"] = []string{who.ID}
	return nil
}

// Update implements connectors.Connection. Titles, descriptions and states of
// several issues are written at once, by GraphQL. For all else one PATCH writes
// what it can; labels that are added and taken away go one by one.
func (c *Connection) Update(ctx context.Context, updates []connectors.Update) []connectors.WriteResult {
	out := make([]connectors.WriteResult, len(updates))
	done := c.updateTogether(ctx, updates, out)
	for n, u := range updates {
		if done[n] {
			continue
		}
		if u.Object == milestoneObject {
			out[n] = c.updateStone(ctx, u)
			continue
		}
		out[n] = c.updateIssue(ctx, u)
	}
	return out
}

func (c *Connection) updateIssue(ctx context.Context, u connectors.Update) connectors.WriteResult {
	const op = "update"
	out := connectors.WriteResult{}
	if out.Err = c.checkObject(op, u.Object); out.Err != nil {
		return out
	}
	sc, err := c.scope(ctx, op, u.Object, u.Scope)
	if err != nil {
		return connectors.WriteResult{Err: err}
	}
	repo, number, ok := parseID(u.ID)
	if !ok {
		return connectors.WriteResult{Err: c.noSuch(op, issueObject, u.ID)}
	}
	at := target{op: op, number: number, id: u.ID}
	if at.repo, err = c.repoOf(ctx, op, sc, repo); err != nil {
		return connectors.WriteResult{Err: err}
	}
	p, err := c.prepare(ctx, op, sc, u.Fields, u.Edits)
	if err != nil {
		return connectors.WriteResult{Err: err}
	}
	out.ID = u.ID
	if text, writes := p.fields["body"].(string); writes {
		m, err := c.markOf(ctx, at)
		if err != nil {
			return connectors.WriteResult{Err: c.lost(ctx, at, err)}
		}
		p.fields["body"] = m.with(text)
	}
	if err := c.setPeople(ctx, at, p); err != nil {
		return connectors.WriteResult{Err: c.lost(ctx, at, err)}
	}
	i, err := c.send(ctx, at, p)
	if err != nil {
		return connectors.WriteResult{Err: p.inOurWords(c.lost(ctx, at, err))}
	}
	if i != nil {
		c.compare(p, i, sc)
		if err := c.learnPeople(ctx, op, p.named, map[int]*issue{number: i}); err != nil {
			c.log.Debug("people not asked for", "err", err)
		}
		out.Record = c.record(i, sc, at.repo.fullName(), fieldNames(p.named))
	}
	out.Refused = p.refused
	return out
}

// fieldNames is what a write's answer shows: the fields that every record has
// little cost in telling.
func fieldNames(named []string) []string {
	out := slices.Clone(named)
	for _, f := range issueOrder {
		if f.Type != connectors.TypePerson && !slices.Contains(out, f.Name) {
			out = append(out, f.Name)
		}
	}
	return out
}

// target is the issue that a write is about.
type target struct {
	op     string
	repo   repoRef
	number int
	id     string
}

func (at target) record() string { return ref(issueObject, at.id) }

// markOf returns the mark in an issue's body, which a write must not lose.
func (c *Connection) markOf(ctx context.Context, at target) (mark, error) {
	if m, ok := c.marks.get(issueObject, at.id); ok {
		return m.mark, nil
	}
	i, err := c.getIssue(ctx, at.op, at.repo, at.number)
	if err != nil {
		return mark{}, err
	}
	_, m := splitMark(i.body)
	return m, nil
}

// setPeople makes the whole list of assignees out of an edit of it, by the issue
// as it is now.
func (c *Connection) setPeople(ctx context.Context, at target, p *prepared) error {
	if p.people == nil {
		return nil
	}
	i, err := c.getIssue(ctx, at.op, at.repo, at.number)
	if err != nil {
		return err
	}
	among := func(list []connectors.Option, login string) bool {
		return slices.ContainsFunc(list, func(o connectors.Option) bool { return strings.EqualFold(o.ID, login) })
	}
	logins := slices.DeleteFunc(slices.Clone(i.assignees), func(login string) bool { return among(p.people.Remove, login) || among(p.people.Add, login) })
	for _, o := range p.people.Add {
		logins = append(logins, o.ID)
	}
	p.fields["assignees"] = append([]string{}, logins...)
	return nil
}

// send makes the requests of an update and returns the issue as the last answer
// showed it; nil if none did.
func (c *Connection) send(ctx context.Context, at target, p *prepared) (*issue, error) {
	var i *issue
	var err error
	switch p.status {
	case "":
	case stateOpen, stateClosed:
		p.fields["state"] = p.status
	default:
		p.fields["state"], p.fields["state_reason"] = stateClosed, p.status
	}
	if len(p.fields) > 0 {
		if i, err = c.patch(ctx, at, p.fields); err != nil {
			return nil, err
		}
	}
	if p.status != "" && p.status != stateOpen && p.status != stateClosed && i.reason != p.status {
		// The issue was closed for another reason, and another one is heard only
		// when the state changes.
		if _, err = c.patch(ctx, at, map[string]any{"state": stateOpen}); err == nil {
			i, err = c.patch(ctx, at, map[string]any{"state": stateClosed, "state_reason": p.status})
		}
		if err != nil {
			return nil, err
		}
	}
	if len(p.add)+len(p.remove) == 0 {
		return i, nil
	}
	return nil, c.editLabels(ctx, at, p)
}

func (c *Connection) patch(ctx context.Context, at target, fields map[string]any) (*issue, error) {
	var w wireIssue
	_, err := c.http.Do(ctx, rest.Request{
		Op: at.op, Record: at.record(), Method: "PATCH", Path: issuePath, Params: at.repo.params("number", decimal(at.number)), Lane: writeLane, Body: fields, Out: &w,
	})
	if err != nil {
		return nil, err
	}
	if w.GetNumber() != at.number {
		e := c.fail(at.op, at.record(), connectors.Internal, "the answer is another issue, or none")
		e.Unsure = true
		return nil, e
	}
	i := ofREST(&w, at.repo.id)
	c.marks.see(i)
	return i, nil
}

// editLabels adds and removes single labels. One that is not there any more is
// as good as removed.
func (c *Connection) editLabels(ctx context.Context, at target, p *prepared) error {
	path := issuePath + "/labels"
	if len(p.add) > 0 {
		have, resp, err := c.hub.Issues.AddLabelsToIssue(writing(ctx, path), at.repo.owner, at.repo.name, at.number, p.add)
		if err := c.outcome(at.op, at.record(), resp, err); err != nil {
			return err
		}
		for _, name := range p.add {
			if !slices.ContainsFunc(have, func(l *ghLabel) bool { return strings.EqualFold(l.GetName(), name) }) {
				p.refuse("labels", "GitHub dropped the label %q without a word: the account needs the role triage in the repository", name)
			}
		}
	}
	for _, name := range p.remove {
		_, err := c.http.Do(ctx, rest.Request{
			Op: at.op, Record: at.record(), Method: "DELETE", Path: path + "/{name}", Lane: writeLane,
			Params: at.repo.params("number", decimal(at.number), "name", name),
		})
		if rest.StatusOf(err) == http.StatusNotFound {
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}
