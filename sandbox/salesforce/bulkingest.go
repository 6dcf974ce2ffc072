package salesforce

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/tenonsync/tenon/sandbox/kit"
)

const (
	maxBulk   = 100 << 20
	bulkBatch = 200 // rows of one transaction
)

func createIngest(c *call) (answer, *apiError) {
	body, err := c.jobBody()
	if err != nil {
		return answer{}, err
	}
	if !slices.Contains([]string{"insert", "update", "upsert", "delete", "hardDelete"}, body.Operation) {
		return answer{}, refuseCall(http.StatusBadRequest, "INVALIDJOB", "Unsupported operation: %s", body.Operation)
	}
	o := c.s.object(body.Object)
	if o == nil || c.s.denied(o.name, "read") {
		return answer{}, refuseCall(http.StatusBadRequest, "INVALIDENTITY", "'%s' is not supported to use BULK API", body.Object)
	}
	if f := o.field(body.Key); body.Operation == "upsert" && (f == nil || !f.idLookup || c.s.hides(f)) {
		return answer{}, refuseCall(http.StatusBadRequest, "INVALIDJOB", "External ID was blank or not found for %s. An External ID must be specified for upsert.", o.name)
	}
	j := c.s.newJob(c, body.Operation)
	j.object, j.state, j.key, j.assignmentRule = o.name, "Open", body.Key, body.Rule
	j.form(body)
	return ok(j.info(false))
}

func uploadBatch(c *call) (answer, *apiError) {
	j, err := c.job(false)
	if err != nil {
		return answer{}, err
	}
	if kind, _, _ := strings.Cut(c.header.Get("Content-Type"), ";"); !strings.EqualFold(strings.TrimSpace(kind), "text/csv") {
		return answer{}, refuseCall(http.StatusBadRequest, "INVALIDBATCH", "Content-Type must be text/csv")
	}
	if j.state != "Open" || j.upload != nil {
		return answer{}, refuseCall(http.StatusBadRequest, "INVALIDJOBSTATE", "Found multiple contents for job: <%s>, please 'Close' / 'Abort' / 'Delete' the current Job then create a new Job and make sure you only do 'PUT' once on a given Job.", j.id)
	}
	if len(c.body) > maxBulk {
		return answer{}, refuseCall(http.StatusRequestEntityTooLarge, "INVALIDBATCH", "Content size exceeds the limit")
	}
	j.upload = append([]byte{}, c.body...)
	return answer{status: http.StatusCreated}, nil
}

func setIngestState(c *call) (answer, *apiError) {
	j, err := c.job(false)
	if err != nil {
		return answer{}, err
	}
	body, err := c.jobBody()
	if err != nil {
		return answer{}, err
	}
	switch {
	case body.State == "UploadComplete" && j.state == "Open":
		j.state = "UploadComplete"
	case body.State == "Aborted" && (j.state == "Open" || j.state == "UploadComplete" || j.state == "InProgress"):
		j.state = "Aborted"
	default:
		return answer{}, refuseCall(http.StatusBadRequest, "INVALIDJOBSTATE", "Job state change from %s to %s is not allowed", j.state, body.State)
	}
	j.changed = c.now
	return ok(j.info(false))
}

func ingestInfo(c *call) (answer, *apiError) {
	j, err := c.job(false)
	if err != nil {
		return answer{}, err
	}
	switch {
	case j.state != "UploadComplete" && j.state != "InProgress":
	case j.steps > 1:
		j.steps--
		j.state, j.changed = "InProgress", c.now
	default:
		c.s.runIngest(c, j)
		j.changed = c.now
	}
	return ok(j.info(true))
}

func ingestResults(c *call) (answer, *apiError) {
	j, err := c.job(false)
	if err != nil {
		return answer{}, err
	}
	switch c.path[len(c.path)-1] {
	case "successfulResults":
		return csvAnswer(j.good, nil), nil
	case "failedResults":
		return csvAnswer(j.bad, nil), nil
	default:
		return csvAnswer(j.rest, nil), nil
	}
}

// runIngest does all of a job's rows. Failed rows leave the others alone.
func (s *System) runIngest(c *call, j *job) {
	o := s.object(j.object)
	in := j.newCSV(j.upload)
	header, err := in.Read()
	if err != nil && !errors.Is(err, io.EOF) || len(header) == 0 {
		j.state, j.problem = "Failed", "InvalidBatch : Failed to parse CSV header"
		return
	}
	for _, name := range header {
		field, _, _ := strings.Cut(name[strings.IndexByte(name, ':')+1:], ".")
		if f := o.field(field); f == nil && o.parent(field) == nil || f != nil && s.hides(f) {
			j.state, j.problem = "Failed", "InvalidBatch : Field name not found : "+name
			return
		}
	}
	var rows [][]string
	for {
		row, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			j.state, j.problem = "Failed", "InvalidBatch : Failed to parse CSV"
			return
		}
		rows = append(rows, row)
	}
	var good, bad [][]string
	for from := 0; from < len(rows); from += bulkBatch {
		t := s.begin(j.user, "com/salesforce/api/bulkapi/"+j.version+";client=", c.now, true)
		seen := map[string]bool{}
		for _, row := range rows[from:min(from+bulkBatch, len(rows))] {
			mark := t.mark()
			res := t.ingest(j, o, header, row, seen)
			if res.err != nil {
				t.rollback(mark)
				bad = append(bad, append([]string{"", res.err.csv()}, row...))
				continue
			}
			made := "false"
			if j.operation == "insert" || res.created != nil && *res.created {
				made = "true"
			}
			good = append(good, append([]string{res.id, made}, row...))
		}
		t.commit()
	}
	s.rand.Shuffle(len(good), func(a, b int) { good[a], good[b] = good[b], good[a] })
	j.good = j.csv(append([]string{"sf__Id", "sf__Created"}, header...), good)
	j.bad = j.csv(append([]string{"sf__Id", "sf__Error"}, header...), bad)
	j.rest = j.csv(header, nil)
	j.state, j.processed, j.failed, j.millis = "JobComplete", len(rows), len(bad), 100+len(rows)
}

func (j *job) csv(header []string, rows [][]string) []byte {
	var b bytes.Buffer
	out := csv.NewWriter(&b)
	out.Comma = rune(delimiters[j.delimiter][0])
	out.UseCRLF = j.lineEnding == "CRLF"
	_ = out.Write(header) // into memory
	_ = out.WriteAll(rows)
	return b.Bytes()
}

// ingest does one row.
func (t *tx) ingest(j *job, o *object, header, row []string, seen map[string]bool) rowResult {
	var in []input
	var id string
	for i, name := range header {
		if i >= len(row) || row[i] == "" {
			continue // leaves the field alone
		}
		cell, err := csvCell(name, row[i])
		if err != nil {
			return rowResult{err: err}
		}
		if strings.EqualFold(name, "Id") {
			id, _ = normalID(row[i])
			if id == "" {
				return rowResult{err: refuse("MALFORMED_ID", "bad id %s", row[i]).on("Id")}
			}
		}
		in = append(in, cell)
	}
	switch j.operation {
	case "insert":
		values, err := t.read(o, in, true)
		if err != nil {
			return rowResult{err: err}
		}
		return t.created(o, values)
	case "upsert":
		return t.upsert(o, o.field(j.key), in, seen)
	}
	if id == "" {
		return rowResult{err: refuse("MISSING_ARGUMENT", "Id not specified in an update call")}
	}
	r, err := t.target(o, id)
	if err != nil {
		return rowResult{err: err}
	}
	if j.operation == "update" {
		values, err := t.read(o, in, false)
		if err == nil {
			err = t.update(r, values)
		}
		return rowResult{id: id, err: err}
	}
	if err = t.remove(r); err == nil && j.operation == "hardDelete" {
		r.purged = true
	}
	return rowResult{id: id, err: err}
}

// csvCell makes a member of a cell: #N/A is null, and a dotted name is a foreign
// key.
func csvCell(name, cell string) (input, *apiError) {
	text, err := kit.EncodeJSON(cell)
	if err != nil {
		return input{}, jsonFault("%v", err)
	}
	if cell == "#N/A" {
		text = []byte("null")
	}
	relation, key, dotted := strings.Cut(name, ".")
	if !dotted {
		return input{name, json.RawMessage(text)}, nil
	}
	var attributes members
	if kind, rel, poly := strings.Cut(relation, ":"); poly {
		attributes, relation = members{{"attributes", members{{"type", kind}}}}, rel
	}
	nested, err := kit.EncodeJSON(append(attributes, member{key, json.RawMessage(text)}))
	if err != nil {
		return input{}, jsonFault("%v", err)
	}
	return input{relation, nested}, nil
}
