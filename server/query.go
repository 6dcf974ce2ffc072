package server

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
)

// query reads the parameters of a page; unknown ones, and such as cannot be
// read, are errors.
type query struct {
	call
	err error
}

func queryOf(r *http.Request, known ...string) *query {
	q := &query{call: call{Request: r, query: r.URL.Query()}}
	for _, name := range slices.Sorted(maps.Keys(q.call.query)) {
		if !slices.Contains(known, name) {
			q.err = invalid("unknown parameter %q", name)
		}
	}
	return q
}

// number returns a whole number, 0 when it is not given.
func (q *query) number(name string) uint64 {
	text := q.text(name)
	if text == "" {
		return 0
	}
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		q.err = invalid("%s: %q is not a number", name, text)
	}
	return n
}
