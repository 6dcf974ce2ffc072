package salesforce

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// written is how records stand after they were updated, in order.
type written struct {
	fields []string
	rows   []row
	server time.Time
}

// patch updates records and reads them back, in one call.
func (w *writer) patch(ctx context.Context, jobs []job, body collection) ([]saveResult, *written, error) {
	var ids, names []string
	for _, j := range jobs {
		ids = append(ids, j.id)
		names = slices.AppendSeq(names, maps.Keys(j.body))
	}
	slices.Sort(names)
	names = slices.DeleteFunc(slices.Compact(names), func(n string) bool { return !w.m.has(n) })
	read := url.Values{"ids": {strings.Join(ids, ",")}, "fields": {strings.Join(w.m.wanted(names, w.scope), ",")}}
	var out compositeAnswer
	resp, err := w.c.client.Do(ctx, rest.Request{
		Op: w.op, Record: w.object, Method: http.MethodPost, Path: w.c.path("/composite"), Out: &out, MaxBody: maxAnswer,
		Body: compositeRequest{Requests: []subrequest{
			{Method: http.MethodPatch, URL: w.c.path("/composite/sobjects"), ID: "write", Headers: w.c.o.headers(), Body: body},
			{Method: http.MethodGet, URL: w.c.path("/composite/sobjects/") + w.m.name + "?" + read.Encode(), ID: "read"},
		}},
	})
	if err != nil {
		return nil, nil, err
	}
	lost := w.c.fail(w.op, w.object, connectors.Internal, "the answer does not say what became of the records")
	lost.Unsure = true
	if len(out.Responses) == 0 {
		return nil, nil, lost
	}
	if first := out.Responses[0]; first.Status != http.StatusOK {
		err := w.c.subError(w.op, w.object, first.Status, first.Body)
		err.Unsure = first.Status >= http.StatusInternalServerError
		return nil, nil, err
	}
	var answer []saveResult
	if out.Responses[0].Body.decode(&answer) != nil {
		return nil, nil, lost
	}
	if len(out.Responses) < 2 || out.Responses[1].Status != http.StatusOK {
		return answer, nil, nil // the writes took effect; whoever wants the records reads them
	}
	after := &written{fields: names, server: serverTime(resp)}
	if unread := out.Responses[1].Body.decode(&after.rows); unread != nil || len(after.rows) != len(jobs) {
		after = nil
	}
	return answer, after, nil
}

// show puts the records into the results of those that were written.
func (w *writer) show(ctx context.Context, jobs []job, after *written) {
	if after == nil {
		return
	}
	r, err := w.c.readingOf(ctx, w.op, w.object, w.m, w.scope, after.fields, after.rows, after.server)
	if err != nil {
		return
	}
	for i, j := range jobs {
		if after.rows[i] == nil || w.results[j.at].Err != nil {
			continue
		}
		if rec := r.record(after.rows[i]); rec.Ref.ID == j.id {
			w.results[j.at].Record = rec
		}
	}
}
