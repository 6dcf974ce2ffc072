package hubspot

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// people are the owners of a seeded account. The last one has left.
var people = [][2]string{
	{"Ada Okafor", "ada.okafor@harbourworks.example"},
	{"Jonas Lindqvist", "jonas.lindqvist@harbourworks.example"},
	{"Mei Tanaka", "mei.tanaka@harbourworks.example"},
	{"Rosa Delgado", "rosa.delgado@harbourworks.example"},
	{"Tom Becker", "tom.becker@harbourworks.example"},
	{"Ines Moreau", "ines.moreau@harbourworks.example"},
}

// seedCompanies are name, domain, city, country and industry.
var seedCompanies = [][5]string{
	{"Alpenglow Outdoor", "alpenglow.example", "Innsbruck", "Austria", "RETAIL"},
	{"Baltic Freight Lines", "balticfreight.example", "Gdańsk", "Poland", "LOGISTICS_AND_SUPPLY_CHAIN"},
	{"Cobalt Analytics", "cobaltanalytics.example", "Dublin", "Ireland", "COMPUTER_SOFTWARE"},
	{"Dune Solar", "dunesolar.example", "Almería", "Spain", "RENEWABLES_ENVIRONMENT"},
	{"Elbe Maschinenbau", "elbe-maschinenbau.example", "Dresden", "Germany", "MACHINERY"},
	{"Fjord Hotels", "fjordhotels.example", "Bergen", "Norway", "HOSPITALITY"},
	{"Granite Construction Partners", "granitepartners.example", "Leeds", "United Kingdom", "CONSTRUCTION"},
	{"Helvetic Private Bank", "helveticbank.example", "Zürich", "Switzerland", "BANKING"},
	{"Iberia Components", "iberiacomponents.example", "Bilbao", "Spain", "AUTOMOTIVE"},
	{"Juniper Retail Group", "juniperretail.example", "Lyon", "France", "RETAIL"},
	{"Kestrel Robotics", "kestrelrobotics.example", "Eindhoven", "Netherlands", "ELECTRICAL_ELECTRONIC_MANUFACTURING"},
	{"Lumen Studios", "lumenstudios.example", "Copenhagen", "Denmark", "COMPUTER_SOFTWARE"},
}

var (
	firstNames = strings.Fields("Anna Björn Carla Dmitri Elif Farid Greta Hugo Ilse Jakub Klara Luis Marta Niels Olga Pedro Quinn Ruth Sven Tove Ulla Victor Wanda Yusuf Zoé")
	lastNames  = strings.Fields("Andersen Bauer Costa Dubois Eriksen Fischer García Hansen Ivanova Jansen Kowalski Laurent Müller Novák Olsen Pereira Rossi Schmidt Torres Ueda Vogel Weber Yılmaz Zieliński")
	jobTitles  = []string{"Head of Operations", "IT Manager", "Managing Director", "Purchasing Lead", "Project Sponsor"}
	dealKinds  = []string{
		"Warehouse rollout", "Customer portal", "Data migration", "Booking platform", "Fleet dashboard", "Website relaunch",
		"Service desk setup", "ERP integration", "Mobile app", "Security review",
	}
)

// seedAccount makes the owners and the account's own definitions.
func (s *System) seedAccount() {
	s.owners = nil
	base := 70_000_000 + s.rand.IntN(9_000_000)
	for i, p := range people {
		first, last, _ := strings.Cut(p[0], " ")
		user := base + 1_000_003*(i+1)
		o := &owner{
			ID: strconv.Itoa(300_000_000 + s.rand.IntN(9_000_000)*10 + i), Email: p[1], Type: "PERSON", FirstName: first, LastName: last,
			UserID: &user, UserIDIncludingInactive: user, CreatedAt: "2024-02-05T08:00:00.123Z", UpdatedAt: "2025-11-17T09:30:00.456Z",
			Teams: []ownerTeam{{ID: "5501", Name: "Sales", Primary: true}},
		}
		if i == len(people)-1 {
			o.Archived, o.UserID = true, nil
		}
		s.owners = append(s.owners, o)
	}
	if s.opts.Bare {
		return
	}
	deals := s.typeByName("deals")
	pl := deals.pipeline("default")
	for _, st := range []stage{{ID: "in_delivery", Label: "In Delivery"}, {ID: "delivered", Label: "Delivered"}} {
		pl.Stages = append(pl.Stages, &stage{
			ID: st.ID, Label: st.Label, DisplayOrder: len(pl.Stages), Metadata: map[string]string{"isClosed": "true", "probability": "1.0"},
			CreatedAt: "2024-02-05T08:00:00Z", UpdatedAt: "2024-02-05T08:00:00Z", WritePermissions: "CRM_PERMISSIONS_ENFORCEMENT",
		})
	}
	for _, cells := range [][]string{
		{"expected_delivery", "Expected delivery", "date/date", "delivery", "", "The day on which the project is expected to be delivered."},
		{"project_url", "Project", "string/text", "delivery", "", "The project that delivers this deal."},
		{"project_status", "Project status", "string/text", "delivery", "", "How far the project has come."},
		{"tenon_convert", "Convert to project", "string/text", "delivery", "", "A link that makes a project of this deal."},
	} {
		p := parseProperty(cells)
		p.HubspotDefined, p.ModificationMetadata.ReadOnlyDefinition = false, false
		p.CreatedAt, p.UpdatedAt = "2024-02-05T08:00:00Z", "2024-02-05T08:00:00Z"
		deals.addProperty(p)
	}
}

// seedRecords sows companies, contacts, deals, tickets, notes and tasks. All of
// it was made by people in the app over the last months, and has settled.
func (s *System) seedRecords() {
	noSettling := s.opts.NoSettling
	s.opts.NoSettling = true
	defer func() { s.opts.NoSettling = noSettling }()
	now := s.now()
	var companies, contacts []*record
	for i, c := range seedCompanies {
		at := now.AddDate(0, 0, -150+i*3).Add(time.Duration(s.rand.IntN(36_000_000)) * time.Millisecond)
		companies = append(companies, s.sow("companies", at, i, map[string]string{
			"name": c[0], "domain": c[1], "city": c[2], "country": c[3], "industry": c[4], "phone": fmt.Sprintf("+49 30 555 01%02d", i),
			"numberofemployees": strconv.Itoa(20 + s.rand.IntN(900)),
		}))
		for n := range 2 {
			contacts = append(contacts, s.sowContact(companies[i], c[1], i*2+n, at.Add(time.Duration(n+1)*time.Hour)))
		}
	}
	stages := []string{
		"appointmentscheduled", "qualifiedtobuy", "presentationscheduled", "decisionmakerboughtin", "contractsent", "closedwon", "closedwon", "closedlost", "in_delivery", "delivered",
	}
	for i := range 40 {
		company := companies[(i*5)%len(companies)]
		at := now.AddDate(0, 0, -100+i*2).Add(time.Duration(s.rand.IntN(30_000_000)) * time.Millisecond)
		values := map[string]string{
			"dealname": company.text("name") + " – " + dealKinds[(i*3)%len(dealKinds)], "pipeline": "default", "dealstage": stages[i%len(stages)],
			"amount":    strconv.Itoa(4_000+s.rand.IntN(160)*500) + []string{"", ".00", ".50"}[s.rand.IntN(3)],
			"closedate": formatTime(now.AddDate(0, 0, -20+i).Truncate(24 * time.Hour).Add(time.Duration(s.rand.IntN(80_000_000)) * time.Millisecond)),
			"dealtype":  []string{"newbusiness", "existingbusiness"}[i%2],
		}
		if i%3 == 0 {
			values["description"] = "Agreed with " + contacts[(i*2)%len(contacts)].text("firstname") + " by phone.\nScope to be confirmed before kick-off."
		}
		if st := values["dealstage"]; st == "in_delivery" || st == "delivered" {
			values["expected_delivery"] = now.AddDate(0, 0, 10+i).Format(time.DateOnly)
		}
		deal := s.sow("deals", at, i, values)
		s.linkByPerson(deal, company, at)
		for _, contact := range s.linkedTo(company, s.typeByName("contacts")) {
			s.linkByPerson(deal, contact, at)
		}
		if i%4 == 0 {
			note := s.sow("notes", at.Add(time.Hour), i, map[string]string{"hs_timestamp": formatTime(at.Add(time.Hour)), "hs_note_body": "<p>First call went well, <strong>budget is approved</strong>.</p>"})
			s.linkByPerson(note, deal, at.Add(time.Hour))
		}
		if i%5 == 0 {
			task := s.sow("tasks", at.Add(2*time.Hour), i, map[string]string{
				"hs_timestamp": formatTime(at.AddDate(0, 0, 7)), "hs_task_subject": "Send the proposal", "hs_task_status": "NOT_STARTED", "hs_task_priority": "MEDIUM", "hs_task_type": "TODO",
			})
			s.linkByPerson(task, deal, at.Add(2*time.Hour))
		}
	}
	for i := range 4 {
		at := now.AddDate(0, 0, -30+i)
		ticket := s.sow("tickets", at, i, map[string]string{
			"subject": "Question about the invoice", "content": "Which order does it belong to?", "hs_pipeline": "0", "hs_pipeline_stage": strconv.Itoa(1 + i%4), "hs_ticket_priority": "LOW",
		})
		s.linkByPerson(ticket, companies[i], at)
	}
}

func (s *System) sowContact(company *record, domain string, i int, at time.Time) *record {
	first, last := firstNames[i%len(firstNames)], lastNames[(i*7)%len(lastNames)]
	local := strings.ToLower(asciiOnly(first) + "." + asciiOnly(last))
	contact := s.sow("contacts", at, i, map[string]string{
		"firstname": first, "lastname": last, "email": local + "@" + domain, "jobtitle": jobTitles[i%len(jobTitles)], "phone": fmt.Sprintf("+49 30 555 02%02d", i),
		"company": company.text("name"),
	})
	s.linkByPerson(contact, company, at)
	return contact
}

var asciiNames = strings.NewReplacer("ö", "oe", "ü", "ue", "ä", "ae", "é", "e", "í", "i", "ı", "i", "á", "a", "ń", "n")

func asciiOnly(name string) string { return asciiNames.Replace(name) }

// sow makes a record as owner number i would have in the app.
func (s *System) sow(object string, at time.Time, i int, values map[string]string) *record {
	ot := s.typeByName(object)
	at = at.UTC().Truncate(time.Millisecond)
	o := s.owners[i%(len(s.owners)-1)]
	if i%11 == 10 {
		o = s.owners[len(s.owners)-1] // some still belong to the one who left
	}
	input := map[string]json.RawMessage{"hubspot_owner_id": quote(o.ID)}
	for name, text := range values {
		input[name] = quote(text)
	}
	c, err := s.prepare(ot, nil, input, nil, at)
	if err != nil {
		panic(err) // the seed is part of the program
	}
	return s.commit(c, personSource(o), at)
}

func personSource(o *owner) source {
	return source{kind: "CRM_UI", id: "userId:" + strconv.Itoa(o.UserIDIncludingInactive), label: o.FirstName + " " + o.LastName, userID: o.UserIDIncludingInactive}
}

func (s *System) linkByPerson(from, to *record, at time.Time) {
	if t := s.defaultLink(from.ot, to.ot); t != nil {
		s.link(from, to, t.id, personSource(s.owners[0]), at.UTC().Truncate(time.Millisecond))
	}
}
