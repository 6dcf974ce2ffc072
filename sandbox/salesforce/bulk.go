package salesforce

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// job is a job of Bulk API 2.0, for ingest or for a query.
type job struct {
	id, operation, object, key  string
	delimiter, lineEnding       string
	user, version               string
	state, problem              string
	created, changed            time.Time
	query                       bool
	upload                      []byte
	steps                       int // looks until it is complete
	processed, failed           int
	good, bad, rest             []byte
	rows                        []*record
	plan                        *plan
	millis                      int
	assignmentRule, concurrency string
}

var delimiters = map[string]string{"COMMA": ",", "TAB": "\t", "PIPE": "|", "SEMICOLON": ";", "CARET": "^", "BACKQUOTE": "`"}

// bulkSteps is how often a job is looked at before it is complete: once in
// progress, then complete.
const bulkSteps = 2

func (s *System) newJob(c *call, operation string) *job {
	s.txs++
	j := &job{
		id: newID("750", 200_000+int(s.txs)), operation: operation, user: c.session.user, version: c.version, created: c.now, changed: c.now,
		delimiter: "COMMA", lineEnding: "LF", concurrency: "Parallel", steps: bulkSteps,
	}
	s.jobs[j.id] = j
	s.jobIDs = append(s.jobIDs, j.id)
	return j
}

func (j *job) info(done bool) members {
	out := members{
		{"id", j.id},
		{"operation", j.operation},
		{"object", j.object},
		{"createdById", j.user},
		{"createdDate", stamp(j.created.Truncate(time.Second))},
		{"systemModstamp", stamp(j.changed.Truncate(time.Second))},
		{"state", j.state},
	}
	if j.key != "" {
		out = append(out, member{"externalIdFieldName", j.key})
	}
	out = append(out, member{"concurrencyMode", j.concurrency}, member{"contentType", "CSV"}, member{"apiVersion", json.RawMessage(j.version)})
	if done {
		kind := "V2Ingest"
		if j.query {
			kind = "V2Query"
		}
		out = append(out, member{"jobType", kind})
	}
	if j.state == "Open" {
		out = append(out, member{"contentUrl", "services/data/v" + j.version + "/jobs/ingest/" + j.id + "/batches"})
	}
	out = append(out, member{"lineEnding", j.lineEnding}, member{"columnDelimiter", j.delimiter})
	if done {
		out = append(out, member{"numberRecordsProcessed", j.processed}, member{"retries", 0}, member{"totalProcessingTime", j.millis})
		if !j.query {
			out = append(out, member{"numberRecordsFailed", j.failed}, member{"apiActiveProcessingTime", j.millis}, member{"apexProcessingTime", 0})
		}
		if j.problem != "" {
			out = append(out, member{"errorMessage", j.problem})
		}
	}
	return out
}

// job is the job that the path names.
func (c *call) job(query bool) (*job, *apiError) {
	id, _ := normalID(c.param["job"])
	j := c.s.jobs[id]
	if j == nil || j.query != query {
		return nil, refuseCall(http.StatusNotFound, "NOT_FOUND", "The requested resource does not exist")
	}
	return j, nil
}

type jobBody struct {
	Object     string `json:"object"`
	Operation  string `json:"operation"`
	Key        string `json:"externalIdFieldName"`
	Content    string `json:"contentType"`
	LineEnding string `json:"lineEnding"`
	Delimiter  string `json:"columnDelimiter"`
	Rule       string `json:"assignmentRuleId"`
	Query      string `json:"query"`
	State      string `json:"state"`
}

func (c *call) jobBody() (jobBody, *apiError) {
	var body jobBody
	if err := json.Unmarshal(c.body, &body); err != nil {
		return body, refuseCall(http.StatusBadRequest, "INVALIDJOB", "%s", parserText(c.body, err))
	}
	if body.Content != "" && body.Content != "CSV" {
		return body, refuseCall(http.StatusBadRequest, "INVALIDJOB", "Unsupported contentType: %s", body.Content)
	}
	if body.Delimiter != "" && delimiters[body.Delimiter] == "" {
		return body, refuseCall(http.StatusBadRequest, "INVALIDJOB", "Unsupported columnDelimiter: %s", body.Delimiter)
	}
	if body.LineEnding != "" && body.LineEnding != "LF" && body.LineEnding != "CRLF" {
		return body, refuseCall(http.StatusBadRequest, "INVALIDJOB", "Unsupported lineEnding: %s", body.LineEnding)
	}
	return body, nil
}

func (j *job) form(body jobBody) {
	if body.Delimiter != "" {
		j.delimiter = body.Delimiter
	}
	if body.LineEnding != "" {
		j.lineEnding = body.LineEnding
	}
}

func listJobs(c *call) (answer, *apiError) {
	query := strings.HasSuffix(strings.Join(c.path, "/"), "query")
	rows := []any{}
	for _, id := range c.s.jobIDs {
		if j := c.s.jobs[id]; j != nil && j.query == query {
			rows = append(rows, j.info(false))
		}
	}
	return ok(members{{"done", true}, {"records", rows}, {"nextRecordsUrl", nil}})
}

func deleteJob(c *call) (answer, *apiError) {
	j, err := c.job(c.path[1] == "query")
	if err != nil {
		return answer{}, err
	}
	switch j.state {
	case "JobComplete", "Failed", "Aborted":
		delete(c.s.jobs, j.id)
		return answer{status: http.StatusNoContent}, nil
	}
	return answer{}, refuseCall(http.StatusBadRequest, "INVALIDJOBSTATE", "Job cannot be deleted in state %s", j.state)
}

func csvAnswer(raw []byte, header http.Header) answer {
	if raw == nil {
		raw = []byte{}
	}
	return answer{status: http.StatusOK, raw: raw, kind: "text/csv", header: header}
}
