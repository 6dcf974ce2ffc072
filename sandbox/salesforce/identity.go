package salesforce

import (
	"net/http"
	"strings"
)

// bearer finds the session of a request to the login host; nil if there is none.
func (s *System) bearer(r *http.Request) *session {
	sess, err := s.authenticate(r, s.now())
	if err != nil {
		return s.sessions[r.Form.Get("access_token")]
	}
	return sess
}

func (s *System) urls(base string) members {
	rest := base + "/services/data/v{version}/"
	return members{
		{"enterprise", base + "/services/Soap/c/{version}/" + s.org[:15]},
		{"metadata", base + "/services/Soap/m/{version}/" + s.org[:15]},
		{"partner", base + "/services/Soap/u/{version}/" + s.org[:15]},
		{"rest", rest},
		{"sobjects", rest + "sobjects/"},
		{"search", rest + "search/"},
		{"query", rest + "query/"},
		{"recent", rest + "recent/"},
		{"tooling_rest", rest + "tooling/"},
		{"profile", base + "/{user_id}"},
		{"feeds", rest + "chatter/feeds"},
		{"groups", rest + "chatter/groups"},
		{"users", rest + "chatter/users"},
		{"feed_items", rest + "chatter/feed-items"},
		{"feed_elements", rest + "chatter/feed-elements"},
		{"custom_domain", base},
	}
}

// userinfo tells an OpenID client who is connected.
func (s *System) userinfo(r *http.Request) (int, any) {
	sess := s.bearer(r)
	if sess == nil {
		return http.StatusForbidden, members{{"error", "Bad_OAuth_Token"}}
	}
	u := s.find(sess.user)
	base := s.instance(r)
	urls := s.urls(base)
	for i := range urls {
		urls[i].value = strings.ReplaceAll(urls[i].value.(string), "{user_id}", u.id)
	}
	return http.StatusOK, members{
		{"sub", s.origin(r) + "/id/" + s.org + "/" + u.id},
		{"user_id", u.id},
		{"organization_id", s.org},
		{"preferred_username", u.text("Username")},
		{"nickname", u.text("Alias")},
		{"name", u.text("Name")},
		{"email", u.text("Email")},
		{"email_verified", true},
		{"given_name", u.values["FirstName"]},
		{"family_name", u.text("LastName")},
		{"zoneinfo", u.text("TimeZoneSidKey")},
		{"photos", members{{"picture", base + "/profilephoto/005/F"}, {"thumbnail", base + "/profilephoto/005/T"}}},
		{"profile", base + "/" + u.id},
		{"picture", base + "/profilephoto/005/F"},
		{"address", members{}},
		{"urls", urls},
		{"active", u.flag("IsActive")},
		{"user_type", "STANDARD"},
		{"language", u.text("LanguageLocaleKey")},
		{"locale", u.text("LocaleSidKey")},
		{"utcOffset", 0},
		{"updated_at", u.at("LastModifiedDate").Format("2006-01-02T15:04:05Z")},
		{"is_salesforce_integration_user", u.id == s.apiUser},
		{"is_app_installed", true},
	}
}

// identity answers at the id URL of a token answer.
func (s *System) identity(r *http.Request) (int, any) {
	sess := s.bearer(r)
	if sess == nil {
		return http.StatusForbidden, members{{"error", "Bad_OAuth_Token"}}
	}
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/id/"), "/")
	if len(parts) != 2 || parts[0] != s.org && parts[0] != s.org[:15] || parts[1] != sess.user && parts[1] != sess.user[:15] {
		return http.StatusForbidden, members{{"error", "Wrong_Org"}}
	}
	u := s.find(sess.user)
	base := s.instance(r)
	return http.StatusOK, members{
		{"id", s.origin(r) + "/id/" + s.org + "/" + u.id},
		{"asserted_user", true},
		{"user_id", u.id},
		{"organization_id", s.org},
		{"username", u.text("Username")},
		{"nick_name", u.text("Alias")},
		{"display_name", u.text("Name")},
		{"email", u.text("Email")},
		{"email_verified", true},
		{"first_name", u.values["FirstName"]},
		{"last_name", u.text("LastName")},
		{"timezone", u.text("TimeZoneSidKey")},
		{"photos", members{{"picture", base + "/profilephoto/005/F"}, {"thumbnail", base + "/profilephoto/005/T"}}},
		{"addr_street", nil},
		{"addr_city", nil},
		{"addr_state", nil},
		{"addr_country", nil},
		{"addr_zip", nil},
		{"mobile_phone", nil},
		{"mobile_phone_verified", false},
		{"is_lightning_login_user", false},
		{"status", members{{"created_date", nil}, {"body", nil}}},
		{"urls", s.urls(base)},
		{"active", u.flag("IsActive")},
		{"user_type", "STANDARD"},
		{"language", u.text("LanguageLocaleKey")},
		{"locale", u.text("LocaleSidKey")},
		{"utcOffset", 0},
		{"last_modified_date", stamp(u.at("LastModifiedDate"))},
	}
}

func (s *System) discovery(r *http.Request) (int, any) {
	base := s.origin(r)
	return http.StatusOK, members{
		{"issuer", base},
		{"authorization_endpoint", base + "/services/oauth2/authorize"},
		{"token_endpoint", base + "/services/oauth2/token"},
		{"revocation_endpoint", base + "/services/oauth2/revoke"},
		{"userinfo_endpoint", base + "/services/oauth2/userinfo"},
		{"introspection_endpoint", base + "/services/oauth2/introspect"},
		{"scopes_supported", []string{"cdp_query_api", "openid", "web", "api", "refresh_token", "full", "id", "profile", "email", "chatter_api"}},
		{"response_types_supported", []string{"code", "token", "token id_token"}},
		{"subject_types_supported", []string{"public"}},
		{"id_token_signing_alg_values_supported", []string{"RS256"}},
	}
}
