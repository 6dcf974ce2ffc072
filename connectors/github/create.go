package github

import (
	"context"
	"strconv"
	"time"

	gogithub "github.com/google/go-github/v60/github"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// ghLabel is go-github's label.
type ghLabel = gogithub.Label

// Create implements connectors.Connection.
func (c *Connection) Create(ctx context.Context, creates []connectors.Create) []connectors.WriteResult {
	out := make([]connectors.WriteResult, len(creates))
	parents := map[string]*issue{}
	for n, cr := range creates {
		if cr.Object == milestoneObject {
			out[n] = c.createStone(ctx, cr)
			continue
		}
		out[n] = c.createIssue(ctx, cr, parents)
	}
	return out
}

func (c *Connection) createIssue(ctx context.Context, cr connectors.Create, parents map[string]*issue) connectors.WriteResult {
	const op = "create"
	if err := c.checkObject(op, cr.Object); err != nil {
		return connectors.WriteResult{Err: err}
	}
	sc, err := c.scope(ctx, op, cr.Object, cr.Scope)
	if err != nil {
		return connectors.WriteResult{Err: err}
	}
	parent, err := c.parentOf(ctx, sc, cr, parents)
	if err != nil {
		return connectors.WriteResult{Err: err}
	}
	p, err := c.prepare(ctx, op, sc, cr.Fields, nil)
	if err != nil {
		return connectors.WriteResult{Err: err}
	}
	c.dress(p, sc, cr)
	var w wireIssue
	_, err = c.http.Do(ctx, rest.Request{
		Op: op, Method: "POST", Path: "/repos/{owner}/{repo}/issues", Params: sc.repo.params(), Lane: createLane, Body: p.fields, Out: &w,
	})
	if err != nil {
		return connectors.WriteResult{Err: p.inOurWords(c.lost(ctx, target{op: op, repo: sc.repo}, err))}
	}
	if w.GetNumber() <= 0 || w.GetID() <= 0 {
		e := c.fail(op, "", connectors.Internal, "the answer is no issue")
		e.Unsure = true
		return connectors.WriteResult{Err: e}
	}
	i := ofREST(&w, sc.repo.id)
	c.marks.see(i)
	c.index.of(sc.repo.id).made(i)
	c.compare(p, i, sc)
	return c.finish(ctx, sc, p, i, parent)
}

// dress adds to a create what the scope and the key ask for.
func (c *Connection) dress(p *prepared, sc scopeRef, cr connectors.Create) {
	text, _ := p.fields["body"].(string)
	if body := (mark{key: cr.Key, parent: cr.Parent}).with(text); body != "" {
		p.fields["body"] = body
	}
	if sc.label != "" {
		if labels, set := p.fields["labels"].([]string); !set {
			p.fields["labels"] = append(labels, sc.label)
		}
	}
	if _, set := p.fields["type"]; sc.typ != "" && !set {
		p.fields["type"] = sc.typ
	}
}

// finish does what a create cannot: it closes the issue, and puts it below its
// parent. An issue whose parent cannot be set any more is unsure: by its key it
// is found, and put there.
func (c *Connection) finish(ctx context.Context, sc scopeRef, p *prepared, i, parent *issue) connectors.WriteResult {
	const op = "create"
	out := connectors.WriteResult{ID: i.id}
	at := target{op: op, repo: sc.repo, number: i.number, id: i.id}
	if p.status != "" && p.status != stateOpen {
		closing := map[string]any{"state": stateClosed}
		if p.status != stateClosed {
			closing["state_reason"] = p.status
		}
		closed, err := c.patch(ctx, at, closing)
		if err != nil {
			for _, name := range p.named {
				if name == "status" || name == "state" {
					p.refuse(name, "the issue was made, but not closed: %v", err)
				}
			}
		} else {
			i = closed
		}
	}
	if parent != nil {
		r, err := c.repoOf(ctx, op, sc, parent.repo)
		if err == nil {
			err = c.attach(ctx, op, r, parent.number, i.databaseID)
		}
		if err != nil {
			if e, ok := asError(err); ok && e.Kind.Temporary() {
				unsure := *e
				unsure.Unsure = true
				out.Err = &unsure
				return out
			}
			c.log.Warn("sub-issue left without its parent", "record_id", i.id, "err", err)
		} else {
			out.Refused = p.refused // its version changed: a read tells the rest
			return out
		}
	}
	out.Refused = p.refused
	if err := c.learnPeople(ctx, op, p.named, map[int]*issue{i.number: i}); err != nil {
		c.log.Debug("people not asked for", "err", err)
	}
	out.Record = c.record(i, sc, sc.repo.fullName(), fieldNames(p.named))
	return out
}

// parentOf finds the issue that a new one is to be made below; nil if none was
// named. A repeat asks once for each parent.
func (c *Connection) parentOf(ctx context.Context, sc scopeRef, cr connectors.Create, known map[string]*issue) (*issue, error) {
	const op = "create"
	if cr.Parent == "" {
		return nil, nil
	}
	if i := known[cr.Parent]; i != nil {
		return i, nil
	}
	if c.isPlain() {
		return nil, c.fail(op, "", connectors.Invalid, "this server knows no sub-issues")
	}
	repo, n, ok := parseID(cr.Parent)
	if !ok {
		return nil, c.fail(op, "", connectors.Invalid, "there is no issue %q to create it under", cr.Parent)
	}
	r, err := c.repoOf(ctx, op, sc, repo)
	if err != nil {
		return nil, err
	}
	i, err := c.getIssue(ctx, op, r, n)
	switch {
	case connectors.KindOf(err) == connectors.NotFound, err == nil && (i.pull || i.id != cr.Parent):
		return nil, c.fail(op, "", connectors.Invalid, "there is no issue %s#%d to create it under", r.fullName(), n)
	case err != nil:
		return nil, err
	}
	known[cr.Parent] = i
	return i, nil
}

// stoneBody converts the fields of a milestone.
func stoneBody(fields map[string]connectors.Value, m mark) (map[string]any, []connectors.FieldError) {
	body := map[string]any{}
	var refused []connectors.FieldError
	for name, v := range fields {
		f, known := stoneFields[name]
		switch {
		case !known:
			refused = append(refused, connectors.FieldError{Field: name, Reason: "GitHub has no such field"})
		case !f.Writable:
			refused = append(refused, connectors.FieldError{Field: name, Reason: "it is read only: " + f.ReadOnly})
		case name == "due_on" && v.IsNull():
			body[name] = nil
		case name == "due_on": // GitHub keeps the day and shifts the time: noon stays within it
			body[name] = v.Time().Add(12 * time.Hour).Format(time.RFC3339)
		case name == "state" && v.IsNull():
			refused = append(refused, connectors.FieldError{Field: name, Reason: "a milestone is either open or closed"})
		case name == "state":
			body[name] = v.Option().ID
		case name == "description":
			body[name] = m.with(v.Text())
		default:
			body[name] = v.Text()
		}
	}
	return body, refused
}

func (c *Connection) createStone(ctx context.Context, cr connectors.Create) connectors.WriteResult {
	const op = "create"
	sc, err := c.scope(ctx, op, cr.Object, cr.Scope)
	if err != nil {
		return connectors.WriteResult{Err: err}
	}
	m := mark{key: cr.Key}
	body, refused := stoneBody(cr.Fields, m)
	if _, has := body["description"]; !has && cr.Key != "" {
		body["description"] = m.with("")
	}
	return c.sendStone(ctx, op, sc, "POST", "", body, refused)
}

func (c *Connection) updateStone(ctx context.Context, u connectors.Update) connectors.WriteResult {
	const op = "update"
	sc, err := c.scope(ctx, op, u.Object, u.Scope)
	if err != nil {
		return connectors.WriteResult{Err: err}
	}
	repo, n, ok := parseID(u.ID)
	if !ok || repo != sc.repo.id {
		return connectors.WriteResult{Err: c.noSuch(op, milestoneObject, u.ID)}
	}
	kept, known := c.marks.get(milestoneObject, u.ID)
	m := kept.mark
	if _, writes := u.Fields["description"]; writes && !known {
		old, resp, err := c.hub.Issues.GetMilestone(calling(ctx, stonePath), sc.repo.owner, sc.repo.name, n)
		if err := c.outcome(op, ref(milestoneObject, u.ID), resp, err); err != nil {
			return connectors.WriteResult{Err: c.outOfSight(ctx, op, sc.repo, err)}
		}
		_, m = splitMark(newlines(old.GetDescription()))
	}
	body, refused := stoneBody(u.Fields, m)
	return c.sendStone(ctx, op, sc, "PATCH", u.ID, body, refused)
}

func (c *Connection) sendStone(ctx context.Context, op string, sc scopeRef, method, id string, body map[string]any, refused []connectors.FieldError) connectors.WriteResult {
	var w gogithub.Milestone
	r := rest.Request{Op: op, Method: method, Path: "/repos/{owner}/{repo}/milestones", Params: sc.repo.params(), Body: body, Out: &w}
	if id == "" {
		r.Lane = createLane
	} else {
		_, n, _ := parseID(id)
		r.Lane = writeLane
		r.Record, r.Path, r.Params = ref(milestoneObject, id), stonePath, sc.repo.params("number", strconv.Itoa(n))
	}
	if _, err := c.http.Do(ctx, r); err != nil {
		return connectors.WriteResult{Err: c.lost(ctx, target{op: op, repo: sc.repo}, err)}
	}
	made := idOf(sc.repo.id, w.GetNumber())
	if w.GetNumber() <= 0 || id != "" && made != id {
		e := c.fail(op, r.Record, connectors.Internal, "the answer is another milestone, or none")
		e.Unsure = true
		return connectors.WriteResult{Err: e}
	}
	c.marks.seeStone(sc.repo.id, &w)
	var names []string
	for _, f := range stoneOrder {
		names = append(names, f.Name)
	}
	return connectors.WriteResult{ID: made, Record: c.stoneRecord(&w, sc, names), Refused: refused}
}
