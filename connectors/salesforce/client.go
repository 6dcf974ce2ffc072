package salesforce

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// How many records one call takes.
const (
	readBatch  = 2000
	writeBatch = 200
	listPage   = 2000
)

// maxAddress bounds the query in an address; Salesforce takes 16 384 bytes of
// address and headers together. A longer query travels inside a composite call.
const maxAddress = 8_000

// maxAnswer bounds one answer of many records.
const maxAnswer = 96 << 20

// clientName shows in the origin of change events that our writes cause.
const clientName = "tenon"

func newClient(name string, o options, auth rest.Auth, opts connectors.Options) (*rest.Client, error) {
	header := http.Header{}
	for name, value := range o.headers() {
		header.Set(name, value)
	}
	return rest.New(rest.Config{
		Connection: name,
		BaseURL:    o.login,
		Auth:       auth,
		Header:     header,
		// The allowance is of the last 24 hours, whatever the hour: a day of our
		// own bounds our share, and the header tells what is left of the whole.
		Pace:    rest.Pace{PerSecond: o.perSecond, DailyShare: o.share, DayZone: time.UTC},
		Explain: explain,
		Limits:  limits,
		Timeout: 2 * time.Minute, // a query may run for two
	}, opts)
}

// headers returns what goes with every request.
func (o *options) headers() map[string]string {
	h := map[string]string{
		"Sforce-Call-Options": "client=" + clientName,
		"Sforce-Auto-Assign":  "FALSE", // else a write of a lead or case could move its owner
	}
	if o.allowDuplicates {
		h["Sforce-Duplicate-Rule-Header"] = "allowSave=true"
	}
	return h
}

// path returns the template of a path of the API.
func (c *connection) path(template string) string { return "/services/data/v" + c.o.version + template }

// do sends a request.
func (c *connection) do(ctx context.Context, r rest.Request) error {
	_, err := c.client.Do(ctx, r)
	return err
}

func (c *connection) fail(op, record string, kind connectors.Kind, format string, args ...any) *connectors.Error {
	return &connectors.Error{Op: op, Connection: c.name, Record: record, Kind: kind, Err: fmt.Errorf(format, args...)}
}

// serverTime returns the server's clock when it answered; zero where it did not
// tell.
func serverTime(resp *rest.Response) time.Time {
	if resp == nil {
		return time.Time{}
	}
	t, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// query sends a query and returns its first page. With all, deleted records and
// archived activities are among the rows.
func (c *connection) query(ctx context.Context, op, object, soql string, all bool) (*queryPage, error) {
	resource := "/query"
	if all {
		resource = "/queryAll"
	}
	values := url.Values{"q": {soql}}
	if len(values.Encode()) > maxAddress {
		return c.longQuery(ctx, op, object, queryResource(soql, all))
	}
	page := &queryPage{}
	resp, err := c.client.Do(ctx, rest.Request{
		Op: op, Record: object, Path: c.path(resource), Query: values, Out: page, MaxBody: maxAnswer,
	})
	page.server = serverTime(resp)
	return page, err
}

// longQuery sends a query whose address would be too long inside a composite
// call.
func (c *connection) longQuery(ctx context.Context, op, object, resource string) (*queryPage, error) {
	pages, errs, err := c.queries(ctx, op, object, resource)
	if err == nil {
		err = errs[0]
	}
	if err != nil {
		return nil, err
	}
	return pages[0], nil
}

// queries sends several queries as one call, five at most. Each has its page or
// its error; the last error is that of the call.
func (c *connection) queries(ctx context.Context, op, object string, resources ...string) ([]*queryPage, []error, error) {
	var body compositeRequest
	for i, r := range resources {
		body.Requests = append(body.Requests, subrequest{Method: http.MethodGet, URL: c.path(r), ID: fmt.Sprintf("q%d", i)})
	}
	var out compositeAnswer
	resp, err := c.client.Do(ctx, rest.Request{
		Op: op, Record: object, Method: http.MethodPost, Path: c.path("/composite"), Reads: true, MaxBody: maxAnswer, Out: &out, Body: body,
	})
	if err != nil {
		return nil, nil, err
	}
	if len(out.Responses) != len(resources) {
		return nil, nil, c.fail(op, object, connectors.Internal, "%d answers to %d queries", len(out.Responses), len(resources))
	}
	pages, errs := make([]*queryPage, len(resources)), make([]error, len(resources))
	for i, r := range out.Responses {
		if r.Status != http.StatusOK {
			errs[i] = c.subError(op, object, r.Status, r.Body)
			continue
		}
		pages[i] = &queryPage{server: serverTime(resp)}
		if err := r.Body.decode(pages[i]); err != nil {
			errs[i] = c.fail(op, object, connectors.Internal, "the answer makes no sense: %w", err)
		}
	}
	return pages, errs, nil
}

func queryResource(soql string, all bool) string {
	if all {
		return "/queryAll?" + url.Values{"q": {soql}}.Encode()
	}
	return "/query?" + url.Values{"q": {soql}}.Encode()
}

// more returns the page after page, nil after the last.
func (c *connection) more(ctx context.Context, op, object string, page *queryPage) (*queryPage, error) {
	if page.Done || page.Next == "" {
		return nil, nil
	}
	if !strings.HasPrefix(page.Next, "/services/data/") {
		return nil, c.fail(op, object, connectors.Internal, "the address of the next page is none")
	}
	next := &queryPage{}
	resp, err := c.client.Do(ctx, rest.Request{
		Op: op, Record: object, Path: c.path("/query/{locator}"), URL: c.client.Base().String() + page.Next, Out: next, MaxBody: maxAnswer,
	})
	next.server = serverTime(resp)
	return next, err
}

// maxQueryPages bounds the walk over one query's pages.
const maxQueryPages = 500

// queryEach calls yield for each row of a query.
func (c *connection) queryEach(ctx context.Context, op, object, soql string, all bool, yield func(row)) error {
	page, err := c.query(ctx, op, object, soql, all)
	for range maxQueryPages {
		if err != nil {
			return err
		}
		for _, r := range page.Records {
			yield(r)
		}
		if page, err = c.more(ctx, op, object, page); page == nil && err == nil {
			return nil
		}
	}
	return c.fail(op, object, connectors.Internal, "a query has no end after %d pages", maxQueryPages)
}
