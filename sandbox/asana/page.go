package asana

import (
	_ "embed"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tenonsync/tenon/sandbox/kit"
)

//go:embed page.html
var pageContent string

const pageTitle, pageAccent = "Asana", "#b3364f"

func newPages() *kit.Pages {
	return kit.NewPages(pageTitle, pageAccent, template.FuncMap{}, pageContent)
}

// isPage reports whether a request is for a person's page.
func isPage(r *http.Request) bool {
	p := r.URL.Path
	return p == "/" || p == "/-/oauth_authorize" || strings.HasPrefix(p, "/0/")
}

func (s *System) pageRoutes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.showProjects)
	mux.HandleFunc("GET /0/{project}/list", s.showBoard)
	mux.HandleFunc("GET /0/{project}/{task}", s.showTask)
	mux.HandleFunc("POST /0/{project}/tasks", s.addTaskPage)
	mux.HandleFunc("POST /0/{project}/{task}", s.editTaskPage)
	mux.HandleFunc("POST /0/{project}/{task}/comments", s.commentPage)
	mux.HandleFunc("POST /0/{project}/{task}/delete", s.deletePage)
	mux.HandleFunc("GET /-/oauth_authorize", s.askConsent)
	mux.HandleFunc("POST /-/oauth_authorize", s.giveConsent)
	return http.MaxBytesHandler(mux, 1<<20)
}

type projectCard struct {
	GID, Name, Team string
	Tasks           int
}

func (s *System) showProjects(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	s.tick(s.now())
	var cards []projectCard
	for _, p := range s.projects {
		if !p.trashed {
			c := projectCard{GID: p.gid, Name: p.name, Tasks: len(p.tasks())}
			if p.team != nil {
				c.Team = p.team.name
			}
			cards = append(cards, c)
		}
	}
	s.mu.Unlock()
	s.pages.Render(w, http.StatusOK, "projects", kit.Page{Title: DefaultWorkspace, Refresh: 10, Data: cards})
}

type taskCard struct {
	GID, Name, Assignee, Due string
	Done                     bool
	Tags                     []string
	Subtasks                 int
}

type boardColumn struct {
	GID, Name string
	Tasks     []taskCard
}

type board struct {
	GID     string
	Columns []boardColumn
}

func cardOf(t *task) taskCard {
	c := taskCard{GID: t.gid, Name: t.name, Due: t.dueOn, Done: t.completed, Subtasks: len(t.subtasks)}
	if t.assignee != nil {
		c.Assignee = t.assignee.name
	}
	for _, tg := range t.tags {
		c.Tags = append(c.Tags, tg.name)
	}
	return c
}

func (s *System) showBoard(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.tick(s.now())
	p := s.projectByName(r.PathValue("project"))
	if p == nil {
		s.mu.Unlock()
		http.NotFound(w, r)
		return
	}
	b := board{GID: p.gid}
	for _, sec := range p.sections {
		col := boardColumn{GID: sec.gid, Name: sec.name}
		for _, t := range sec.tasks {
			col.Tasks = append(col.Tasks, cardOf(t))
		}
		b.Columns = append(b.Columns, col)
	}
	title := p.name
	s.mu.Unlock()
	s.pages.Render(w, http.StatusOK, "board", kit.Page{Title: title, Back: "/", Refresh: 10, Notice: r.URL.Query().Get("done"), Data: b})
}

type choice struct {
	Value, Label string
	Chosen       bool
}

type fieldForm struct {
	Name, Kind, Value string
	Options           []choice
	ReadOnly          bool
}

type taskForm struct {
	taskCard
	Place                string // the project's gid, "0" without one
	Notes, StartOn       string
	Sections, People     []choice
	Fields               []fieldForm
	Comments             []commentView
	Subs                 []taskCard
	Files                []string
	CreatedAt, ChangedAt string
}

type commentView struct{ Author, At, Text string }

func (s *System) form(t *task) taskForm {
	f := taskForm{
		taskCard: cardOf(t), Place: "0", Notes: plainText(t.html), StartOn: t.startOn,
		CreatedAt: t.created.Format(time.DateTime), ChangedAt: t.modified.Format(time.DateTime),
	}
	if len(t.memberships) > 0 {
		m := t.memberships[0]
		f.Place = m.project.gid
		for _, sec := range m.project.sections {
			f.Sections = append(f.Sections, choice{sec.gid, sec.name, sec == m.section})
		}
		for _, st := range m.project.settings {
			f.Fields = append(f.Fields, s.fieldForm(t, st.of))
		}
	}
	f.People = append(f.People, choice{"", "nobody", t.assignee == nil})
	for _, u := range s.users {
		f.People = append(f.People, choice{u.email, u.name, u == t.assignee})
	}
	for _, st := range t.stories {
		if st.isComment() {
			c := commentView{At: st.created.Format(time.DateTime), Text: plainText(st.html), Author: "Asana"}
			if st.by != nil {
				c.Author = st.by.name
			}
			f.Comments = append(f.Comments, c)
		}
	}
	for _, sub := range t.subtasks {
		f.Subs = append(f.Subs, cardOf(sub))
	}
	for _, a := range t.attachments {
		f.Files = append(f.Files, a.name)
	}
	return f
}

func (s *System) fieldForm(t *task, cf *customField) fieldForm {
	v := s.valueOf(t, cf)
	f := fieldForm{Name: cf.name, Kind: cf.subtype, Value: s.display(cf, v), ReadOnly: cf.readOnly() || cf.subtype == "reference" || cf.subtype == "people" || cf.subtype == "multi_enum"}
	if cf.subtype == "number" && !f.ReadOnly {
		f.Value = s.exact(v)
	}
	if cf.subtype == "enum" {
		f.Options = append(f.Options, choice{"", "", v.option == nil})
		for _, o := range cf.options {
			f.Options = append(f.Options, choice{o.gid, o.name, o == v.option})
		}
	}
	return f
}

func (s *System) showTask(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.tick(s.now())
	t := s.tasks[r.PathValue("task")]
	if t == nil || t.trashed {
		s.mu.Unlock()
		http.NotFound(w, r)
		return
	}
	f := s.form(t)
	s.mu.Unlock()
	back := "/"
	if f.Place != "0" {
		back = "/0/" + f.Place + "/list"
	}
	s.pages.Render(w, http.StatusOK, "task", kit.Page{Title: f.Name, Back: back, Notice: r.URL.Query().Get("done"), Problem: r.URL.Query().Get("problem"), Data: f})
}

// pageUser is who edits on the pages.
const pageUser = "ada.okafor@harbourworks.example"

func (s *System) addTaskPage(w http.ResponseWriter, r *http.Request) {
	if _, err := s.As(pageUser).Create(r.PathValue("project"), r.PostFormValue("section"), map[string]any{"name": r.PostFormValue("name")}); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	http.Redirect(w, r, "/0/"+url.PathEscape(r.PathValue("project"))+"/list?done=Task+created", http.StatusSeeOther)
}

func (s *System) editTaskPage(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	fields := map[string]any{"completed": r.PostForm.Get("completed") == "on"}
	for _, name := range []string{"name", "assignee", "due_on", "start_on", "section"} {
		if r.PostForm.Has(name) {
			fields[name] = orNull(r.PostForm.Get(name))
		}
	}
	gid := r.PathValue("task")
	s.mu.Lock()
	if t := s.tasks[gid]; t != nil {
		if notes := strings.ReplaceAll(r.PostForm.Get("notes"), "\r\n", "\n"); r.PostForm.Has("notes") && notes != plainText(t.html) {
			fields["notes"] = notes
		}
	}
	for name := range r.PostForm {
		if field, ok := strings.CutPrefix(name, "field:"); ok && s.fieldByName(field) != nil {
			fields[field] = orNull(r.PostForm.Get(name))
		}
	}
	s.mu.Unlock()
	if fields["section"] == nil {
		delete(fields, "section")
	}
	s.after(w, r, s.As(pageUser).Edit(gid, fields), "Saved")
}

func (s *System) after(w http.ResponseWriter, r *http.Request, err error, done string) {
	to := fmt.Sprintf("/0/%s/%s?", url.PathEscape(r.PathValue("project")), url.PathEscape(r.PathValue("task")))
	if err != nil {
		to += "problem=" + url.QueryEscape(err.Error())
	} else {
		to += "done=" + url.QueryEscape(done)
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

func (s *System) commentPage(w http.ResponseWriter, r *http.Request) {
	_, err := s.As(pageUser).Comment(r.PathValue("task"), r.PostFormValue("text"))
	s.after(w, r, err, "Comment added")
}

func (s *System) deletePage(w http.ResponseWriter, r *http.Request) {
	if err := s.As(pageUser).Delete(r.PathValue("task")); err != nil {
		s.after(w, r, err, "")
		return
	}
	http.Redirect(w, r, "/0/"+url.PathEscape(r.PathValue("project"))+"/list?done=Task+deleted", http.StatusSeeOther)
}

// consent is the data of the authorisation page.
type consent struct {
	ClientID, State, Redirect, Challenge, Scope string
	Users                                       []choice
}

func (s *System) askConsent(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	data := consent{
		ClientID: q.Get("client_id"), State: q.Get("state"), Redirect: q.Get("redirect_uri"), Challenge: q.Get("code_challenge"), Scope: q.Get("scope"),
	}
	s.mu.Lock()
	for _, u := range s.users {
		data.Users = append(data.Users, choice{u.email, u.name, u.email == DefaultUser})
	}
	s.mu.Unlock()
	page := kit.Page{Title: "Connect an app"}
	switch {
	case data.ClientID != s.opts.ClientID:
		page.Problem = "invalid_request: The client_id is not known."
	case !soundRedirect(data.Redirect):
		page.Problem = "invalid_request: The redirect_uri parameter does not match a valid url for the application."
	case data.State == "":
		page.Problem = "invalid_request: The state is missing."
	case q.Get("response_type") != "code":
		page.Problem = "unsupported_response_type"
	}
	status := http.StatusOK
	if page.Problem != "" {
		data, status = consent{}, http.StatusBadRequest
	} else if u, err := url.Parse(data.Redirect); err == nil {
		page.FormTo = u.Scheme + "://" + u.Host
	}
	page.Data = data
	s.pages.Render(w, status, "consent", page)
}

func soundRedirect(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return false
	}
	host := u.Hostname()
	return u.Scheme == "https" || u.Scheme == "http" && (host == "localhost" || host == "127.0.0.1" || host == "::1")
}

func (s *System) giveConsent(w http.ResponseWriter, r *http.Request) {
	back, err := url.Parse(r.PostFormValue("redirect_uri"))
	if err != nil || !soundRedirect(back.String()) || r.PostFormValue("client_id") != s.opts.ClientID {
		http.Error(w, "unknown app or redirect URL", http.StatusBadRequest)
		return
	}
	q := back.Query()
	q.Set("state", r.PostFormValue("state"))
	if r.PostFormValue("answer") != "connect" {
		q.Set("error", "access_denied")
	} else {
		s.mu.Lock()
		q.Set("code", s.authorize(r.PostFormValue("redirect_uri"), r.PostFormValue("code_challenge"), r.PostFormValue("user"), strings.Fields(r.PostFormValue("scope"))))
		s.mu.Unlock()
	}
	back.RawQuery = q.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound)
}
