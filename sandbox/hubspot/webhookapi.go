package hubspot

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/tenonsync/tenon/sandbox/kit"
)

// maxSubscriptions is how many subscriptions an app has at most.
const maxSubscriptions = 1_000

// webhookRoutes are the settings of the app's webhooks. They take the developer
// account's key, not an account's token.
func (s *System) webhookRoutes(mux *http.ServeMux) {
	for _, base := range []string{"/webhooks/v3", "/webhooks/2025-09", "/webhooks/2026-03", "/app-webhooks/2026-09"} {
		mux.HandleFunc("GET "+base+"/{app}/settings", s.developer(s.getSettings))
		mux.HandleFunc("PUT "+base+"/{app}/settings", s.developer(s.putSettings))
		mux.HandleFunc("DELETE "+base+"/{app}/settings", s.developer(s.deleteSettings))
		mux.HandleFunc("GET "+base+"/{app}/subscriptions", s.developer(s.listSubscriptions))
		mux.HandleFunc("POST "+base+"/{app}/subscriptions", s.developer(s.postSubscription))
		mux.HandleFunc("POST "+base+"/{app}/subscriptions/batch/update", s.developer(s.batchSubscriptions))
		mux.HandleFunc("GET "+base+"/{app}/subscriptions/{sub}", s.developer(s.getSubscription))
		mux.HandleFunc("PATCH "+base+"/{app}/subscriptions/{sub}", s.developer(s.patchSubscription))
		mux.HandleFunc("DELETE "+base+"/{app}/subscriptions/{sub}", s.developer(s.deleteSubscription))
	}
}

func (s *System) developer(op operation) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			notThere(w, http.StatusBadRequest)
			return
		}
		s.locked(func() reply {
			c := &call{s: s, r: r, query: r.URL.Query(), body: body, now: s.tick()}
			if problem := s.developerMay(c); problem != nil {
				return s.reply(0, nil, problem)
			}
			return s.reply(op(c))
		}).write(w)
	}
}

func (s *System) developerMay(c *call) *apiError {
	if c.query.Get("hapikey") != s.opts.DeveloperKey {
		return newError(http.StatusUnauthorized, "INVALID_AUTHENTICATION", "This hapikey doesn't exist.")
	}
	if c.r.PathValue("app") != strconv.Itoa(s.appID) {
		return newError(http.StatusNotFound, "OBJECT_NOT_FOUND", "No app with id %s", c.r.PathValue("app"))
	}
	return nil
}

type webhookSettings struct {
	TargetURL  string   `json:"targetUrl"`
	Throttling throttle `json:"throttling"`
	CreatedAt  string   `json:"createdAt"`
	UpdatedAt  string   `json:"updatedAt,omitempty"`
}

type throttle struct {
	Max int `json:"maxConcurrentRequests"`
}

func (s *System) settings() webhookSettings {
	return webhookSettings{TargetURL: s.target, Throttling: throttle{s.throttle}, CreatedAt: formatTime(s.settingsAt), UpdatedAt: formatTime(s.settingsAt)}
}

// setTarget sends the events from now on to another URL.
func (s *System) setTarget(url string) { s.target, s.open = url, nil }

func (s *System) getSettings(*call) (int, any, *apiError) {
	if s.target == "" {
		return 0, nil, newError(http.StatusNotFound, "OBJECT_NOT_FOUND", "No webhook settings for this app")
	}
	return http.StatusOK, s.settings(), nil
}

func (s *System) putSettings(c *call) (int, any, *apiError) {
	var in webhookSettings
	if err := c.decode(&in); err != nil {
		return 0, nil, err
	}
	if in.TargetURL == "" {
		return 0, nil, missingFields("targetUrl")
	}
	if in.Throttling.Max < 5 {
		return 0, nil, invalid("maxConcurrentRequests must be at least 5")
	}
	s.setTarget(in.TargetURL)
	s.throttle, s.settingsAt = in.Throttling.Max, c.now
	return http.StatusOK, s.settings(), nil
}

func (s *System) deleteSettings(*call) (int, any, *apiError) {
	s.setTarget("")
	return http.StatusNoContent, nil, nil
}

func (s *System) listSubscriptions(*call) (int, any, *apiError) {
	return http.StatusOK, map[string]any{"results": append([]*subscription{}, s.subscriptions...)}, nil
}

func (s *System) postSubscription(c *call) (int, any, *apiError) {
	var in subscription
	if err := c.decode(&in); err != nil {
		return 0, nil, err
	}
	if err := s.checkSubscription(&in); err != nil {
		return 0, nil, err
	}
	if len(s.subscriptions) >= maxSubscriptions {
		return 0, nil, invalid("An app has at most %d subscriptions", maxSubscriptions)
	}
	for _, have := range s.subscriptions {
		if have.EventType == in.EventType && have.PropertyName == in.PropertyName && have.ObjectTypeID == in.ObjectTypeID {
			return 0, nil, newError(http.StatusConflict, "CONFLICT", "A subscription for this event exists already")
		}
	}
	return http.StatusCreated, s.addSubscription(in, c.now), nil
}

func (s *System) subscription(id string) (*subscription, *apiError) {
	for _, sub := range s.subscriptions {
		if sub.ID == id {
			return sub, nil
		}
	}
	return nil, newError(http.StatusNotFound, "OBJECT_NOT_FOUND", "No subscription with id %s", id)
}

func (s *System) getSubscription(c *call) (int, any, *apiError) {
	sub, err := s.subscription(c.r.PathValue("sub"))
	return http.StatusOK, sub, err
}

func (s *System) patchSubscription(c *call) (int, any, *apiError) {
	sub, err := s.subscription(c.r.PathValue("sub"))
	if err != nil {
		return 0, nil, err
	}
	var in struct {
		Active *bool `json:"active"`
	}
	if err := c.decode(&in); err != nil {
		return 0, nil, err
	}
	if in.Active != nil {
		sub.Active, sub.UpdatedAt = *in.Active, formatTime(c.now)
	}
	return http.StatusOK, sub, nil
}

func (s *System) batchSubscriptions(c *call) (int, any, *apiError) {
	var in struct {
		Inputs []struct {
			ID     flexID `json:"id"`
			Active bool   `json:"active"`
		} `json:"inputs"`
	}
	if err := c.decode(&in); err != nil {
		return 0, nil, err
	}
	results, errs := []*subscription{}, []batchError(nil)
	for _, input := range in.Inputs {
		sub, err := s.subscription(string(input.ID))
		if err != nil {
			errs = append(errs, err.detail())
			continue
		}
		sub.Active, sub.UpdatedAt = input.Active, formatTime(c.now)
		results = append(results, sub)
	}
	return c.batchDone(http.StatusOK, results, errs)
}

func (s *System) deleteSubscription(c *call) (int, any, *apiError) {
	sub, err := s.subscription(c.r.PathValue("sub"))
	if err != nil {
		return 0, nil, err
	}
	s.subscriptions = slices.DeleteFunc(s.subscriptions, func(have *subscription) bool { return have == sub })
	return http.StatusNoContent, nil, nil
}

// sendTest sends a test event as the button on the app's page does: it has event
// id 100 and names no real record.
func (s *System) sendTest(eventType string, now time.Time) *apiError {
	for _, sub := range s.subscriptions {
		if sub.EventType != eventType {
			continue
		}
		id, _ := strconv.Atoi(sub.ID)
		e := wireEvent{
			EventID: 100, SubscriptionID: id, PortalID: s.portalID, AppID: s.appID, OccurredAt: now.UnixMilli(), SubscriptionType: eventType,
			ObjectID: 123, ChangeSource: "CRM",
		}
		if sub.PropertyName != "" {
			sample := "sample-value"
			e.PropertyName, e.PropertyValue = sub.PropertyName, &sample
		} else {
			e.ChangeFlag = "NEW"
		}
		s.collect(e)
		return nil
	}
	return invalid("No subscription for %s", eventType)
}

// subscriptionsBody is the body of the control API's subscriptions.
type subscriptionsBody struct {
	TargetURL     string         `json:"targetUrl"`
	Subscriptions []subscription `json:"subscriptions"`
}

func (s *System) controlSubscriptions(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Method == http.MethodPut {
		var raw struct {
			TargetURL     string            `json:"targetUrl"`
			Subscriptions []json.RawMessage `json:"subscriptions"`
		}
		if !kit.ReadControl(w, r, &raw) {
			return
		}
		var subs []subscription
		for _, text := range raw.Subscriptions {
			sub := subscription{Active: true}
			if err := json.Unmarshal(text, &sub); err != nil {
				kit.ControlError(w, http.StatusBadRequest, err)
				return
			}
			if err := s.checkSubscription(&sub); err != nil {
				kit.ControlError(w, http.StatusBadRequest, err)
				return
			}
			subs = append(subs, sub)
		}
		s.setTarget(raw.TargetURL)
		if raw.Subscriptions != nil {
			s.subscriptions = nil
			for _, sub := range subs {
				s.addSubscription(sub, s.now())
			}
		}
	}
	out := subscriptionsBody{TargetURL: s.target, Subscriptions: []subscription{}}
	for _, sub := range s.subscriptions {
		out.Subscriptions = append(out.Subscriptions, *sub)
	}
	kit.WriteJSON(w, http.StatusOK, out)
}
