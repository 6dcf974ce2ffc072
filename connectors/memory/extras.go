package memory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// Find implements connectors.Finder.
func (c *Connection) Find(ctx context.Context, sel connectors.Selection, field string, values []connectors.Value, limit int) ([][]string, error) {
	if err := c.begin(ctx, Moment{Call: "find", Object: sel.Object}, ""); err != nil {
		return nil, err
	}
	t, err := c.lock("find", sel.Object)
	if err != nil {
		return nil, err
	}
	defer c.system.mu.Unlock()
	if f := t.fields[field]; f == nil || !f.Findable || t.hidden[field] {
		return nil, c.fail("find", "", connectors.Invalid, fmt.Errorf("the field %q cannot be looked for", field))
	}
	now := c.system.now()
	found := make([][]string, len(values))
	for i, v := range values {
		for _, r := range t.records {
			if len(found[i]) == limit {
				break
			}
			seen := !r.modified.Add(c.system.opts.IndexLag).After(now)
			if !v.IsNull() && seen && !t.veils(r) && r.state == connectors.Live && r.in(sel.Scope) && connectors.Equal(r.fields[field], v) {
				found[i] = append(found[i], r.id)
			}
		}
	}
	return found, nil
}

// MissingRights implements connectors.RightsChecker: the system's user may do
// all.
func (c *Connection) MissingRights(ctx context.Context, needs []connectors.Need) ([]connectors.Gap, error) {
	if err := c.begin(ctx, Moment{Call: "rights"}, ""); err != nil {
		return nil, err
	}
	for _, n := range needs {
		if _, err := c.lock("rights", n.Object); err != nil {
			return nil, err
		}
		c.system.mu.Unlock()
	}
	return nil, nil
}

// PeopleByEmail implements connectors.PeopleFinder.
func (c *Connection) PeopleByEmail(ctx context.Context, emails []string) ([]connectors.Person, error) {
	if err := c.begin(ctx, Moment{Call: "people"}, ""); err != nil {
		return nil, err
	}
	people := make([]connectors.Person, len(emails))
	for i, email := range emails {
		if p, ok := c.system.person(connectors.Person{Email: email}); ok && email != "" {
			people[i] = p
			continue
		}
		for _, p := range c.system.opts.People {
			if name := strings.TrimPrefix(email, "@"); name != "" && !strings.Contains(name, "@") && (strings.EqualFold(p.Name, name) || p.ID == name) {
				people[i] = p
			}
		}
	}
	return people, nil
}

// person returns the user that is meant, by id or else by e-mail.
func (s *System) person(want connectors.Person) (connectors.Person, bool) {
	for _, p := range s.opts.People {
		if want.ID == p.ID && want.ID != "" || want.ID == "" && want.Email == p.Email && p.Email != "" {
			return p, true
		}
	}
	if mail := cmp.Or(want.ID, want.Email); s.opts.Everybody && mail != "" {
		return connectors.Person{ID: mail, Email: mail, Name: want.Name}, true
	}
	return want, false
}

// known finds a record for a call about one that must be there.
func (c *Connection) known(op, object, id string) (*table, *record, error) {
	t, err := c.lock(op, object)
	if err != nil {
		return nil, nil, err
	}
	r := c.find(t, id)
	if r == nil || r.state == connectors.Deleted || r.state == connectors.Merged {
		c.system.mu.Unlock()
		return nil, nil, c.fail(op, object+"/"+id, connectors.NotFound, errors.New("there is no such record"))
	}
	return t, r, nil
}

// Comments implements connectors.Commenter.
func (c *Connection) Comments(ctx context.Context, object, id string) ([]connectors.Comment, error) {
	if err := c.begin(ctx, Moment{Call: "comments", Object: object, ID: id}, object+"/"+id); err != nil {
		return nil, err
	}
	_, r, err := c.known("comments", object, id)
	if err != nil {
		return nil, err
	}
	defer c.system.mu.Unlock()
	return slices.Clone(r.comments), nil
}

// CommentsOf implements connectors.BatchCommenter.
func (c *Connection) CommentsOf(ctx context.Context, object string, ids []string) ([]connectors.CommentsResult, error) {
	if err := c.begin(ctx, Moment{Call: "comments", Object: object}, object); err != nil {
		return nil, err
	}
	results := make([]connectors.CommentsResult, len(ids))
	for i, id := range ids {
		_, r, err := c.known("comments", object, id)
		if err != nil {
			results[i].Err = err
			continue
		}
		results[i].Comments = slices.Clone(r.comments)
		c.system.mu.Unlock()
	}
	return results, nil
}

// AddComment implements connectors.Commenter.
func (c *Connection) AddComment(ctx context.Context, object, id string, comment connectors.Comment) (string, error) {
	name := object + "/" + id
	m := Moment{Call: "add comment", Object: object, ID: id, Effect: true}
	c.count(m.Call)
	if err := c.begin(ctx, m, name); err != nil {
		return "", err
	}
	if comment.Body == "" {
		return "", c.fail("add comment", name, connectors.Invalid, errors.New("a comment needs a text"))
	}
	t, r, err := c.known("add comment", object, id)
	if err != nil {
		return "", err
	}
	commentID := c.system.comment(t, r, c.user, comment.Key, comment.Body)
	c.system.mu.Unlock()
	m.After = true
	if err := c.hooked(m, name); err != nil {
		return "", err
	}
	return commentID, nil
}

// comment adds a comment; it is a change of the record.
func (s *System) comment(t *table, r *record, user, key, body string) string {
	s.comments++
	now := s.now().Truncate(s.opts.Precision)
	id := "c" + strconv.Itoa(s.comments)
	r.comments = append(r.comments, connectors.Comment{
		ID: id, Key: key, Author: s.who(user), Body: connectors.RichText(body).Text(), Created: now, Modified: now,
	})
	s.touch(t, r)
	return id
}

// History implements connectors.HistoryReader.
func (c *Connection) History(ctx context.Context, object string, ids, fields []string, since time.Time) ([][]connectors.FieldEdit, error) {
	if err := c.begin(ctx, Moment{Call: "history", Object: object}, ""); err != nil {
		return nil, err
	}
	t, err := c.lock("history", object)
	if err != nil {
		return nil, err
	}
	defer c.system.mu.Unlock()
	edits := make([][]connectors.FieldEdit, len(ids))
	for i, id := range ids {
		r := c.find(t, id)
		if r == nil {
			continue
		}
		for _, e := range r.history {
			if !e.At.Before(since) && slices.Contains(fields, e.Field) && !t.hidden[e.Field] {
				edits[i] = append(edits[i], e)
			}
		}
		slices.SortStableFunc(edits[i], func(a, b connectors.FieldEdit) int {
			return a.At.Compare(b.At)
		})
	}
	return edits, nil
}

// Delete implements connectors.Deleter.
func (c *Connection) Delete(ctx context.Context, object string, ids []string) []error {
	return c.retire(ctx, "delete", object, ids, connectors.Deleted)
}

// Archive implements connectors.Archiver.
func (c *Connection) Archive(ctx context.Context, object string, ids []string) []error {
	return c.retire(ctx, "archive", object, ids, connectors.Archived)
}

func (c *Connection) retire(ctx context.Context, op, object string, ids []string, state connectors.State) []error {
	errs := make([]error, len(ids))
	for i, id := range ids {
		name := object + "/" + id
		m := Moment{Call: op, Object: object, ID: id, Effect: true}
		c.count(op)
		if errs[i] = c.begin(ctx, m, name); errs[i] != nil {
			continue
		}
		t, err := c.lock(op, object)
		if err != nil {
			errs[i] = err
			continue
		}
		if r := c.system.byID[id]; r != nil && t.veils(r) {
			c.system.mu.Unlock()
			errs[i] = c.forbidden(op, name)
			continue
		} else if r != nil && r.object == object && r.state != connectors.Deleted && r.state != connectors.Merged {
			c.system.setState(t, r, state)
		}
		c.system.mu.Unlock()
		m.After = true
		errs[i] = c.hooked(m, name)
	}
	return errs
}

// Missing implements connectors.Preparer.
func (c *Connection) Missing(ctx context.Context, need connectors.Need) ([]string, error) {
	object := need.Object
	if err := c.begin(ctx, Moment{Call: "prepare", Object: object}, ""); err != nil {
		return nil, err
	}
	if _, err := c.lock("prepare", object); err != nil {
		return nil, err
	}
	defer c.system.mu.Unlock()
	if c.system.opts.NeedsPrepare && !c.system.prepared[object] {
		return []string{fmt.Sprintf("a property of %s that holds Tenon's keys", object)}, nil
	}
	return nil, nil
}

// Prepare implements connectors.Preparer.
func (c *Connection) Prepare(ctx context.Context, need connectors.Need) error {
	object := need.Object
	m := Moment{Call: "prepare", Object: object, Effect: true}
	c.count(m.Call)
	if err := c.begin(ctx, m, ""); err != nil {
		return err
	}
	if _, err := c.lock("prepare", object); err != nil {
		return err
	}
	c.system.prepared[object] = true
	c.system.mu.Unlock()
	m.After = true
	return c.hooked(m, "")
}
