package engine

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

// fileDocs holds, by link, which attachments were dealt with.
const fileDocs = "files"

// filesRule is the rule number of the aside that holds a link's refused
// attachments, and attachmentsName what it is called.
const (
	filesRule       = 1
	attachmentsName = "attachments"
)

// maxDrainFiles and maxDrainCarry bound what one batch carries, so that the
// mapping's other work need not wait long: what is left is due again at once.
const (
	maxDrainFiles = 32
	maxDrainCarry = time.Minute
)

// carryBudget is what one batch may still carry.
type carryBudget struct {
	files int
	until time.Time
}

func (d *drain) spent(b *carryBudget) bool { return b.files <= 0 || d.clock.Now().After(b.until) }

// fileLedger lists, by side, the attachments that need no copy: copies, what
// was copied, and what each side had of the same. Refused holds those of a side
// that the other one would not take, and why, under the rules of Scheme.
type fileLedger struct {
	Known   [2][]string      `json:"known"`
	Refused [2][]fileRefusal `json:"refused,omitzero"`
	Scheme  uint64           `json:"scheme,omitempty"`
}

type fileRefusal struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

func (l *fileLedger) know(side mapping.SideID, id string) {
	if id != "" && !slices.Contains(l.Known[side], id) {
		l.Known[side] = append(l.Known[side], id)
	}
	l.Refused[side] = slices.DeleteFunc(l.Refused[side], func(r fileRefusal) bool { return r.ID == id })
}

// fileReading is what both sides of a link have attached, and what was dealt
// with before.
type fileReading struct {
	lists  [2][]connectors.Attachment
	urls   [2]string // of the records
	ledger fileLedger
	stored []byte // the ledger as it was read
}

// known reports whether an attachment needs no copy. One with a key is a copy
// of ours.
func (r *fileReading) known(side mapping.SideID, a *connectors.Attachment) bool {
	return a.Key != "" || slices.Contains(r.ledger.Known[side], a.ID)
}

// coming returns the attachments of a side that are to be carried over, oldest
// first. Where the other side has the same one, no matter how, that is noted.
func (r *fileReading) coming(from mapping.SideID) []connectors.Attachment {
	var list []connectors.Attachment
	for _, a := range r.lists[from] {
		refused := slices.ContainsFunc(r.ledger.Refused[from], func(x fileRefusal) bool { return x.ID == a.ID })
		if r.known(from, &a) || refused {
			continue
		}
		if twin := r.twin(from.Other(), &a); twin != "" {
			r.ledger.know(from, a.ID)
			r.ledger.know(from.Other(), twin)
			continue
		}
		list = append(list, a)
	}
	return list
}

// twin returns an attachment of a side that nobody has copied yet and that is
// the same as one of the other side.
func (r *fileReading) twin(side mapping.SideID, a *connectors.Attachment) string {
	for i := range r.lists[side] {
		t := &r.lists[side][i]
		if !r.known(side, t) && r.same(side, t, a) {
			return t.ID
		}
	}
	return ""
}

// same reports whether an attachment of a side is the same as one of the other
// side, or one of the two a link to the other.
func (r *fileReading) same(side mapping.SideID, t, a *connectors.Attachment) bool {
	switch {
	case t.Link != "" && a.Link != "":
		return t.Link == a.Link
	case t.Name != a.Name:
		return false
	case t.Link != "":
		return t.Link == cmp.Or(a.Page, r.urls[side.Other()])
	case a.Link != "":
		return a.Link == cmp.Or(t.Page, r.urls[side])
	}
	return t.Size == a.Size && a.Size >= 0
}

// carriesFiles reports whether a job's link is one whose files are looked at.
func (d *drain) carriesFiles(j *job) bool {
	return !j.done() && !j.ended && j.link != nil && j.link.ID != 0 && j.removal == nil && j.recs[0] != nil && j.recs[1] != nil
}

// readFiles reads what is attached to a link's records; nil where it cannot be
// read now.
func (d *drain) readFiles(ctx context.Context, j *job) (*fileReading, error) {
	var r fileReading
	for side := range mapping.SideID(2) {
		c := d.m.sides[side]
		if c.can.Filer == nil {
			return nil, nil
		}
		list, err := d.filesOn(ctx, j, side)
		if err != nil {
			j.blame(err)
			return nil, nil
		}
		r.lists[side], r.urls[side] = list, j.recs[side].URL
	}
	err := d.store.View(ctx, func(tx state.Tx) (err error) {
		r.stored, err = tx.Doc(fileDocs, commentKey(j.link.ID))
		if err != nil || r.stored == nil {
			return err
		}
		return json.Unmarshal(r.stored, &r.ledger)
	})
	if triesAgain(j.entry.Source) || r.ledger.Scheme != d.m.Hash() {
		r.ledger.Refused = [2][]fileRefusal{}
	}
	return &r, err
}

// fetchFiles lists the attachments of all jobs at once, where a system can; the
// others' are listed one by one.
func (d *drain) fetchFiles(ctx context.Context) {
	jobs := slices.DeleteFunc(slices.Clone(d.jobs), func(j *job) bool { return !d.carriesFiles(j) || j.foreseen.holding != nil })
	for side, c := range d.m.sides {
		batch, ok := c.can.Filer.(connectors.BatchFiler)
		if !ok || len(jobs) < commentsAtOnce || d.m.sides[1-side].can.Filer == nil {
			continue
		}
		ids := make([]string, len(jobs))
		for i, j := range jobs {
			ids[i] = j.link.Ends[side].ID
		}
		results, err := batch.FilesOf(ctx, d.m.Side(mapping.SideID(side)).Object, ids)
		if err == nil && len(results) != len(ids) {
			err = fmt.Errorf("%s answered for %d of %d records", c.name, len(results), len(ids))
		}
		d.note(c, err)
		for i, j := range jobs {
			switch {
			case err == nil:
				j.filesOf[side] = &results[i]
			case !oneToBlame(err): // else each tells for itself
				j.filesOf[side] = &connectors.FilesResult{Err: err}
			}
		}
	}
}

// filesOn returns what is attached to the record of a side.
func (d *drain) filesOn(ctx context.Context, j *job, side mapping.SideID) ([]connectors.Attachment, error) {
	if read := j.filesOf[side]; read != nil {
		return read.Files, read.Err
	}
	c := d.m.sides[side]
	list, err := c.can.Filer.Files(ctx, d.m.Side(side).Object, j.link.Ends[side].ID)
	d.note(c, err)
	return list, err
}

// storeFiles stores a job's ledger of files.
func (d *drain) storeFiles(tx state.Tx, j *job) error {
	if j.files == nil {
		return nil
	}
	doc, err := json.Marshal(j.files)
	if err != nil {
		return err
	}
	return tx.SetDoc(fileDocs, commentKey(j.link.ID), doc)
}

// foreseeFiles lists the files that would be carried.
func (d *drain) foreseeFiles(ctx context.Context) {
	if !d.m.FilesTo(mapping.Left) && !d.m.FilesTo(mapping.Right) {
		return
	}
	d.fetchFiles(ctx)
	for _, j := range d.jobs {
		if !d.carriesFiles(j) {
			continue
		}
		r, err := d.readFiles(ctx, j)
		if err != nil || r == nil {
			continue
		}
		j.foreseen.holding = r
		for to := range mapping.SideID(2) {
			if !d.m.FilesTo(to) {
				continue
			}
			for _, a := range r.coming(to.Other()) {
				if made(r, to, d.keyOfFile(j, to, &a), &a, false) != "" {
					continue
				}
				planned := PlanAttachment{ID: a.ID, Name: a.Name, Size: a.Size, Link: a.Link}
				if a.Link == "" && a.Size > d.m.FileLimit() {
					planned.Link = d.pageOf(j, to.Other(), &a)
				}
				j.foreseen.files[to] = append(j.foreseen.files[to], planned)
			}
		}
	}
}

// copyFiles carries new attachments of changed records to the other side, each
// exactly once: the file itself within the limit, a link to it beyond.
func (d *drain) copyFiles(ctx context.Context) error {
	if !d.m.FilesTo(mapping.Left) && !d.m.FilesTo(mapping.Right) {
		return nil
	}
	d.fetchFiles(ctx)
	budget := &carryBudget{files: maxDrainFiles, until: d.clock.Now().Add(maxDrainCarry)}
	for _, j := range d.jobs {
		if !j.done() && !j.ended && j.link != nil && j.link.ID == 0 && j.removal == nil {
			// It is linked with this commit; what it holds is looked at next.
			for side := range j.link.Ends {
				j.link.Ends[side].Version = ""
			}
			j.touched, j.outcome = true, outcome{kind: outcomeAgain}
		}
		if !d.carriesFiles(j) {
			continue
		}
		if d.spent(budget) {
			j.outcome = outcome{kind: outcomeAgain}
			continue
		}
		if err := d.filesOf(ctx, j, budget); err != nil {
			return err
		}
	}
	return nil
}

func (d *drain) filesOf(ctx context.Context, j *job, budget *carryBudget) error {
	r, err := j.foreseen.holding, error(nil)
	if r == nil {
		r, err = d.readFiles(ctx, j)
	}
	if err != nil || r == nil {
		return err
	}
	d.settleFiles(j, r)
	for to := range mapping.SideID(2) {
		if !d.m.FilesTo(to) {
			continue
		}
		for _, a := range r.coming(to.Other()) {
			if j.done() {
				break
			}
			if d.spent(budget) {
				j.outcome = outcome{kind: outcomeAgain}
				break
			}
			f := &carriage{drain: d, j: j, to: to, file: a, reading: r, key: d.keyOfFile(j, to, &a)}
			if err := f.carry(ctx); err != nil {
				return err
			}
			if f.sent {
				budget.files--
			}
		}
	}
	d.keepFiles(j, r)
	return nil
}

// settleFiles finds the copies that were sent while the answer was lost, before
// anything of the same looks like somebody's own file.
func (d *drain) settleFiles(j *job, r *fileReading) {
	for _, i := range j.intents {
		if i.Kind != state.IntentFile || i.Sent.IsZero() {
			continue
		}
		from := mapping.SideID(i.Side)
		at := slices.IndexFunc(r.lists[from], func(a connectors.Attachment) bool { return a.ID == i.Part })
		if at < 0 { // taken away meanwhile: its copy stays where it is
			for _, t := range r.lists[from.Other()] {
				if t.Mine && !r.known(from.Other(), &t) && !t.Created.Before(i.Created.Truncate(time.Second)) {
					r.ledger.know(from.Other(), t.ID)
				}
			}
			j.dropIntents = append(j.dropIntents, i.Key)
			continue
		}
		if id := made(r, from.Other(), i.Key, &r.lists[from][at], true); id != "" {
			r.ledger.know(from, i.Part)
			r.ledger.know(from.Other(), id)
			j.dropIntents = append(j.dropIntents, i.Key)
		}
	}
}

// keepFiles leaves the ledger to be stored if it says something new, and sets
// aside what was refused.
func (d *drain) keepFiles(j *job, r *fileReading) {
	r.ledger.Scheme = d.m.Hash()
	if doc, err := json.Marshal(&r.ledger); err != nil || string(doc) != string(r.stored) {
		j.files = &r.ledger
	}
	var reasons []string
	var to mapping.SideID
	for side, refused := range r.ledger.Refused {
		for _, x := range refused {
			reasons, to = append(reasons, x.Name+": "+x.Reason), mapping.SideID(side).Other()
		}
	}
	a := j.asides[filesRule]
	switch {
	case len(reasons) == 0 && a != nil:
		j.dropAsides = append(j.dropAsides, filesRule)
	case len(reasons) > 0 && (a == nil || a.Reason != strings.Join(reasons, "; ")):
		since := d.now
		if a != nil {
			since = a.Since
		}
		j.putAsides = append(j.putAsides, &state.Aside{
			Link: j.link.ID, Rule: filesRule, Mapping: d.m.Name(), Name: attachmentsName, Kind: state.AsideRefused,
			Since: since, To: uint8(to), Code: "refused", Reason: strings.Join(reasons, "; "),
		})
	}
}

// keyOfFile names the copy of an attachment for ever.
func (d *drain) keyOfFile(j *job, to mapping.SideID, a *connectors.Attachment) string {
	source := d.m.ref(to.Other(), j.link.Ends[to.Other()].ID)
	return createKey(d.m, source, "file "+a.ID+" to "+j.link.Ends[to].ID, 0)
}

// pageOf returns an address at which people get an attachment, or else see the
// record that it is attached to; "" where there is neither.
func (d *drain) pageOf(j *job, side mapping.SideID, a *connectors.Attachment) string {
	if a.Page == "" && j.recs[side] != nil {
		return j.recs[side].URL
	}
	return a.Page
}

// made returns the id of the copy that a side has of an attachment: by its key,
// or, if it may have been sent, by what the account itself has added there.
func made(r *fileReading, to mapping.SideID, key string, a *connectors.Attachment, sent bool) string {
	for i := range r.lists[to] {
		t := &r.lists[to][i]
		if t.Key == key {
			return t.ID
		}
		if !sent || t.Key != "" || !t.Mine || r.known(to, t) {
			continue
		}
		if t.Link != "" && (t.Link == a.Link || t.Link == a.Page || t.Name == a.Name) || t.Link == "" && t.Size == a.Size && a.Link == "" {
			return t.ID
		}
	}
	return ""
}

// filesReason says in a line which files a plan carries.
func filesReason(files []PlanAttachment) string {
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = f.Name
	}
	return plural(len(files), "file") + ": " + strings.Join(names, ", ")
}

// source reads a file that is on its way, and notes what became of it.
type source struct {
	io.Reader
	left int64 // bytes that may still come
	err  error // that the system it comes from ended with
}

var errBeyondLimit = errors.New("the file is larger than the mapping's limit")

// Read implements io.Reader.
func (s *source) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if s.left -= int64(n); s.left < 0 {
		s.err = errBeyondLimit
		return 0, s.err
	}
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = fmt.Errorf("reading the file: %w", err)
		return n, s.err
	}
	return n, err
}
