package server

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// Signer signs what Tenon hands out and must know again: the addresses of the
// convert button, and the short tokens by which the command line of the same
// machine speaks to the service. The first secret signs; all of them verify,
// so that a secret can be replaced while signed links still stand in a CRM.
type Signer struct {
	keys []signingKey
}

type signingKey struct {
	id     string
	secret []byte
}

// NewSigner returns a signer; each secret holds at least 32 random bytes.
func NewSigner(secrets ...[]byte) (*Signer, error) {
	s := &Signer{}
	for _, secret := range secrets {
		if len(secret) < 32 {
			return nil, fmt.Errorf("a signing secret needs 32 bytes, not %d", len(secret))
		}
		s.keys = append(s.keys, signingKey{
			id:     hex.EncodeToString(sum(secret, "id"))[:8],
			secret: slices.Clone(secret),
		})
	}
	if len(s.keys) == 0 {
		return nil, fmt.Errorf("a signer needs a secret")
	}
	return s, nil
}

func sum(secret []byte, message string) []byte {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(message))
	return mac.Sum(nil)
}

// ConvertLink returns the address, below base, that shows what a press of the
// button would make of a record. It has no end of validity, since it stands in
// a field of the CRM: whoever may read the record there may press the button.
func (s *Signer) ConvertLink(base, mapping string, record connectors.Ref) string {
	k := s.keys[0]
	q := url.Values{
		"record": {record.ID},
		"key":    {k.id},
		"sig":    {base64.RawURLEncoding.EncodeToString(sum(k.secret, convertMessage(mapping, record)))},
	}
	return base + "/convert/" + url.PathEscape(mapping) + "?" + q.Encode()
}

func convertMessage(mapping string, record connectors.Ref) string {
	return fmt.Sprintf("convert %q %q %q %q", mapping, record.Connection, record.Object, record.ID)
}

// validConvert reports whether sig was made for the mapping and record.
func (s *Signer) validConvert(mapping string, record connectors.Ref, keyID, sig string) bool {
	given, err := base64.RawURLEncoding.DecodeString(sig)
	if err != nil {
		return false
	}
	return s.valid(convertMessage(mapping, record), given, keyID)
}

func (s *Signer) valid(message string, given []byte, keyID string) bool {
	for _, k := range s.keys {
		if (keyID == "" || k.id == keyID) && hmac.Equal(given, sum(k.secret, message)) {
			return true
		}
	}
	return false
}

// HookToken returns the last part of the address at which a connection's
// webhooks are taken in whoever sends them: for systems that sign nothing, whom
// the address alone has to keep apart from strangers. It stays the same as long
// as one of the secrets that could have made it is in use.
func (s *Signer) HookToken(connection string) string {
	return hookToken(s.keys[0].secret, connection)
}

func hookToken(secret []byte, connection string) string {
	return base64.RawURLEncoding.EncodeToString(sum(secret, fmt.Sprintf("hook %q", connection))[:24])
}

// validHook reports whether a token is of the connection's address. All secrets
// are compared, whichever made it.
func (s *Signer) validHook(connection, token string) bool {
	good := 0
	for _, k := range s.keys {
		good |= subtle.ConstantTimeCompare([]byte(token), []byte(hookToken(k.secret, connection)))
	}
	return good == 1
}

// HookAddress returns where, below base, a connection's webhooks go: an address
// that cannot be guessed where its system signs nothing.
func (s *Signer) HookAddress(base, name string, facts connectors.Facts) string {
	address := base + "/hooks/" + url.PathEscape(name)
	if facts.WebhookUnsigned {
		address += "/" + s.HookToken(name)
	}
	return address
}

const localPrefix = "tenon-local"

// LocalToken returns a token with the scopes that is good until a time. Who can
// read the sealing key can make one; the service knows it without a list.
func (s *Signer) LocalToken(until time.Time, scopes ...Scope) string {
	body := fmt.Sprintf("%s.%d.%s", localPrefix, until.Unix(), joinScopes(scopes))
	return body + "." + base64.RawURLEncoding.EncodeToString(sum(s.keys[0].secret, body))
}

// openLocal returns the scopes of a token that LocalToken made.
func (s *Signer) openLocal(token string, now time.Time) ([]Scope, bool) {
	i := strings.LastIndexByte(token, '.')
	if i < 0 || !strings.HasPrefix(token, localPrefix+".") {
		return nil, false
	}
	given, err := base64.RawURLEncoding.DecodeString(token[i+1:])
	if err != nil || !s.valid(token[:i], given, "") {
		return nil, false
	}
	parts := strings.Split(token[:i], ".")
	if len(parts) != 3 {
		return nil, false
	}
	until, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil || !now.Before(time.Unix(until, 0)) {
		return nil, false
	}
	scopes, err := ParseScopes(parts[2])
	return scopes, err == nil
}
