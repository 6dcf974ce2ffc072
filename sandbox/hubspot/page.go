package hubspot

import (
	_ "embed"
	"html"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tenonsync/tenon/sandbox/kit"
)

//go:embed page.html
var pageContent string

const pageTitle, pageAccent = "HubSpot", "#b3411e"

func newPages() *kit.Pages {
	return kit.NewPages(pageTitle, pageAccent, template.FuncMap{}, pageContent)
}

// isPage reports whether a request is for a person's page.
func isPage(r *http.Request) bool {
	switch {
	case r.URL.Path == "/", r.URL.Path == "/oauth/authorize":
		return true
	case strings.HasPrefix(r.URL.Path, "/oauth/") && strings.HasSuffix(r.URL.Path, "/authorize"):
		return true
	}
	return strings.HasPrefix(r.URL.Path, "/deals/") || r.URL.Path == "/deals" ||
		strings.HasPrefix(r.URL.Path, "/contacts/") && strings.Contains(r.URL.Path, "/record/0-3/")
}

func (s *System) pageRoutes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.showDeals)
	mux.HandleFunc("POST /deals", s.addDeal)
	mux.HandleFunc("GET /deals/{id}", s.showDeal)
	mux.HandleFunc("GET /contacts/{portal}/record/0-3/{id}", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/deals/"+url.PathEscape(r.PathValue("id")), http.StatusFound)
	})
	mux.HandleFunc("POST /deals/{id}", s.editDeal)
	mux.HandleFunc("POST /deals/{id}/notes", s.addNote)
	mux.HandleFunc("POST /deals/{id}/archive", s.archiveDeal)
	mux.HandleFunc("GET /oauth/authorize", s.askConsent)
	mux.HandleFunc("GET /oauth/{portal}/authorize", s.askConsent)
	mux.HandleFunc("POST /oauth/authorize", s.giveConsent)
	return http.MaxBytesHandler(mux, 1<<20)
}

type stageColumn struct {
	Label string
	Deals []dealCard
}

type dealCard struct {
	ID, Name, Amount, Company, Owner, Delivery string
	Convert, Project                           string
}

// webURL returns text if it is a web address, else nothing: pages link to no
// other kind.
func webURL(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return ""
	}
	return text
}

func (s *System) card(r *record) dealCard {
	c := dealCard{
		ID: r.idText(), Name: r.text("dealname"), Amount: r.text("amount"), Delivery: r.text("expected_delivery"),
		Convert: webURL(r.text("tenon_convert")), Project: webURL(r.text("project_url")),
	}
	if o := s.ownerByID(r.text("hubspot_owner_id")); o != nil {
		c.Owner = o.FirstName + " " + o.LastName
	}
	if companies := s.linkedTo(r, s.typeByName("companies")); len(companies) > 0 {
		c.Company = companies[0].text("name")
	}
	return c
}

func (s *System) showDeals(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.tick()
	deals := s.typeByName("deals")
	var columns []stageColumn
	for _, pl := range deals.pipelines {
		for _, st := range pl.Stages {
			col := stageColumn{Label: st.Label}
			if len(deals.pipelines) > 1 {
				col.Label = pl.Label + ": " + st.Label
			}
			for _, id := range slices.Backward(deals.ids) {
				if deal := deals.records[id]; deal != nil && !deal.archived && deal.text("dealstage") == st.ID && deal.text("pipeline") == pl.ID {
					col.Deals = append(col.Deals, s.card(deal))
				}
			}
			columns = append(columns, col)
		}
	}
	s.mu.Unlock()
	s.pages.Render(w, http.StatusOK, "deals", kit.Page{Title: "Deals", Refresh: 10, Notice: r.URL.Query().Get("done"), Data: columns})
}

type choice struct {
	Value, Label string
	Chosen       bool
}

type dealForm struct {
	dealCard
	Text                      map[string]string
	Stages, Owners, Kinds     []choice
	Notes                     []noteView
	CreatedAt, UpdatedAt, URL string
}

type noteView struct {
	Text, Author, At string
}

// dealFields are the fields that the deal page edits.
var dealFields = []string{
	"dealname", "amount", "closedate", "description", "dealstage", "hubspot_owner_id", "dealtype", "expected_delivery", "project_status",
}

func (s *System) dealForm(deal *record) dealForm {
	f := dealForm{
		dealCard: s.card(deal), Text: map[string]string{}, CreatedAt: formatTime(deal.created), UpdatedAt: formatTime(deal.updated), URL: s.recordURL(deal),
	}
	for _, name := range dealFields {
		f.Text[name] = deal.text(name)
	}
	if t, ok := parseInstant(f.Text["closedate"]); ok {
		f.Text["closedate"] = t.In(s.zone).Format(time.DateOnly)
	}
	for _, pl := range deal.ot.pipelines {
		for _, st := range pl.Stages {
			f.Stages = append(f.Stages, choice{st.ID, st.Label, st.ID == f.Text["dealstage"]})
		}
	}
	f.Owners = append(f.Owners, choice{"", "nobody", f.Text["hubspot_owner_id"] == ""})
	for _, o := range s.owners {
		if mine := o.ID == f.Text["hubspot_owner_id"]; mine || !o.Archived {
			f.Owners = append(f.Owners, choice{o.ID, o.FirstName + " " + o.LastName, mine})
		}
	}
	f.Kinds = append(f.Kinds, choice{"", "–", f.Text["dealtype"] == ""})
	for _, o := range deal.ot.props["dealtype"].Options {
		f.Kinds = append(f.Kinds, choice{o.Value, o.Label, o.Value == f.Text["dealtype"]})
	}
	for _, note := range slices.Backward(s.linkedTo(deal, s.typeByName("notes"))) {
		v := noteView{Text: strings.TrimSpace(html.UnescapeString(tags.ReplaceAllString(note.text("hs_note_body"), " "))), At: note.text("hs_timestamp"), Author: note.text("hs_object_source_label")}
		if o := s.ownerByID(note.text("hubspot_owner_id")); o != nil {
			v.Author = o.FirstName + " " + o.LastName
		}
		f.Notes = append(f.Notes, v)
	}
	return f
}

// deal finds the live deal that the path names, or answers 404.
func (s *System) deal(w http.ResponseWriter, r *http.Request) *record {
	deal, err := s.lookUp("deals", r.PathValue("id"))
	if err != nil || deal.archived {
		http.Error(w, "There is no such deal.", http.StatusNotFound)
		return nil
	}
	return deal
}

func (s *System) showDeal(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tick()
	if deal := s.deal(w, r); deal != nil {
		f := s.dealForm(deal)
		s.pages.Render(w, http.StatusOK, "deal", kit.Page{Title: f.Name, Back: "/", Notice: r.URL.Query().Get("done"), Data: f})
	}
}

func (s *System) editDeal(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.tick()
	deal := s.deal(w, r)
	if deal == nil {
		return
	}
	before := s.dealForm(deal)
	texts := map[string]string{}
	if err := r.ParseForm(); err != nil {
		http.Error(w, "The form could not be read.", http.StatusBadRequest)
		return
	}
	for _, name := range dealFields {
		text := strings.ReplaceAll(r.PostForm.Get(name), "\r\n", "\n")
		if !r.PostForm.Has(name) || text == before.Text[name] {
			continue
		}
		if name == "closedate" && text != "" {
			if day, err := time.ParseInLocation(time.DateOnly, text, s.zone); err == nil {
				text = formatTime(day)
			}
		}
		texts[name] = text
	}
	ch, problem := s.prepare(deal.ot, deal, jsonText(texts), nil, now)
	if problem != nil {
		for name := range before.Text {
			if r.PostForm.Has(name) {
				before.Text[name] = r.PostForm.Get(name)
			}
		}
		s.pages.Render(w, http.StatusBadRequest, "deal", kit.Page{Title: before.Name, Back: "/", Problem: firstReason(problem), Data: before})
		return
	}
	s.commit(ch, personSource(s.owners[0]), now)
	http.Redirect(w, r, "/deals/"+deal.idText()+"?done=Saved.", http.StatusSeeOther)
}

func firstReason(e *apiError) string {
	if len(e.Errors) > 0 {
		return e.Errors[0].Message
	}
	return e.Message
}

func (s *System) addDeal(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimSpace(r.PostFormValue("dealname"))
	if name == "" {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	id, err := s.As("").Create("deals", map[string]string{"dealname": name, "pipeline": "default", "dealstage": "appointmentscheduled"})
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	http.Redirect(w, r, "/deals/"+id+"?done=Created.", http.StatusSeeOther)
}

func (s *System) addNote(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.tick()
	deal := s.deal(w, r)
	if deal == nil {
		return
	}
	if body := strings.TrimSpace(r.PostFormValue("note")); body != "" {
		o := s.owners[0]
		ch, problem := s.prepare(s.typeByName("notes"), nil, jsonText(map[string]string{
			"hs_timestamp": formatTime(now), "hs_note_body": "<p>" + template.HTMLEscapeString(body) + "</p>", "hubspot_owner_id": o.ID,
		}), nil, now)
		if problem != nil {
			http.Error(w, problem.Message, http.StatusBadRequest)
			return
		}
		s.linkByPerson(s.commit(ch, personSource(o), now), deal, now)
	}
	http.Redirect(w, r, "/deals/"+deal.idText()+"?done=Note+added.", http.StatusSeeOther)
}

func (s *System) archiveDeal(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.tick()
	if deal := s.deal(w, r); deal != nil {
		s.archive(deal, personSource(s.owners[0]), now)
		http.Redirect(w, r, "/?done=Deleted.", http.StatusSeeOther)
	}
}
