package salesforce

import (
	"bytes"
	"encoding/csv"
	"net/http"
	"strconv"
	"strings"
)

func createQueryJob(c *call) (answer, *apiError) {
	body, err := c.jobBody()
	if err != nil {
		return answer{}, err
	}
	if body.Operation != "query" && body.Operation != "queryAll" {
		return answer{}, refuseCall(http.StatusBadRequest, "INVALIDJOB", "Unsupported operation: %s", body.Operation)
	}
	p, err := c.s.plan(body.Query, body.Operation == "queryAll", true)
	if err != nil {
		return answer{}, err
	}
	if text := bulkRefusal(p); text != "" {
		return answer{}, refuseCall(http.StatusBadRequest, "INVALIDJOB", "%s", text)
	}
	j := c.s.newJob(c, body.Operation)
	j.query, j.object, j.plan, j.state = true, p.o.name, p, "UploadComplete"
	j.form(body)
	return ok(j.info(false))
}

// bulkRefusal says why a query is none for bulk; empty if it is.
func bulkRefusal(p *plan) string {
	switch {
	case p.q.Count || p.aggregated():
		return "FunctionNotSupported: aggregate queries and GROUP BY are not supported in Bulk queries"
	case p.q.Offset >= 0:
		return "OFFSET is not supported in Bulk queries"
	}
	for _, i := range p.items {
		if i.sub != nil {
			return "Nested queries are not supported in Bulk queries"
		}
		if i.cases != nil {
			return "TYPEOF is not supported in Bulk queries"
		}
		if i.col.f != nil && i.col.f.kind == "address" {
			return "FUNCTIONALITY_NOT_ENABLED: Selecting compound data not supported in Bulk Query"
		}
	}
	return ""
}

func queryJobInfo(c *call) (answer, *apiError) {
	j, err := c.job(true)
	if err != nil {
		return answer{}, err
	}
	c.s.advanceQuery(j)
	return ok(j.info(true))
}

// advanceQuery lets a query job go on by one step, as time would.
func (s *System) advanceQuery(j *job) {
	switch {
	case j.state != "UploadComplete" && j.state != "InProgress":
	case j.steps > 1:
		j.steps--
		j.state = "InProgress"
	default:
		j.rows = s.run(j.plan, s.rows(j.plan.o, j.plan.all, true))
		j.state, j.processed, j.millis = "JobComplete", len(j.rows), 100+len(j.rows)
	}
	j.changed = s.now()
}

func abortQuery(c *call) (answer, *apiError) {
	j, err := c.job(true)
	if err != nil {
		return answer{}, err
	}
	body, err := c.jobBody()
	if err != nil {
		return answer{}, err
	}
	if body.State != "Aborted" || j.state == "JobComplete" {
		return answer{}, refuseCall(http.StatusBadRequest, "INVALIDJOBSTATE", "Aborting a job in state %s is not allowed", j.state)
	}
	j.state = "Aborted"
	return ok(j.info(false))
}

func queryJobResults(c *call) (answer, *apiError) {
	j, err := c.job(true)
	if err != nil {
		return answer{}, err
	}
	if j.state != "JobComplete" {
		return answer{}, refuseCall(http.StatusBadRequest, "INVALIDJOBSTATE", "Results are available only for completed jobs")
	}
	from, most := 0, 50_000
	if text := c.query.Get("locator"); text != "" {
		n, bad := strconv.Atoi(strings.TrimPrefix(text, "MTpz"))
		if bad != nil || n < 0 || n > len(j.rows) {
			return answer{}, refuseCall(http.StatusBadRequest, "INVALID_QUERY_LOCATOR", "invalid query locator")
		}
		from = n
	}
	if n, bad := strconv.Atoi(c.query.Get("maxRecords")); bad == nil && n > 0 {
		most = n
	}
	to := min(from+most, len(j.rows))
	raw, err := c.s.csvRows(j, j.rows[from:to])
	if err != nil {
		return answer{}, err
	}
	next := "null"
	if to < len(j.rows) {
		next = "MTpz" + strconv.Itoa(to)
	}
	return csvAnswer(raw, http.Header{"Sforce-Locator": {next}, "Sforce-Numberofrecords": {strconv.Itoa(to - from)}}), nil
}

// csvRows renders rows as the job wants them; all values are quoted.
func (s *System) csvRows(j *job, rows []*record) ([]byte, *apiError) {
	names, columns := flatten(j.plan.items, "")
	var b bytes.Buffer
	line := func(cells []string) {
		for i, cell := range cells {
			if i > 0 {
				b.WriteString(delimiters[j.delimiter])
			}
			b.WriteString(`"` + strings.ReplaceAll(cell, `"`, `""`) + `"`)
		}
		if j.lineEnding == "CRLF" {
			b.WriteByte('\r')
		}
		b.WriteByte('\n')
	}
	line(names)
	for _, r := range rows {
		cells := make([]string, len(columns))
		for i, col := range columns {
			if f, v := col.of(r); f != nil && v != nil {
				cells[i] = f.csv(v)
			}
		}
		line(cells)
	}
	return b.Bytes(), nil
}

// flatten lists the columns of items with their dotted names.
func flatten(items []item, prefix string) ([]string, []column) {
	var names []string
	var columns []column
	for _, i := range items {
		if i.deep != nil {
			n, c := flatten(i.deep, prefix+i.name+".")
			names, columns = append(names, n...), append(columns, c...)
			continue
		}
		names, columns = append(names, prefix+i.name), append(columns, i.col)
	}
	return names, columns
}

// newCSV returns a reader of a job's rows.
func (j *job) newCSV(raw []byte) *csv.Reader {
	in := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))))
	in.Comma = rune(delimiters[j.delimiter][0])
	in.FieldsPerRecord = -1
	in.LazyQuotes = true
	return in
}
