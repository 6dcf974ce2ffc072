package github

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

// members decodes the JSON object of a call's body.
func (c *call) members() (map[string]json.RawMessage, error) {
	if len(bytes.TrimSpace(c.body)) == 0 {
		return map[string]json.RawMessage{}, nil
	}
	if !json.Valid(c.body) {
		return nil, errParsing
	}
	var m map[string]json.RawMessage
	if json.Unmarshal(c.body, &m) != nil || m == nil {
		return nil, errObject
	}
	return m, nil
}

// wrongType is the answer to a member of another type than the schema has.
func wrongType(name string, raw json.RawMessage, want string) *apiError {
	return fail(http.StatusUnprocessableEntity, "Invalid request.\n\nFor 'properties/%s', %s is not %s.", name, clip(string(raw)), want)
}

func clip(s string) string {
	if len(s) > 80 {
		return strings.ToValidUTF8(s[:80], "") + "…"
	}
	return s
}

// text reads a member that is a string; ok is false if it is missing or null.
func text(m map[string]json.RawMessage, name string) (s string, ok bool, err error) {
	raw, there := m[name]
	if !there || string(raw) == "null" {
		return "", false, nil
	}
	if json.Unmarshal(raw, &s) != nil {
		return "", false, wrongType(name, raw, "a string")
	}
	return s, true, nil
}

func isNull(m map[string]json.RawMessage, name string) bool { return string(m[name]) == "null" }

// texts reads a member that is a list of strings, or of objects with a name.
func texts(m map[string]json.RawMessage, name string) ([]string, error) {
	var list []json.RawMessage
	if json.Unmarshal(m[name], &list) != nil {
		var one string
		if json.Unmarshal(m[name], &one) == nil {
			return []string{one}, nil
		}
		return nil, wrongType(name, m[name], "an array")
	}
	out := []string{}
	for _, raw := range list {
		var s string
		var o struct {
			Name string `json:"name"`
		}
		switch {
		case json.Unmarshal(raw, &s) == nil:
		case json.Unmarshal(raw, &o) == nil:
			s = o.Name
		default:
			return nil, wrongType(name, raw, "a string")
		}
		out = append(out, s)
	}
	return out, nil
}

// number reads a member that is a whole number, or a string that holds one.
func number(m map[string]json.RawMessage, name string) (int64, error) {
	var n int64
	if json.Unmarshal(m[name], &n) == nil {
		return n, nil
	}
	var s string
	if json.Unmarshal(m[name], &s) == nil {
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			return n, nil
		}
	}
	return 0, wrongType(name, m[name], "an integer")
}
