package github

import (
	"context"
	"crypto/rsa"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
	gogithub "github.com/google/go-github/v60/github"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// credentials returns how to log in.
func (c *Connection) credentials(s connectors.Settings, base string) (rest.Auth, error) {
	token, app, key := s.Get("token"), s.Get("app_id"), s.Get("private_key")
	switch {
	case token != "" && (app != "" || key != ""):
		return nil, errors.New(`settings "token" and "app_id" exclude each other: Tenon acts as a person or as an app`)
	case token != "":
		return rest.Bearer(token), nil
	case app == "" && key == "":
		return nil, errors.New(`setting "token" is missing: create one in GitHub under Settings, Developer settings, or set "app_id" and "private_key" of a GitHub App`)
	case app == "":
		return nil, errors.New(`setting "app_id" is missing: it stands on the app's page in GitHub`)
	case key == "":
		return nil, errors.New(`setting "private_key" is missing: generate one on the app's page in GitHub`)
	}
	parsed, err := jwt.ParseRSAPrivateKeyFromPEM([]byte(key))
	if err != nil {
		return nil, errors.New(`setting "private_key" is no RSA key in PEM: give the whole file, from -----BEGIN to -----END`)
	}
	c.app = &appAuth{connection: c.name, id: app, key: parsed, base: base, clock: c.clock}
	if id := s.Get("installation_id"); id != "" {
		n, err := strconv.ParseInt(id, 10, 64)
		if err != nil || n <= 0 {
			return nil, errors.New(`setting "installation_id" is no number: it stands at the end of the installation's address in GitHub`)
		}
		c.app.installation = n
	}
	return rest.Fetched(c.app.fetch), nil
}

// appAuth fetches the installation tokens of a GitHub App.
type appAuth struct {
	connection string
	id         string
	key        *rsa.PrivateKey
	base       string
	clock      connectors.Clock

	mu           sync.Mutex
	installation int64             // 0: not known yet
	account      string            // whose installation it is, once known
	permissions  map[string]string // of the latest token; nil: not told
}

const (
	// GitHub takes an app's own token for ten minutes at most; our clock may be
	// ahead of its.
	jwtLife = 9 * time.Minute
	jwtBack = time.Minute
)

// bearer signs the requests of an app.
type bearer struct {
	app  *appAuth
	next http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (b bearer) RoundTrip(req *http.Request) (*http.Response, error) {
	now := b.app.clock.Now()
	token, err := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.RegisteredClaims{
		Issuer: b.app.id, IssuedAt: jwt.NewNumericDate(now.Add(-jwtBack)), ExpiresAt: jwt.NewNumericDate(now.Add(jwtLife)),
	}).SignedString(b.app.key)
	if err != nil {
		return nil, err
	}
	req = req.Clone(req.Context())
	req.Header.Set("Authorization", "Bearer "+token)
	return b.next.RoundTrip(req)
}

// patience is how long a fetch waits where GitHub asks for a pause; a longer one
// is the caller's to wait for.
const patience = 30 * time.Second

// fetch gets a token of the installation. GitHub calls it good for an hour.
func (a *appAuth) fetch(ctx context.Context, client *http.Client) (rest.AccessToken, error) {
	token, err := a.fetchOnce(ctx, client)
	wait := connectors.RetryAfter(err)
	if connectors.KindOf(err) != connectors.RateLimited || wait <= 0 || wait > patience {
		return token, err
	}
	if err := a.clock.Sleep(ctx, wait); err != nil {
		return token, err
	}
	return a.fetchOnce(ctx, client)
}

func (a *appAuth) fetchOnce(ctx context.Context, client *http.Client) (rest.AccessToken, error) {
	signed := *client
	signed.Transport = bearer{a, client.Transport}
	hub, err := newLibrary(&signed, a.base)
	if err != nil {
		return rest.AccessToken{}, err
	}
	id, err := a.find(ctx, hub)
	if err != nil {
		return rest.AccessToken{}, err
	}
	token, resp, err := hub.Apps.CreateInstallationToken(ctx, id, nil)
	if err != nil {
		return rest.AccessToken{}, a.refused(resp, err)
	}
	a.mu.Lock()
	a.permissions = permissionsOf(token.Permissions)
	a.mu.Unlock()
	return rest.AccessToken{Token: token.GetToken(), Expiry: token.GetExpiresAt().Time}, nil
}

// find returns the installation's id. Without one in the settings, it is the
// only one that the app has.
func (a *appAuth) find(ctx context.Context, hub *gogithub.Client) (int64, error) {
	a.mu.Lock()
	id := a.installation
	a.mu.Unlock()
	if id != 0 {
		return id, nil
	}
	list, resp, err := hub.Apps.ListInstallations(ctx, &gogithub.ListOptions{PerPage: 100})
	if err != nil {
		return 0, a.refused(resp, err)
	}
	if len(list) != 1 {
		var where []string
		for _, in := range list {
			where = append(where, in.GetAccount().GetLogin()+" "+strconv.FormatInt(in.GetID(), 10))
		}
		e := &connectors.Error{Op: "log in", Connection: a.connection, Kind: connectors.Auth, Err: errors.New("the app is installed nowhere"), Help: "install the app in the organisation on GitHub"}
		if len(list) > 1 {
			e.Err, e.Help = errors.New("the app has several installations: "+strings.Join(where, ", ")), `name one in the setting "installation_id"`
		}
		return 0, e
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.installation, a.account = list[0].GetID(), list[0].GetAccount().GetLogin()
	return a.installation, nil
}

// refused turns an answer without a token into an error.
func (a *appAuth) refused(resp *gogithub.Response, err error) error {
	e := &connectors.Error{Op: "log in", Connection: a.connection, Kind: connectors.Unavailable, Err: errors.New(rest.Clip(err.Error()))}
	if resp == nil || resp.Response == nil {
		return e
	}
	if refusal, ok := errors.AsType[*gogithub.ErrorResponse](err); ok {
		e.Err = errors.New(rest.Clip(refusal.Message))
	}
	switch status := resp.StatusCode; {
	case status == http.StatusTooManyRequests, status == http.StatusForbidden && (resp.Header.Get("X-RateLimit-Remaining") == "0" || headerWait(resp.Header) > 0):
		e.Kind, e.RetryAfter = connectors.RateLimited, time.Minute
		if wait := headerWait(resp.Header); wait > 0 {
			e.RetryAfter = wait
		}
	case status == http.StatusNotFound:
		e.Kind, e.Help = connectors.Auth, `check the setting "installation_id": the app has no such installation`
	case status == http.StatusForbidden:
		e.Kind, e.Help = connectors.Auth, "the installation is suspended, or the app lost its rights: see the app's page in GitHub"
	case status >= 400 && status < 500:
		e.Kind, e.Help = connectors.Auth, `check the settings "app_id" and "private_key"`
	}
	return e
}

// permissionsOf lists what matters here of an installation's permissions.
func permissionsOf(p *gogithub.InstallationPermissions) map[string]string {
	if p == nil {
		return nil
	}
	return map[string]string{
		"issues": p.GetIssues(), "metadata": p.GetMetadata(), "repository_hooks": p.GetRepositoryHooks(), "administration": p.GetAdministration(),
	}
}

func (a *appAuth) standing() (installation int64, account string, permissions map[string]string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.installation, a.account, a.permissions
}
