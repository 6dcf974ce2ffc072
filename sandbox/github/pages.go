package github

import (
	_ "embed"
	"errors"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/tenonsync/tenon/sandbox/kit"
)

//go:embed pages.html
var pagesHTML string

const accent = "#1f6f3d"

// apiRoots are the first segments of the API's paths; no owner has such a name
// here.
var apiRoots = []string{
	"", "api", "app", "graphql", "installation", "issues", "meta", "orgs", "rate_limit", "repos", "repositories", "search", "user", "users", "zen", "_sandbox",
}

// isPage reports whether a request is for the pages that people use.
func (s *System) isPage(r *http.Request) bool {
	if r.URL.Path == "/" {
		return s.opts.Enterprise || strings.Contains(r.Header.Get("Accept"), "text/html")
	}
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	return len(parts) >= 2 && !slices.Contains(apiRoots, parts[0])
}

type pageHandler struct {
	sys   *System
	pages *kit.Pages
}

// pages builds a list of issues for each repository and a page for each issue.
func (s *System) pages() http.Handler {
	h := &pageHandler{sys: s, pages: kit.NewPages("GitHub", accent, template.FuncMap{}, pagesHTML)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { h.showList(w, r, DefaultRepository, "") })
	mux.HandleFunc("GET /{owner}/{repo}", h.list)
	mux.HandleFunc("GET /{owner}/{repo}/issues", h.list)
	mux.HandleFunc("POST /{owner}/{repo}/issues", h.create)
	mux.HandleFunc("GET /{owner}/{repo}/issues/{number}", func(w http.ResponseWriter, r *http.Request) { h.show(w, r, "") })
	mux.HandleFunc("POST /{owner}/{repo}/issues/{number}", h.edit)
	return mux
}

type listData struct {
	Repositories []repoTab
	Repository   string
	Issues       []row
	Labels       []string
}

type repoTab struct {
	Name    string
	Current bool
}

type row struct {
	Number                        int
	Title, State, Author, Updated string
	Labels, Assignees             []string
	Milestone, Parent             string
	Comments                      int
	Pull                          bool
}

func rowOf(i *issue) row {
	out := row{
		Number: i.number, Title: i.title, State: i.state, Author: i.user.login, Updated: i.updated.Format(shownTime), Comments: len(i.comments), Pull: i.pull,
	}
	if i.state == "closed" {
		out.State = "closed as " + strings.ReplaceAll(i.reason, "_", " ")
	}
	for _, l := range i.labels {
		out.Labels = append(out.Labels, l.name)
	}
	for _, u := range i.assignees {
		out.Assignees = append(out.Assignees, u.login)
	}
	if i.milestone != nil {
		out.Milestone = i.milestone.title
	}
	if i.parent != nil {
		out.Parent = i.parent.title
	}
	return out
}

const shownTime = "2 Jan 2006 15:04"

func repoOf(r *http.Request) string { return r.PathValue("owner") + "/" + r.PathValue("repo") }

func (h *pageHandler) list(w http.ResponseWriter, r *http.Request) { h.showList(w, r, repoOf(r), "") }

func (h *pageHandler) showList(w http.ResponseWriter, r *http.Request, name, wrong string) {
	s := h.sys
	s.mu.Lock()
	at, _ := s.repoByName(name)
	if at == nil {
		s.mu.Unlock()
		http.NotFound(w, r)
		return
	}
	data := listData{Repository: at.fullName()}
	for _, each := range s.repos {
		data.Repositories = append(data.Repositories, repoTab{each.fullName(), each == at})
	}
	for _, n := range slices.Backward(at.numbers()) {
		data.Issues = append(data.Issues, rowOf(at.issues[n]))
	}
	s.mu.Unlock()
	page := kit.Page{Title: name, Refresh: 15, Data: data, Problem: wrong}
	code := http.StatusOK
	if wrong != "" {
		page.Refresh, code = 0, http.StatusUnprocessableEntity
	}
	h.pages.Render(w, code, "list", page)
}

func (h *pageHandler) create(w http.ResponseWriter, r *http.Request) {
	n, err := h.sys.As(seedAdmin).Create(repoOf(r), map[string]any{"title": r.FormValue("title"), "body": r.FormValue("body")})
	if err != nil {
		h.showList(w, r, repoOf(r), explain(err))
		return
	}
	http.Redirect(w, r, "/"+repoOf(r)+"/issues/"+strconv.Itoa(n), http.StatusSeeOther)
}

type issueData struct {
	Repository string
	Row        row
	Body       string
	Labels     string
	Assignees  string
	Milestone  int
	Milestones []milestoneChoice
	Comments   []shownComment
	Children   []row
	History    []string
	Others     []string
}

type milestoneChoice struct {
	Number int
	Title  string
}

type shownComment struct{ Author, When, Text string }

func (h *pageHandler) show(w http.ResponseWriter, r *http.Request, wrong string) {
	s := h.sys
	n, _ := strconv.Atoi(r.PathValue("number"))
	s.mu.Lock()
	at, _ := s.repoByName(repoOf(r))
	if at == nil || at.issues[n] == nil {
		moved := (*issue)(nil)
		if at != nil {
			moved = at.graves[n].movedTo
		}
		s.mu.Unlock()
		if moved != nil {
			http.Redirect(w, r, "/"+moved.repo.fullName()+"/issues/"+strconv.Itoa(moved.number), http.StatusFound)
			return
		}
		http.NotFound(w, r)
		return
	}
	data := s.issueData(at, at.issues[n])
	s.mu.Unlock()
	if wrong != "" { // what was typed stays
		data.Row.Title, data.Body, data.Labels, data.Assignees = r.FormValue("title"), r.FormValue("body"), r.FormValue("labels"), r.FormValue("assignees")
	}
	page := kit.Page{Title: data.Row.Title, Back: "/" + data.Repository, Data: data, Problem: wrong}
	code := http.StatusOK
	if wrong != "" {
		code = http.StatusUnprocessableEntity
	}
	if r.URL.Query().Has("done") {
		page.Notice = "Saved."
	}
	h.pages.Render(w, code, "issue", page)
}

func (s *System) issueData(r *repo, i *issue) issueData {
	data := issueData{Repository: r.fullName(), Row: rowOf(i), Body: textOf(i.body)}
	data.Labels, data.Assignees = strings.Join(data.Row.Labels, ", "), strings.Join(data.Row.Assignees, ", ")
	if i.milestone != nil {
		data.Milestone = i.milestone.number
	}
	for _, m := range r.milestones {
		data.Milestones = append(data.Milestones, milestoneChoice{m.number, m.title})
	}
	for _, cm := range i.comments {
		data.Comments = append(data.Comments, shownComment{cm.user.login, cm.created.Format(shownTime), cm.body})
	}
	for _, sub := range i.subs {
		data.Children = append(data.Children, rowOf(sub))
	}
	for _, e := range slices.Backward(i.events) {
		words := e.at.Format(shownTime) + " " + e.actor.login + " " + strings.ReplaceAll(e.kind, "_", " ")
		switch {
		case e.label != nil:
			words += " " + e.label.name
		case e.assignee != nil:
			words += " " + e.assignee.login
		case e.to != "":
			words += " from " + e.from + " to " + e.to
		case e.milestone != "":
			words += " " + e.milestone
		}
		data.History = append(data.History, words)
	}
	for _, other := range s.repos {
		if other != r {
			data.Others = append(data.Others, other.fullName())
		}
	}
	return data
}

func (h *pageHandler) edit(w http.ResponseWriter, r *http.Request) {
	n, _ := strconv.Atoi(r.PathValue("number"))
	to, err := h.act(h.sys.As(seedAdmin), repoOf(r), n, r)
	if err != nil {
		h.show(w, r, explain(err))
		return
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// act does what a form asks for and returns the page to go on with.
func (h *pageHandler) act(p Person, name string, n int, r *http.Request) (string, error) {
	here := "/" + name + "/issues/" + strconv.Itoa(n) + "?done"
	switch r.FormValue("do") {
	case "comment":
		_, err := p.Comment(name, n, r.FormValue("text"))
		return here, err
	case "close":
		return here, p.Close(name, n, r.FormValue("reason"))
	case "reopen":
		return here, p.Edit(name, n, map[string]any{"state": "open"})
	case "delete":
		return "/" + name, p.Delete(name, n)
	case "transfer":
		to := r.FormValue("to")
		there, err := p.Transfer(name, n, to)
		return "/" + to + "/issues/" + strconv.Itoa(there), err
	}
	fields := map[string]any{
		"title": r.FormValue("title"), "body": r.FormValue("body"), "labels": listOf(r.FormValue("labels")), "assignees": listOf(r.FormValue("assignees")),
		"milestone": nil,
	}
	if m, err := strconv.Atoi(r.FormValue("milestone")); err == nil && m > 0 {
		fields["milestone"] = m
	}
	return here, p.Edit(name, n, fields)
}

// listOf reads names with commas between them.
func listOf(text string) []string {
	out := []string{}
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

// explain gives an error in words for a person.
func explain(err error) string {
	e, ok := errors.AsType[*apiError](err)
	if !ok || len(e.errors) == 0 {
		return err.Error()
	}
	one, _ := e.errors[0].(object)
	if m, ok := one["message"].(string); ok {
		return m
	}
	field, _ := one["field"].(string)
	return "The " + field + " cannot be like that."
}
