package github

import (
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// tokenKind is the kind of a token.
type tokenKind int

const (
	classic      tokenKind = iota // ghp_, gho_: with scopes
	fine                          // github_pat_: with permissions
	installation                  // ghs_: of an app
	appJWT                        // the app itself
)

// grant is a token that opens something.
type grant struct {
	token   string
	kind    tokenKind
	user    *user
	scopes  []string          // classic
	perms   map[string]string // fine and installation: "issues": "write"
	inst    *install
	expires time.Time // zero: never
	revoked bool
}

// app is a GitHub App; install is one installation of it.
type app struct {
	id       int64
	clientID string
	slug     string
	bot      *user
	key      *rsa.PublicKey
}

type install struct {
	id        int64
	app       *app
	account   *user
	perms     map[string]string
	repos     []int64 // nil: all of the account's
	suspended bool
	created   time.Time
}

// authority knows the tokens.
type authority struct {
	grants   []*grant
	app      *app
	installs []*install
	minted   int
	shut     bool // the app's key is not taken any more
}

// allPerms are the permissions of the app of the sandbox.
func allPerms() map[string]string {
	return map[string]string{"issues": "write", "metadata": "read", "repository_hooks": "write", "administration": "write"}
}

func newAuthority(s *System) authority {
	tenon := s.userByLogin(DefaultLogin)
	pem, err := jwt.ParseRSAPrivateKeyFromPEM([]byte(DefaultPrivateKey))
	if err != nil {
		panic(err) // a part of the program
	}
	a := &app{id: DefaultAppID, clientID: DefaultClientID, slug: "tenon-sync", bot: s.userByLogin("tenon-sync[bot]"), key: &pem.PublicKey}
	return authority{
		app:      a,
		installs: []*install{{id: DefaultInstallationID, app: a, account: s.userByLogin(seedOrg), perms: allPerms(), created: s.now().Add(-24 * time.Hour)}},
		grants: []*grant{
			{token: DefaultToken, kind: classic, user: tenon, scopes: []string{"admin:repo_hook", "read:org", "repo", "user:email"}},
			{token: DefaultFineToken, kind: fine, user: tenon, perms: allPerms()},
		},
	}
}

var (
	errCredentials = fail(http.StatusUnauthorized, "Bad credentials")
	errLogin       = fail(http.StatusUnauthorized, "Requires authentication")
	errJWT         = fail(http.StatusUnauthorized, "A JSON web token could not be decoded")
)

// authenticate finds whose credentials a request carries; nil without any.
func (s *System) authenticate(r *http.Request) (*grant, error) {
	header := r.Header.Get("Authorization")
	if header == "" {
		return nil, nil
	}
	scheme, token, _ := strings.Cut(header, " ")
	switch strings.ToLower(scheme) {
	case "bearer", "token":
	case "basic":
		raw, err := base64.StdEncoding.DecodeString(token)
		if err != nil {
			return nil, errCredentials
		}
		_, token, _ = strings.Cut(string(raw), ":")
	default:
		return nil, errCredentials
	}
	if strings.Count(token, ".") == 2 && strings.HasPrefix(token, "ey") {
		return s.appByJWT(token)
	}
	for _, g := range s.auth.grants {
		if g.token != token {
			continue
		}
		if g.revoked || !g.expires.IsZero() && !s.clock.Now().Before(g.expires) {
			return nil, errCredentials
		}
		if g.inst != nil && g.inst.suspended {
			return nil, fail(http.StatusForbidden, "This installation has been suspended")
		}
		return g, nil
	}
	return nil, errCredentials
}

// appByJWT checks the token by which an app says who it is. It lives ten
// minutes at most.
func (s *System) appByJWT(token string) (*grant, error) {
	claims := jwt.MapClaims{}
	now := s.clock.Now()
	parsed, err := jwt.NewParser(
		jwt.WithValidMethods([]string{"RS256"}), jwt.WithTimeFunc(func() time.Time { return now }), jwt.WithoutClaimsValidation(), jwt.WithJSONNumber(),
	).ParseWithClaims(token, claims, func(*jwt.Token) (any, error) { return s.auth.app.key, nil })
	if err != nil || !parsed.Valid {
		return nil, errJWT
	}
	issuer := fmt.Sprint(claims["iss"]) // a number or a string
	expires, errExp := claims.GetExpirationTime()
	issued, errIat := claims.GetIssuedAt()
	switch a := s.auth.app; {
	case issuer != strconv.FormatInt(a.id, 10) && issuer != a.clientID:
		return nil, fail(http.StatusUnauthorized, "Integration not found")
	case s.auth.shut:
		return nil, errJWT
	case errExp != nil || expires == nil || !now.Before(expires.Time):
		return nil, fail(http.StatusUnauthorized, "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires")
	case expires.Sub(now) > 10*time.Minute:
		return nil, fail(http.StatusUnauthorized, "'Expiration time' claim ('exp') is too far in the future")
	case errIat != nil || issued == nil || issued.After(now):
		return nil, fail(http.StatusUnauthorized, "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued")
	}
	return &grant{kind: appJWT, user: s.auth.app.bot}, nil
}

// mint makes an installation token of an hour. Every other one has the long
// form, so that nobody counts on forty characters.
func (s *System) mint(in *install, perms map[string]string) *grant {
	s.auth.minted++
	token := "ghs_" + strings.ReplaceAll(s.rand.UUID()+s.rand.UUID(), "-", "")[:36]
	if s.auth.minted%2 == 0 {
		token = fmt.Sprintf("ghs_%d_ey%s%s%s", in.app.id, s.rand.UUID(), s.rand.UUID(), s.rand.UUID())
	}
	g := &grant{token: token, kind: installation, user: in.app.bot, perms: perms, inst: in, expires: s.now().Add(time.Hour)}
	s.auth.grants = append(s.auth.grants, g)
	return g
}

// account names whom limits are counted for.
func (g *grant) account() string {
	switch {
	case g == nil:
		return "anonymous"
	case g.inst != nil:
		return "installation " + strconv.FormatInt(g.inst.id, 10)
	}
	return g.user.login
}

// scope reports whether a classic token has one of the scopes.
func (g *grant) scope(one ...string) bool {
	return slices.ContainsFunc(one, func(s string) bool { return slices.Contains(g.scopes, s) })
}

// sees reports whether the caller may see a repository.
func (c *call) sees(r *repo) bool {
	g := c.grant
	switch {
	case g == nil:
		return !r.private
	case g.kind == appJWT:
		return false
	case g.inst != nil:
		return g.inst.account == r.owner && (g.inst.repos == nil || slices.Contains(g.inst.repos, r.id)) && !r.hidden[g.user.login]
	case r.hidden[g.user.login]:
		return false
	case !r.private:
		return true
	case g.kind == classic && !g.scope("repo"):
		return false
	}
	return r.roles[g.user.login] >= roleRead
}

// role is what the caller is in a repository that it sees, as far as the
// token's scopes go.
func (c *call) role(r *repo) role {
	g := c.grant
	if g == nil {
		return roleRead
	}
	if g.inst != nil {
		return map[string]role{"write": roleWrite, "read": roleRead}[g.perms["issues"]]
	}
	have := max(r.roles[g.user.login], roleRead)
	if g.kind == fine && g.perms["issues"] != "write" || g.kind == classic && !g.scope("repo", "public_repo") {
		return min(have, roleRead)
	}
	return have
}

// notAllowed is the answer to who may see but not do.
func (c *call) notAllowed(need string) *apiError {
	message := "Must have admin rights to Repository."
	switch {
	case c.grant == nil:
		return errLogin
	case c.grant.inst != nil:
		message = "Resource not accessible by integration"
	case c.grant.kind == fine:
		message = "Resource not accessible by personal access token"
	}
	e := fail(http.StatusForbidden, "%s", message)
	if c.grant.kind != classic {
		e.header = http.Header{"X-Accepted-Github-Permissions": {need}}
	}
	return e
}

// mayWrite refuses callers that may not write issues.
func (c *call) mayWrite(r *repo, i *issue) error {
	switch {
	case c.grant == nil:
		return errLogin
	case r.archived:
		return fail(http.StatusForbidden, "Repository was archived so is read-only.")
	case c.grant.kind == fine && c.grant.perms["issues"] != "write", c.grant.inst != nil && c.grant.perms["issues"] != "write",
		c.grant.kind == classic && !c.grant.scope("repo", "public_repo"):
		return c.notAllowed("issues=write")
	case i != nil && c.role(r) < roleTriage && i.user != c.grant.user:
		return c.notAllowed("issues=write")
	}
	return nil
}

// mayHook refuses callers that may not manage webhooks. The real thing hides
// hooks from them.
func (c *call) mayHook(r *repo) error {
	g := c.grant
	switch {
	case g == nil:
		return errNotFound
	case g.inst != nil, g.kind == fine:
		if g.perms["repository_hooks"] != "write" {
			return c.notAllowed("repository_hooks=write")
		}
	case !g.scope("admin:repo_hook", "write:repo_hook", "repo") || r.roles[g.user.login] < roleAdmin:
		return errNotFound
	}
	return nil
}
