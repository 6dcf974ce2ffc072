package hubspot

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tenonsync/tenon/sandbox/kit"
)

var errUnknownDelivery = errors.New("unknown kind of delivery")

// actionRun is one execution of a custom workflow action.
type actionRun struct {
	CallbackID string          `json:"callbackId"`
	URL        string          `json:"url"`
	Done       bool            `json:"done"`
	Output     json.RawMessage `json:"outputFields,omitempty"`

	body []byte
}

// actionRequest is what a custom workflow action sends.
type actionRequest struct {
	CallbackID string         `json:"callbackId"`
	Origin     actionOrigin   `json:"origin"`
	Context    actionContext  `json:"context"`
	Object     actionObject   `json:"object"`
	Inputs     map[string]any `json:"inputFields"`
}

type actionOrigin struct {
	PortalID   int `json:"portalId"`
	Definition int `json:"actionDefinitionId"`
	Version    int `json:"actionDefinitionVersion"`
}

type actionContext struct {
	Source     string `json:"source"`
	WorkflowID int    `json:"workflowId"`
}

type actionObject struct {
	ObjectID   int64              `json:"objectId"`
	ObjectType string             `json:"objectType"`
	Properties map[string]*string `json:"properties"`
}

// RunAction lets a workflow run a custom action on a record: a POST to url,
// signed by version 2, with the same callback id on each of its repeats. It
// returns the callback id.
func (s *System) RunAction(url, object, id string, properties []string, inputs map[string]any) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.lookUp(object, id)
	if err != nil {
		return "", err
	}
	run := &actionRun{CallbackID: "ap-" + strconv.Itoa(s.portalID) + "-" + s.rand.UUID(), URL: url}
	req := actionRequest{
		CallbackID: run.CallbackID,
		Origin:     actionOrigin{PortalID: s.portalID, Definition: 1_234_567, Version: 1},
		Context:    actionContext{Source: "WORKFLOWS", WorkflowID: 7_654_321},
		Object:     actionObject{ObjectID: r.id, ObjectType: strings.ToUpper(r.ot.singular), Properties: map[string]*string{}},
		Inputs:     inputs,
	}
	for _, name := range properties {
		text := r.text(name)
		req.Object.Properties[name] = &text
	}
	if run.body, err = json.Marshal(req); err != nil {
		return "", err
	}
	s.actions[run.CallbackID] = run
	s.outbox.Send(kit.Delivery{Event: "workflow.action", URL: url, Data: run})
	return run.CallbackID, nil
}

func (s *System) buildAction(ctx context.Context, run *actionRun, d kit.Delivery, now time.Time) (*http.Request, error) {
	header := http.Header{}
	stamp := strconv.FormatInt(now.UnixMilli(), 10)
	header.Set("X-HubSpot-Signature", signV2(s.opts.ClientSecret, http.MethodPost, d.URL, run.body))
	header.Set("X-HubSpot-Signature-Version", "v2")
	header.Set("X-HubSpot-Signature-v3", signV3(s.opts.ClientSecret, http.MethodPost, d.URL, run.body, stamp))
	header.Set("X-HubSpot-Request-Timestamp", stamp)
	return kit.NewJSONPost(ctx, d.URL, header, run.body)
}

// again repeats an action for up to three days: after no answer, 429 and 5xx.
// Other answers are final.
func (*actionRun) again(d kit.Delivery, resp *http.Response) (time.Duration, bool) {
	if resp != nil && resp.StatusCode < 500 && resp.StatusCode != http.StatusTooManyRequests {
		return 0, false
	}
	const tries = 15
	wait := min(time.Minute<<min(d.Attempt, 9), 8*time.Hour)
	return wait, d.Attempt < tries
}

// ActionDone reports whether the action was completed by a callback, with the
// output fields it was given.
func (s *System) ActionDone(callbackID string) (output json.RawMessage, done bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	run := s.actions[callbackID]
	if run == nil {
		return nil, false
	}
	return run.Output, run.Done
}

// completeAction ends an action that answered BLOCK.
func completeAction(c *call) (int, any, *apiError) {
	run := c.s.actions[c.r.PathValue("callback")]
	if run == nil {
		return 0, nil, newError(http.StatusNotFound, "OBJECT_NOT_FOUND", "No callback with id %s", c.r.PathValue("callback"))
	}
	var in struct {
		Output json.RawMessage `json:"outputFields"`
	}
	if err := c.decode(&in); err != nil {
		return 0, nil, err
	}
	if in.Output == nil {
		return 0, nil, missingFields("outputFields")
	}
	run.Done, run.Output = true, in.Output
	return http.StatusNoContent, nil, nil
}
