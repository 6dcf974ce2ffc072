package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// system is a small, fast HTTP system that stands for a vendor's: records of
// 20 fields with versions, calls for one record and for batches, and a list of
// changes. It answers from memory, at once.
type system struct {
	object string

	mu      sync.RWMutex
	records map[string]*record
	byKey   map[string]string
	log     []string // ids in the order of their last change; "" where it changed again
	calls   map[string]int

	written func(id string, properties map[string]json.RawMessage, at time.Time)
}

type record struct {
	id         string
	version    int
	modified   time.Time
	position   int // in log
	properties map[string]json.RawMessage
}

// wireRecord is a record as it goes over the wire.
type wireRecord struct {
	ID         string                     `json:"id"`
	Version    string                     `json:"version,omitempty"`
	Modified   time.Time                  `json:"modified,omitzero"`
	Key        string                     `json:"key,omitempty"`
	Properties map[string]json.RawMessage `json:"properties"`
}

type wireChange struct {
	ID       string    `json:"id"`
	Version  string    `json:"version"`
	Modified time.Time `json:"modified"`
}

type wirePage struct {
	Changes []wireChange `json:"changes"`
	Next    string       `json:"next"`
	More    bool         `json:"more"`
}

func newSystem(object string) *system {
	return &system{object: object, records: map[string]*record{}, byKey: map[string]string{}, calls: map[string]int{}}
}

// put sets properties of a record, which it makes if there is none.
func (s *system) put(id string, properties map[string]json.RawMessage) *record {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.set(id, properties)
}

func (s *system) set(id string, properties map[string]json.RawMessage) *record {
	r := s.records[id]
	if r == nil {
		r = &record{id: id, position: -1, properties: make(map[string]json.RawMessage, len(properties))}
		s.records[id] = r
	}
	for k, v := range properties {
		r.properties[k] = v
	}
	if r.position >= 0 {
		s.log[r.position] = ""
	}
	r.version++
	r.modified = time.Now().UTC().Truncate(time.Microsecond)
	r.position = len(s.log)
	s.log = append(s.log, id)
	return r
}

func (s *system) size() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.records)
}

func (s *system) count(call string) {
	s.mu.Lock()
	s.calls[call]++
	s.mu.Unlock()
}

// takeCalls returns how many calls there were since the last time.
func (s *system) takeCalls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, c := range s.calls {
		n += c
	}
	clear(s.calls)
	return n
}

// appendRecord writes a record by hand: the systems should cost little.
func appendRecord(b []byte, r *record) []byte {
	b = append(b, `{"id":`...)
	b = strconv.AppendQuote(b, r.id)
	b = append(b, `,"version":"`...)
	b = strconv.AppendInt(b, int64(r.version), 10)
	b = append(b, `","modified":"`...)
	b = r.modified.AppendFormat(b, time.RFC3339Nano)
	b = append(b, `","properties":{`...)
	first := true
	for k, v := range r.properties {
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(strconv.AppendQuote(b, k), ':')
		b = append(b, v...)
	}
	return append(b, "}}"...)
}

func (s *system) mount(mux *http.ServeMux, prefix string) {
	mux.HandleFunc("GET "+prefix+"/records/{id}", s.get)
	mux.HandleFunc("PATCH "+prefix+"/records/{id}", s.patch)
	mux.HandleFunc("POST "+prefix+"/batch/read", s.batchRead)
	mux.HandleFunc("POST "+prefix+"/batch/update", s.batchUpdate)
	mux.HandleFunc("POST "+prefix+"/batch/create", s.batchCreate)
	mux.HandleFunc("POST "+prefix+"/batch/find", s.batchFind)
	mux.HandleFunc("GET "+prefix+"/changes", s.changes)
}

func (s *system) get(w http.ResponseWriter, r *http.Request) {
	s.count("get")
	s.mu.RLock()
	rec := s.records[r.PathValue("id")]
	var out []byte
	if rec != nil {
		out = appendRecord(make([]byte, 0, 1024), rec)
	}
	s.mu.RUnlock()
	if rec == nil {
		http.Error(w, `{"message":"no such record"}`, http.StatusNotFound)
		return
	}
	answer(w, out)
}

func answer(w http.ResponseWriter, out []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(out)))
	_, _ = w.Write(out) // the client has gone
}

func read(w http.ResponseWriter, r *http.Request, into any) bool {
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(body, into)
	}
	if err != nil {
		http.Error(w, fmt.Sprintf(`{"message":%q}`, err.Error()), http.StatusBadRequest)
	}
	return err == nil
}

func (s *system) patch(w http.ResponseWriter, r *http.Request) {
	at := time.Now()
	s.count("patch")
	var in wireRecord
	if !read(w, r, &in) {
		return
	}
	in.ID = r.PathValue("id")
	answer(w, s.write(nil, in, at))
}

// write applies one write and appends the record as it stands.
func (s *system) write(out []byte, in wireRecord, at time.Time) []byte {
	s.mu.Lock()
	out = appendRecord(out, s.set(in.ID, in.Properties))
	s.mu.Unlock()
	if s.written != nil {
		s.written(in.ID, in.Properties, at)
	}
	return out
}

func (s *system) batchRead(w http.ResponseWriter, r *http.Request) {
	s.count("batch read")
	var in struct{ IDs []string }
	if !read(w, r, &in) {
		return
	}
	out := append(make([]byte, 0, 1024*len(in.IDs)), `{"records":[`...)
	s.mu.RLock()
	first := true
	for _, id := range in.IDs {
		if rec := s.records[id]; rec != nil {
			if !first {
				out = append(out, ',')
			}
			first = false
			out = appendRecord(out, rec)
		}
	}
	s.mu.RUnlock()
	answer(w, append(out, "]}"...))
}

func (s *system) batchUpdate(w http.ResponseWriter, r *http.Request) {
	at := time.Now()
	s.count("batch update")
	s.batchWrite(w, r, at, func(in *wireRecord) {})
}

// batchCreate makes records. The new id follows from the telephone, so that
// the load generator knows it.
func (s *system) batchCreate(w http.ResponseWriter, r *http.Request) {
	at := time.Now()
	s.count("batch create")
	s.batchWrite(w, r, at, func(in *wireRecord) {
		in.ID = "p" + strings.Trim(string(in.Properties["telephone"]), `"`)
		s.mu.Lock()
		s.byKey[in.Key] = in.ID
		s.mu.Unlock()
	})
}

func (s *system) batchWrite(w http.ResponseWriter, r *http.Request, at time.Time, prepare func(*wireRecord)) {
	var in struct{ Records []wireRecord }
	if !read(w, r, &in) {
		return
	}
	out := append(make([]byte, 0, 1024*len(in.Records)), `{"records":[`...)
	for i := range in.Records {
		if i > 0 {
			out = append(out, ',')
		}
		prepare(&in.Records[i])
		out = s.write(out, in.Records[i], at)
	}
	answer(w, append(out, "]}"...))
}

func (s *system) batchFind(w http.ResponseWriter, r *http.Request) {
	s.count("batch find")
	var in struct{ Keys []string }
	if !read(w, r, &in) {
		return
	}
	found := make([]string, len(in.Keys))
	s.mu.RLock()
	for i, k := range in.Keys {
		found[i] = s.byKey[k]
	}
	s.mu.RUnlock()
	out, _ := json.Marshal(map[string][]string{"ids": found}) // texts only
	answer(w, out)
}

// changesPage is how many rows a list of changes shows at once.
const changesPage = 500

func (s *system) changes(w http.ResponseWriter, r *http.Request) {
	s.count("changes")
	after, _ := strconv.Atoi(r.URL.Query().Get("after")) // none: from the start
	page := wirePage{Changes: []wireChange{}}
	s.mu.RLock()
	i := after
	for ; i < len(s.log) && len(page.Changes) < changesPage; i++ {
		if id := s.log[i]; id != "" {
			rec := s.records[id]
			page.Changes = append(page.Changes, wireChange{ID: id, Version: strconv.Itoa(rec.version), Modified: rec.modified})
		}
	}
	page.Next, page.More = strconv.Itoa(i), i < len(s.log)
	s.mu.RUnlock()
	out, _ := json.Marshal(page) // texts and times only
	answer(w, out)
}
