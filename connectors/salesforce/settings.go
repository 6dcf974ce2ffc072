package salesforce

import (
	"crypto/rsa"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/golang-jwt/jwt/v5"

	"github.com/tenonsync/tenon/connectors"
)

// The ways to log in.
const (
	authJWT    = "jwt"
	authClient = "client_credentials"
	authOAuth  = "oauth"
)

// The places where comments are kept.
const (
	notesTasks   = "tasks"
	notesChatter = "chatter"
)

const defaultVersion = "66.0"

var ownSettings = []connectors.Setting{
	{Name: "login_url", Default: "https://login.salesforce.com", Help: "Where Tenon logs in: your My Domain (https://acme.my.salesforce.com), https://test.salesforce.com for a sandbox, or the default."},
	{Name: "auth", Choices: []string{authJWT, authClient, authOAuth}, Help: "How Tenon logs in: jwt (a certificate), client_credentials, or oauth (a person's consent, by tenon connect); empty: jwt where private_key is set, client_credentials at a My Domain, else oauth."},
	{Name: "client_id", Required: true, Help: "The consumer key of your External Client App."},
	{Name: "client_secret", Secret: true, Help: "The app's consumer secret: for client_credentials and oauth."},
	{Name: "username", Help: "The integration user's username, for jwt."},
	{Name: "private_key", Secret: true, Help: "The private key (PEM) whose certificate the app has, for jwt."},
	{Name: "audience", Help: "The audience of the JWT; empty: https://test.salesforce.com for sandboxes, https://login.salesforce.com for other Salesforce hosts, else login_url."},
	{Name: "refresh_token", Secret: true, Help: "A refresh token that another program got; tenon connect gets one by itself and keeps it sealed in the state."},
	{Name: "api_version", Default: defaultVersion, Help: "The version of the REST API."},
	{Name: "key_field", Default: "Tenon_Key__c", Help: "The unique external-id field that holds Tenon's keys of records that it made."},
	{Name: "key_fields", Help: "Objects whose keys go into another, existing text field, as Object=Field, comma between them: for objects that may get no field of Tenon's. Salesforce then does not refuse doubles itself."},
	{Name: "notes", Default: notesTasks, Choices: []string{notesTasks, notesChatter}, Help: "What comments are in Salesforce: completed tasks with the subject of note_subject, or Chatter posts."},
	{Name: "note_subject", Default: "Progress note", Help: "The subject of the tasks that are comments."},
	{Name: "currency", Help: "The ISO code of the org's currency where it has only one, such as EUR."},
	{Name: "duplicates", Default: "refuse", Choices: []string{"refuse", "allow"}, Help: "What becomes of a write that a duplicate rule of yours warns of."},
	{Name: "bulk_from", Default: "20000", Help: "From how many records on the first listing goes through the Bulk API; 0: never."},
	{Name: "daily_share", Default: "50", Help: "How many percent of the org's API requests of 24 hours Tenon may use; all apps share them."},
	{Name: "requests_per_second", Help: "How many requests a second Tenon sends at most; empty: no bound."},
}

// options are the settings, read.
type options struct {
	login, audience string
	auth            string
	version         string
	key             *rsa.PrivateKey
	keyField        string
	keyFields       map[string]string // by the object's name in lower case
	notes, subject  string
	currency        string
	allowDuplicates bool
	bulkFrom        int
	share           int
	perSecond       float64
}

var (
	versionForm  = regexp.MustCompile(`^[1-9][0-9]{1,2}\.0$`)
	nameForm     = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,79}$`)
	currencyForm = regexp.MustCompile(`^[A-Z]{3}$`)
)

// read checks the settings; the problems are told all at once.
func read(s connectors.Settings) (options, error) {
	o := options{
		login: strings.TrimRight(s.Get("login_url"), "/"), auth: authOf(s), version: s.Get("api_version"),
		keyField: s.Get("key_field"), notes: s.Get("notes"), subject: strings.TrimSpace(s.Get("note_subject")),
		currency: strings.ToUpper(s.Get("currency")), allowDuplicates: s.Get("duplicates") == "allow", audience: s.Get("audience"),
	}
	var problems []string
	wrong := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	u, err := url.Parse(o.login)
	if err != nil || u.Host == "" || u.Path != "" || u.Scheme != "https" && u.Scheme != "http" {
		wrong(`setting "login_url" is not an address: write https://login.salesforce.com or your My Domain`)
	} else if o.audience == "" {
		o.audience = audienceOf(u, o.login)
	}
	if !versionForm.MatchString(o.version) {
		wrong(`setting "api_version": %q is no version such as %s`, o.version, defaultVersion)
	}
	if !nameForm.MatchString(o.keyField) {
		wrong(`setting "key_field": %q is no field's API name`, o.keyField)
	}
	if o.currency != "" && !currencyForm.MatchString(o.currency) {
		wrong(`setting "currency": %q is no ISO code such as EUR`, s.Get("currency"))
	}
	if o.keyFields, err = pairs(s.Get("key_fields")); err != nil {
		wrong("%v", err)
	}
	if o.bulkFrom, err = strconv.Atoi(s.Get("bulk_from")); err != nil || o.bulkFrom < 0 {
		wrong(`setting "bulk_from": %q is no number of records`, s.Get("bulk_from"))
	}
	if o.share, err = strconv.Atoi(strings.TrimSuffix(s.Get("daily_share"), "%")); err != nil || o.share < 1 || o.share > 100 {
		wrong(`setting "daily_share": %q is no percentage between 1 and 100`, s.Get("daily_share"))
	}
	if v := s.Get("requests_per_second"); v != "" {
		if o.perSecond, err = strconv.ParseFloat(v, 64); err != nil || !(o.perSecond > 0 && o.perSecond <= 1000) {
			wrong(`setting "requests_per_second": %q is not a number between 0 and 1000`, v)
		}
	}
	problems = append(problems, o.credentials(s)...)
	problems = append(problems, streamProblems(s)...)
	if len(problems) > 0 {
		return o, &connectors.SettingsError{Problems: problems}
	}
	return o, nil
}

// credentials checks that those of the way to log in are there.
func (o *options) credentials(s connectors.Settings) []string {
	var problems []string
	need := func(name, why string) {
		if s.Get(name) == "" {
			problems = append(problems, fmt.Sprintf("setting %q is missing: %s", name, why))
		}
	}
	switch o.auth {
	case authJWT:
		need("username", "a JWT names the integration user")
		need("private_key", "a JWT is signed with it")
		if pem := s.Get("private_key"); pem != "" {
			key, err := jwt.ParseRSAPrivateKeyFromPEM([]byte(pem))
			if err != nil {
				problems = append(problems, `setting "private_key" is no RSA key in PEM form`)
			}
			o.key = key
		}
	case authOAuth:
		need("client_secret", "a consent is traded for a token with it")
	case authClient:
		need("client_secret", "client_credentials needs it; write private_key and username to log in by a certificate instead")
		if anyOrg(o.login) {
			problems = append(problems, `setting "login_url": client_credentials works at your My Domain only: write https://NAME.my.salesforce.com`)
		}
	}
	return problems
}

func authOf(s connectors.Settings) string {
	switch {
	case s.Get("auth") != "":
		return s.Get("auth")
	case s.Get("private_key") != "":
		return authJWT
	case s.Get("refresh_token") != "", anyOrg(s.Get("login_url")):
		return authOAuth
	}
	return authClient
}

// anyOrg reports whether an address is one where users of all orgs log in, and
// no app does.
func anyOrg(login string) bool {
	host := hostOf(login)
	return host == "login.salesforce.com" || host == "test.salesforce.com"
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Hostname())
}

// audienceOf returns whom a JWT is for: one of two names, whatever host it is
// sent to.
func audienceOf(login *url.URL, address string) string {
	host := strings.ToLower(login.Hostname())
	switch {
	case host == "test.salesforce.com", strings.HasSuffix(host, ".sandbox.my.salesforce.com"):
		return "https://test.salesforce.com"
	case host == "login.salesforce.com", strings.HasSuffix(host, ".salesforce.com"):
		return "https://login.salesforce.com"
	}
	return address
}

// pairs reads "Object=Field, Object=Field".
func pairs(text string) (map[string]string, error) {
	out := map[string]string{}
	for part := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ',' || r == '\n' }) {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		object, field, _ := strings.Cut(part, "=")
		object, field = strings.TrimSpace(object), strings.TrimSpace(field)
		if !nameForm.MatchString(object) || !nameForm.MatchString(field) {
			return nil, fmt.Errorf("setting %q: %q has not the form Object=Field", "key_fields", part)
		}
		out[strings.ToLower(object)] = field
	}
	return out, nil
}

// keyFieldOf returns the field that holds the keys of an object's records.
func (o *options) keyFieldOf(object string) string {
	if f := o.keyFields[strings.ToLower(object)]; f != "" {
		return f
	}
	return o.keyField
}
