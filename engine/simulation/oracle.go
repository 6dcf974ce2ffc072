package simulation

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine"
)

// audit holds the systems against what people did, and returns what is wrong.
func (w *world) audit() []string {
	a := &auditor{w: w}
	links, err := w.eng.Links(w.ctx, "", 0, 10_000)
	if err != nil {
		return []string{err.Error()}
	}
	cards := map[string]engine.LinkRow{}
	pairs := slices.DeleteFunc(slices.Clone(links), func(l engine.LinkRow) bool { return l.Mapping != "pair" })
	for _, l := range links {
		if l.Mapping != "pair" {
			cards[l.Records[0].ID] = l
		}
	}
	a.counterparts(pairs)
	for _, l := range pairs {
		a.link(l, cards)
	}
	if w.v.Second != "" {
		a.cards(cards, len(links)-len(pairs))
	}
	a.queue()
	return a.found
}

type auditor struct {
	w     *world
	found []string
}

func (a *auditor) fault(format string, args ...any) {
	a.found = append(a.found, fmt.Sprintf(format, args...))
}

// counterparts: each deal that asked has one epic, nobody else has one, and
// each epic has its two tasks once.
func (a *auditor) counterparts(links []engine.LinkRow) {
	w := a.w
	epicOf, dealOf := map[string][]string{}, map[string]string{}
	for _, l := range links {
		deal, epic := l.Records[0].ID, l.Records[1].ID
		epicOf[deal] = append(epicOf[deal], epic)
		dealOf[epic] = deal
	}
	for _, deal := range w.past.deals {
		wanted := w.past.asked[deal] || w.past.pressed[deal] || w.past.twin[deal] != ""
		may := wanted
		for _, loser := range w.past.joined["crm"+deal] {
			may = may || w.past.asked[loser] || w.past.pressed[loser] || w.past.twin[loser] != ""
		}
		if t := w.past.twin[deal]; t != "" && len(epicOf[deal]) == 1 && epicOf[deal][0] != t {
			a.fault("deal %s has epic %s beside its own, %s", deal, epicOf[deal][0], t)
		}
		switch n := len(epicOf[deal]); {
		case n > 1:
			a.fault("deal %s has %d links", deal, n)
		case n == 1 && !may && len(w.past.joined["crm"+deal]) == 0:
			a.fault("deal %s was converted though nobody asked", deal)
		case n == 0 && !w.past.asked[deal] && w.past.ended["crm"+deal]:
			// A wish ends with its deal; who restores it presses again.
		case n == 0 && wanted && !w.past.deleted["crm"+deal]:
			a.fault("deal %s has no epic", deal)
		}
	}
	tasks := map[string]int{}
	for _, id := range w.systems[1].IDs("record") {
		truth := w.systems[1].Truth(id)
		if w.isCard(id) {
			continue
		}
		if w.isTask(id) {
			kind, _, _ := strings.Cut(truth["title"].Text(), " ")
			tasks[kind]++
			continue
		}
		if dealOf[id] == "" && !w.past.ended[sideConn[1]+id] && !w.past.loose(id) {
			a.fault("epic %s (%s) belongs to no deal", id, truth["title"])
		}
		for field := range truth {
			if !slices.Contains(allFields, field) && field != "number" && field != "code" {
				a.fault("epic %s: field %s is outside the mapping and was written", id, field)
			}
		}
	}
	for _, kind := range []string{"Kick-off", "Acceptance"} {
		lost, extra := 0, 0
		for _, t := range w.past.twin {
			if t != "" {
				lost++ // an epic that was there before has no tasks
			}
		}
		if strings.Contains(w.v.Mapping, "recreate") {
			extra = len(w.past.deleted) // an epic that is made again has tasks of its own
		}
		for _, deal := range w.past.former {
			if w.past.pressed[deal] {
				extra++ // the button makes another epic for one that is gone
			}
		}
		for deal := range epicOf {
			if w.past.ended["crm"+deal] || w.past.ended["pm"+epicOf[deal][0]] || len(w.past.joined) > 0 {
				lost++
			}
		}
		if n := tasks[kind]; n > len(epicOf)+extra || n < len(epicOf)-lost {
			a.fault("%d tasks %q for %d epics (%d deleted)", n, kind, len(epicOf), lost)
		}
	}
}

func (a *auditor) link(l engine.LinkRow, cards map[string]engine.LinkRow) {
	w := a.w
	pair := [2]string{l.Records[0].ID, l.Records[1].ID}
	gone := false
	for side, id := range pair {
		deleted := w.past.deleted[sideConn[side]+id]
		gone = gone || deleted
		if carried := w.past.ended[sideConn[1-side]+pair[1-side]] && strings.Contains(w.v.Mapping, "on_delete"); carried {
			deleted = true // the policy carries a deletion over
		}
		if state := w.systems[side].State(id); state != connectors.Live && !deleted {
			a.fault("%s %s is %s and no person did it", sideConn[side], id, state)
		}
	}
	if gone {
		if l.Status == "active" && !slices.ContainsFunc(l.Asides, func(r engine.AsideRow) bool { return r.Kind == "conflict" }) {
			a.fault("link %d is active, though one of its records is deleted", l.ID)
		}
		return
	}
	if l.Status != "active" {
		a.fault("link %d of two live records is %s", l.ID, l.Status)
		return
	}
	var open []string
	for _, aside := range l.Asides {
		open = append(open, aside.Field)
		if aside.Kind != "conflict" {
			a.fault("link %d: %s is set aside without need: %s", l.ID, aside.Field, aside.Reason)
		}
	}
	journal, err := w.eng.History(w.ctx, engine.HistoryFilter{Link: l.ID, Limit: 10_000})
	if err != nil {
		a.fault("history: %v", err)
		return
	}
	card, hasCard := cards[pair[0]]
	if hasCard {
		more, err := w.eng.History(w.ctx, engine.HistoryFilter{Link: card.ID, Limit: 10_000})
		if err != nil {
			a.fault("history: %v", err)
		}
		journal = append(journal, more...)
	}
	truth := [2]map[string]connectors.Value{w.systems[0].Truth(pair[0]), w.systems[1].Truth(pair[1])}
	if w.past.lost || w.past.remade(pair[0]) || len(w.past.joined["crm"+pair[0]])+len(w.past.joined["pm"+pair[1]]) > 0 {
		// What was agreed is not known any more, so that what was edited since
		// cannot be told: the first sync decides, and both sides are equal. The
		// same holds for what was written on an epic that was deleted and made
		// again: nobody can read it any more; and for a record that took another
		// one's place.
		for _, field := range []string{"title", "notes", "count", "labels", "owner", "stage"} {
			if !a.alike(truth[0][field], truth[1][field]) && len(open) == 0 {
				a.fault("link %d: %s differs: %q and %q", l.ID, field, truth[0][field], truth[1][field])
			}
		}
		return
	}
	for _, field := range allFields {
		if slices.ContainsFunc(open, func(name string) bool { return strings.HasPrefix(name, field) }) {
			continue
		}
		values := [2]connectors.Value{truth[0][field], truth[1][field]}
		var edits []edit
		if hasCard && slices.Contains(cardFields, field) {
			edits = w.past.of(pair, card.Records[1].ID, field)
		} else {
			edits = w.past.of(pair, "", field)
		}
		switch field {
		case "due":
			a.oneWay(l, field, 0, values, edits)
		case "starts":
			a.oneWay(l, field, 1, values, edits)
		case "labels":
			a.labels(l, values, edits, journal)
		default:
			a.twoWay(l, field, values, edits, journal)
		}
	}
	a.comments(l, pair)
}

// alike compares what two systems hold; one of them may trim texts, and round
// numbers and times.
func (a *auditor) alike(x, y connectors.Value) bool {
	switch {
	case x.Type() != y.Type():
	case x.Type() == connectors.TypeText:
		return strings.TrimSpace(x.Text()) == strings.TrimSpace(y.Text())
	case x.Type() == connectors.TypeNumber && a.w.v.Numbers:
		return whole(x) == whole(y)
	case x.Type() == connectors.TypeInstant && a.w.v.Numbers:
		return x.Time().Truncate(time.Minute).Equal(y.Time().Truncate(time.Minute))
	}
	if p, q := x.Person(), y.Person(); p.ID != "" || q.ID != "" {
		return p.ID == q.ID
	}
	return connectors.Equal(x, y)
}

// whole rounds a number that is not negative.
func whole(v connectors.Value) float64 {
	f, err := strconv.ParseFloat(v.Number(), 64)
	if err != nil {
		panic(err)
	}
	return math.Floor(f + 0.5)
}

// twoWay: both sides hold the value of the last edit, or of an earlier one
// where the journal tells of a conflict.
func (a *auditor) twoWay(l engine.LinkRow, field string, values [2]connectors.Value, edits []edit, journal []engine.EventRow) {
	if !a.alike(values[0], values[1]) {
		a.fault("link %d: %s differs: %q and %q", l.ID, field, values[0], values[1])
		return
	}
	if len(edits) == 0 {
		if !values[0].IsNull() {
			a.fault("link %d: %s = %q, which nobody wrote", l.ID, field, values[0])
		}
		return
	}
	last := edits[len(edits)-1]
	if a.alike(last.after, values[0]) {
		if own := values[last.side]; !last.card && !a.same(last.after, own) && !conflictTold(journal, field, last.at, a.w.slack()) {
			a.fault("link %d: %s was %q where a person left it so, and is %q: what the other side makes of it came back", l.ID, field, last.after, own)
		}
		return
	}
	if !slices.ContainsFunc(edits, func(e edit) bool { return a.alike(e.after, values[0]) || a.alike(e.before, values[0]) }) {
		a.fault("link %d: %s = %q, which nobody wrote", l.ID, field, values[0])
		return
	}
	if coincides(edits, a.alike) {
		return
	}
	if slices.ContainsFunc(undone(edits, a.alike), func(e edit) bool { return a.alike(e.after, values[0]) }) {
		return
	}
	tied := slices.ContainsFunc(edits, func(e edit) bool { return a.alike(e.after, values[0]) && !e.at.Before(last.at) })
	if !a.w.v.Faults && !tied && !strings.Contains(a.w.v.Mapping, "first_sync: fill") && len(a.w.past.twins) == 0 {
		// Nothing failed or came late: the newest edit wins, unless both were
		// made at the same time.
		a.fault("link %d: the last edit of %s, %q, gave way to an older one, %q", l.ID, field, last.after, values[0])
		return
	}
	if !conflictTold(journal, field, last.at, a.w.slack()) {
		a.fault("link %d: the last edit of %s, %q at %s on %s, was lost to %q without a word", l.ID, field, last.after, last.at.Sub(start), sideConn[last.side], values[0])
	}
}

// coincides reports whether the last edit set the very value that the other
// side had been given before: by its value alone it is the service's own copy.
func coincides(edits []edit, alike func(x, y connectors.Value) bool) bool {
	last := edits[len(edits)-1]
	return slices.ContainsFunc(edits[:len(edits)-1], func(e edit) bool {
		return e.elsewhere(last) && alike(e.after, last.after)
	})
}

// undone looks for an edit that put a record back to what it held while others
// were edited: as nobody keeps what lies between two looks, that is no change,
// and the last edit of another record stands. It returns those edits.
func undone(edits []edit, alike func(x, y connectors.Value) bool) []edit {
	last := edits[len(edits)-1]
	if !slices.ContainsFunc(edits, func(e edit) bool { return !e.elsewhere(last) && alike(e.before, last.after) }) {
		return nil
	}
	var stand []edit
	for _, e := range slices.Backward(edits) {
		if e.elsewhere(last) && !slices.ContainsFunc(stand, func(s edit) bool { return !s.elsewhere(e) }) {
			stand = append(stand, e)
		}
	}
	return stand
}

// conflictTold reports whether the journal tells of a conflict about a field,
// not long before an edit or after it.
func conflictTold(journal []engine.EventRow, field string, at time.Time, slack time.Duration) bool {
	for _, ev := range journal {
		if ev.At.Before(at.Add(-time.Minute - slack)) {
			continue
		}
		for _, f := range ev.Fields {
			if strings.HasPrefix(f.Name, field) && (strings.Contains(f.Why, "conflict") || strings.Contains(f.Why, "meanwhile") || strings.Contains(f.Why, "first sync")) {
				return true
			}
		}
	}
	return false
}

// slack is how far the journal's times may lie before the systems'.
func (w *world) slack() time.Duration {
	if w.v.Skew {
		return time.Hour
	}
	return 0
}

// same is alike where nothing is lost on the way.
func (a *auditor) same(x, y connectors.Value) bool {
	if p, q := x.Person(), y.Person(); p.ID != "" || q.ID != "" {
		return p.ID == q.ID
	}
	return connectors.Equal(x, y)
}

// oneWay: the target holds its source's value, unless a person edited the
// target after the source's last change.
func (a *auditor) oneWay(l engine.LinkRow, field string, source int, values [2]connectors.Value, edits []edit) {
	target := 1 - source
	held := connectors.Null
	for _, e := range edits {
		if e.side == source {
			held = e.after
		}
	}
	if !a.alike(held, values[source]) {
		a.fault("link %d: %s: the source holds %q, where people left %q: nothing may flow back", l.ID, field, values[source], held)
	}
	if a.alike(values[0], values[1]) {
		return
	}
	if a.w.past.twin[l.Records[0].ID] != "" && strings.Contains(a.w.v.Mapping, "fill blanks") &&
		slices.ContainsFunc(edits, func(e edit) bool { return e.side == target && a.alike(e.after, values[target]) }) {
		return // what the target held at the start stays until its source changes
	}
	if strings.Contains(a.w.v.Mapping, "enforce: true") && target == 1 {
		a.fault("link %d: %s: the target holds %q, though %q is enforced", l.ID, field, values[target], values[source])
	}
	for i := len(edits) - 1; i >= 0; i-- {
		e := edits[i]
		if e.side == target && a.alike(e.after, values[target]) {
			return
		}
		if e.side == source && !slices.ContainsFunc(edits, func(x edit) bool { return x.side == source && a.alike(x.before, values[source]) }) {
			break // else the source went back to what it held: no change
		}
	}
	a.fault("link %d: %s: the target holds %q, its source %q", l.ID, field, values[target], values[source])
}

// labels: both sides hold the same set, each label was somebody's, and none is
// missing that was added and never taken out.
func (a *auditor) labels(l engine.LinkRow, values [2]connectors.Value, edits []edit, journal []engine.EventRow) {
	if !connectors.Equal(values[0], values[1]) {
		a.fault("link %d: labels differ: %q and %q", l.ID, values[0], values[1])
		return
	}
	has := func(v connectors.Value, id string) bool {
		return slices.ContainsFunc(v.Options(), func(o connectors.Option) bool { return o.ID == id })
	}
	added, removed := map[string]bool{}, map[string]bool{}
	for _, e := range edits {
		for _, o := range e.after.Options() {
			if !has(e.before, o.ID) {
				added[o.ID] = true
			}
		}
		for _, o := range e.before.Options() {
			if !has(e.after, o.ID) {
				removed[o.ID] = true
			}
		}
	}
	for _, o := range values[0].Options() {
		if !added[o.ID] {
			a.fault("link %d: label %q, which nobody added", l.ID, o.ID)
		}
	}
	if (a.w.past.twin[l.Records[0].ID] != "" || a.w.v.Others != nil && conflictTold(journal, "labels", start, 0)) && strings.Contains(a.w.v.Mapping, " wins\n") {
		return // the first sync takes out what the side that loses had of its own
	}
	for id := range added {
		if !removed[id] && !has(values[0], id) {
			a.fault("link %d: label %q was added and is gone", l.ID, id)
		}
		if removed[id] && has(values[0], id) {
			a.fault("link %d: label %q was taken out and is there", l.ID, id)
		}
	}
	slices.Sort(a.found)
}

// comments: each comment made after the link stands once on the other side.
func (a *auditor) comments(l engine.LinkRow, pair [2]string) {
	for _, c := range a.w.past.comments {
		if c.record != pair[c.side] {
			continue
		}
		n := 0
		for _, copied := range a.w.systems[1-c.side].Comments(pair[1-c.side]) {
			if strings.HasSuffix(copied.Body, "\n"+c.text) || copied.Body == c.text {
				n++
			}
		}
		if n > 1 || n == 0 && c.at.After(l.Created) {
			a.fault("link %d: comment %q on %s stands %d times on the other side", l.ID, c.text, sideConn[c.side], n)
		}
	}
}

// queue: nothing is left to do and nothing failed.
func (a *auditor) queue() {
	rows, err := a.w.eng.Queue(a.w.ctx, engine.QueueFilter{Limit: 10_000})
	if err != nil {
		a.fault("queue: %v", err)
	}
	for _, r := range rows {
		a.fault("left in the queue: %s link %d: %s %s %s", r.Record, r.Link, r.Status, r.Code, r.Reason)
	}
}
