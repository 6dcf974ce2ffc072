package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

// commentDocs holds, by link, which comments were dealt with.
const commentDocs = "comments"

// commentLedger lists, by side, the comments that were copied or were there
// before the link. Comments with a key are our own copies and need no row.
type commentLedger struct {
	Known [2][]string `json:"known"`
}

func commentKey(link uint64) string { return fmt.Sprintf("%016x", link) }

// copyComments copies new comments of changed records to the other side, each
// exactly once, with its author's name.
func (d *drain) copyComments(ctx context.Context) error {
	if !d.m.CommentsTo(mapping.Left) && !d.m.CommentsTo(mapping.Right) {
		return nil
	}
	jobs := d.commented()
	d.fetchComments(ctx, jobs)
	for _, j := range jobs {
		if j.done() {
			continue
		}
		if err := d.copyOf(ctx, j); err != nil {
			return err
		}
	}
	return nil
}

// commented returns the jobs whose comments are looked at.
func (d *drain) commented() []*job {
	return slices.DeleteFunc(slices.Clone(d.jobs), func(j *job) bool {
		return j.done() || j.ended || j.link == nil || j.link.ID == 0 || j.removal != nil || j.recs[0] == nil || j.recs[1] == nil
	})
}

// fetchComments reads the comments of all jobs at once, where a system can; the
// others' are read one by one.
func (d *drain) fetchComments(ctx context.Context, jobs []*job) {
	jobs = slices.DeleteFunc(slices.Clone(jobs), func(j *job) bool { return j.foreseen.reading != nil })
	for side, c := range d.m.sides {
		batch, ok := c.can.Commenter.(connectors.BatchCommenter)
		if !ok || len(jobs) < commentsAtOnce || d.m.sides[1-side].can.Commenter == nil {
			continue
		}
		ids := make([]string, len(jobs))
		for i, j := range jobs {
			ids[i] = j.link.Ends[side].ID
		}
		results, err := batch.CommentsOf(ctx, d.m.Side(mapping.SideID(side)).Object, ids)
		if err == nil && len(results) != len(ids) {
			err = fmt.Errorf("%s answered for %d of %d records", c.name, len(results), len(ids))
		}
		d.note(c, err)
		for i, j := range jobs {
			switch {
			case err == nil:
				j.commentsOf[side] = &results[i]
			case !oneToBlame(err): // else each tells for itself
				j.commentsOf[side] = &connectors.CommentsResult{Err: err}
			}
		}
	}
}

// oneToBlame reports whether an error of a call about many records may be about
// one of them alone, so that the others must not suffer for it.
func oneToBlame(err error) bool {
	switch connectors.KindOf(err) {
	case connectors.Invalid, connectors.Internal, connectors.NotFound, connectors.Permission, connectors.Conflict:
		return true
	}
	return false
}

// commentsAtOnce is from how many records on their comments are read at once: a
// batch may take two requests where one record takes one.
const commentsAtOnce = 3

// commentReading is what both sides of a link show of comments, and what was
// dealt with before.
type commentReading struct {
	lists  [2][]connectors.Comment
	ledger commentLedger
	fresh  bool // the ledger is not stored yet
}

// coming returns the comments of a side that were not dealt with.
func (r *commentReading) coming(from mapping.SideID) []connectors.Comment {
	return slices.DeleteFunc(slices.Clone(r.lists[from]), func(c connectors.Comment) bool {
		return c.Key != "" || slices.Contains(r.ledger.Known[from], c.ID)
	})
}

// readComments reads the comments of a link's records; nil where they cannot be
// read now.
func (d *drain) readComments(ctx context.Context, j *job) (*commentReading, error) {
	var r commentReading
	for side := range mapping.SideID(2) {
		c := d.m.sides[side]
		if c.can.Commenter == nil {
			return nil, nil
		}
		list, err := d.commentsOn(ctx, j, side)
		if err != nil {
			j.blame(err)
			return nil, nil
		}
		r.lists[side] = list
	}
	err := d.store.View(ctx, func(tx state.Tx) error {
		doc, err := tx.Doc(commentDocs, commentKey(j.link.ID))
		r.fresh = doc == nil
		if err != nil || r.fresh {
			return err
		}
		return json.Unmarshal(doc, &r.ledger)
	})
	if err != nil || !r.fresh {
		return &r, err
	}
	for side, list := range r.lists {
		// A system may round its times down: only what is older beyond
		// doubt was there before the link.
		precision := d.m.sides[side].facts.TimePrecision
		for _, c := range list {
			if c.Key == "" && !c.Created.Add(precision).After(j.link.Created) {
				r.ledger.Known[side] = append(r.ledger.Known[side], c.ID)
			}
		}
	}
	return &r, nil
}

// commentsOn returns the comments of one side's record.
func (d *drain) commentsOn(ctx context.Context, j *job, side mapping.SideID) ([]connectors.Comment, error) {
	if read := j.commentsOf[side]; read != nil {
		return read.Comments, read.Err
	}
	c := d.m.sides[side]
	list, err := c.can.Commenter.Comments(ctx, d.m.Side(side).Object, j.link.Ends[side].ID)
	d.note(c, err)
	return list, err
}

func (d *drain) copyOf(ctx context.Context, j *job) error {
	r, err := j.foreseen.reading, error(nil)
	if r == nil {
		r, err = d.readComments(ctx, j)
	}
	if err != nil || r == nil {
		return err
	}
	for to := range mapping.SideID(2) {
		if !d.m.CommentsTo(to) {
			continue
		}
		for _, c := range r.coming(to.Other()) {
			ok, err := d.copyComment(ctx, j, to, c, r.lists[to])
			if err != nil {
				return err
			}
			if ok {
				r.ledger.Known[to.Other()] = append(r.ledger.Known[to.Other()], c.ID)
				r.fresh = true
			}
		}
	}
	if r.fresh {
		j.comments = &r.ledger
	}
	return nil
}

// keyOfComment names the copy of a comment for ever.
func (d *drain) keyOfComment(j *job, to mapping.SideID, c connectors.Comment) string {
	source := d.m.ref(to.Other(), j.link.Ends[to.Other()].ID)
	return createKey(d.m, source, "comment "+c.ID+" to "+j.link.Ends[to].ID, 0)
}

// copyComment copies one comment unless the target shows the copy already.
func (d *drain) copyComment(ctx context.Context, j *job, to mapping.SideID, c connectors.Comment, existing []connectors.Comment) (bool, error) {
	from := to.Other()
	key := d.keyOfComment(j, to, c)
	if slices.ContainsFunc(existing, func(x connectors.Comment) bool { return x.Key == key }) {
		j.dropIntents = append(j.dropIntents, key)
		return true, nil
	}
	conn := d.m.sides[to]
	noted := &state.Intent{}
	for _, i := range j.intents {
		if i.Key == key {
			noted = i
		}
	}
	if sent := d.lastSent(noted); !sent.IsZero() && d.now.Before(sent.Add(conn.facts.KeyWait())) {
		j.later(d.lookAgain(sent, conn), "finding", whyWait(noted, "a comment"))
		return false, nil
	}
	err := d.commit(ctx, func(tx state.Tx) error {
		return tx.PutIntent(&state.Intent{
			Key: key, Kind: state.IntentComment, Mapping: d.m.Name(), Side: uint8(from),
			Record: j.link.Ends[from].ID, Part: c.ID, Created: d.now, Sent: d.now,
		})
	})
	if err != nil {
		return false, err
	}
	copied := connectors.Comment{Key: key, Author: c.Author, Body: attributed(c, d.m.Side(from).Connection), Created: c.Created}
	id, err := conn.can.Commenter.AddComment(ctx, d.m.Side(to).Object, j.link.Ends[to].ID, copied)
	d.note(conn, err)
	switch {
	case connectors.IsUnsure(err):
		j.later(d.now.Add(d.limits.RetryMin), "finding", err.Error())
		return false, nil
	case err != nil:
		j.dropIntents = append(j.dropIntents, key)
		j.blame(err)
		return false, nil
	}
	j.dropIntents = append(j.dropIntents, key)
	j.event("comment copied", uint8(to), fmt.Sprintf("%s → %s", c.ID, id))
	return true, nil
}

// attributed puts the author's name above a copied comment.
func attributed(c connectors.Comment, connection string) string {
	name := firstText(c.Author.Name, c.Author.Email, "somebody")
	return fmt.Sprintf("**%s** (%s):\n\n%s", name, connection, c.Body)
}
