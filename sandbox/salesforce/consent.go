package salesforce

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/tenonsync/tenon/sandbox/kit"
)

type consent struct {
	ClientID, Redirect, State, Challenge string
	Scopes                               []string
	Users                                []choice
}

// readConsent reads what an app asks for; the text is what is wrong with it.
func (s *System) readConsent(q url.Values) (consent, string) {
	c := consent{ClientID: q.Get("client_id"), Redirect: q.Get("redirect_uri"), State: q.Get("state"), Challenge: q.Get("code_challenge")}
	c.Scopes = strings.Fields(q.Get("scope"))
	if len(c.Scopes) == 0 {
		c.Scopes = []string{"api", "refresh_token"}
	}
	u, err := url.Parse(c.Redirect)
	switch {
	case c.ClientID != s.opts.ClientID:
		return c, "error=invalid_client_id: client identifier invalid"
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || len(s.opts.Redirects) > 0 && !slices.Contains(s.opts.Redirects, c.Redirect):
		return c, "error=redirect_uri_mismatch: redirect_uri must match configuration"
	case q.Has("code_challenge_method") && q.Get("code_challenge_method") != "S256":
		return c, "error=invalid_request: code challenge method not supported"
	case q.Has("response_type") && q.Get("response_type") != "code":
		return c, "error=unsupported_response_type: response type not supported"
	}
	return c, ""
}

func (s *System) askConsent(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, problem := s.readConsent(r.URL.Query())
	if problem != "" {
		s.pages.Render(w, http.StatusBadRequest, "consent", kit.Page{Title: "Allow access?", Problem: problem, Data: consent{}})
		return
	}
	api := s.find(s.apiUser)
	c.Users = append(c.Users, choice{api.id, api.text("Name"), true})
	for _, u := range s.users {
		if u.flag("IsActive") {
			c.Users = append(c.Users, choice{u.id, u.text("Name"), false})
		}
	}
	u, _ := url.Parse(c.Redirect) //nolint:errcheck // readConsent parsed it
	s.pages.Render(w, http.StatusOK, "consent", kit.Page{Title: "Allow access?", FormTo: u.Scheme + "://" + u.Host, Data: c})
}

func (s *System) giveConsent(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, "The form could not be read.", http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c, problem := s.readConsent(r.PostForm)
	if problem != "" {
		http.Error(w, problem, http.StatusBadRequest)
		return
	}
	back, err := url.Parse(c.Redirect)
	if err != nil {
		http.Error(w, "redirect_uri must match configuration", http.StatusBadRequest)
		return
	}
	q := back.Query()
	if r.PostForm.Get("answer") == "allow" {
		user, _ := normalID(r.PostForm.Get("user"))
		if !s.active(user) {
			user = s.apiUser
		}
		code := "aPrx" + base64.StdEncoding.EncodeToString([]byte(s.rand.UUID()+"="))
		s.codes[code] = &grant{
			clientID: c.ClientID, redirect: c.Redirect, user: user, scope: strings.Join(c.Scopes, " "), expires: s.now().Add(codeLife), challenge: c.Challenge,
		}
		q.Set("code", code)
	} else {
		q.Set("error", "access_denied")
		q.Set("error_description", "end-user denied authorization")
	}
	if c.State != "" {
		q.Set("state", c.State)
	}
	back.RawQuery = q.Encode()
	http.Redirect(w, r, back.String(), http.StatusSeeOther)
}
