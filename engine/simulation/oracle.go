package simulation

import (
	"fmt"
	"slices"
	"strings"

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

// counterparts: each deal that asked has one epic, and nobody else has one.
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
		case n == 1 && w.admin.free[epicOf[deal][0]]:
			a.fault("deal %s has epic %s, which nobody linked with it", deal, epicOf[deal][0])
		case n == 1 && !may && len(w.past.joined["crm"+deal]) == 0:
			a.fault("deal %s was converted though nobody asked", deal)
		case n == 0 && !w.past.asked[deal] && w.past.ended["crm"+deal]:
			// A wish ends with its deal; who restores it presses again.
		case n == 0 && len(w.past.joined) > 0 && a.taken()["crm/record/"+deal]:
			// People merged what was made for it into another deal's epic before
			// its answer was known: a person is told.
		case n == 0 && wanted && !w.past.deleted["crm"+deal]:
			a.fault("deal %s has no epic", deal)
		}
	}
	a.epics(dealOf)
	a.tasks(epicOf)
}

// epics: each belongs to a deal, and holds nothing outside the mapping.
func (a *auditor) epics(dealOf map[string]string) {
	w := a.w
	for _, id := range w.records(1) {
		truth := w.systems[1].Truth(id)
		if dealOf[id] == "" && !w.admin.free[id] && !w.past.ended[sideConn[1]+id] && len(w.past.joined) == 0 {
			// A merge leaves an epic without a deal where both had one.
			a.fault("epic %s (%s) belongs to no deal", id, truth["title"])
		}
		for field := range truth {
			if !slices.Contains(allFields, field) && field != "number" && field != "code" {
				a.fault("epic %s: field %s is outside the mapping and was written", id, field)
			}
		}
	}
}

// tasks: each epic that was made has its two tasks once.
func (a *auditor) tasks(epicOf map[string][]string) {
	w := a.w
	tasks := map[string]int{}
	for _, id := range w.systems[1].IDs("record") {
		if w.isTask(id) {
			kind, _, _ := strings.Cut(w.systems[1].Truth(id)["title"].Text(), " ")
			tasks[kind]++
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
			// An epic that is made again has tasks of its own, also when the
			// first one comes back later.
			extra = len(w.past.deleted) + w.past.restored
		}
		for _, deal := range w.past.former {
			if w.past.pressed[deal] {
				extra++ // the button makes another epic for one that is gone
			}
		}
		for deal := range epicOf {
			if w.admin.parted[deal] || w.past.ended["crm"+deal] || w.past.ended["pm"+epicOf[deal][0]] || len(w.past.joined) > 0 {
				lost++
			}
		}
		if n := tasks[kind]; n > len(epicOf)+extra || n < len(epicOf)-lost {
			a.fault("%d tasks %q for %d epics (%d deleted)", n, kind, len(epicOf), lost)
		}
	}
}

// link: its records stand as people left them, or as a policy says, and agree.
func (a *auditor) link(l engine.LinkRow, cards map[string]engine.LinkRow) {
	w := a.w
	pair := [2]string{l.Records[0].ID, l.Records[1].ID}
	if w.admin.parted[pair[0]] {
		if l.Status != "ended" {
			a.fault("link %d, which a person ended, is %s", l.ID, l.Status)
		}
		return
	}
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
	if a.begunAnew(l, pair, open) {
		return
	}
	a.values(l, pair, cards, open)
	a.comments(l, pair)
	a.files(l, pair)
}

// begunAnew reports whether what was agreed on a pair is not known any more, so
// that what was edited since cannot be told: the first sync decides, and both
// sides are equal. So it is where the state was lost; for an epic that was
// deleted and made again, since nobody can read the deleted one; and for a record
// that took another one's place.
func (a *auditor) begunAnew(l engine.LinkRow, pair [2]string, open []string) bool {
	w := a.w
	if !w.past.lost && !w.past.remade(pair[0]) && len(w.past.joined["crm"+pair[0]])+len(w.past.joined["pm"+pair[1]]) == 0 {
		return false
	}
	left, right := w.systems[0].Truth(pair[0]), w.systems[1].Truth(pair[1])
	for _, field := range []string{"title", "notes", "count", "labels", "owner", "stage"} {
		if !a.alike(left[field], right[field]) && len(open) == 0 {
			a.fault("link %d: %s differs: %q and %q", l.ID, field, left[field], right[field])
		}
	}
	return true
}

// journal returns what the service told.
func (a *auditor) journal(f engine.HistoryFilter) []engine.EventRow {
	f.Limit = 10_000
	told, err := a.w.eng.History(a.w.ctx, f)
	if err != nil {
		a.fault("history: %v", err)
	}
	return told
}

// values holds what a pair of live records says against what people did. open
// are the fields about which a person is asked.
func (a *auditor) values(l engine.LinkRow, pair [2]string, cards map[string]engine.LinkRow, open []string) {
	w := a.w
	journal := a.journal(engine.HistoryFilter{Link: l.ID})
	if w.past.twin[pair[0]] != "" { // what was linked again had another link before
		journal = a.journal(engine.HistoryFilter{Record: "crm/record/" + pair[0]})
	}
	card, hasCard := cards[pair[0]]
	if hasCard {
		journal = append(journal, a.journal(engine.HistoryFilter{Link: card.ID})...)
	}
	truth := [2]map[string]connectors.Value{w.systems[0].Truth(pair[0]), w.systems[1].Truth(pair[1])}
	a.decisions(l, pair, truth, open)
	for _, field := range allFields {
		if slices.ContainsFunc(open, func(name string) bool { return strings.HasPrefix(name, field) }) {
			continue
		}
		values := [2]connectors.Value{truth[0][field], truth[1][field]}
		if a.leftDifferent(pair, field, values) {
			continue
		}
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

// taken returns the records whose counterpart is another's, and that say so.
func (a *auditor) taken() map[string]bool {
	rows, err := a.w.eng.Queue(a.w.ctx, engine.QueueFilter{Limit: 10_000})
	if err != nil {
		a.fault("queue: %v", err)
	}
	taken := map[string]bool{}
	for _, r := range rows {
		if r.Status == "failed" && r.Code == "ambiguous-match" && strings.Contains(r.Reason, "was made for it") {
			taken[r.Record] = true
		}
	}
	return taken
}

// queue: nothing is left to do and nothing failed.
func (a *auditor) queue() {
	rows, err := a.w.eng.Queue(a.w.ctx, engine.QueueFilter{Limit: 10_000})
	if err != nil {
		a.fault("queue: %v", err)
	}
	for _, r := range rows {
		if len(a.w.past.joined) > 0 && a.taken()[r.Record] {
			continue
		}
		a.fault("left in the queue: %s link %d: %s %s %s", r.Record, r.Link, r.Status, r.Code, r.Reason)
	}
}
