package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

// LinkPair names two records that belong together: the left one first. Each is
// an id, connection/object/id, a readable key or a web address.
type LinkPair struct {
	Line    int       `json:"line,omitempty"` // where it was written, for people
	Records [2]string `json:"records"`
}

// LinkOrder asks for existing records to be linked.
type LinkOrder struct {
	Mapping string     `json:"mapping"`
	Pairs   []LinkPair `json:"pairs"`
	SkipBad bool       `json:"skipBad,omitempty"` // link the others; else one bad pair refuses all
	Dry     bool       `json:"dry,omitempty"`     // only look, and tell in Adopted.Plan what would be written next
	By      string     `json:"-"`                 // who asks, for the journal
}

// Adopted is what became of records that were to be linked.
type Adopted struct {
	Mapping   string      `json:"mapping"`
	Refused   bool        `json:"refused"` // something was bad, and nothing was linked
	Linked    int         `json:"linked"`
	Already   int         `json:"already"`             // were linked with each other before
	Bad       int         `json:"bad"`                 // cannot be linked
	Ambiguous int         `json:"ambiguous,omitempty"` // several records match
	Alone     int         `json:"alone,omitempty"`     // nothing matches
	Reported  int         `json:"reported,omitempty"`  // rows of the report
	Rows      []LinkedRow `json:"rows"`                // the first of each status
	Plan      *Plan       `json:"plan,omitempty"`      // what a reconcile would write then
}

// LinkedRow is one pair that was to be linked.
type LinkedRow struct {
	Line    int               `json:"line,omitempty"`
	Records [2]connectors.Ref `json:"records"`
	Given   [2]string         `json:"given,omitzero"` // as they were written
	Titles  [2]string         `json:"titles,omitzero"`
	Link    uint64            `json:"link,omitempty"`
	Status  string            `json:"status"` // "linked", "already", "bad"
	Reason  string            `json:"reason,omitempty"`
}

// The statuses of a LinkedRow.
const (
	RowLinked  = "linked" // or would be, where nothing is to be written
	RowAlready = "already"
	RowBad     = "bad"
)

// maxLinkedRows bounds the rows of each status that an Adopted keeps.
const maxLinkedRows = 500

func (a *Adopted) add(row LinkedRow) {
	n := 0
	switch row.Status {
	case RowLinked:
		a.Linked++
		n = a.Linked
	case RowAlready:
		a.Already++
		n = a.Already
	default:
		a.Bad++
		n = a.Bad
	}
	if n <= maxLinkedRows {
		a.Rows = append(a.Rows, row)
	}
}

const (
	linkedAction = "linked"
	linkSource   = "link"
)

// Adopt links existing records under a mapping, so that the next reconcile
// brings them into step by the mapping's first_sync. Both records are read; a
// pair of which one is not there, out of scope or linked otherwise is bad. A
// repeat finds them linked. Progress may be nil.
func (e *Engine) Adopt(ctx context.Context, o LinkOrder, progress func(SyncProgress)) (*Adopted, error) {
	m, err := e.adopting(o.Mapping, o.Dry)
	if err != nil {
		return nil, err
	}
	if len(o.Pairs) > maxPairs {
		return nil, &connectors.Error{Op: "link", Kind: connectors.Invalid, Err: fmt.Errorf("%d pairs are more than %d at once", len(o.Pairs), maxPairs), Help: "split them"}
	}
	ctx = connectors.WithPriority(ctx, connectors.PriorityBackfill)
	a := &adopting{e: e, m: m, by: o.By, out: &Adopted{Mapping: m.Name(), Rows: []LinkedRow{}}, told: SyncProgress{Mapping: m.Name(), Stage: "checking", Queued: len(o.Pairs)}, show: progress}
	var good []LinkedRow
	taken := [2]map[string]int{{}, {}}
	for pairs := o.Pairs; len(pairs) > 0; {
		n := min(len(pairs), e.limits.Batch)
		rows, err := a.check(ctx, pairs[:n], taken)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			if row.Status == RowLinked {
				good = append(good, row)
				continue
			}
			a.out.add(row)
		}
		pairs = pairs[n:]
		a.tell(n)
	}
	switch {
	case a.out.Bad > 0 && !o.SkipBad:
		a.out.Refused = true
		return a.out, nil
	case o.Dry:
		for _, row := range good {
			a.out.add(row)
		}
		a.out.Plan, err = a.foresee(ctx, good)
		return a.out, err
	}
	a.told.Stage, a.told.Queued, a.told.Done = "linking", len(good), 0
	for len(good) > 0 {
		n := min(len(good), adoptBatch)
		if err := a.link(ctx, good[:n]); err != nil {
			return a.out, err
		}
		good = good[n:]
		a.tell(n)
	}
	e.nudge(m.Name())
	return a.out, nil
}

// adoptBatch is how many links one commit makes.
const adoptBatch = 200

// adopting finds the mapping whose records are to be linked.
func (e *Engine) adopting(name string, dry bool) (*worked, error) {
	if !dry {
		if err := e.mayWrite("link"); err != nil {
			return nil, err
		}
	}
	return e.mapping(name)
}

// adopting links records, batch by batch.
type adopting struct {
	e    *Engine
	m    *worked
	by   string
	run  uint64 // 0: not begun
	out  *Adopted
	told SyncProgress
	show func(SyncProgress)
}

func (a *adopting) tell(n int) {
	a.told.Done, a.told.Queued = a.told.Done+n, a.told.Queued-n
	if a.show != nil {
		a.show(a.told)
	}
}

// check reads the records of some pairs and tells which can be linked. taken
// holds the records of earlier pairs, with their lines.
func (a *adopting) check(ctx context.Context, pairs []LinkPair, taken [2]map[string]int) ([]LinkedRow, error) {
	rows := make([]LinkedRow, len(pairs))
	for i, p := range pairs {
		rows[i] = LinkedRow{Line: p.Line, Given: p.Records, Status: RowLinked}
	}
	for side := range mapping.SideID(2) {
		if err := a.e.patiently(ctx, a.m, func() error { return a.find(ctx, side, rows) }); err != nil {
			return nil, err
		}
	}
	err := a.e.store.View(ctx, func(tx state.Tx) error {
		for i := range rows {
			if rows[i].Status != RowLinked {
				continue
			}
			if err := a.judge(tx, &rows[i]); err != nil {
				return err
			}
		}
		return nil
	})
	for i := range rows {
		row := &rows[i]
		for side := range mapping.SideID(2) {
			if row.Status != RowLinked {
				break
			}
			id := row.Records[side].ID
			if line, ok := taken[side][id]; ok {
				row.bad("%s stands in line %d as well; keep one of them", row.Records[side], line)
			}
		}
		if row.Status == RowLinked {
			for side := range mapping.SideID(2) {
				taken[side][row.Records[side].ID] = row.Line
			}
		}
	}
	return rows, err
}

func (r *LinkedRow) bad(format string, args ...any) {
	r.Status, r.Reason = RowBad, fmt.Sprintf(format, args...)
}

// find reads the records that the rows name on one side.
func (a *adopting) find(ctx context.Context, side mapping.SideID, rows []LinkedRow) error {
	d := &drain{Engine: a.e, m: a.m, now: a.e.clock.Now(), guard: &guard{}, plan: true}
	s := a.m.Side(side)
	ids, asking := []string{}, []*LinkedRow{}
	var named []*LinkedRow
	for i := range rows {
		row := &rows[i]
		if row.Status != RowLinked {
			continue
		}
		text := strings.TrimSpace(row.Given[side])
		ref, err := connectors.ParseRef(text)
		switch {
		case text == "" || len(text) > 4*maxID:
			row.bad("no record is named for the %s", s.Name)
		case strings.Contains(text, "://"):
			named = append(named, row)
		case err == nil && (ref.Connection != s.Connection || !strings.EqualFold(ref.Object, s.Object)):
			if a.e.conns[ref.Connection] != nil {
				row.bad("%s is no record of the %s, which is %s/%s", ref, s.Name, s.Connection, s.Object)
				continue
			}
			ids, asking = append(ids, text), append(asking, row) // an id with slashes
		case err == nil:
			ids, asking = append(ids, ref.ID), append(asking, row)
		default:
			ids, asking = append(ids, text), append(asking, row)
		}
	}
	missing, err := a.read(ctx, d, side, ids, asking, true)
	if err != nil {
		return err
	}
	ids, asking = ids[:0], asking[:0]
	for _, row := range append(named, missing...) {
		ref, err := a.locate(ctx, side, row.Given[side])
		switch {
		case connectors.KindOf(err).Temporary() && err != nil:
			return err
		case err != nil || ref.IsZero():
			row.bad("%s has no such %s: %s", s.Connection, s.Object, brief(row.Given[side]))
		case !strings.EqualFold(ref.Object, s.Object):
			row.bad("%s is no record of the %s, which is %s/%s", ref, s.Name, s.Connection, s.Object)
		default:
			ids, asking = append(ids, ref.ID), append(asking, row)
		}
	}
	_, err = a.read(ctx, d, side, ids, asking, false)
	return err
}

// locate asks the system which record a key or an address names.
func (a *adopting) locate(ctx context.Context, side mapping.SideID, text string) (connectors.Ref, error) {
	c := a.m.sides[side]
	if c.can.Locator == nil {
		return connectors.Ref{}, nil
	}
	ref, err := c.can.Locator.Locate(ctx, strings.TrimSpace(text))
	a.e.note(c, err)
	return ref, err
}

// read reads records by id into their rows. Those that are not found are
// returned where they may be keys.
func (a *adopting) read(ctx context.Context, d *drain, side mapping.SideID, ids []string, rows []*LinkedRow, keys bool) (missing []*LinkedRow, err error) {
	if len(ids) == 0 {
		return nil, nil
	}
	results, err := d.readApart(ctx, side, ids)
	if err != nil {
		return nil, err
	}
	s := a.m.Side(side)
	for i, row := range rows {
		rec := results[i].Record
		switch kind := connectors.KindOf(results[i].Err); {
		case results[i].Err != nil && kind.Temporary():
			return nil, results[i].Err
		case results[i].Err != nil && keys && (kind == connectors.NotFound || kind == connectors.Invalid):
			missing = append(missing, row)
		case kind == connectors.NotFound && results[i].Err != nil:
			row.bad("%s has no such %s: %s", s.Connection, s.Object, brief(row.Given[side]))
		case results[i].Err != nil:
			row.bad("%v", results[i].Err)
		case rec.State != connectors.Live:
			row.bad("%s is %s", a.m.ref(side, rec.Ref.ID), rec.State)
		case !rec.InScope:
			row.bad("%s is outside the scope of the %s%s", a.m.ref(side, rec.Ref.ID), s.Name, inBrackets(s))
		default:
			row.Records[side], row.Titles[side] = a.m.ref(side, rec.Ref.ID), titleOf(rec)
		}
	}
	return missing, nil
}

// inBrackets shows a side's scope in brackets.
func inBrackets(s mapping.Side) string {
	var parts []string
	for _, key := range sortedNames(s.Scope) {
		parts = append(parts, key+": "+s.Scope[key])
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

// judge looks at what the state says about a pair.
func (a *adopting) judge(tx state.Tx, row *LinkedRow) error {
	for side := range mapping.SideID(2) {
		id, other := row.Records[side].ID, row.Records[side.Other()]
		link, err := tx.LinkOf(a.m.Name(), uint8(side), id)
		if errors.Is(err, state.ErrNotFound) {
			intents, err := tx.IntentsOf(a.m.Name(), uint8(side), id)
			if err != nil {
				return err
			}
			if wasSent(intents) {
				row.bad("a counterpart of %s is being made just now; look again when `tenon queue` shows nothing of it", row.Records[side])
				return nil
			}
			continue
		}
		if err != nil {
			return err
		}
		end := link.Ends[side.Other()]
		switch {
		case end.ID == other.ID && link.Status != state.LinkEnded:
			row.Status, row.Link = RowAlready, link.ID
			return nil
		case link.Status != state.LinkEnded:
			row.bad("%s is linked with %s already; end that first: tenon unlink %d", row.Records[side], a.m.ref(side.Other(), end.ID), link.ID)
			return nil
		case end.ID != other.ID && end.State == connectors.Live:
			row.bad("%s was linked with %s, and somebody ended that (link %d); link those two again, or delete one of them", row.Records[side], a.m.ref(side.Other(), end.ID), link.ID)
			return nil
		}
	}
	return nil
}
