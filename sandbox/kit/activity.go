package kit

import (
	_ "embed"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

//go:embed activity.html
var activityHTML string

// maxActivity is how many requests and deliveries the activity page shows.
const maxActivity = 60

type activity struct {
	Requests []Entry
	Attempts []Attempt
	Pending  []Delivery
}

// activityPage shows what went in and out lately, newest first, so that a person
// can watch both sides of a connection.
func (h *Host) activityPage() http.HandlerFunc {
	name := h.Title
	if name == "" {
		first, n := utf8.DecodeRuneInString(h.System)
		name = string(unicode.ToUpper(first)) + h.System[n:]
	}
	accent := h.Accent
	if accent == "" {
		accent = "#3d4a5c"
	}
	pages := NewPages(name, accent, template.FuncMap{"failed": failed}, activityHTML)
	return func(w http.ResponseWriter, _ *http.Request) {
		a := activity{Requests: h.Log.Since(0)}
		if h.Outbox != nil {
			a.Attempts, a.Pending = h.Outbox.Attempts(), h.Outbox.Pending()
		}
		a.Requests = newest(a.Requests)
		a.Attempts = newest(a.Attempts)
		pages.Render(w, http.StatusOK, "activity", Page{Title: "Activity", Back: "/", Refresh: 3, Data: a})
	}
}

func newest[E any](list []E) []E {
	list = list[max(0, len(list)-maxActivity):]
	slices.Reverse(list)
	return list
}

// failed reports whether a status is not a success.
func failed(status int) bool { return status < 200 || status >= 400 }

// isControl reports whether a path belongs to the control API.
func isControl(path string) bool { return strings.HasPrefix(path, "/_sandbox/") }
