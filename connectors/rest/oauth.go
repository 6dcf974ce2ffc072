package rest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/tenonsync/tenon/connectors"
)

// OAuth configures OAuth 2. With a RefreshToken the access tokens come by the
// refresh grant, and refresh tokens that the system rotates are kept in
// Options.Tokens; without one, by the client credentials grant.
type OAuth struct {
	ClientID     string
	ClientSecret string
	TokenURL     string
	RefreshToken string // as the admin configured it: the first of the chain
	Scopes       []string
	Params       map[string]string // more parameters of the client credentials grant
	InParams     bool              // the client's secret goes into the form, not into a header

	// Store names the kept token; default "oauth". The connection's store keeps
	// connections apart.
	Store string
	// Help says what a person does when the system refuses the refresh token.
	Help string
	// Read takes in what else an answer of the token endpoint tells: the token's
	// Origin, and its Expiry where the system tells none. It may be nil.
	Read func(answer *oauth2.Token, t *AccessToken)
	// Words reads a refusal's own words where the system does not tell them as
	// RFC 6749 has it; they must hold no secret. It may be nil.
	Words func(body []byte) string
}

// OAuth2 returns an Auth for the configuration.
func OAuth2(cfg OAuth) Auth {
	if cfg.Store == "" {
		cfg.Store = "oauth"
	}
	if cfg.Help == "" {
		cfg.Help = "authorise Tenon anew and put the new refresh token into the connection's settings"
	}
	o := &oauth{cfg: cfg}
	o.fetched = fetched{fetch: o.refresh, turn: make(chan struct{}, 1)}
	return o
}

type oauth struct {
	fetched
	cfg    OAuth
	tokens connectors.TokenStore

	// The rest belongs to whoever has the turn to fetch.
	chain   kept // the newest refresh token known
	loaded  bool
	unsaved bool // chain is not on stable storage yet
}

// kept is the stored form of a chain of refresh tokens. Origin tells from
// which configured token it grew: another one starts a new chain.
type kept struct {
	Origin  string    `json:"origin"`
	Refresh string    `json:"refresh"`
	Access  string    `json:"access,omitempty"`
	Scheme  string    `json:"scheme,omitempty"`
	Expiry  time.Time `json:"expiry,omitzero"`
	Used    string    `json:"used_at,omitempty"` // AccessToken.Origin
}

func (o *oauth) bind(send http.RoundTripper, clock connectors.Clock, tokens connectors.TokenStore) error {
	if o.cfg.TokenURL == "" || o.cfg.ClientID == "" {
		return errors.New("OAuth needs a client id and a token URL")
	}
	if tokens == nil {
		tokens = &memoryTokens{}
	}
	o.tokens = tokens
	o.secrets = []string{}
	return o.fetched.bind(send, clock, tokens)
}

// Secrets implements Auth.
func (o *oauth) Secrets() []string {
	return append(o.fetched.Secrets(), o.cfg.ClientSecret, o.cfg.RefreshToken)
}

func (o *oauth) refresh(ctx context.Context, client *http.Client) (AccessToken, error) {
	ctx = context.WithValue(ctx, oauth2.HTTPClient, client)
	if o.cfg.RefreshToken == "" {
		return o.clientCredentials(ctx)
	}
	if err := o.load(ctx); err != nil {
		return AccessToken{}, err
	}
	if o.unsaved {
		// The last refresh succeeded but could not be kept: that comes first,
		// and the access token it brought is still unused.
		return o.save(ctx)
	}
	if t := o.access(); t.Token != "" && !o.used(t.Token) && o.clock.Now().Add(early).Before(t.Expiry) {
		return t, nil // kept from before a restart, or by another replica
	}
	token, err := o.exchange(ctx)
	if err != nil {
		return AccessToken{}, err
	}
	t := o.read(token)
	o.chain.Access, o.chain.Scheme, o.chain.Expiry, o.chain.Used = t.Token, t.Scheme, t.Expiry, t.Origin
	if token.RefreshToken != "" {
		o.chain.Refresh = token.RefreshToken
	}
	o.unsaved = true
	return o.save(context.WithoutCancel(ctx)) // losing it would end the chain
}

// exchange uses the refresh token. When the system refuses it, another process
// may have rotated it: the store knows.
func (o *oauth) exchange(ctx context.Context) (*oauth2.Token, error) {
	token, err := o.config().TokenSource(ctx, &oauth2.Token{RefreshToken: o.chain.Refresh}).Token()
	if err == nil {
		return token, nil
	}
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok && refused.ErrorCode == "invalid_grant" {
		mine := o.chain.Refresh
		o.loaded = false
		if err := o.load(ctx); err != nil {
			return nil, err
		}
		if o.chain.Refresh != mine {
			token, err = o.config().TokenSource(ctx, &oauth2.Token{RefreshToken: o.chain.Refresh}).Token()
			if err == nil {
				return token, nil
			}
		}
	}
	return nil, o.problem(err)
}

func (o *oauth) config() *oauth2.Config {
	return &oauth2.Config{
		ClientID: o.cfg.ClientID, ClientSecret: o.cfg.ClientSecret, Scopes: o.cfg.Scopes,
		Endpoint: oauth2.Endpoint{TokenURL: o.cfg.TokenURL, AuthStyle: o.style()},
	}
}

func (o *oauth) style() oauth2.AuthStyle {
	if o.cfg.InParams {
		return oauth2.AuthStyleInParams
	}
	return oauth2.AuthStyleInHeader
}

func (o *oauth) clientCredentials(ctx context.Context) (AccessToken, error) {
	cfg := clientcredentials.Config{
		ClientID: o.cfg.ClientID, ClientSecret: o.cfg.ClientSecret, TokenURL: o.cfg.TokenURL,
		Scopes: o.cfg.Scopes, AuthStyle: o.style(), EndpointParams: map[string][]string{},
	}
	for name, v := range o.cfg.Params {
		cfg.EndpointParams.Set(name, v)
	}
	token, err := cfg.Token(ctx)
	if err != nil {
		return AccessToken{}, o.problem(err)
	}
	return o.read(token), nil
}

// read returns what an answer of the token endpoint tells.
func (o *oauth) read(token *oauth2.Token) AccessToken {
	t := AccessToken{Token: token.AccessToken, Scheme: token.Type(), Expiry: o.expiry(token)}
	if o.cfg.Read != nil {
		o.cfg.Read(token, &t)
	}
	return t
}

// expiry counts from the client's clock, not from the machine's.
func (o *oauth) expiry(t *oauth2.Token) time.Time {
	switch {
	case t.ExpiresIn > 0:
		return o.clock.Now().Add(time.Duration(min(t.ExpiresIn, 1<<31)) * time.Second).UTC()
	case !t.Expiry.IsZero():
		return o.clock.Now().Add(time.Until(t.Expiry)).UTC() // set by the machine's clock
	}
	return time.Time{}
}

func (o *oauth) access() AccessToken {
	return AccessToken{Token: o.chain.Access, Scheme: o.chain.Scheme, Expiry: o.chain.Expiry, Origin: o.chain.Used}
}

// used reports whether this process had the token already, so that it is
// refused or expired by now.
func (o *oauth) used(token string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.current.Token == token
}

func (o *oauth) origin() string {
	sum := sha256.Sum256([]byte("tenon oauth origin\x00" + o.cfg.ClientID + "\x00" + o.cfg.RefreshToken))
	return hex.EncodeToString(sum[:16])
}

func (o *oauth) load(ctx context.Context) error {
	if o.loaded {
		return nil
	}
	raw, err := o.tokens.LoadToken(ctx, o.cfg.Store)
	if err != nil {
		return &connectors.Error{Kind: connectors.Unavailable, Err: fmt.Errorf("load the refresh token: %w", err)}
	}
	var k kept
	if raw == nil || json.Unmarshal(raw, &k) != nil || k.Origin != o.origin() || k.Refresh == "" {
		k = kept{Origin: o.origin(), Refresh: o.cfg.RefreshToken}
	}
	o.chain, o.loaded = k, true
	return nil
}

// save keeps the chain before its access token is used for the first time.
func (o *oauth) save(ctx context.Context) (AccessToken, error) {
	raw, err := json.Marshal(o.chain)
	if err == nil {
		err = o.tokens.SaveToken(ctx, o.cfg.Store, raw)
	}
	if err != nil {
		return AccessToken{}, &connectors.Error{Kind: connectors.Unavailable, Err: fmt.Errorf("keep the refresh token: %w", err)}
	}
	o.unsaved = false
	o.mu.Lock()
	o.secrets = append(o.secrets, o.chain.Refresh)
	o.mu.Unlock()
	return o.access(), nil
}

// problem judges an error of the token endpoint. Its body is not shown: it may
// hold tokens.
func (o *oauth) problem(err error) error { return o.problemOf("renew the access token", err) }

func (o *oauth) problemOf(op string, err error) error {
	refused, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok {
		return &connectors.Error{Kind: connectors.Unavailable, Err: fmt.Errorf("%s: %w", op, bare(err))}
	}
	e := &connectors.Error{Kind: connectors.Auth, Help: o.cfg.Help}
	words := refused.ErrorCode
	if refused.ErrorDescription != "" {
		words += ": " + refused.ErrorDescription
	}
	if words == "" && o.cfg.Words != nil {
		words = o.cfg.Words(refused.Body)
	}
	if refused.Response != nil {
		status := refused.Response.StatusCode
		if words == "" {
			words = fmt.Sprintf("status %d", status)
		}
		if status == http.StatusTooManyRequests || status >= 500 {
			e.Kind, e.Help = kindOf(status), ""
			e.RetryAfter = retryAfter(refused.Response.Header, o.clock.Now())
		}
	}
	e.Err = fmt.Errorf("%s: %s", op, Clip(words))
	return e
}

// memoryTokens is the default store: it forgets with the process.
type memoryTokens struct {
	mu     sync.Mutex
	tokens map[string][]byte
}

// LoadToken implements connectors.TokenStore.
func (m *memoryTokens) LoadToken(_ context.Context, name string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.tokens[name], nil
}

// SaveToken implements connectors.TokenStore.
func (m *memoryTokens) SaveToken(_ context.Context, name string, token []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.tokens == nil {
		m.tokens = map[string][]byte{}
	}
	m.tokens[name] = token
	return nil
}
