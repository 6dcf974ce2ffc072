package asana

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// maxActions is how many actions one batch has.
const maxActions = 10

// batch is POST /batch: the actions run in no order, each counts.
func (s *System) batch(c *call) (map[string]any, int, *apiError) {
	actions, ok := c.data["actions"].([]any)
	if !ok || len(actions) == 0 {
		return nil, 0, invalid("actions: Missing input")
	}
	if len(actions) > maxActions {
		return nil, 0, invalid("actions: At most %d actions are allowed in a batch", maxActions)
	}
	s.mu.Lock()
	err := s.mayCall(c, &route{pattern: "/batch"})
	if err == nil {
		err = s.count(c.token, len(actions), false)
	}
	order := make([]int, len(actions))
	for i := range order {
		order[i] = i
	}
	s.rand.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	s.mu.Unlock()
	if err != nil {
		return nil, 0, err
	}
	out := make([]any, len(actions))
	for _, i := range order {
		m, _ := actions[i].(map[string]any)
		out[i] = s.act(c, m)
	}
	return map[string]any{"data": out}, http.StatusOK, nil
}

// act carries one action out and shows its answer.
func (s *System) act(outer *call, m map[string]any) map[string]any {
	body, status, err := s.action(outer, m)
	headers := map[string]any{}
	if err != nil {
		body, status = err.body(), err.status
	} else if location := locationOf(body, status); location != "" {
		headers["location"] = strings.TrimPrefix(location, apiBase)
	}
	return map[string]any{"status_code": status, "headers": headers, "body": body}
}

var methods = []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete}

func (s *System) action(outer *call, m map[string]any) (map[string]any, int, *apiError) {
	method, _ := m["method"].(string)
	path, _ := m["relative_path"].(string)
	method = strings.ToUpper(method)
	switch {
	case !slices.Contains(methods, method):
		return nil, 0, invalid("method: %s is not a valid value", quoted(method))
	case !strings.HasPrefix(path, "/"):
		return nil, 0, invalid("relative_path: Missing input")
	case strings.Contains(path, "?"):
		return nil, 0, invalid("relative_path: Query parameters are not accepted here; put them in data instead")
	case path == "/batch", method == http.MethodPost && (path == "/attachments" || path == "/webhooks"):
		return nil, 0, invalid("relative_path: The endpoint %s is not allowed in a batch", path)
	}
	c := &call{s: s, token: outer.token, user: outer.user, method: method, path: strings.TrimSuffix(path, "/"), query: url.Values{}}
	data, _ := m["data"].(map[string]any)
	if method == http.MethodGet || method == http.MethodDelete {
		for name, v := range data {
			if strings.HasPrefix(name, "opt_") || name == "limit" || name == "offset" {
				return nil, 0, invalid("data: %s belongs into options", name)
			}
			c.query.Set(name, fmt.Sprint(v))
		}
	}
	if c.data = data; c.data == nil {
		c.data = map[string]any{}
	}
	options, _ := m["options"].(map[string]any)
	if err := c.options(url.Values{}, options); err != nil {
		return nil, 0, err
	}
	c.pretty = false
	return s.dispatch(c)
}
