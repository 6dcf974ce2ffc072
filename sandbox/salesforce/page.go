package salesforce

import (
	_ "embed"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/tenonsync/tenon/sandbox/kit"
)

//go:embed page.html
var pageContent string

const pageTitle, pageAccent = "Salesforce", "#0b5cab"

func newPages() *kit.Pages {
	return kit.NewPages(pageTitle, pageAccent, template.FuncMap{}, pageContent)
}

// isPage reports whether a request is for a person's page.
func isPage(r *http.Request) bool {
	path := r.URL.Path
	if path == "/" || path == "/services/oauth2/authorize" || strings.HasPrefix(path, "/lightning/") || strings.HasPrefix(path, "/opportunities") {
		return true
	}
	_, id := normalID(strings.TrimPrefix(path, "/"))
	return id
}

func (s *System) pageRoutes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.showDeals)
	mux.HandleFunc("POST /opportunities", s.addDeal)
	mux.HandleFunc("GET /lightning/r/{object}/{id}/view", s.showRecord)
	mux.HandleFunc("GET /lightning/r/{id}/view", s.showRecord)
	mux.HandleFunc("GET /{id}", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/lightning/r/"+url.PathEscape(r.PathValue("id"))+"/view", http.StatusFound)
	})
	mux.HandleFunc("POST /lightning/r/{object}/{id}/edit", s.editRecord)
	mux.HandleFunc("POST /lightning/r/{object}/{id}/post", s.postToFeed)
	mux.HandleFunc("POST /lightning/r/{object}/{id}/log", s.logOnPage)
	mux.HandleFunc("POST /lightning/r/{object}/{id}/delete", s.deleteOnPage)
	mux.HandleFunc("GET /services/oauth2/authorize", s.askConsent)
	mux.HandleFunc("POST /services/oauth2/authorize", s.giveConsent)
	return http.MaxBytesHandler(mux, 1<<20)
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

type stageColumn struct {
	Label string
	Deals []dealCard
}

type dealCard struct {
	ID, Name, Amount, Account, Owner, Delivery string
	Convert, Project                           string
}

func (s *System) card(r *record) dealCard {
	amount, _ := r.values["Amount"].(number)
	c := dealCard{
		ID: r.id, Name: r.text("Name"), Amount: string(amount), Delivery: r.text("Expected_Delivery__c"), Owner: s.nameOf(r.text("OwnerId")),
		Convert: webURL(r.text("Tenon_Convert__c")), Project: webURL(r.text("Project_Url__c")),
	}
	if c.Convert == "" && s.convert != "" {
		c.Convert = webURL(s.convert + "?id=" + r.id[:15])
	}
	if c.Project == "" {
		c.Project = webURL(r.text("Tenon_Project__c"))
	}
	if a := s.find(r.text("AccountId")); a != nil {
		c.Account = a.text("Name")
	}
	return c
}

func (s *System) showDeals(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.tick()
	var columns []stageColumn
	deals := s.rows(s.object("Opportunity"), false, false)
	slices.Reverse(deals)
	for _, p := range s.object("Opportunity").field("StageName").picklist {
		col := stageColumn{Label: p.Label}
		for _, deal := range deals {
			if deal.text("StageName") == p.Value {
				col.Deals = append(col.Deals, s.card(deal))
			}
		}
		columns = append(columns, col)
	}
	s.mu.Unlock()
	s.pages.Render(w, http.StatusOK, "deals", kit.Page{Title: "Opportunities", Refresh: 10, Notice: r.URL.Query().Get("done"), Data: columns})
}

type formField struct {
	Name, Label, Kind, Value string
	Required                 bool
	Choices                  []choice
}

type choice struct {
	Value, Label string
	Chosen       bool
}

type recordForm struct {
	dealCard
	Object, Path, CreatedAt, ModifiedAt string
	Fields                              []formField
	Feed                                []noted
}

// shown are the fields of an object's page; other objects show all that can be
// written.
var shown = map[string][]string{
	"Opportunity": {
		"Name", "AccountId", "StageName", "Amount", "CloseDate", "OwnerId", "Type", "NextStep", "Description", "Delivery_Status__c", "Delivery_Due__c",
		"Expected_Delivery__c", "Project_Status__c", "Project_Url__c", "Delivery_Notes__c",
	},
	"Account": {"Name", "Website", "Phone", "Industry", "BillingStreet", "BillingCity", "BillingCountry", "OwnerId", "Description"},
	"Contact": {"FirstName", "LastName", "Email", "Phone", "Title", "AccountId", "OwnerId"},
}

func (s *System) form(r *record) recordForm {
	f := recordForm{
		dealCard: s.card(r), Object: r.object.name, Path: "/lightning/r/" + r.object.name + "/" + r.id,
		CreatedAt: stamp(r.at("CreatedDate")), ModifiedAt: stamp(r.at("SystemModstamp")), Feed: s.comments(r),
	}
	f.Name = r.text(r.object.naming().name)
	slices.Reverse(f.Feed)
	names := shown[r.object.name]
	if names == nil {
		for _, field := range r.object.fields {
			if field.updateable && field.kind != "base64" {
				names = append(names, field.name)
			}
		}
	}
	for _, name := range names {
		if field := r.object.field(name); field != nil {
			f.Fields = append(f.Fields, s.formField(r, field))
		}
	}
	return f
}

func (s *System) formField(r *record, f *field) formField {
	out := formField{Name: f.name, Label: f.label, Kind: "text", Required: !f.nillable && !f.defaulted}
	switch v := r.values[f.name].(type) {
	case number:
		out.Value = string(v)
	default:
		out.Value = f.csv(v)
	}
	switch {
	case f.kind == "date":
		out.Kind = "date"
	case f.kind == "textarea":
		out.Kind = "textarea"
	case f.kind == "boolean":
		out.Kind = "select"
		out.Choices = []choice{{"true", "yes", out.Value == "true"}, {"false", "no", out.Value != "true"}}
	case f.kind == "picklist":
		out.Kind = "select"
		if f.nillable || out.Value == "" {
			out.Choices = append(out.Choices, choice{"", "–", out.Value == ""})
		}
		for _, p := range f.picklist {
			out.Choices = append(out.Choices, choice{p.Value, p.Label, p.Value == out.Value})
		}
	case f.name == "OwnerId":
		out.Kind, out.Label = "select", "Owner"
		for _, u := range s.users {
			if u.flag("IsActive") || u.id == out.Value {
				out.Choices = append(out.Choices, choice{u.id, u.text("Name"), u.id == out.Value})
			}
		}
		if !slices.ContainsFunc(out.Choices, func(c choice) bool { return c.Chosen }) {
			out.Choices = append(out.Choices, choice{out.Value, s.nameOf(out.Value), true})
		}
	}
	return out
}

// pageRecord finds the record that the path names, or answers 404.
func (s *System) pageRecord(w http.ResponseWriter, r *http.Request) *record {
	rec, err := s.lookUp(r.PathValue("id"))
	if err != nil || rec.deleted() {
		http.Error(w, "This record is not available.", http.StatusNotFound)
		return nil
	}
	return rec
}

func (s *System) showRecord(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tick()
	if rec := s.pageRecord(w, r); rec != nil {
		f := s.form(rec)
		s.pages.Render(w, http.StatusOK, "record", kit.Page{Title: f.Name, Back: "/", Notice: r.URL.Query().Get("done"), Data: f})
	}
}

func (s *System) editRecord(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.tick()
	rec := s.pageRecord(w, r)
	if rec == nil {
		return
	}
	if err := r.ParseForm(); err != nil {
		http.Error(w, "The form could not be read.", http.StatusBadRequest)
		return
	}
	before := s.form(rec)
	texts := map[string]string{}
	for _, f := range before.Fields {
		text := strings.ReplaceAll(r.PostForm.Get(f.Name), "\r\n", "\n")
		if r.PostForm.Has(f.Name) && text != f.Value {
			texts[f.Name] = text
		}
	}
	t := s.begin(s.users[0].id, browserOrigin, now, false)
	values, err := rec.object.values(texts)
	if err == nil {
		err = fault(t.update(rec, values))
	}
	if err != nil {
		t.rollback(0)
		for i, f := range before.Fields {
			if r.PostForm.Has(f.Name) {
				before.Fields[i].Value = r.PostForm.Get(f.Name)
			}
		}
		s.pages.Render(w, http.StatusBadRequest, "record", kit.Page{Title: before.Name, Back: "/", Problem: err.Error(), Data: before})
		return
	}
	t.commit()
	http.Redirect(w, r, before.Path+"/view?done=Saved.", http.StatusSeeOther)
}

func (s *System) addDeal(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimSpace(r.PostFormValue("Name"))
	if name == "" {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	id, err := s.As("").Create("Opportunity", map[string]string{"Name": name, "StageName": "Prospecting", "CloseDate": s.Now().AddDate(0, 3, 0).Format("2006-01-02")})
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	http.Redirect(w, r, "/lightning/r/Opportunity/"+id+"/view?done=Created.", http.StatusSeeOther)
}

func (s *System) postToFeed(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if body := strings.TrimSpace(r.PostFormValue("post")); body != "" {
		if _, err := s.As("").Comment(id, strings.ReplaceAll(body, "\r\n", "\n")); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
	}
	http.Redirect(w, r, "/lightning/r/"+url.PathEscape(r.PathValue("object"))+"/"+url.PathEscape(id)+"/view?done=Posted.", http.StatusSeeOther)
}

// logOnPage is what people do by "Log a Call": a completed task about the record.
func (s *System) logOnPage(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	subject, text := strings.TrimSpace(r.PostFormValue("subject")), strings.TrimSpace(r.PostFormValue("comments"))
	if subject != "" && text != "" {
		if _, err := s.As("").LogTask(id, subject, strings.ReplaceAll(text, "\r\n", "\n")); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
	}
	http.Redirect(w, r, "/lightning/r/"+url.PathEscape(r.PathValue("object"))+"/"+url.PathEscape(id)+"/view?done=Logged.", http.StatusSeeOther)
}

func (s *System) deleteOnPage(w http.ResponseWriter, r *http.Request) {
	if err := s.As("").Delete(r.PathValue("id")); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	http.Redirect(w, r, "/?done=Deleted.", http.StatusSeeOther)
}
