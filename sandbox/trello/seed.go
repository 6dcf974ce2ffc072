package trello

import (
	"time"

	"github.com/tenonsync/tenon/sandbox/kit"
)

// sow builds the site: people, boards with their lists, labels and custom
// fields, and unless NoSeed cards.
func (s *System) sow(seed uint64) {
	for _, m := range []struct{ username, name, email string }{
		{"tenon_bot", "Tenon", Bot},
		{"ada_okafor", "Ada Okafor", Ada},
		{"jonas_lindqvist", "Jonas Lindqvist", Jonas},
		{"mei_tanaka", "Mei Tanaka", Mei},
		{"luis_ferreira", "Luís Ferreira", "luis.ferreira@harbourworks.example"},
	} {
		s.members = append(s.members, &member{id: s.newID(), username: m.username, fullName: m.name, email: m.email})
	}
	s.org = s.newID()
	s.grant(s.opts.Token, s.members[0], "Tenon", true, false, 0)
	rand := kit.NewRand(seed, "trello/cards")
	s.sowDelivery(rand)
	s.sowInternal()
	s.sowTemplate()
	for _, b := range s.boards { // building the site is no news
		b.log = nil
	}
	clear(s.actions)
}

// as returns a call of a person without a token, for what the site itself does.
func (s *System) as(m *member) *call {
	return &call{sys: s, token: &token{member: m, read: true, write: true}, p: params{}}
}

func (s *System) sowBoard(name, desc string, lists, labels []string) *board {
	b := s.addBoard(name, desc)
	for i, m := range s.members {
		kind := "normal"
		if i == 1 {
			kind = "admin"
		}
		b.members = append(b.members, &boardMember{m, kind})
	}
	for _, l := range lists {
		s.addList(b, l)
	}
	for i, l := range labels {
		s.addLabel(b, l, baseColors[i])
	}
	return b
}

func (s *System) sowDelivery(rand *kit.Rand) {
	b := s.sowBoard(DefaultBoard, "Every project that we do for a client is a card here.",
		[]string{"Planned", "In progress", "Waiting for client", "Done"},
		[]string{"New build", "Refit", "Maintenance", "Urgent", "crm"})
	s.addLabel(b, "", "sky")
	s.addField(b, "CRM deal", "text")
	s.addField(b, "Budget", "number")
	s.addField(b, "Kick-off", "date")
	s.addField(b, "Contract signed", "checkbox")
	s.addField(b, "Size", "list", "Small", "Medium", "Large")
	if s.opts.NoSeed {
		return
	}
	lists := s.listsOf(b)
	titles := []string{
		"Slipway gate, Marsh & Sons", "Boathouse roof for Ōta Marine", "Refit of MS Hedwig", "Harbour lights, phase 2", "Pontoon for the sailing club",
		"Dredging survey", "Quay crane: yearly check", "Fish market cold store", "Customs shed insulation", "Ferry ramp, north side",
		"Signal mast renewal", "Ropewalk museum fit-out",
	}
	for i, title := range titles {
		cd := s.addCard(lists[i%len(lists)], title)
		cd.touched = s.now().Add(-time.Duration(rand.IntN(20*24)) * time.Hour).Add(-time.Hour)
		cd.desc = "Agreed with the client in the *kick-off* call.\n\n- drawings\n- permits\n- **fixed price**"
		cd.labels = []string{b.labels[i%3].id}
		if i%4 != 3 {
			cd.members = []string{s.members[1+i%4].id}
		}
		if i%2 == 0 {
			cd.due = s.now().Truncate(time.Hour).Add(time.Duration(5+rand.IntN(60)) * 24 * time.Hour)
		}
		cd.dueComplete = i%len(lists) == 3 && !cd.due.IsZero()
		cd.items = []*fieldItem{{id: s.newID(), field: b.fields[1].id, kind: "number", text: kitNumber(rand)}}
		if i%3 == 0 {
			cd.items = append(cd.items, &fieldItem{id: s.newID(), field: b.fields[4].id, kind: "list", option: b.fields[4].options[i%3].id})
			cd.checklists = []*checklist{{id: s.newID(), name: "Before we start", card: cd, pos: 16384, items: []*checkItem{
				{id: s.newID(), name: "Site visit", pos: 16384, complete: true}, {id: s.newID(), name: "Order materials", pos: 32768},
			}}}
		}
	}
}

func kitNumber(rand *kit.Rand) string {
	return []string{"4800", "12500", "31250.5", "7990", "88000"}[rand.IntN(5)]
}

func (s *System) sowInternal() {
	b := s.sowBoard(InternalBoard, "", []string{"Ideas", "This month", "Done"}, []string{"Office", "Event"})
	if s.opts.NoSeed {
		return
	}
	for _, title := range []string{"Summer party", "New chairs", "Fire drill"} {
		s.addCard(s.listsOf(b)[0], title)
	}
}

func (s *System) sowTemplate() {
	b := s.sowBoard(TemplateBoard, "Copy this board for a client's project.", []string{"To do", "Doing", "Done"}, []string{"Client", "Internal"})
	if s.opts.NoSeed {
		return
	}
	for _, title := range []string{"Requirements", "Prototype", "Acceptance test"} {
		cd := s.addCard(s.listsOf(b)[0], title)
		cd.template = true
	}
}
