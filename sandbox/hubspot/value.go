package hubspot

import (
	"encoding/json"
	"fmt"
	"net/mail"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxText is the longest text a property holds.
const maxText = 65_536

// formatTime renders an instant as HubSpot does: UTC, milliseconds unless zero.
func formatTime(t time.Time) string {
	t = t.UTC()
	if t.Nanosecond()/int(time.Millisecond) == 0 {
		return t.Format("2006-01-02T15:04:05Z")
	}
	return t.Format("2006-01-02T15:04:05.000Z")
}

// wireText turns a JSON value into the text that HubSpot would store of it. It
// reports absent for null, which HubSpot ignores.
func wireText(raw json.RawMessage) (text string, absent, ok bool) {
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return "", false, false
	}
	switch v := v.(type) {
	case nil:
		return "", true, true
	case string:
		return v, false, true
	case bool, float64:
		return strings.TrimSpace(string(raw)), false, true // numbers are kept as they were written
	default:
		return "", false, false
	}
}

var numberPattern = regexp.MustCompile(`^[+-]?(\d+\.?\d*|\.\d+)$`)

// normalise checks a new value of p and returns the text to be stored. old is
// the present value.
func (s *System) normalise(p *property, old, text string) (string, *valueProblem) {
	refuse := func(code, format string, args ...any) (string, *valueProblem) {
		msg := fmt.Sprintf(format, args...)
		return "", &valueProblem{Message: msg, Error: code, Name: p.Name, Localized: msg, Value: text, PortalID: s.portalID}
	}
	if p.ModificationMetadata.ReadOnlyValue || p.Calculated {
		return refuse("READ_ONLY_VALUE", "%q is a read only property; its value cannot be set.", p.Name)
	}
	if text == "" {
		return "", nil
	}
	switch p.Type {
	case "number":
		if !numberPattern.MatchString(text) {
			return refuse("INVALID_INTEGER", "%s was not a valid number.", text)
		}
	case "date":
		return normaliseDate(text, refuse)
	case "datetime":
		t, ok := parseInstant(text)
		if !ok {
			return refuse("INVALID_LONG", "%s was not a valid long.", text)
		}
		return formatTime(t), nil
	case "bool", "enumeration":
		return s.normaliseOption(p, old, text, refuse)
	default:
		if len([]rune(text)) > maxText {
			return refuse("INVALID_STRING_LENGTH", "Property value is longer than %d characters.", maxText) // assumed
		}
	}
	switch p.Name {
	case "email":
		return normaliseEmail(text, refuse)
	case "domain":
		return normaliseDomain(text), nil
	}
	return text, nil
}

type refusal func(code, format string, args ...any) (string, *valueProblem)

func normaliseDate(text string, refuse refusal) (string, *valueProblem) {
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		return t.Format(time.DateOnly), nil
	}
	t, ok := parseInstant(text)
	if !ok {
		return refuse("INVALID_LONG", "%s was not a valid long.", text)
	}
	if t.UnixMilli()%(24*time.Hour).Milliseconds() != 0 {
		return refuse("INVALID_DATE", "%s is at %d:%d:%d.%d UTC, not midnight!", text, t.Hour(), t.Minute(), t.Second(), t.Nanosecond()/int(time.Millisecond))
	}
	return t.Format(time.DateOnly), nil
}

// parseInstant reads ISO 8601 with a zone, a plain date, or epoch milliseconds.
func parseInstant(text string) (time.Time, bool) {
	if ms, err := strconv.ParseInt(text, 10, 64); err == nil {
		const limit = 1 << 53
		if ms > limit || ms < -limit {
			return time.Time{}, false
		}
		return time.UnixMilli(ms).UTC(), true
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999Z0700", "2006-01-02T15:04Z07:00", time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC().Truncate(time.Millisecond), true
		}
	}
	return time.Time{}, false
}

func normaliseEmail(text string, refuse refusal) (string, *valueProblem) {
	text = strings.ToLower(strings.TrimSpace(text))
	addr, err := mail.ParseAddress(text)
	if err != nil || addr.Address != text || !strings.Contains(text[strings.LastIndexByte(text, '@')+1:], ".") {
		return refuse("INVALID_EMAIL", "Email address %s is invalid", text)
	}
	return text, nil
}

func normaliseDomain(text string) string {
	text = strings.ToLower(strings.TrimSpace(text))
	if _, after, found := strings.Cut(text, "://"); found {
		text = after
	}
	text, _, _ = strings.Cut(text, "/")
	return strings.TrimPrefix(text, "www.")
}

// normaliseOption checks the values of selects, radios, check boxes and booleans.
// Case counts. A leading ";" on a multiple choice appends to the present value.
func (s *System) normaliseOption(p *property, old, text string, refuse refusal) (string, *valueProblem) {
	allowed := s.allowedOptions(p)
	chosen := []string{text}
	if p.FieldType == "checkbox" {
		chosen = nil
		if strings.HasPrefix(text, ";") && old != "" {
			chosen = strings.Split(old, ";")
		}
		for _, v := range strings.Split(text, ";") {
			if v != "" && !slices.Contains(chosen, v) {
				chosen = append(chosen, v)
			}
		}
	}
	for _, v := range chosen {
		if _, err := strconv.ParseInt(v, 10, 64); p.Name == attachmentIDs && err == nil {
			continue // its options are the files of the account
		}
		if !slices.Contains(allowed, v) {
			return refuse("INVALID_OPTION", "%s was not one of the allowed options: [%s]", v, strings.Join(allowed, ", "))
		}
	}
	return strings.Join(chosen, ";"), nil
}

func (s *System) allowedOptions(p *property) []string {
	var out []string
	switch {
	case p.ReferencedObjectType == "OWNER":
		for _, o := range s.owners {
			out = append(out, o.ID)
		}
	case p.ExternalOptions && p.pipelinePart != "":
		for _, pl := range p.of.pipelines {
			if p.pipelinePart == "pipeline" {
				out = append(out, pl.ID)
				continue
			}
			for _, st := range pl.Stages {
				out = append(out, st.ID)
			}
		}
	default:
		for _, o := range p.Options {
			out = append(out, o.Value)
		}
	}
	return out
}

type rawValue = json.RawMessage

// quote is text as JSON.
func quote(text string) rawValue {
	b, err := json.Marshal(text)
	if err != nil {
		panic(err) // text always marshals
	}
	return b
}
