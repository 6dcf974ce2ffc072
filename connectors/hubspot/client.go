package hubspot

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// apiVersion is the version of every path.
const apiVersion = "2026-03"

// The paths, as templates.
const (
	pathAccount      = "/account-info/" + apiVersion + "/details"
	pathToken        = "/oauth/" + apiVersion + "/token"
	pathIntrospect   = pathToken + "/introspect"
	pathTokenInfo    = "/oauth/v2/private-apps/get/access-token-info" // has no dated spelling (read 2026-11-22)
	pathObjects      = "/crm/objects/" + apiVersion + "/{type}"
	pathObject       = pathObjects + "/{id}"
	pathSearch       = pathObjects + "/search"
	pathBatch        = pathObjects + "/batch/{action}"
	pathAssociated   = pathObject + "/associations/{to}"
	pathAssociations = "/crm/associations/" + apiVersion + "/{from}/{to}/batch/read"
	pathLabels       = "/crm/associations/" + apiVersion + "/{from}/{to}/labels"
	pathProperties   = "/crm/properties/" + apiVersion + "/{type}"
	pathProperty     = pathProperties + "/{name}"
	pathGroups       = pathProperties + "/groups"
	pathPipelines    = "/crm/pipelines/" + apiVersion + "/{type}"
	pathOwners       = "/crm/owners/" + apiVersion
	pathSchemas      = "/crm-object-schemas/" + apiVersion + "/schemas"
)

// batchSize is how many records a batch call takes; historySize with history.
const (
	batchSize   = 100
	historySize = 50
	searchPage  = 200
)

// searchLane is the allowance of searches: 5 a second for the whole account. A
// burst of one and four a second keep within it in any second.
const searchLane = "search"

var limitHeaders = rest.LimitHeaders{
	PerWindow: "X-HubSpot-RateLimit-Max",
	Remaining: "X-HubSpot-RateLimit-Remaining",
	WindowMS:  "X-HubSpot-RateLimit-Interval-Milliseconds",
	Daily:     "X-HubSpot-RateLimit-Daily",
	DailyLeft: "X-HubSpot-RateLimit-Daily-Remaining",
}

// credentials returns how to log in.
func credentials(config connectors.Config) rest.Auth {
	s := config.Settings
	switch {
	case !usesOAuth(s):
		return rest.Bearer(s.Get("token"))
	case s.Get("refresh_token") == "":
		return rest.Pending("run `tenon connect " + config.Name + "` to authorise Tenon in HubSpot")
	}
	return rest.OAuth2(oauthOf(config.Name, s))
}

func newClient(config connectors.Config, auth rest.Auth, options connectors.Options) (*rest.Client, error) {
	s := config.Settings
	base := strings.TrimRight(s.Get("base_url"), "/")
	var perSecond float64
	var err error
	if v := s.Get("requests_per_second"); v != "" {
		if perSecond, err = positive(v, "requests_per_second"); err != nil {
			return nil, err
		}
	}
	share, err := strconv.Atoi(strings.TrimSuffix(s.Get("daily_share"), "%"))
	if err != nil || share < 1 || share > 100 {
		return nil, fmt.Errorf("setting \"daily_share\": %q is no percentage between 1 and 100", s.Get("daily_share"))
	}
	return rest.New(rest.Config{
		Connection: config.Name,
		BaseURL:    base,
		Auth:       auth,
		Pace:       rest.Pace{PerSecond: perSecond, Untold: untold, DailyShare: share},
		Lanes:      map[string]rest.Pace{searchLane: {PerSecond: 4, Burst: 1}},
		Explain:    explain,
		Limits:     limitHeaders.Read,
	}, options)
}

func positive(s, name string) (float64, error) {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f <= 0 || f > 1000 {
		return 0, fmt.Errorf("setting %q: %q is not a number between 0 and 1000", name, s)
	}
	return f, nil
}

// explain reads HubSpot's account of a refused request.
func explain(answer *rest.Answer, failure *rest.Failure) {
	var e apiError
	if json.Unmarshal(answer.Body, &e) != nil {
		e = apiError{}
	}
	if e.Message != "" {
		failure.Message = e.text()
	}
	failure.Fields = e.fields()
	if e.taken() {
		failure.Kind = connectors.Conflict
	}
	switch answer.Status {
	case http.StatusForbidden:
		if scopes := e.scopes(); len(scopes) > 0 {
			failure.Help = "give the app in HubSpot the scope " + strings.Join(scopes, " or ")
		}
	case http.StatusUnauthorized:
		failure.Help = "renew the token in HubSpot and put it into the connection's settings"
	case http.StatusTooManyRequests:
		if failure.RetryAfter == 0 {
			failure.RetryAfter = policyWait(e.PolicyName)
		}
	case 477: // the account moves between data centres, for up to a day
		failure.Kind, failure.Unsure = connectors.Unavailable, false
		if s, err := strconv.Atoi(answer.Header.Get("Retry-After")); err == nil && s > 0 {
			failure.RetryAfter = time.Duration(min(s, 24*3600)) * time.Second
		}
	case http.StatusMethodNotAllowed, http.StatusUnsupportedMediaType:
		failure.Kind = connectors.Internal
	}
}

// policyWait is how long a spent allowance takes to come back. The day ends at
// midnight in the account's zone, so the wait for it asks again every while.
func policyWait(policy string) time.Duration {
	switch {
	case strings.Contains(policy, "DAILY"):
		return 15 * time.Minute
	case strings.HasPrefix(policy, "SECONDLY"):
		return time.Second
	}
	return 10 * time.Second
}

// text is the error in HubSpot's words, with the id that its support asks for.
func (e *apiError) text() string {
	text := e.Message
	if before, _, found := strings.Cut(text, ": [{"); found {
		text = before
	}
	text = rest.Clip(text)
	if e.CorrelationID != "" {
		text += " (correlation id " + rest.Clip(e.CorrelationID) + ")"
	}
	return text
}

// invalidProperty is an entry of the JSON inside a validation error's message.
type invalidProperty struct {
	Message string `json:"message"`
	Name    string `json:"name"`
	Error   string `json:"error"`
}

// invalid returns the entries of the JSON inside a validation error's message.
func (e *apiError) invalid() []invalidProperty {
	var out []invalidProperty
	_, list, found := strings.Cut(e.Message, ": [")
	if !found || json.Unmarshal([]byte("["+list), &out) != nil {
		return nil
	}
	return out
}

// takenCode says that another record holds a unique value.
const takenCode = "CONFLICTING_UNIQUE_VALUE"

// taken reports whether the error says that a unique value is taken, which
// HubSpot tells as a validation error too.
func (e *apiError) taken() bool {
	return e.Code == takenCode || slices.ContainsFunc(e.Errors, func(inner apiError) bool { return inner.Code == takenCode }) ||
		slices.ContainsFunc(e.invalid(), func(p invalidProperty) bool { return p.Error == takenCode })
}

// fields names the refused properties, once each, in HubSpot's order.
func (e *apiError) fields() []connectors.FieldError {
	var out []connectors.FieldError
	add := func(name, reason string) {
		if name != "" && !slices.ContainsFunc(out, func(f connectors.FieldError) bool { return f.Field == name }) {
			out = append(out, connectors.FieldError{Field: name, Reason: rest.Clip(reason)})
		}
	}
	for _, inner := range e.Errors {
		for _, name := range inner.Context["propertyName"] {
			add(name, inner.Message)
		}
	}
	if e.Category != "VALIDATION_ERROR" {
		return out
	}
	for _, name := range e.Context["propertyName"] {
		add(name, e.Message)
	}
	for _, p := range e.invalid() {
		add(p.Name, p.Message)
	}
	return out
}

func (e *apiError) scopes() []string {
	scopes := e.Context["requiredGranularScopes"]
	for _, inner := range e.Errors {
		scopes = append(scopes, inner.Context["requiredGranularScopes"]...)
	}
	return scopes
}

// kind judges an entry of errors in a batch's answer.
func (e *apiError) kind() connectors.Kind {
	if e.taken() {
		return connectors.Conflict
	}
	switch e.Category {
	case "OBJECT_NOT_FOUND", "RESOURCE_NOT_FOUND":
		return connectors.NotFound
	case "CONFLICT", "OBJECT_ALREADY_EXISTS":
		return connectors.Conflict
	case "MISSING_SCOPES", "BANNED", "FORBIDDEN":
		return connectors.Permission
	case "RATE_LIMITS":
		return connectors.RateLimited
	case "INTERNAL_ERROR":
		return connectors.Unavailable
	}
	return connectors.Invalid
}

// fail returns an error of the connection that no answer stands behind.
func (c *connection) fail(op, record string, kind connectors.Kind, format string, args ...any) *connectors.Error {
	return &connectors.Error{Op: op, Connection: c.name, Record: record, Kind: kind, Err: fmt.Errorf(format, args...)}
}

// failed returns an entry of a batch's errors as the error of one record.
func (c *connection) failed(op, record string, e *apiError) *connectors.Error {
	err := c.fail(op, record, e.kind(), "%s", c.client.Clip(e.text()))
	err.Fields = e.fields()
	for i, f := range err.Fields {
		err.Fields[i] = connectors.FieldError{Field: c.client.Clip(f.Field), Reason: c.client.Clip(f.Reason)}
	}
	err.Unsure = err.Kind == connectors.Unavailable
	return err
}

func (c *connection) do(ctx context.Context, r rest.Request) error {
	_, err := c.client.Do(ctx, r)
	return err
}

// batch sends a batch call and returns its answer, which may hold errors.
func (c *connection) batch(ctx context.Context, op, action string, t *objectType, reads, archived bool, body batchRequest) (*batchAnswer, error) {
	var out batchAnswer
	r := rest.Request{
		Op: op, Record: t.plural, Method: http.MethodPost, Path: pathBatch,
		Params: map[string]string{"type": t.id, "action": action},
		Body:   body, Out: &out, Reads: reads,
	}
	if archived {
		r.Query = map[string][]string{"archived": {"true"}}
	}
	if err := c.do(ctx, r); err != nil {
		return nil, err
	}
	if err := c.nameless(op, t, out.Results); err != nil {
		err.Unsure = !reads
		return nil, err
	}
	return &out, nil
}

// nameless refuses an answer with a record that it does not name: nothing could
// be concluded about the records that it does not hold.
func (c *connection) nameless(op string, t *objectType, records []wireRecord) *connectors.Error {
	for i := range records {
		if !isID(string(records[i].ID)) {
			return c.fail(op, t.plural, connectors.Internal, "the answer has a record with the id %q", rest.Clip(string(records[i].ID)))
		}
	}
	return nil
}

func (c *connection) search(ctx context.Context, op string, t *objectType, body searchRequest) (*recordPage, error) {
	var out recordPage
	body.After = "0"
	err := c.do(ctx, rest.Request{
		Op: op, Record: t.plural, Method: http.MethodPost, Path: pathSearch,
		Params: map[string]string{"type": t.id}, Body: body, Out: &out, Reads: true, Lane: searchLane,
	})
	if err != nil {
		return nil, err
	}
	if err := c.nameless(op, t, out.Results); err != nil {
		return nil, err
	}
	return &out, nil
}

// missingScope reports whether err says that a scope is not granted.
func missingScope(err error) bool { return connectors.KindOf(err) == connectors.Permission }
