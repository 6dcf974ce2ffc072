package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"github.com/tenonsync/tenon/config"
	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/engine/state/bolt"
	"github.com/tenonsync/tenon/engine/state/mark"
	"github.com/tenonsync/tenon/engine/state/seal"
	"github.com/tenonsync/tenon/server"
)

// vault is the open state with what the sealing key gives.
type vault struct {
	store   state.Store
	mark    mark.Mark
	sealer  *seal.Sealer
	printer *seal.Printer
	signer  *server.Signer
}

// lockWait is how long a command waits for another process to let go of the
// state.
const lockWait = 300 * time.Millisecond

// openVault opens the state, and makes it and its key when there is neither.
func openVault(ctx context.Context, cfg config.State, log *slog.Logger) (*vault, error) {
	_, err := os.Stat(cfg.Path)
	fresh := errors.Is(err, fs.ErrNotExist)
	keys, err := sealingKeys(cfg, fresh, log)
	if err != nil {
		return nil, err
	}
	v := &vault{}
	if v.sealer, err = seal.New(keys[0], keys[1:]...); err != nil {
		return nil, err
	}
	if v.signer, err = signerOf(keys); err != nil {
		return nil, err
	}
	db, err := bolt.Open(ctx, cfg.Path, bolt.Options{Logger: log, LockWait: lockWait, Committed: v.mark.Commit})
	if err != nil {
		return nil, err
	}
	if v.store, err = state.Open(ctx, db, state.Options{Logger: log}); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if v.printer, err = seal.LoadPrinter(ctx, v.store, v.sealer); err == nil {
		err = v.recognise(ctx, cfg.Path, db, fresh, log)
	}
	if err != nil {
		err = errors.Join(err, v.store.Close())
		if errors.Is(err, seal.ErrKey) {
			return nil, fail(exitConfig, "point state.key_file or state.key_env to the key that was in use; older keys go to state.older_key_files", "%s was sealed with another key", cfg.Path)
		}
		return nil, err
	}
	return v, nil
}

// recognise compares the state with the mark beside it. A state that was not
// the last in use here is in doubt: the engine looks at everything anew.
func (v *vault) recognise(ctx context.Context, path string, db *bolt.DB, fresh bool, log *slog.Logger) error {
	commit, err := db.Commit(ctx)
	if err != nil {
		return err
	}
	have, err := mark.Read(ctx, v.store, commit)
	if err != nil {
		return err
	}
	reason := mark.Compare(path, have)
	if _, gone := os.Stat(path + mark.Suffix); fresh && gone == nil {
		reason = "the state that was in use here is gone, this is a new one"
	}
	if reason != "" {
		log.Warn("everything is compared anew: the state is not what was last in use", "path", path, "err", reason)
	}
	if reason != "" || have.Line == (mark.Line{}) {
		if err := v.store.Update(ctx, func(tx state.Tx) error {
			have.Line, err = mark.Begin(tx)
			if err == nil && reason != "" {
				err = engine.Doubt(tx, reason, time.Now())
			}
			return err
		}); err != nil {
			return err
		}
		if have.Commit, err = db.Commit(ctx); err != nil {
			return err
		}
	}
	if err := v.mark.Write(path, have, log); err != nil {
		log.Warn("the state's mark cannot be written; an older copy of the state may go unnoticed", "path", path+mark.Suffix, "err", err)
	}
	return nil
}

func (v *vault) close() {
	_ = v.store.Close() // every commit was reported by itself
	_ = v.mark.Close()  // a mark that is behind is in order
}

// sealingKeys returns the key in use and the older ones. A new key is made only
// together with a new state.
func sealingKeys(cfg config.State, create bool, log *slog.Logger) ([]seal.Key, error) {
	var keys []seal.Key
	if cfg.KeyEnv != "" {
		k, err := seal.ParseKey(cfg.Key.Reveal())
		if err != nil {
			return nil, fail(exitConfig, "make one with: openssl rand -base64 32", "the environment variable %s holds no key: %w", cfg.KeyEnv, err)
		}
		keys = append(keys, k)
	} else {
		k, created, err := seal.KeyFromFile(cfg.KeyFile, create)
		if err != nil {
			return nil, fail(exitConfig, "the state cannot be read without its key: put it back, or name its file in state.key_file", "%w", err)
		}
		if created {
			log.Info("made a new sealing key; keep a copy apart from the state's backups", "path", cfg.KeyFile)
		}
		keys = append(keys, k)
	}
	for _, path := range cfg.OlderKeyFiles {
		k, _, err := seal.KeyFromFile(path, false)
		if err != nil {
			return nil, fail(exitConfig, "correct state.older_key_files", "%w", err)
		}
		keys = append(keys, k)
	}
	return keys, nil
}

func signerOf(keys []seal.Key) (*server.Signer, error) {
	secrets := make([][]byte, len(keys))
	for i, k := range keys {
		secrets[i] = k.Derive("signing links and local tokens")
	}
	return server.NewSigner(secrets...)
}

// openSigner returns the signer of a state that another process has open.
func openSigner(_ context.Context, cfg config.State) (*server.Signer, error) {
	keys, err := sealingKeys(cfg, false, quiet())
	if err != nil {
		return nil, err
	}
	return signerOf(keys)
}

// tokens keeps the rotated tokens of one connection sealed in the state.
func (v *vault) tokens(connection string) connectors.TokenStore {
	return &seal.Tokens{Store: v.store, Sealer: v.sealer, Connection: connection}
}

// rememberedSchemas asks the systems for their schemas and remembers them
// sealed in the state, so that a service can start while a system is down, and
// commands can read the state without any system.
type rememberedSchemas struct {
	vault *vault
	live  schemaSource // nil: only what is remembered
	log   *slog.Logger
	hurry bool            // a system that is known already is not waited for long
	down  map[string]bool // connections that did not answer in time, if in a hurry

	shapes map[string]string // what was told, by the name of the secret; may be nil
}

// hurryWait is how long a known system may take to tell a schema to a service
// that wants to serve.
const hurryWait = 2 * time.Second

const schemaPurpose = "schema"

func (r *rememberedSchemas) schema(ctx context.Context, connection, object string, scope connectors.Scope) (*connectors.Schema, error) {
	scopeText, err := json.Marshal(scope) // keys in order
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("schema/%s/%s/%s", connection, object, scopeText)
	s, err := r.find(ctx, name, connection, object, scope)
	if err == nil && r.shapes != nil {
		r.shapes[name] = shapeOf(s)
	}
	return s, err
}

func (r *rememberedSchemas) find(ctx context.Context, name, connection, object string, scope connectors.Scope) (*connectors.Schema, error) {
	if r.live == nil {
		return r.recall(ctx, name, connection, object)
	}
	known, recallErr := r.recall(ctx, name, connection, object)
	if recallErr == nil && r.down[connection] {
		return known, nil
	}
	asking, cancel := ctx, context.CancelFunc(func() {})
	if recallErr == nil && r.hurry {
		asking, cancel = context.WithTimeout(ctx, hurryWait)
	}
	defer cancel()
	s, err := r.live.schema(asking, connection, object, scope)
	if err == nil {
		return s, r.remember(ctx, name, s)
	}
	late := asking.Err() != nil && ctx.Err() == nil
	if kind := connectors.KindOf(err); recallErr == nil && (late || kind.Temporary() || kind == connectors.Auth) {
		r.log.Warn("going on with the schema as it was last seen", "connection", connection, "object", object, "err", err)
		if r.hurry {
			if r.down == nil {
				r.down = map[string]bool{}
			}
			r.down[connection] = true
		}
		return known, nil
	}
	return nil, err
}

func (r *rememberedSchemas) remember(ctx context.Context, name string, s *connectors.Schema) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	sealed := r.vault.sealer.Seal(text, schemaPurpose)
	return r.vault.store.Update(ctx, func(tx state.Tx) error { return tx.SetSecret(name, sealed) })
}

func (r *rememberedSchemas) recall(ctx context.Context, name, connection, object string) (*connectors.Schema, error) {
	var sealed []byte
	err := r.vault.store.View(ctx, func(tx state.Tx) (err error) {
		sealed, err = tx.Secret(name)
		return err
	})
	if err != nil {
		return nil, err
	}
	if sealed == nil {
		return nil, &connectors.Error{
			Op: "recall schema", Connection: connection, Record: object, Kind: connectors.Unavailable,
			Err:  errors.New("the state remembers no schema"),
			Help: "run `tenon validate`, then `tenon serve` or `tenon plan` once while the system answers",
		}
	}
	text, err := r.vault.sealer.Open(sealed, schemaPurpose)
	if err != nil {
		return nil, err
	}
	var s connectors.Schema
	return &s, json.Unmarshal(text, &s)
}
