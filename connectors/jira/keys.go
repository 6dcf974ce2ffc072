package jira

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/tenonsync/tenon/connectors"
)

const (
	// keyProperty is the entity property that holds the key of a create, and
	// of a comment.
	keyProperty = "tenon"
	keyLabel    = "tenon-key-"

	keysPage = 100
	maxPages = 10_000
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

// FindByKey implements connectors.Connection. With labels it is one search;
// without, a walk through the issues that the account itself has made, newest
// first, until each key is found or all are seen.
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

func (c *Connection) findByProperty(ctx context.Context, op string, scope scopeRef, keys []string, byKey map[string][]string) error {
	q := searchQuery{
		jql: jqlOf(scope, "creator = currentUser()", "created DESC, key DESC"), max: keysPage,
		properties: []string{keyProperty},
	}
	// When all are found, another page's worth shows whether one was made twice.
	missing, more := len(keys), keysPage
	return c.eachHit(ctx, op, q, func(h hit) bool {
		var v keyValue
		if missing == 0 {
			more--
		}
		if json.Unmarshal(h.properties[keyProperty], &v) != nil || !slices.Contains(keys, v.Key) {
			return more > 0
		}
		if len(byKey[v.Key]) == 0 {
			missing--
		}
		if !slices.Contains(byKey[v.Key], h.ID) {
			byKey[v.Key] = append([]string{h.ID}, byKey[v.Key]...)
		}
		return more > 0
	})
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
