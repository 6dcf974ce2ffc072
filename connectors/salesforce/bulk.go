package salesforce

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

const (
	bulkRows = 10_000           // in one answer
	bulkStep = 5 * time.Second  // between two looks at a job
	bulkWait = 60 * time.Second // in one call; then the caller may do other work
)

// bulkJob is a query job of the Bulk API 2.0.
type bulkJob struct {
	ID      string `json:"id"`
	State   string `json:"state"`
	Message string `json:"errorMessage"`
}

// startBulk begins a job that lists everything in scope. Where the account may
// not use the Bulk API, or its allowance is used up, ok is false.
func (w walk) startBulk(ctx context.Context, at cursor) (page connectors.ChangePage, ok bool, err error) {
	var fields []string
	for _, f := range w.m.wanted(w.fields, w.scope) {
		if !w.m.props[f].compound { // jobs take none
			fields = append(fields, f)
		}
	}
	var job bulkJob
	err = w.c.do(ctx, rest.Request{
		Op: w.op, Record: w.object, Method: http.MethodPost, Path: w.c.path("/jobs/query"), Out: &job,
		Reads: true, // a second job costs a little and changes nothing
		Body:  map[string]string{"operation": "query", "query": selectFrom(w.m.name, fields, w.scope.where(w.m), "")},
	})
	if err != nil {
		switch connectors.KindOf(err) {
		case connectors.Invalid, connectors.Permission, connectors.NotFound:
			return page, false, nil
		}
		return page, false, err
	}
	id, valid := id18(job.ID)
	if !valid {
		return page, false, nil
	}
	at.Job = id
	return connectors.ChangePage{Next: at.String(), More: true}, true, nil
}

// bulk waits for the job, then takes in its results page by page. A job that
// failed or is gone leaves the listing to queries.
func (w walk) bulk(ctx context.Context, at cursor) (connectors.ChangePage, error) {
	if !at.Bulked {
		done, err := w.awaitBulk(ctx, at.Job)
		if errors.Is(err, errJobLost) {
			return w.withoutBulk(at), nil
		}
		if err != nil || !done {
			return connectors.ChangePage{Next: at.String(), More: true}, err
		}
		at.Bulked = true
	}
	var raw []byte
	query := url.Values{"maxRecords": {strconv.Itoa(bulkRows)}}
	if at.Locator != "" {
		query.Set("locator", at.Locator)
	}
	resp, err := w.c.client.Do(ctx, rest.Request{
		Op: w.op, Record: w.object, Path: w.c.path("/jobs/query/{job}/results"), Params: map[string]string{"job": at.Job},
		Query: query, Header: http.Header{"Accept": {"text/csv"}}, Out: &raw, MaxBody: maxAnswer,
	})
	if err != nil {
		if kind := connectors.KindOf(err); kind == connectors.NotFound || kind == connectors.Invalid {
			return w.withoutBulk(at), nil
		}
		return connectors.ChangePage{}, err
	}
	rows, err := parseCSV(raw)
	if err != nil {
		return connectors.ChangePage{}, w.c.fail(w.op, w.object, connectors.Internal, "the job's results make no sense: %w", err)
	}
	page := &queryPage{Done: true, Records: rows, server: serverTime(resp)}
	changes, err := w.rows(ctx, page, len(w.fields) > 0)
	if err != nil {
		return connectors.ChangePage{}, err
	}
	switch next := resp.Header.Get("Sforce-Locator"); {
	case next == "" || next == "null":
		at.next()
		return connectors.ChangePage{Changes: changes, Next: at.String()}, nil
	case next == at.Locator || !locatorForm.MatchString(next): // no end, or none that a cursor can hold
		return w.withoutBulk(at), nil
	default:
		at.Locator = next
	}
	return connectors.ChangePage{Changes: changes, Next: at.String(), More: true}, nil
}

// withoutBulk begins the first listing anew, by queries.
func (w walk) withoutBulk(at cursor) connectors.ChangePage {
	again := cursor{All: true, Slow: true, Deleted: at.Deleted, DeletedDue: at.DeletedDue}
	return connectors.ChangePage{Next: again.String(), More: true}
}

var errJobLost = errors.New("the bulk job failed")

// awaitBulk looks at a job for a while. done is false when it still runs.
func (w walk) awaitBulk(ctx context.Context, id string) (done bool, err error) {
	for waited := time.Duration(0); ; waited += bulkStep {
		var job bulkJob
		err := w.c.do(ctx, rest.Request{
			Op: w.op, Record: w.object, Path: w.c.path("/jobs/query/{job}"), Params: map[string]string{"job": id}, Out: &job,
		})
		if connectors.KindOf(err) == connectors.NotFound && err != nil {
			return false, errJobLost
		}
		if err != nil {
			return false, err
		}
		switch job.State {
		case "JobComplete":
			return true, nil
		case "Failed", "Aborted":
			return false, fmt.Errorf("%w: %s", errJobLost, rest.Clip(job.Message))
		}
		if waited >= bulkWait {
			return false, nil
		}
		if err := w.c.clock.Sleep(ctx, bulkStep); err != nil {
			return false, w.c.fail(w.op, w.object, connectors.Unavailable, "%w", err)
		}
	}
}

// parseCSV returns the rows of a job's results. The first line names the
// fields; an empty value is null.
func parseCSV(raw []byte) ([]row, error) {
	r := csv.NewReader(bytes.NewReader(raw))
	r.ReuseRecord = true
	head, err := r.Read()
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	names := make([]string, len(head))
	seen := map[string]bool{}
	for i, h := range head {
		if h == "" || seen[h] {
			return nil, fmt.Errorf("column %d has no name of its own", i+1)
		}
		names[i], seen[h] = h, true
	}
	if !seen[fieldID] {
		return nil, errors.New("there is no column Id")
	}
	var rows []row
	for {
		values, err := r.Read()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return nil, err
		}
		one := make(row, len(names))
		for i, v := range values {
			one[names[i]] = nil
			if v != "" {
				one[names[i]] = &v
			}
		}
		rows = append(rows, one)
	}
}
