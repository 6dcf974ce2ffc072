package asana

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// bookName is the name under which the webhooks' secrets are kept.
const bookName = "asana-webhooks"

// nonceParam is the query parameter that tells webhooks apart: deliveries do not
// name theirs, and each has a secret of its own.
const nonceParam = "hook"

// heldHook is a webhook of ours. Asana tells its secret once, in the handshake.
type heldHook struct {
	GID      string   `json:"gid"`
	Resource string   `json:"resource"`
	Nonce    string   `json:"nonce"`
	Secret   string   `json:"secret"`
	Objects  []string `json:"objects"`
}

// hookBook keeps the webhooks and the handshakes that are awaited.
type hookBook struct {
	mu       sync.Mutex
	loaded   bool
	own      bool // this process makes the webhooks: the store knows no more
	looked   time.Time
	held     []heldHook
	awaiting map[string]*handshake // by nonce
}

// handshake is one that EnsureWebhook waits for.
type handshake struct {
	secret  string
	seen    bool
	objects []string
}

func newNonce() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// load reads the kept webhooks, once.
func (b *hookBook) load(ctx context.Context, tokens connectors.TokenStore) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.loaded || tokens == nil {
		b.loaded = true
		return nil
	}
	raw, err := tokens.LoadToken(ctx, bookName)
	if err != nil {
		return err
	}
	var held []heldHook
	if len(raw) > 0 && json.Unmarshal(raw, &held) == nil {
		b.held = held
	}
	b.loaded = true
	return nil
}

// reload looks again whether another process has made a webhook, at most once a
// second: whoever sends nonces at random must not keep the store busy.
func (b *hookBook) reload(ctx context.Context, tokens connectors.TokenStore, now time.Time) {
	b.mu.Lock()
	wait := b.own || now.Sub(b.looked) < time.Second && !b.looked.IsZero()
	if !wait {
		b.looked, b.loaded = now, false
	}
	b.mu.Unlock()
	if !wait {
		_ = b.load(ctx, tokens) // without it the delivery is refused, and comes again
	}
}

// claim says that this process makes the webhooks from now on.
func (b *hookBook) claim() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.own = true
}

// save keeps the webhooks on stable storage.
func (b *hookBook) save(ctx context.Context, tokens connectors.TokenStore) error {
	b.mu.Lock()
	raw, err := json.Marshal(b.held)
	b.mu.Unlock()
	if err != nil || tokens == nil {
		return err
	}
	return tokens.SaveToken(ctx, bookName, raw)
}

// find returns the webhook of a nonce; one whose handshake was just taken
// counts.
func (b *hookBook) find(nonce string) (heldHook, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if nonce == "" {
		return heldHook{}, false
	}
	if h := b.awaiting[nonce]; h != nil && h.secret != "" {
		return heldHook{Nonce: nonce, Secret: h.secret, Objects: h.objects}, true
	}
	i := slices.IndexFunc(b.held, func(h heldHook) bool { return h.Nonce == nonce })
	if i < 0 {
		return heldHook{}, false
	}
	return b.held[i], true
}

// of returns the webhook that is kept for a resource.
func (b *hookBook) of(resource string) (heldHook, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.IndexFunc(b.held, func(h heldHook) bool { return h.Resource == resource })
	if i < 0 {
		return heldHook{}, false
	}
	return b.held[i], true
}

// keep replaces the webhook of a resource; keepOnly drops those of others.
func (b *hookBook) keep(h heldHook) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held = slices.DeleteFunc(b.held, func(o heldHook) bool { return o.Resource == h.Resource })
	b.held = append(b.held, h)
}

func (b *hookBook) keepOnly(wanted func(heldHook) bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held = slices.DeleteFunc(b.held, func(o heldHook) bool { return !wanted(o) })
}

// await opens the door for one handshake.
func (b *hookBook) await(nonce string, objects []string) *handshake {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.awaiting == nil {
		b.awaiting = map[string]*handshake{}
	}
	h := &handshake{objects: objects}
	b.awaiting[nonce] = h
	return h
}

// came returns what came for a nonce so far.
func (b *hookBook) came(nonce string) (secret string, seen bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if h := b.awaiting[nonce]; h != nil {
		return h.secret, h.seen
	}
	return "", false
}

// shut ends the wait and returns what came.
func (b *hookBook) shut(nonce string) (secret string, seen bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	h := b.awaiting[nonce]
	delete(b.awaiting, nonce)
	if h == nil {
		return "", false
	}
	return h.secret, h.seen
}

// shake takes a secret for a nonce that is awaited, once.
func (b *hookBook) shake(nonce, secret string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	h := b.awaiting[nonce]
	if h == nil || h.seen && h.secret != secret {
		return false
	}
	h.seen, h.secret = true, secret
	return true
}

// nonceOf returns the nonce of an address.
func nonceOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Query().Get(nonceParam)
}

// withNonce returns an address of its own for a webhook.
func withNonce(address, nonce string) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", err
	}
	q := u.Query()
	q.Set(nonceParam, nonce)
	u.RawQuery = q.Encode()
	return u.String(), nil
}

// sameAddress reports whether two addresses differ by the nonce at most.
func sameAddress(a, b string) bool {
	bare := func(s string) string {
		u, err := url.Parse(s)
		if err != nil {
			return s
		}
		q := u.Query()
		q.Del(nonceParam)
		u.RawQuery = q.Encode()
		return u.String()
	}
	return bare(a) == bare(b)
}
