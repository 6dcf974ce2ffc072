package server

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
)

// Scope is a right that a token gives.
type Scope string

// The scopes.
const (
	ScopeRead      Scope = "read"      // status, links, conflicts, queue, history, metrics, pages
	ScopeOperate   Scope = "operate"   // resolve, retry, resume
	ScopeConvert   Scope = "convert"   // preview and press the button of any record
	ScopeConfigure Scope = "configure" // tokens and backups
)

// Scopes lists the scopes.
func Scopes() []Scope { return []Scope{ScopeRead, ScopeOperate, ScopeConvert, ScopeConfigure} }

// ParseScopes reads "read,operate".
func ParseScopes(text string) ([]Scope, error) {
	var scopes []Scope
	for word := range strings.SplitSeq(text, ",") {
		s := Scope(strings.TrimSpace(word))
		if !slices.Contains(Scopes(), s) {
			return nil, fmt.Errorf("there is no scope %q; scopes are %s", s, joinScopes(Scopes()))
		}
		if !slices.Contains(scopes, s) {
			scopes = append(scopes, s)
		}
	}
	return scopes, nil
}

func joinScopes(scopes []Scope) string {
	words := make([]string, len(scopes))
	for i, s := range scopes {
		words[i] = string(s)
	}
	return strings.Join(words, ",")
}

// Token is an API token as it is kept: the secret itself is not.
type Token struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Scopes  []Scope   `json:"scopes"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires,omitzero"`
}

type storedToken struct {
	Token
	Hash string `json:"hash"` // SHA-256 of the secret, which has 256 random bits
}

// Tokens are the API tokens in the state.
type Tokens struct {
	Store state.Store
}

const (
	tokenDocs   = "token"
	tokenPrefix = "tenon"
	maxTokens   = 1000
)

// Create makes a token and returns its text, which is shown this once only.
// Expires may be zero.
func (t Tokens) Create(ctx context.Context, name string, scopes []Scope, now, expires time.Time) (Token, string, error) {
	var random [40]byte
	if _, err := rand.Read(random[:]); err != nil {
		return Token{}, "", err
	}
	secret := hex.EncodeToString(random[8:])
	token := storedToken{
		Token: Token{ID: hex.EncodeToString(random[:8]), Name: name, Scopes: scopes, Created: now.UTC(), Expires: expires},
		Hash:  hashOf(secret),
	}
	doc, err := json.Marshal(token)
	if err != nil {
		return Token{}, "", err
	}
	err = t.Store.Update(ctx, func(tx state.Tx) error {
		keys, _, err := tx.ListDocs(tokenDocs, "", maxTokens)
		if err != nil {
			return err
		}
		if len(keys) >= maxTokens {
			return &connectors.Error{Op: "create token", Kind: connectors.Invalid, Err: fmt.Errorf("there are %d tokens; revoke some", maxTokens)}
		}
		return tx.SetDoc(tokenDocs, token.ID, doc)
	})
	return token.Token, tokenPrefix + "." + token.ID + "." + secret, err
}

// List returns the tokens by id.
func (t Tokens) List(ctx context.Context) ([]Token, error) {
	var tokens []Token
	err := t.Store.View(ctx, func(tx state.Tx) error {
		tokens = tokens[:0]
		_, docs, err := tx.ListDocs(tokenDocs, "", maxTokens)
		if err != nil {
			return err
		}
		for _, doc := range docs {
			var s storedToken
			if err := json.Unmarshal(doc, &s); err != nil {
				return fmt.Errorf("token: %w", err)
			}
			tokens = append(tokens, s.Token)
		}
		return nil
	})
	return tokens, err
}

// Revoke removes a token; one that is not there is state.ErrNotFound.
func (t Tokens) Revoke(ctx context.Context, id string) error {
	return t.Store.Update(ctx, func(tx state.Tx) error {
		doc, err := tx.Doc(tokenDocs, id)
		if err != nil {
			return err
		}
		if doc == nil {
			return fmt.Errorf("token %q: %w", id, state.ErrNotFound)
		}
		return tx.SetDoc(tokenDocs, id, nil)
	})
}

// open returns the token whose text was given, and whether it is good.
func (t Tokens) open(ctx context.Context, text string, now time.Time) (Token, bool, error) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 || parts[0] != tokenPrefix || len(parts[1]) != 16 {
		return Token{}, false, nil
	}
	var doc []byte
	err := t.Store.View(ctx, func(tx state.Tx) (err error) {
		doc, err = tx.Doc(tokenDocs, parts[1])
		return err
	})
	if err != nil || doc == nil {
		return Token{}, false, err
	}
	var s storedToken
	if err := json.Unmarshal(doc, &s); err != nil {
		return Token{}, false, fmt.Errorf("token %s: %w", parts[1], err)
	}
	same := subtle.ConstantTimeCompare([]byte(s.Hash), []byte(hashOf(parts[2]))) == 1
	return s.Token, same && (s.Expires.IsZero() || now.Before(s.Expires)), nil
}

func hashOf(secret string) string {
	h := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(h[:])
}
