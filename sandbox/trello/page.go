package trello

import (
	_ "embed"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tenonsync/tenon/sandbox/kit"
)

const (
	pageTitle  = "Trello"
	pageAccent = "#0c66e4"
)

//go:embed page.html
var pageHTML string

func newPages() *kit.Pages {
	return kit.NewPages(pageTitle, pageAccent, template.FuncMap{}, pageHTML)
}

// isPage reports whether a request is for the pages that people use.
func isPage(r *http.Request) bool {
	p := r.URL.Path
	return p == "/" || strings.HasPrefix(p, "/b/") || strings.HasPrefix(p, "/c/") || p == "/1/authorize"
}

func (s *System) pageRoutes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.boardsPage)
	for _, path := range []string{"/b/{link}", "/b/{link}/{name...}"} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) { s.boardPage(w, r, "") })
		mux.HandleFunc("POST "+path, s.addFromPage)
	}
	for _, path := range []string{"/c/{link}", "/c/{link}/{name...}"} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) { s.cardPage(w, r, "") })
		mux.HandleFunc("POST "+path, s.editFromPage)
	}
	mux.HandleFunc("GET /1/authorize", s.authorizePage)
	mux.HandleFunc("POST /1/authorize", s.authorizePage)
	return mux
}

type shownBoard struct {
	Name, Link   string
	Cards, Lists int
}

func (s *System) boardsPage(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	data := struct {
		Boards             []shownBoard
		Key, Token, Secret string
	}{Key: s.opts.Key, Token: s.opts.Token, Secret: s.opts.Secret}
	for _, b := range s.boards {
		if b.closed {
			continue
		}
		n := len(s.cardsWhere(func(cd *card) bool { return cd.board() == b && !cd.closed }))
		data.Boards = append(data.Boards, shownBoard{b.name, b.shortLink, n, len(s.listsOf(b))})
	}
	s.mu.Unlock()
	s.pages.Render(w, http.StatusOK, "boards", kit.Page{Title: "Boards of Harbour Works", Refresh: 15, Data: data})
}

type shownCard struct {
	Name, Link, Due, Members, Progress string
	Labels                             []string
}

type shownList struct {
	ID, Name string
	Cards    []shownCard
}

const shownTime = "2 Jan 2006 15:04"

func labelName(l *label) string {
	if l.name == "" {
		return l.color
	}
	return l.name
}

func (s *System) shown(cd *card) shownCard {
	out := shownCard{Name: cd.name, Link: cd.shortLink}
	if !cd.due.IsZero() {
		if out.Due = cd.due.Format("2 Jan"); cd.dueComplete {
			out.Due += " ✓"
		}
	}
	for _, id := range cd.labels {
		if l := cd.board().label(id); l != nil {
			out.Labels = append(out.Labels, labelName(l))
		}
	}
	var people []string
	for _, id := range cd.members {
		people = append(people, s.memberBy(id).fullName)
	}
	out.Members = strings.Join(people, ", ")
	done, all := 0, 0
	for _, k := range cd.checklists {
		for _, it := range k.items {
			if all++; it.complete {
				done++
			}
		}
	}
	if all > 0 {
		out.Progress = "☑ " + strconv.Itoa(done) + "/" + strconv.Itoa(all)
	}
	return out
}

func (s *System) boardPage(w http.ResponseWriter, r *http.Request, wrong string) {
	s.mu.Lock()
	b := s.boardBy(r.PathValue("link"))
	if b == nil {
		s.mu.Unlock()
		http.NotFound(w, r)
		return
	}
	var data struct {
		Lists    []shownList
		Archived []shownCard
	}
	for _, l := range s.listsOf(b) {
		col := shownList{ID: l.id, Name: l.name}
		for _, cd := range s.cardsWhere(func(cd *card) bool { return cd.list == l }) {
			if cd.closed || l.closed {
				data.Archived = append(data.Archived, s.shown(cd))
			} else {
				col.Cards = append(col.Cards, s.shown(cd))
			}
		}
		if !l.closed {
			data.Lists = append(data.Lists, col)
		}
	}
	name := b.name
	s.mu.Unlock()
	page := kit.Page{Title: name, Back: "/", Refresh: 15, Data: data, Problem: wrong}
	status := http.StatusOK
	if wrong != "" {
		page.Refresh, status = 0, http.StatusUnprocessableEntity
	}
	s.pages.Render(w, status, "board", page)
}

func (s *System) addFromPage(w http.ResponseWriter, r *http.Request) {
	answer, err := s.As(Ada).do("POST", "cards", map[string]any{"idList": r.FormValue("list"), "name": r.FormValue("name")})
	if err != nil {
		s.boardPage(w, r, err.Error())
		return
	}
	http.Redirect(w, r, "/c/"+url.PathEscape(idOf(answer)), http.StatusSeeOther)
}

type choice struct {
	ID, Name string
	Chosen   bool
}

type shownField struct {
	ID, Name, Kind, Value string
	Options               []choice
}

type shownChecklist struct {
	Name  string
	Items []choice
}

type cardData struct {
	Card                  shownCard
	Desc, Start, Due      string
	Complete, Closed      bool
	Lists, Labels, People []choice
	Fields                []shownField
	Checklists            []shownChecklist
	Attachments           []struct{ URL, Name string }
	Comments              []struct{ Who, When, Text string }
}

const inputTime = "2006-01-02T15:04"

func inputOf(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(inputTime)
}

func (s *System) cardData(cd *card) cardData {
	b := cd.board()
	data := cardData{
		Card: s.shown(cd), Desc: cd.desc, Start: inputOf(cd.start), Due: inputOf(cd.due), Complete: cd.dueComplete, Closed: cd.closed,
	}
	for _, l := range s.listsOf(b) {
		if !l.closed || l == cd.list {
			data.Lists = append(data.Lists, choice{l.id, l.name, l == cd.list})
		}
	}
	for _, l := range b.labels {
		data.Labels = append(data.Labels, choice{l.id, labelName(l), contains(cd.labels, l.id)})
	}
	for _, m := range b.members {
		data.People = append(data.People, choice{m.id, m.fullName, contains(cd.members, m.id)})
	}
	for _, f := range b.fields {
		if b.noCustomFields {
			break
		}
		shown := shownField{ID: f.id, Name: f.name, Kind: f.kind}
		it := cd.item(f.id)
		if it != nil {
			shown.Value = it.text
		}
		for _, o := range f.options {
			shown.Options = append(shown.Options, choice{o.id, o.text, it != nil && it.option == o.id})
		}
		data.Fields = append(data.Fields, shown)
	}
	for _, k := range cd.checklists {
		list := shownChecklist{Name: k.name}
		for _, it := range k.items {
			list.Items = append(list.Items, choice{it.id, it.name, it.complete})
		}
		data.Checklists = append(data.Checklists, list)
	}
	for _, a := range cd.attachments {
		data.Attachments = append(data.Attachments, struct{ URL, Name string }{s.attachmentURL(cd, a), a.name})
	}
	for _, a := range s.logOf(cd) {
		if a.kind == "commentCard" && !a.deletedText {
			words, _ := a.data["text"].(string)
			data.Comments = append(data.Comments, struct{ Who, When, Text string }{a.by.fullName, a.at.Format(shownTime), words})
		}
	}
	return data
}

func (s *System) cardPage(w http.ResponseWriter, r *http.Request, wrong string) {
	s.mu.Lock()
	cd := s.cardBy(r.PathValue("link"))
	if cd == nil {
		s.mu.Unlock()
		http.NotFound(w, r)
		return
	}
	data, name, back := s.cardData(cd), cd.name, "/b/"+cd.board().shortLink
	s.mu.Unlock()
	page := kit.Page{Title: name, Back: back, Data: data, Problem: wrong}
	status := http.StatusOK
	switch {
	case wrong != "":
		status = http.StatusUnprocessableEntity
	case r.URL.Query().Has("done"):
		page.Notice = "Saved."
	}
	s.pages.Render(w, status, "card", page)
}

func (s *System) editFromPage(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("link")
	s.mu.Lock()
	cd := s.cardBy(id)
	back := "/"
	if cd != nil {
		id, back = cd.id, "/b/"+cd.board().shortLink
	}
	s.mu.Unlock()
	if cd == nil {
		http.NotFound(w, r)
		return
	}
	if err := s.actFromPage(s.As(Ada), id, r); err != nil {
		s.cardPage(w, r, err.Error())
		return
	}
	if r.FormValue("do") != "delete" {
		back = "/c/" + url.PathEscape(r.PathValue("link")) + "?done"
	}
	http.Redirect(w, r, back, http.StatusSeeOther)
}

func (s *System) actFromPage(p Person, id string, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return err
	}
	switch r.FormValue("do") {
	case "archive":
		return p.Archive(id)
	case "restore":
		return p.Edit(id, map[string]any{"closed": false})
	case "delete":
		return p.Delete(id)
	case "comment":
		_, err := p.Comment(id, r.FormValue("text"))
		return err
	case "tick":
		return p.MoveItem(id, r.FormValue("item"), r.FormValue("state"))
	}
	return s.saveFromPage(p, id, r)
}

// saveFromPage writes what the form holds; fields that stay as they are write
// nothing.
func (s *System) saveFromPage(p Person, id string, r *http.Request) error {
	fields := map[string]any{"dueComplete": r.FormValue("dueComplete") == "true"}
	for _, name := range []string{"name", "desc", "idList"} {
		fields[name] = r.FormValue(name)
	}
	s.mu.Lock()
	data := s.cardData(s.cardBy(id))
	s.mu.Unlock()
	for name, was := range map[string]string{"start": data.Start, "due": data.Due} {
		v := r.FormValue(name)
		if at, err := time.Parse(inputTime, v); err == nil && v != was {
			fields[name] = at.Format(time.RFC3339)
		} else if v == "" {
			fields[name] = nil
		}
	}
	for _, name := range []string{"idLabels", "idMembers"} {
		list := []any{}
		for _, v := range r.Form[name] {
			list = append(list, v)
		}
		fields[name] = list
	}
	if err := p.Edit(id, fields); err != nil {
		return err
	}
	for _, f := range data.Fields {
		v, i := r.FormValue("field-"+f.ID), slices.IndexFunc(f.Options, func(c choice) bool { return c.Chosen })
		body := map[string]any{"value": ""}
		switch {
		case f.Kind == "list":
			if i >= 0 && f.Options[i].ID == v || i < 0 && v == "" {
				continue
			}
			body = map[string]any{"idValue": v}
		case v == f.Value:
			continue
		case v != "":
			key := f.Kind
			if key == "checkbox" {
				key = "checked"
			}
			body = map[string]any{"value": map[string]any{key: v}}
		}
		if err := p.SetField(id, f.ID, body); err != nil {
			return err
		}
	}
	return nil
}

var lifetimes = map[string]time.Duration{"1hour": time.Hour, "1day": 24 * time.Hour, "30days": 30 * 24 * time.Hour, "never": 0}

// authorizePage lets a person grant a token, /1/authorize.
func (s *System) authorizePage(w http.ResponseWriter, r *http.Request) {
	type consent struct{ Key, Name, Scope, Raw, Until, Expiration, Return, Token string }
	scope := r.FormValue("scope")
	if scope == "" {
		scope = "read"
	}
	expiration := r.FormValue("expiration")
	if expiration == "" {
		expiration = "30days"
	}
	life, known := lifetimes[expiration]
	back := r.FormValue("return_url")
	target, err := url.Parse(back)
	switch {
	case r.FormValue("key") != s.opts.Key:
		http.Error(w, "invalid key", http.StatusBadRequest)
		return
	case !known:
		http.Error(w, "invalid expiration", http.StatusBadRequest)
		return
	case err != nil || back != "" && target.Scheme != "http" && target.Scheme != "https":
		http.Error(w, "Invalid return_url", http.StatusBadRequest)
		return
	}
	scopes := strings.Split(scope, ",")
	data := consent{
		Key: s.opts.Key, Name: r.FormValue("name"), Raw: scope, Expiration: expiration, Return: back,
		Scope: "read your boards", Until: "until you take it back",
	}
	if slices.Contains(scopes, "write") {
		data.Scope = "read and change your boards"
	}
	if life > 0 {
		data.Until = "for " + life.String()
	}
	if r.Method == http.MethodPost {
		s.mu.Lock()
		data.Token = "ATTA" + hex(s.rand.Uint64(), 16) + hex(s.rand.Uint64(), 16) + hex(s.rand.Uint64(), 16) + hex(s.rand.Uint64(), 16)
		s.grant(data.Token, s.members[0], data.Name, slices.Contains(scopes, "write"), slices.Contains(scopes, "account"), life)
		s.mu.Unlock()
		if back != "" {
			target.Fragment = "token=" + data.Token
			http.Redirect(w, r, target.String(), http.StatusSeeOther)
			return
		}
	}
	formTo := ""
	if back != "" {
		formTo = target.Scheme + "://" + target.Host
	}
	s.pages.Render(w, http.StatusOK, "authorize", kit.Page{Title: "Grant access to your account?", FormTo: formTo, Data: data})
}
