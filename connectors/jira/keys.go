package jira

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

const (
	// keyProperty is the entity property that holds the key of a create, and
	// of a comment.
	keyProperty = "tenon"
	keyLabel    = "tenon-key-"

	keysPage = 100
	// enoughKnown is how many known issues in a row end a walk.
	enoughKnown = 50
	maxPages    = 10_000
)

var (
	errNoID      = errors.New("the answer to the create holds no id")
	errShortBulk = errors.New("the answer lists fewer issues than were made")
)

// keyValue is the value of the entity property.
type keyValue struct {
	Key string `json:"key"`
}

func isKeyLabel(label string) bool { return strings.HasPrefix(label, keyLabel) }

// addKey marks a create with its key.
func (c *Connection) addKey(p *prepared, key string) {
	p.edit.Properties = []property{{Key: keyProperty, Value: keyValue{Key: key}}}
	if !c.keyLabels {
		return
	}
	labels, _ := p.edit.Fields["labels"].([]any)
	p.edit.Fields["labels"] = append(slices.Clone(labels), keyLabel+key)
}

// keepKeyLabels keeps a write of all labels from taking the key's label off.
func (c *Connection) keepKeyLabels(ctx context.Context, op, id string, p *prepared) error {
	labels, whole := p.edit.Fields["labels"].([]any)
	if !whole {
		return nil
	}
	w, err := c.getIssue(ctx, op, id, []string{"labels"})
	if err != nil {
		return err
	}
	var have []string
	_ = json.Unmarshal(w.Fields["labels"], &have) // absent: none
	for _, l := range have {
		if isKeyLabel(l) {
			labels = append(labels, l)
		}
	}
	p.edit.Fields["labels"] = labels
	return nil
}

// FindByKey implements connectors.Connection. With labels it is one search in
// all projects; without, a walk through the scope's issues that the account
// itself has made, the first time through all of them, then through what is new.
func (c *Connection) FindByKey(ctx context.Context, obj string, s connectors.Scope, keys []string) ([][]string, error) {
	const op = "find by key"
	if err := c.checkObject(op, obj); err != nil {
		return nil, err
	}
	scope, err := c.scope(ctx, op, s, false)
	if err != nil {
		return nil, err
	}
	byKey := map[string][]string{}
	for part := range slices.Chunk(keys, 50) {
		if c.keyLabels {
			err = c.findByLabel(ctx, op, scope, part, byKey)
		} else {
			err = c.findByProperty(ctx, op, scope, part, byKey)
		}
		if err != nil {
			return nil, err
		}
	}
	out := make([][]string, len(keys))
	for i, k := range keys {
		out[i] = byKey[k]
	}
	return out, nil
}

func (c *Connection) findByLabel(ctx context.Context, op string, scope scopeRef, keys []string, byKey map[string][]string) error {
	quoted := make([]string, len(keys))
	for i, k := range keys {
		quoted[i] = quoteJQL(keyLabel + k)
	}
	q := searchQuery{jql: jqlOf(scopeRef{}, "labels in ("+strings.Join(quoted, ", ")+")", "created ASC, key ASC"), max: keysPage}
	return c.eachHit(ctx, op, q, func(h hit) bool {
		for _, l := range h.labels {
			if k, ok := strings.CutPrefix(l, keyLabel); ok && slices.Contains(keys, k) && !slices.Contains(byKey[k], h.ID) {
				byKey[k] = append(byKey[k], h.ID)
			}
		}
		return true
	})
}

// findByProperty looks among the issues that the account itself has made in the
// scope, newest first: Jira cannot search entity properties. What was walked
// through is remembered, so that the next look-up walks through what is new.
func (c *Connection) findByProperty(ctx context.Context, op string, scope scopeRef, keys []string, byKey map[string][]string) error {
	c.made.mu.Lock()
	defer c.made.mu.Unlock()
	known := c.made.of(scope.name())
	walked, complete, err := c.walkMade(ctx, op, scope, keys, known)
	if err != nil {
		return err
	}
	var remembered []string
	for _, k := range keys {
		ids := slices.Clone(known.byKey[k])
		remembered = append(remembered, ids...)
		for _, id := range walked.byKey[k] {
			if !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
		if len(ids) > 0 {
			byKey[k] = ids
		}
	}
	if complete {
		known.take(walked)
	}
	return c.dropGone(ctx, op, known, remembered, byKey)
}

// walkMade walks through the account's issues that are not known yet. It ends a
// page after all keys were found: that page shows whether one was made twice. It
// also ends after enough known ones, unless an issue may still show late
// behind them. complete says that nothing was left out.
func (c *Connection) walkMade(ctx context.Context, op string, scope scopeRef, keys []string, known *madeKeys) (walked *madeKeys, complete bool, err error) {
	q := searchQuery{
		jql: jqlOf(scope, "creator = currentUser()", "created DESC, key DESC"), max: keysPage,
		properties: []string{keyProperty},
	}
	walked, complete = newMadeKeys(), true
	missing, more, run := len(keys), keysPage, 0
	late := c.clock.Now().Before(c.made.doubt.Add(c.lag + clockSlack))
	err = c.eachHit(ctx, op, q, func(h hit) bool {
		if known.surely(h.created, c.lag+clockSlack) {
			return false
		}
		walked.until = later(walked.until, h.created)
		if missing == 0 {
			more--
		}
		var v keyValue
		if json.Unmarshal(h.properties[keyProperty], &v) == nil && v.Key != "" {
			if len(walked.byKey[v.Key]) == 0 && slices.Contains(keys, v.Key) {
				missing--
			}
			walked.byKey[v.Key] = append([]string{h.ID}, walked.byKey[v.Key]...)
			if run++; !slices.Contains(known.byKey[v.Key], h.ID) {
				run = 0
			}
		}
		if more <= 0 {
			complete = false
		}
		return complete && (late || known.until.IsZero() || run < enoughKnown)
	})
	return walked, complete, err
}

// dropGone takes those of the remembered issues out that are not there any more.
func (c *Connection) dropGone(ctx context.Context, op string, known *madeKeys, remembered []string, byKey map[string][]string) error {
	if len(remembered) == 0 {
		return nil
	}
	results, err := c.Read(ctx, connectors.Selection{Object: object}, remembered)
	if err != nil {
		return err
	}
	gone := map[string]bool{}
	for i, r := range results {
		gone[remembered[i]] = connectors.KindOf(r.Err) == connectors.NotFound && r.Err != nil
	}
	for k, ids := range byKey {
		if left := slices.DeleteFunc(ids, func(id string) bool { return gone[id] }); len(left) > 0 {
			byKey[k] = left
		} else {
			delete(byKey, k)
		}
		if there := slices.DeleteFunc(known.byKey[k], func(id string) bool { return gone[id] }); len(there) > 0 {
			known.byKey[k] = there
		} else {
			delete(known.byKey, k)
		}
	}
	return nil
}

// made remembers the keys of the issues that the account has made, by scope.
type made struct {
	mu     sync.Mutex
	scopes map[string]*madeKeys
	// doubt is when an issue may last have been made whose id was not told: the
	// start of the service, or a create that was not answered.
	doubt time.Time
}

// note takes in the result of a create.
func (m *made) note(scope, key string, res connectors.WriteResult, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if connectors.IsUnsure(res.Err) {
		m.doubt = later(m.doubt, now)
	}
	if k := m.scopes[scope]; k != nil && key != "" && res.ID != "" && !slices.Contains(k.byKey[key], res.ID) {
		k.byKey[key] = append(k.byKey[key], res.ID)
	}
}

// maxMade bounds the keys that are remembered for a scope: some ten megabytes.
// Beyond it all is forgotten, and walked through again.
const maxMade = 100_000

func (m *made) of(scope string) *madeKeys {
	if m.scopes == nil {
		m.scopes = map[string]*madeKeys{}
	}
	k := m.scopes[scope]
	if k == nil || len(k.byKey) > maxMade {
		k = newMadeKeys()
		m.scopes[scope] = k
	}
	return k
}

// madeKeys are the issues with each key, oldest first, among those made until a
// time.
type madeKeys struct {
	byKey map[string][]string
	until time.Time // zero: nothing was walked through
}

func newMadeKeys() *madeKeys { return &madeKeys{byKey: map[string][]string{}} }

// surely reports whether whatever was made at a time is known: the index may
// show an issue late.
func (k *madeKeys) surely(at time.Time, lag time.Duration) bool {
	return !k.until.IsZero() && !at.IsZero() && at.Before(k.until.Add(-lag))
}

func (k *madeKeys) take(walked *madeKeys) {
	for key, ids := range walked.byKey {
		for _, id := range ids {
			if !slices.Contains(k.byKey[key], id) {
				k.byKey[key] = append(k.byKey[key], id)
			}
		}
	}
	k.until = later(k.until, walked.until)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// eachHit walks through all that a query finds, until yield returns false.
func (c *Connection) eachHit(ctx context.Context, op string, q searchQuery, yield func(hit) bool) error {
	for range maxPages {
		page, err := c.search(ctx, op, q)
		if err != nil {
			return err
		}
		for _, h := range page.Issues {
			if !yield(h) {
				return nil
			}
		}
		q.startAt += len(page.Issues)
		switch {
		case c.cloud && page.token != "" && page.token != q.token:
			q.token = page.token
		case !c.cloud && len(page.Issues) > 0 && q.startAt < page.total:
		default:
			return nil
		}
	}
	return c.fail(op, "", connectors.Internal, "the search does not end")
}
