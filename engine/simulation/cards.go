package simulation

import (
	"slices"

	"github.com/tenonsync/tenon/engine"
)

// second is a mapping over the same deals as the first: each active deal has a
// card besides its epic. What is edited on the card must reach the epic, by way
// of the deal.
const second = `
mapping: card
between:
  deal: {connection: crm, object: record, scope: {project: main}}
  card: {connection: pm, object: record, scope: {project: cards}}
create:
  card:
    when: deal.active == true
fields:
  - {deal: title, card: title}
  - {deal: notes, card: notes}
  - {deal: count, card: count}
  - {deal: labels, card: labels}
conflict: newest
first_sync: deal wins
`

// cardFields are what people edit on cards.
var cardFields = []string{"title", "notes", "count", "labels"}

// cards: each active deal has one card, nobody else has one, no card stands
// alone, and each says what its deal says.
func (a *auditor) cards(cards map[string]engine.LinkRow, links int) {
	w := a.w
	if links != len(cards) {
		a.fault("%d links of cards for %d deals", links, len(cards))
	}
	linked := map[string]bool{}
	for _, deal := range w.past.deals {
		l, ok := cards[deal]
		if want := w.past.asked[deal] && !w.past.deleted["crm"+deal]; ok != want {
			a.fault("deal %s has a card: %v, want %v", deal, ok, want)
		}
		if !ok {
			continue
		}
		card := l.Records[1].ID
		linked[card] = true
		if l.Status != "active" {
			a.fault("link %d of deal %s and card %s is %s", l.ID, deal, card, l.Status)
		}
		held := slices.ContainsFunc(l.Asides, func(r engine.AsideRow) bool { return r.Kind == "conflict" })
		on, off := w.systems[0].Truth(deal), w.systems[1].Truth(card)
		for _, field := range cardFields {
			if !a.alike(on[field], off[field]) && !held {
				a.fault("link %d: %s differs: %q on deal %s and %q on card %s", l.ID, field, on[field], deal, off[field], card)
			}
		}
	}
	for _, id := range w.systems[1].IDs("record") {
		if w.isCard(id) && !linked[id] {
			a.fault("card %s belongs to no deal", id)
		}
	}
}
