package connectors_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/connectors"
)

var declared = []connectors.Setting{
	{Name: "base_url", Help: "The address.", Default: "https://api.example"},
	{Name: "token", Help: "The token.", Required: true, Secret: true},
	{Name: "flavour", Help: "Which one.", Choices: []string{"cloud", "server"}},
	{Name: "mode", Help: "A secret choice.", Secret: true, Choices: []string{"a", "b"}},
}

func TestSettingsTellAllProblemsAtOnce(t *testing.T) {
	t.Parallel()
	_, err := connectors.NewSettings(declared, map[string]string{"flavour": "clud", "mode": "hush-hush", "tokne": "x", "zone": "y"})
	var problems *connectors.SettingsError
	if !errors.As(err, &problems) {
		t.Fatalf("error %v", err)
	}
	want := []string{
		`setting "token" is missing: The token.`,
		`setting "flavour": "clud" is none of cloud, server`,
		`setting "mode": its value is none of a, b`,
		`unknown setting "tokne"`,
		`unknown setting "zone"`,
	}
	if diff := cmp.Diff(want, problems.Problems); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	if got := err.Error(); got != strings.Join(want, "; ") {
		t.Errorf("text %q", got)
	}
}

func TestSettingsKeepSecrets(t *testing.T) {
	t.Parallel()
	s, err := connectors.NewSettings(declared, map[string]string{"token": "topsecret", "flavour": "cloud"})
	if err != nil {
		t.Fatal(err)
	}
	if s.Get("token") != "topsecret" || s.Get("base_url") != "https://api.example" || s.Get("none") != "" {
		t.Errorf("values %q, %q, %q", s.Get("token"), s.Get("base_url"), s.Get("none"))
	}
	if got, want := s.String(), "base_url=https://api.example flavour=cloud mode= token=***"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	raw, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("opened", "settings", s)
	config := connectors.Config{Name: "acme", Settings: s}
	shown := []string{string(raw), log.String()}
	for _, form := range []string{"%v", "%+v", "%#v", "%s"} {
		shown = append(shown, fmt.Sprintf(form, s), fmt.Sprintf(form, config))
	}
	for _, text := range shown {
		if strings.Contains(text, "topsecret") {
			t.Errorf("the token shows in %s", text)
		}
	}
}

func TestSchemaFindsFieldsByNameOrLabel(t *testing.T) {
	t.Parallel()
	s := connectors.Schema{Fields: []connectors.Field{
		{Name: "amount", Label: "Deal amount"},
		{Name: "total", Label: "Amount"},
		{Name: "f1", Label: "Budget"},
		{Name: "f2", Label: "budget"},
	}}
	for name, want := range map[string][]string{
		"amount": {"amount"}, "Amount": {"amount", "total"}, "deal AMOUNT": {"amount"}, "Budget": {"f1", "f2"}, "f2": {"f2"}, "none": nil,
	} {
		var got []string
		for _, f := range s.Find(name) {
			got = append(got, f.Name)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	f := connectors.Field{Options: []connectors.Option{{ID: "1", Label: "Open"}, {ID: "2", Label: "open"}, {ID: "3", Label: "1"}, {ID: "4", Label: "Done"}}}
	for text, want := range map[string]string{"1": "1", "done": "4", "OPEN": "", "5": ""} {
		o, ok := f.Option(text)
		if ok != (want != "") || ok && o.ID != want {
			t.Errorf("option %q: %v, %v; want %q", text, o, ok, want)
		}
	}
}

func TestErrorsSayWhatTheEngineNeeds(t *testing.T) {
	t.Parallel()
	cause := errors.New("the system's words")
	e := &connectors.Error{Op: "update", Connection: "acme", Record: "deals/1", Kind: connectors.Invalid, Unsure: true, RetryAfter: 5, Err: cause}
	wrapped := fmt.Errorf("outer: %w", e)
	if connectors.KindOf(wrapped) != connectors.Invalid || !connectors.IsUnsure(wrapped) || connectors.RetryAfter(wrapped) != 5 || !errors.Is(wrapped, cause) {
		t.Errorf("kind %v, unsure %v", connectors.KindOf(wrapped), connectors.IsUnsure(wrapped))
	}
	for want, e := range map[string]*connectors.Error{
		"acme: update deals/1: the system's words": {Op: "update", Connection: "acme", Record: "deals/1", Err: cause},
		"acme: check: auth":                        {Op: "check", Connection: "acme", Kind: connectors.Auth},
		`update: field "a": no: field "b": never`:  {Op: "update", Err: cause, Fields: []connectors.FieldError{{Field: "a", Reason: "no"}, {Field: "b", Reason: "never"}}},
	} {
		if got := e.Error(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	for _, tc := range []struct {
		err    error
		kind   connectors.Kind
		unsure bool
	}{
		{context.Canceled, connectors.Unavailable, true},
		{cause, connectors.Internal, true},
		{nil, connectors.Internal, false},
		{&connectors.Error{Kind: connectors.NotFound}, connectors.NotFound, false},
	} {
		if kind, unsure := connectors.KindOf(tc.err), connectors.IsUnsure(tc.err); kind != tc.kind || unsure != tc.unsure {
			t.Errorf("%v: kind %v, unsure %v; want %v, %v", tc.err, kind, unsure, tc.kind, tc.unsure)
		}
	}
}
