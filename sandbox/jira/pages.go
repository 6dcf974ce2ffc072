package jira

import (
	_ "embed"
	"errors"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/tenonsync/tenon/sandbox/jira/adf"
	"github.com/tenonsync/tenon/sandbox/kit"
)

//go:embed pages.html
var pagesHTML string

// isPage reports whether a request is for the pages that people use.
func (s *System) isPage(r *http.Request) bool {
	p := strings.TrimPrefix(r.URL.Path, s.opts.BasePath)
	return r.URL.Path == "/" || p == "" || p == "/" || strings.HasPrefix(p, "/projects/") || strings.HasPrefix(p, "/browse/")
}

type pageHandler struct {
	sys   *System
	pages *kit.Pages
}

// pages builds the site's pages: a board for each project, a page for each
// issue. They answer with and without the context path, as links may have it.
func (s *System) pages() http.Handler {
	h := &pageHandler{sys: s, pages: kit.NewPages("Jira", "#0c66e4", template.FuncMap{}, pagesHTML)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", h.board)
	mux.HandleFunc("GET /projects/{project}", h.board)
	mux.HandleFunc("POST /projects/{project}", h.create)
	mux.HandleFunc("GET /browse/{issue}", h.issue)
	mux.HandleFunc("POST /browse/{issue}", h.edit)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inner := r.Clone(r.Context())
		inner.URL.Path = orElse(strings.TrimPrefix(r.URL.Path, s.opts.BasePath), "/")
		mux.ServeHTTP(w, inner)
	})
}

type boardData struct {
	Projects []projectTab
	Project  string
	Columns  []column
	Epics    []card
	Types    []string
}

type projectTab struct {
	Key, Name string
	Current   bool
}

type column struct {
	Name  string
	Cards []card
}

type card struct {
	Key, Summary, Type, Status, Assignee, Due, Parent, ParentSummary string
	Labels                                                           []string
	Children                                                         []card
}

func (h *pageHandler) card(i *issue, deep bool) card {
	s := h.sys
	c := card{Key: i.key, Summary: i.text("summary"), Type: i.issueType.name, Status: i.status.name, Due: i.text("duedate"), Labels: i.fields["labels"].list}
	if u := s.userByID(i.text("assignee")); u != nil {
		c.Assignee = u.displayName
	}
	if parent := s.lookup(orElse(i.text("parent"), i.text(fieldEpicLink))); parent != nil {
		c.Parent, c.ParentSummary = parent.key, parent.text("summary")
	}
	if deep {
		for _, child := range s.children(i) {
			c.Children = append(c.Children, h.card(child, false))
		}
	}
	return c
}

func (h *pageHandler) board(w http.ResponseWriter, r *http.Request) { h.showBoard(w, r, "") }

func (h *pageHandler) showBoard(w http.ResponseWriter, r *http.Request, wrong string) {
	s := h.sys
	s.mu.Lock()
	p := s.projects[0]
	if key := r.PathValue("project"); key != "" {
		p = s.projectBy(key)
	}
	if p == nil {
		s.mu.Unlock()
		http.NotFound(w, r)
		return
	}
	data := boardData{Project: p.key}
	for _, each := range s.projects {
		data.Projects = append(data.Projects, projectTab{each.key, each.name, each == p})
	}
	for _, t := range p.types {
		if !t.subtask {
			data.Types = append(data.Types, t.name)
		}
	}
	columns := map[*status]*column{}
	for _, st := range p.workflow.statuses {
		columns[st] = &column{Name: st.name}
	}
	for _, id := range slices.Sorted(maps.Keys(s.issues)) {
		i := s.issues[id]
		switch {
		case i.project != p || i.archived:
		case i.issueType == typeEpic:
			data.Epics = append(data.Epics, h.card(i, true))
		case !i.issueType.subtask:
			columns[i.status].Cards = append(columns[i.status].Cards, h.card(i, false))
		}
	}
	for _, st := range p.workflow.statuses {
		data.Columns = append(data.Columns, *columns[st])
	}
	title := p.name
	s.mu.Unlock()
	page := kit.Page{Title: title, Refresh: 15, Data: data, Problem: wrong}
	code := http.StatusOK
	if wrong != "" {
		page.Refresh, code = 0, http.StatusUnprocessableEntity
	}
	h.pages.Render(w, code, "board", page)
}

// person is who acts when somebody uses the pages: the lead of the first project.
func (h *pageHandler) person() Person {
	h.sys.mu.Lock()
	defer h.sys.mu.Unlock()
	return Person{sys: h.sys, user: h.sys.projects[0].lead}
}

func (h *pageHandler) create(w http.ResponseWriter, r *http.Request) {
	fields := map[string]any{"project": r.PathValue("project"), "issuetype": r.FormValue("type"), "summary": r.FormValue("summary")}
	if !h.sys.cloud() && r.FormValue("type") == typeEpic.name {
		fields[fieldEpicName] = r.FormValue("summary")
	}
	key, err := h.person().Create(fields)
	if err != nil {
		h.showBoard(w, r, explain(err))
		return
	}
	http.Redirect(w, r, "/browse/"+url.PathEscape(key), http.StatusSeeOther)
}

// issueData is the page of an issue. The parts that start with Was are what the
// form showed when it was opened.
type issueData struct {
	Was                         card
	WasDescription, WasAssignee string
	WasLabels                   string
	Card                        card
	Description                 string
	Labels                      string
	Assignee                    string
	Users                       []userChoice
	Extra                       []extra
	Steps                       []step
	Comments                    []shownComment
	History                     []shownChange
	Properties                  []extra
	Editable                    bool
}

type userChoice struct{ Email, Name string }

type extra struct{ Name, ID, Value, Was, Input string }

type step struct {
	Status      string
	Resolutions []string
}

type shownComment struct{ Author, When, Text string }

type shownChange struct{ Author, When, Field, From, To string }

func (h *pageHandler) issue(w http.ResponseWriter, r *http.Request) { h.showIssue(w, r, "") }

func (h *pageHandler) showIssue(w http.ResponseWriter, r *http.Request, wrong string) {
	s := h.sys
	actor := h.person()
	s.mu.Lock()
	i := s.lookup(r.PathValue("issue"))
	if i == nil {
		s.mu.Unlock()
		http.NotFound(w, r)
		return
	}
	data := h.issueData(actor.user, i)
	back := "/projects/" + i.project.key
	title := i.key + " " + i.text("summary")
	s.mu.Unlock()
	page := kit.Page{Title: title, Back: back, Data: data, Problem: wrong}
	code := http.StatusOK
	switch {
	case wrong != "":
		data.keep(r)
		page.Data = data
		code = http.StatusUnprocessableEntity
	case r.URL.Query().Has("done"):
		page.Notice = "Saved."
	}
	h.pages.Render(w, code, "issue", page)
}

// keep shows what was sent, so that a refused form loses nothing.
func (d *issueData) keep(r *http.Request) {
	if r.FormValue("do") != "save" {
		return
	}
	d.Card.Summary, d.Description, d.Card.Due = r.FormValue("summary"), r.FormValue("description"), r.FormValue("duedate")
	d.Labels, d.Assignee = r.FormValue("labels"), r.FormValue("assignee")
	d.Was.Summary, d.WasDescription, d.Was.Due = r.FormValue("was-summary"), r.FormValue("was-description"), r.FormValue("was-duedate")
	d.WasLabels, d.WasAssignee = r.FormValue("was-labels"), r.FormValue("was-assignee")
	for n := range d.Extra {
		d.Extra[n].Value, d.Extra[n].Was = r.FormValue(d.Extra[n].ID), r.FormValue("was-"+d.Extra[n].ID)
	}
}

const shownTime = "2 Jan 2006 15:04"

func (h *pageHandler) issueData(actor *user, i *issue) issueData {
	s := h.sys
	data := issueData{
		Was: h.card(i, false), WasDescription: adf.Wiki(i.fields["description"].doc),
		Card: h.card(i, true), Description: adf.Wiki(i.fields["description"].doc), Labels: strings.Join(i.fields["labels"].list, " "), Editable: !i.archived,
	}
	if u := s.userByID(i.text("assignee")); u != nil {
		data.Assignee, data.WasAssignee = u.email, u.email
	}
	for _, u := range s.users {
		if u.active && u.accountType == "atlassian" {
			data.Users = append(data.Users, userChoice{u.email, u.displayName})
		}
	}
	for _, id := range []string{fieldCRMDeal, fieldBudget, fieldStartDate} {
		f := s.field(id)
		text := ""
		if val, has := i.fields[id]; has {
			_, text = f.kind.words(s, f, val)
		}
		input := "text"
		if _, date := f.kind.(dateKind); date {
			input = "date"
		}
		data.Extra = append(data.Extra, extra{Name: f.name, ID: id, Value: text, Was: text, Input: input})
	}
	data.WasLabels = data.Labels
	for _, t := range s.available(actor, i) {
		st := step{Status: t.to.name}
		if slices.ContainsFunc(t.screen, func(f screenField) bool { return f.field == "resolution" }) {
			for _, res := range resolutions {
				st.Resolutions = append(st.Resolutions, res.name)
			}
		}
		data.Steps = append(data.Steps, st)
	}
	for _, c := range i.comments {
		data.Comments = append(data.Comments, shownComment{c.author.displayName, c.created.Format(shownTime), adf.Text(c.body)})
	}
	for n := len(i.history) - 1; n >= 0 && len(data.History) < 12; n-- {
		for _, it := range i.history[n].items {
			data.History = append(data.History, shownChange{nameOf(i.history[n].author), i.history[n].created.Format(shownTime), it.field, show(it.fromString), show(it.toString)})
		}
	}
	for _, key := range slices.Sorted(maps.Keys(i.properties)) {
		data.Properties = append(data.Properties, extra{Name: key, Value: string(i.properties[key])})
	}
	return data
}

func nameOf(u *user) string {
	if u == nil {
		return "Jira"
	}
	return u.displayName
}

func show(s *string) string {
	if s == nil {
		return "–"
	}
	return *s
}

func (h *pageHandler) edit(w http.ResponseWriter, r *http.Request) {
	key := r.PathValue("issue")
	if err := h.act(h.person(), key, r); err != nil {
		h.showIssue(w, r, explain(err))
		return
	}
	if r.FormValue("do") == "delete" {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	http.Redirect(w, r, "/browse/"+url.PathEscape(key)+"?done", http.StatusSeeOther)
}

func (h *pageHandler) act(p Person, key string, r *http.Request) error {
	switch r.FormValue("do") {
	case "comment":
		_, err := p.Comment(key, r.FormValue("text"))
		return err
	case "move":
		fields := map[string]any{}
		if res := r.FormValue("resolution"); res != "" {
			fields["resolution"] = res
		}
		return p.Transition(key, r.FormValue("status"), fields)
	case "delete":
		return p.Delete(key)
	case "archive":
		return p.Archive(key, true)
	case "restore":
		return p.Archive(key, false)
	}
	fields, err := formFields(r)
	if err != nil {
		return err
	}
	return p.Edit(key, fields)
}

// explain gives an error in words for a person.
func explain(err error) string {
	e, isAPI := errors.AsType[*apiError](err)
	if !isAPI {
		return err.Error()
	}
	parts := slices.Clone(e.messages)
	for _, id := range slices.Sorted(maps.Keys(e.errors)) {
		parts = append(parts, e.errors[id])
	}
	return strings.Join(parts, " ")
}

// formFields reads the fields of the edit form that were changed: the form also
// carries what it showed, so that it does not undo what others wrote since.
// Empty inputs clear their fields.
func formFields(r *http.Request) (map[string]any, error) {
	fields := map[string]any{}
	for _, id := range []string{"summary", "description", "duedate", "labels", "assignee", fieldCRMDeal, fieldBudget, fieldStartDate} {
		text := strings.ReplaceAll(r.FormValue(id), "\r\n", "\n")
		if text == strings.ReplaceAll(r.FormValue("was-"+id), "\r\n", "\n") {
			continue
		}
		switch {
		case id == "labels":
			fields[id] = strings.Fields(text)
		case text == "":
			fields[id] = nil
		case id == fieldBudget:
			n, err := strconv.ParseFloat(text, 64)
			if err != nil {
				return nil, says("Budget: %q is not a number.", text)
			}
			fields[id] = n
		default:
			fields[id] = text
		}
	}
	return fields, nil
}
