package all

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/tenonsync/tenon/connectors"
)

// TestAuthorizers asks each connector that connects accounts by consent for the
// page's address, and what it says where it lives on no consent.
func TestAuthorizers(t *testing.T) {
	registry, err := Registry()
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, kind := range registry.Kinds() {
		connector := registry.Connector(kind)
		authorizer, ok := connector.(connectors.Authorizer)
		if !ok {
			continue
		}
		found++
		consent := map[string]string{}
		for _, s := range connector.Info().Settings {
			switch s.Name {
			case "base_url":
				consent[s.Name] = "https://crm.example"
			case "client_id", "client_secret":
				consent[s.Name] = "of-the-app"
			case "grant":
				consent[s.Name] = "consent"
			}
		}
		authorization := func(values map[string]string) (connectors.Authorization, error) {
			s, err := connectors.NewSettings(connector.Info().Settings, values)
			if err != nil {
				t.Fatal(err)
			}
			return authorizer.Authorization(connectors.Config{Name: "a", Settings: s}, connectors.Options{})
		}
		a, err := authorization(consent)
		if err != nil || a == nil {
			t.Errorf("%s: no consent for %v: %v", kind, consent, err)
			continue
		}
		required, optional := a.Scopes([]connectors.Need{{Object: "tickets", Write: true}})
		ask := connectors.Consent{Redirect: "http://localhost:8485/callback", State: "s+t/a=te", Required: required, Optional: optional}
		u, err := url.Parse(a.ConsentURL(ask))
		if err != nil || u.Scheme != "https" || u.Query().Get("state") != ask.State || u.Query().Get("redirect_uri") != ask.Redirect || u.Query().Get("scope") != strings.Join(required, " ") {
			t.Errorf("%s: consent at %s", kind, u)
		}
		if strings.Contains(u.String(), "client_secret") {
			t.Errorf("%s: the address shows the app's secret", kind)
		}
		delete(consent, "client_secret")
		if _, err := authorization(consent); err == nil {
			t.Errorf("%s: a consent without client_secret", kind)
		} else if _, ok := errors.AsType[*connectors.SettingsError](err); !ok {
			t.Errorf("%s: without client_secret: %v", kind, err)
		}
		consent["client_secret"], consent["refresh_token"] = "s", "of another program"
		if a, err := authorization(consent); a != nil || err != nil {
			t.Errorf("%s: with a refresh token: %v, %v", kind, a, err)
		}
	}
	if found < 2 {
		t.Errorf("%d connectors connect by consent", found)
	}
}

func TestEveryConnectorDescribesItself(t *testing.T) {
	registry, err := Registry()
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range registry.Kinds() {
		info := registry.Connector(kind).Info()
		if info.Label == "" {
			t.Errorf("%s has no label", kind)
		}
		for _, s := range info.Settings {
			if s.Help == "" || !strings.HasSuffix(s.Help, ".") {
				t.Errorf("%s: the help of setting %q is not a sentence: %q", kind, s.Name, s.Help)
			}
		}
	}
}
