package salesforce

import (
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	pageRows     = 2000
	widePageRows = 1000 // when a long text is selected
	locatorLife  = 48 * time.Hour
)

// locator is the rest of a query: the rows are those of its start, their values
// those of the time at which they are fetched.
type locator struct {
	plan    *plan
	rows    []*record
	version string
	size    int
	expires time.Time
}

func queryRows(c *call) (answer, *apiError)    { return c.queryText(c.query.Get("q"), false) }
func queryAllRows(c *call) (answer, *apiError) { return c.queryText(c.query.Get("q"), true) }

func (c *call) queryText(text string, all bool) (answer, *apiError) {
	if text == "" {
		return answer{}, refuseCall(http.StatusBadRequest, "MALFORMED_QUERY", "A query string has to be specified")
	}
	p, err := c.s.plan(text, all, true)
	if err != nil {
		return answer{}, err
	}
	if p.q.Count {
		rows := c.s.run(p, c.s.rows(p.o, p.all, true))
		return ok(members{{"totalSize", len(rows)}, {"done", true}, {"records", []any{}}})
	}
	if p.aggregated() {
		rows, err := c.s.groups(p)
		if err != nil {
			return answer{}, err
		}
		return ok(members{{"totalSize", len(rows)}, {"done", true}, {"records", rows}})
	}
	l := &locator{plan: p, rows: c.s.run(p, c.s.rows(p.o, p.all, true)), version: c.version, size: pageRows, expires: c.now.Add(locatorLife)}
	if n := c.batchSize(); n > 0 {
		l.size = n
	}
	if p.wide {
		l.size = min(l.size, widePageRows)
	}
	return c.page(l, "", 0)
}

// batchSize is the client's wish for the size of pages.
func (c *call) batchSize() int {
	for _, part := range strings.Split(c.header.Get("Sforce-Query-Options"), ";") {
		name, text, _ := strings.Cut(strings.TrimSpace(part), "=")
		if n, err := strconv.Atoi(text); err == nil && strings.EqualFold(name, "batchSize") {
			return min(max(n, 200), pageRows)
		}
	}
	return 0
}

// page answers with the rows from an offset on.
func (c *call) page(l *locator, id string, from int) (answer, *apiError) {
	to := min(from+l.size, len(l.rows))
	rows := make([]any, 0, to-from)
	for _, r := range l.rows[from:to] {
		rows = append(rows, c.s.row(l.plan, l.plan.items, r, l.version))
	}
	out := members{{"totalSize", len(l.rows)}, {"done", to == len(l.rows)}}
	if to < len(l.rows) {
		if id == "" {
			c.s.txs++
			id = newID("0r8", 100_000+int(c.s.txs))
			if len(c.s.locators) >= maxKept {
				maps.DeleteFunc(c.s.locators, func(_ string, old *locator) bool { return !c.now.Before(old.expires) })
			}
			c.s.locators[id] = l
		}
		out = append(out, member{"nextRecordsUrl", fmt.Sprintf("/services/data/v%s/query/%s-%d", l.version, id, to)})
	}
	return ok(append(out, member{"records", rows}))
}

func (c *call) locator() (*locator, string, int, *apiError) {
	id, offset, _ := strings.Cut(c.param["locator"], "-")
	l := c.s.locators[id]
	n, err := strconv.Atoi(offset)
	if l == nil || err != nil || n < 0 || n > len(l.rows) || !c.now.Before(l.expires) {
		return nil, "", 0, refuseCall(http.StatusBadRequest, "INVALID_QUERY_LOCATOR", "invalid query locator")
	}
	return l, id, n, nil
}

func queryMore(c *call) (answer, *apiError) {
	l, id, from, err := c.locator()
	if err != nil {
		return answer{}, err
	}
	return c.page(l, id, from)
}

func dropLocator(c *call) (answer, *apiError) {
	_, id, _, err := c.locator()
	if err != nil {
		return answer{}, err
	}
	delete(c.s.locators, id)
	return answer{status: http.StatusNoContent}, nil
}

// ExpireLocators ends all open queries, as their time would.
func (s *System) ExpireLocators() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.locators)
}
