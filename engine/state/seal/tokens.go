package seal

import (
	"bytes"
	"context"
	"fmt"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
)

// Tokens keeps the tokens of one connection sealed in the state.
type Tokens struct {
	Store      state.Store
	Sealer     *Sealer
	Connection string
}

var _ connectors.TokenStore = (*Tokens)(nil)

func (t *Tokens) secret(name string) string  { return "token/" + t.Connection + "/" + name }
func (t *Tokens) purpose(name string) string { return "token of " + t.Connection + ": " + name }

// LoadToken returns nil, nil when nothing is stored under the name. A token
// that was sealed with an older key is sealed anew.
func (t *Tokens) LoadToken(ctx context.Context, name string) ([]byte, error) {
	var sealed []byte
	err := t.Store.View(ctx, func(tx state.Tx) (err error) {
		sealed, err = tx.Secret(t.secret(name))
		return err
	})
	if err != nil || sealed == nil {
		return nil, err
	}
	token, err := t.Sealer.Open(sealed, t.purpose(name))
	if err != nil {
		return nil, fmt.Errorf("token %s of %s: %w", name, t.Connection, err)
	}
	if !t.Sealer.Current(sealed) {
		err = t.renew(ctx, name, sealed, token)
	}
	return token, err
}

// renew seals a token anew, unless another was stored meanwhile.
func (t *Tokens) renew(ctx context.Context, name string, was, token []byte) error {
	sealed := t.Sealer.Seal(token, t.purpose(name))
	return t.Store.Update(ctx, func(tx state.Tx) error {
		is, err := tx.Secret(t.secret(name))
		if err != nil || !bytes.Equal(is, was) {
			return err
		}
		return tx.SetSecret(t.secret(name), sealed)
	})
}

// SaveToken returns when the token is on stable storage.
func (t *Tokens) SaveToken(ctx context.Context, name string, token []byte) error {
	sealed := t.Sealer.Seal(token, t.purpose(name))
	return t.Store.Update(ctx, func(tx state.Tx) error { return tx.SetSecret(t.secret(name), sealed) })
}
