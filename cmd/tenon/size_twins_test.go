//go:build linux && (amd64 || arm64)

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// twins makes an emulated system seem to have very many records: requests that
// name one are asked about a template, and the answer is told of each that was
// named, under its own name and time of change. Its edits are kept, one text a
// record.
type twins struct {
	system   http.Handler
	ids      *regexp.Regexp
	field    string // the field that is edited
	template string // the id of the record that all are twins of

	read, written atomic.Int64 // records

	mu      sync.Mutex
	answers map[string][]byte // of the system about the template, by request
	texts   map[string]string // of the field, by id
	changed map[string]time.Time
}

func newTwins(system http.Handler, ids, field string) *twins {
	return &twins{
		system: system, ids: regexp.MustCompile(ids), field: field,
		answers: map[string][]byte{}, texts: map[string]string{}, changed: map[string]time.Time{},
	}
}

// touch makes a record new, with another text where it was edited.
func (t *twins) touch(id string, at time.Time, edited bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.changed[id] = at
	if edited {
		t.texts[id] = fmt.Sprintf("Renamed at %d", at.UnixNano())
	}
}

func (t *twins) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	req.Body = io.NopCloser(bytes.NewReader(body))
	ids := t.named(req.URL.Path, body)
	if len(ids) == 0 {
		t.system.ServeHTTP(w, req)
		return
	}
	if req.Method == http.MethodPut {
		t.write(ids[0], body)
		w.WriteHeader(http.StatusNoContent)
		return
	}
	answer, err := t.ask(req, body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(t.tell(answer, ids)) // a service that went away
}

// named returns the ids of twins in a request, each once.
func (t *twins) named(path string, body []byte) []string {
	seen := map[string]bool{}
	var ids []string
	for _, id := range t.ids.FindAllString(path+" "+string(body), -1) {
		if !seen[id] {
			seen[id] = true
			ids = append(ids, id)
		}
	}
	return ids
}

func (t *twins) write(id string, body []byte) {
	var edit struct {
		Fields map[string]json.RawMessage `json:"fields"`
	}
	var text string
	if json.Unmarshal(body, &edit) != nil || json.Unmarshal(edit.Fields[t.field], &text) != nil {
		return
	}
	t.written.Add(1)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.texts[id], t.changed[id] = text, time.Now()
}

// lists are the names of lists of records in requests and answers.
var lists = []string{"inputs", "issueIdsOrKeys", "results", "issues", "issueChangeLogs"}

// ask returns what the system says of the template where twins were asked for.
func (t *twins) ask(req *http.Request, body []byte) ([]byte, error) {
	path := t.ids.ReplaceAllString(req.URL.RequestURI(), t.template)
	if len(body) > 0 {
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(body, &fields); err != nil {
			return nil, err
		}
		for _, name := range lists {
			var elements []json.RawMessage
			if json.Unmarshal(fields[name], &elements) == nil && len(elements) > 0 {
				fields[name] = fmt.Appendf(nil, "[%s]", t.ids.ReplaceAll(elements[0], []byte(t.template)))
			}
		}
		var err error
		if body, err = json.Marshal(fields); err != nil {
			return nil, err
		}
	}
	key := req.Method + path + string(body)
	t.mu.Lock()
	answer := t.answers[key]
	t.mu.Unlock()
	if answer != nil {
		return answer, nil
	}
	again, err := http.NewRequest(req.Method, path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	again.Header, again.Host = req.Header.Clone(), req.Host
	rec := httptest.NewRecorder()
	t.system.ServeHTTP(rec, again)
	if rec.Code/100 != 2 {
		return nil, fmt.Errorf("%s %s: %d %s", req.Method, path, rec.Code, rec.Body)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.answers[key] = rec.Body.Bytes()
	return rec.Body.Bytes(), nil
}

// tell makes the template's answer one about twins.
func (t *twins) tell(answer []byte, ids []string) []byte {
	var fields map[string]json.RawMessage
	if json.Unmarshal(answer, &fields) != nil {
		return answer
	}
	for _, name := range lists {
		var elements []json.RawMessage
		if json.Unmarshal(fields[name], &elements) != nil || len(elements) == 0 {
			continue
		}
		t.read.Add(int64(len(ids)))
		all := make([][]byte, len(ids))
		for i, id := range ids {
			all[i] = t.twin(elements[0], id)
		}
		fields[name] = fmt.Appendf(nil, "[%s]", bytes.Join(all, []byte(",")))
		out, err := json.Marshal(fields)
		if err != nil {
			return answer
		}
		return out
	}
	return t.twin(answer, ids[0])
}

var (
	updatedForm = regexp.MustCompile(`"(updatedAt|updated|hs_lastmodifieddate)":"[^"]*"`)
	textForms   = map[string]*regexp.Regexp{
		"dealname": regexp.MustCompile(`"dealname":"[^"]*"`),
		"summary":  regexp.MustCompile(`"summary":"[^"]*"`),
	}
)

func (t *twins) twin(template []byte, id string) []byte {
	one := strings.ReplaceAll(string(template), `"`+t.template+`"`, `"`+id+`"`)
	t.mu.Lock()
	at, text := t.changed[id], t.texts[id]
	t.mu.Unlock()
	if !at.IsZero() {
		form := at.UTC().Format("2006-01-02T15:04:05.000Z")
		if t.field == "summary" {
			form = at.UTC().Format("2006-01-02T15:04:05.000-0700")
		}
		one = updatedForm.ReplaceAllString(one, `"$1":"`+form+`"`)
	}
	if text != "" {
		one = textForms[t.field].ReplaceAllString(one, `"`+t.field+`":"`+text+`"`)
	}
	return []byte(one)
}
