package server

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine"
)

// Source is the side of a mapping whose records can be converted.
type Source struct{ Connection, Object string }

func (s Source) ref(id string) connectors.Ref {
	return connectors.Ref{Connection: s.Connection, Object: s.Object, ID: id}
}

// convert is the button "Convert to project": GET shows what would be made and
// never acts, POST makes it. There are three ways in: the signed address that
// stands in the CRM, a request that the CRM itself signed, and a token with the
// scope convert.
type convert struct {
	*Config
	auth  *auth
	pages *pages
}

func (c convert) routes() []route {
	const proof = "a signed address, a request that the CRM signed, or a token with the scope convert"
	const detail = "Programs send `Accept: application/json`; browsers get pages."
	params := []param{
		{name: "record", summary: "The record's id in its system.", required: true},
		{name: "key", summary: "Which key signed the address."},
		{name: "sig", summary: "The address's signature."},
		{name: "wait", summary: "The page that loads itself again."},
	}
	return []route{
		{
			pattern: "GET /convert/{mapping}", open: proof, group: groupConvert, params: params, detail: detail,
			summary: "What the button would make of a record. Never acts.", answer: engine.Preview{},
			serve: c.handle(c.show), also: []int{http.StatusForbidden, http.StatusNotFound},
		},
		{
			pattern: "POST /convert/{mapping}", open: proof, group: groupConvert, params: params,
			summary: "Make the counterpart of a record, once.",
			detail:  detail + " 202 says that the wish is kept: ask again. 422 says why it could not be made.",
			answer:  engine.Conversion{}, serve: c.handle(c.press),
			also: []int{http.StatusAccepted, http.StatusForbidden, http.StatusNotFound, http.StatusUnprocessableEntity},
		},
	}
}

// wish is a request that was let in.
type wish struct {
	mapping string
	record  connectors.Ref
	by      string // who asks, for the history
	html    bool
	waited  bool // the page came back to look whether the work has ended
}

// maxRecordID bounds the record's id in an address, in bytes.
const maxRecordID = 512

func (c convert) handle(next func(http.ResponseWriter, *http.Request, wish)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		q := wish{mapping: r.PathValue("mapping"), html: wantsHTML(r), waited: r.URL.Query().Get("wait") != ""}
		source, ok := c.Sources[q.mapping]
		id := r.URL.Query().Get("record")
		switch {
		case !ok:
			c.refuse(w, r, q, http.StatusNotFound, "convert.nobutton")
			return
		case id == "" || len(id) > maxRecordID:
			c.refuse(w, r, q, http.StatusBadRequest, "convert.norecord")
			return
		}
		q.record = source.ref(id)
		by, err := c.admit(w, r, q)
		if err != nil {
			c.failed(w, r, q, err)
			return
		}
		if by == "" {
			key := "convert.invalid"
			if r.URL.Query().Get("sig") == "" && r.Header.Get("Authorization") != "" {
				key = "convert.token"
			}
			c.refuse(w, r, q, http.StatusForbidden, key)
			return
		}
		q.by = by
		next(w, r, q)
	}
}

// admit returns who may act on the record, "" when nobody proved anything.
func (c convert) admit(w http.ResponseWriter, r *http.Request, q wish) (string, error) {
	v := r.URL.Query()
	if v.Get("sig") != "" {
		if c.Signer.validConvert(q.mapping, q.record, v.Get("key"), v.Get("sig")) {
			return "button", nil
		}
		return "", nil
	}
	caller, err := c.auth.identify(r)
	if err != nil {
		return "", err
	}
	if caller.may(ScopeConvert) {
		return caller.name, nil
	}
	verifier, ok := c.Connections[q.record.Connection].(connectors.RequestVerifier)
	if !ok {
		return "", nil
	}
	body, release, err := c.room.read(w, r, c.MaxBody)
	if err != nil {
		return "", err
	}
	defer release()
	req := c.request(r, c.Clock.Now())
	req.Body = body
	if err := verifier.VerifyRequest(req); err != nil {
		if connectors.KindOf(err) == connectors.Auth {
			return "", nil
		}
		return "", err
	}
	return q.record.Connection, nil
}

// show previews; nothing is written.
func (c convert) show(w http.ResponseWriter, r *http.Request, q wish) {
	preview, err := c.Engine.Preview(r.Context(), q.mapping, q.record.ID)
	if err != nil {
		c.failed(w, r, q, err)
		return
	}
	if !q.html {
		answer(w, http.StatusOK, preview)
		return
	}
	// The form's address is a signed one whichever way the request came in: the
	// browser that sends it has no signature of the CRM's and no token.
	page := convertPage{Preview: preview, Action: c.Signer.ConvertLink("", q.mapping, q.record)}
	if preview.Conversion != nil {
		page.Conversion = preview.Conversion
		if preview.Conversion.State == "under way" {
			page.Refresh = 2
		}
	}
	c.pages.render(w, r, http.StatusOK, "convert", "convert.page", page)
}

// press makes the counterpart, or answers with the one that is there.
func (c convert) press(w http.ResponseWriter, r *http.Request, q wish) {
	ctx, cancel := context.WithTimeout(r.Context(), c.PressWait)
	defer cancel()
	made, err := c.Engine.Press(ctx, q.mapping, q.record.ID, q.by)
	if err != nil {
		c.failed(w, r, q, err)
		return
	}
	if q.html && made.State != "failed" {
		// The page that is shown is one that may be loaded again.
		http.Redirect(w, r, c.Signer.ConvertLink("", q.mapping, q.record), http.StatusSeeOther)
		return
	}
	status := http.StatusOK
	switch made.State {
	case "under way":
		status = http.StatusAccepted
	case "failed":
		status = http.StatusUnprocessableEntity
	}
	if !q.html {
		answer(w, status, made)
		return
	}
	c.pages.render(w, r, status, "convert", "convert.failed.title", convertPage{
		Conversion: made, Action: c.Signer.ConvertLink("", q.mapping, q.record),
	})
}

// convertPage is what the page shows. Conversion is set when the record has a
// counterpart, or one is being made, or could not be made.
type convertPage struct {
	Preview    *engine.Preview
	Conversion *engine.Conversion
	Action     string // where the form goes
	Refresh    int    // seconds until the page loads itself again
}

func (p convertPage) refresh() (int, string) { return p.Refresh, p.Action + "&wait=1" }

func (p convertPage) title() string {
	if p.Preview != nil {
		return p.Preview.Button
	}
	return p.Conversion.Source.String()
}

func (c convert) failed(w http.ResponseWriter, r *http.Request, q wish, err error) {
	if !q.html {
		c.fail(w, r, err)
		return
	}
	status, said := statusOf(err)
	detail := "convert.error.do"
	if status == http.StatusServiceUnavailable {
		setRetryAfter(w, connectors.RetryAfter(err))
		detail = "convert.wait.do"
	}
	c.Logger.WarnContext(r.Context(), "convert failed", "mapping", q.mapping, "record_id", q.record.ID, "status_code", status, "err", err)
	c.pages.render(w, r, status, "message", "convert.page", message{
		Title: c.pages.say(r, errorKey(status)), Detail: c.pages.say(r, detail), Said: said,
	})
}

// refuse answers with a phrase and what to do about it; programs get both in
// English.
func (c convert) refuse(w http.ResponseWriter, r *http.Request, q wish, status int, key string) {
	if q.html {
		c.pages.render(w, r, status, "message", "convert.page", message{Title: c.pages.say(r, key), Detail: c.pages.say(r, key+".do")})
		return
	}
	problem(w, status, english.text(key), english.text(key+".do"))
}

// wantsHTML reports whether a browser asks; programs say application/json, or
// nothing of HTML.
func wantsHTML(r *http.Request) bool {
	accept := strings.Split(r.Header.Get("Accept"), ",")
	return slices.ContainsFunc(accept, func(part string) bool {
		kind, _, _ := strings.Cut(part, ";")
		kind = strings.TrimSpace(kind)
		return kind == "text/html" || kind == "application/xhtml+xml"
	})
}

// safeURL returns an address that a page may link to, "" for any other scheme.
func safeURL(text string) string {
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") {
		return ""
	}
	return text
}
