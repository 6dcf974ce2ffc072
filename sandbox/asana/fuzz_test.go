package asana

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// FuzzFields reads any opt_fields: a tree of bounded depth.
func FuzzFields(f *testing.F) {
	f.Add("name,assignee.email,memberships.(project|section).name")
	f.Add("((((a|b)|c).d")
	f.Add(strings.Repeat("(a|b)", 40))
	f.Add("this.name,.,..,a..b")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1<<12 {
			return
		}
		var depth func(selection) int
		depth = func(sel selection) int {
			deepest := 0
			for _, sub := range sel {
				deepest = max(deepest, 1+depth(sub))
			}
			return deepest
		}
		if d := depth(parseFields(text)); d > maxFieldDepth+1 {
			t.Errorf("a tree of %d levels", d)
		}
	})
}

// FuzzRichText reads any rich text: what passes the check has a plain view
// without tags of its own, and is shown again as it came or with links named.
func FuzzRichText(f *testing.F) {
	f.Add("<body>Words <strong>bold</strong>\n<ul><li>a</li></ul></body>")
	f.Add(`<body><a data-asana-gid="1"/></body>`)
	f.Add("<body>&lt;&amp;&#10;</body>")
	f.Add("<body><br></body>")
	f.Fuzz(func(t *testing.T, text string) {
		if checkXML("html_notes", text, richNotes) != nil {
			return
		}
		if err := checkXML("html_notes", "<body>"+escapeXML(plainText(text))+"</body>", richNotes); err != nil {
			t.Errorf("the plain view of %q does not pass: %s", text, err.message)
		}
	})
}

// FuzzBodies sends any body to calls that take one: no fault of the sandbox.
func FuzzBodies(f *testing.F) {
	f.Add("PUT", "/tasks/TASK", `{"data":{"name":"x","custom_fields":{"1":null},"due_on":"2026-01-01"}}`)
	f.Add("POST", "/tasks", `{"data":{"projects":["1"],"memberships":[{"project":1}],"external":[],"followers":"me"}}`)
	f.Add("POST", "/batch", `{"data":{"actions":[{"method":"get","relative_path":"/tasks/TASK","options":{"fields":["name"],"limit":1}}]}}`)
	f.Add("POST", "/tasks/TASK/addProject", `{"data":{"project":{},"insert_after":null}}`)
	f.Add("POST", "/custom_fields", `{"data":{"enum_options":[{}],"precision":9}}`)
	f.Add("GET", "/tasks?limit=1&project=PROJECT&opt_fields=(a", ``)
	s := New(Options{})
	f.Cleanup(s.Close)
	p := s.Projects()[0].GID
	id, err := s.As(DefaultUser).Create(p, "", map[string]any{"name": "A"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, method, path, body string) {
		path = strings.NewReplacer("TASK", id, "PROJECT", p).Replace(path)
		u, err := url.Parse(path)
		if err != nil || !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(u.Path, "/webhooks") && method == http.MethodPost {
			return
		}
		r := httptest.NewRequest(http.MethodPost, "http://asana.example/", strings.NewReader(body))
		r.Method, r.URL = method, u
		r.URL.Path = apiBase + u.Path
		r.Header.Set("Authorization", "Bearer "+DefaultToken)
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code >= 500 {
			t.Errorf("%s %s with %q: status %d", method, path, body, w.Code)
		}
	})
}
