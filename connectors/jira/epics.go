package jira

import (
	"context"
	"encoding/json"
	"net/url"
	"sync"

	gojira "github.com/andygrunwald/go-jira"

	"github.com/tenonsync/tenon/connectors"
)

// keyCache remembers which key an issue has, for Data Center's epic links. A
// key never names another issue later.
type keyCache struct {
	mu   sync.Mutex
	byID map[string]string
	ids  map[string]string
}

// maxKeys bounds the cache; a full one starts anew.
const maxKeys = 10_000

func (k *keyCache) put(id, key string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ids == nil || len(k.ids) >= maxKeys {
		k.byID, k.ids = map[string]string{}, map[string]string{}
	}
	k.byID[id], k.ids[key] = key, id
}

func (k *keyCache) id(key string) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.ids[key]
}

// linkEpics turns the keys in Data Center's epic links into references, and
// makes the epic the issue's parent where it has no other one.
func (c *Connection) linkEpics(ctx context.Context, op string, records map[string]*issue) error {
	epic := c.epicField()
	if epic == "" {
		return nil
	}
	for _, w := range records {
		var key string
		if json.Unmarshal(w.Fields[epic], &key) != nil || key == "" {
			continue
		}
		id, err := c.idOf(ctx, op, key)
		if err != nil {
			return err
		}
		if id == "" {
			delete(w.Fields, epic) // out of sight: not known, so not told
			continue
		}
		link, err := json.Marshal(map[string]string{"id": id, "key": key})
		if err != nil {
			return c.fail(op, ref(w.ID), connectors.Internal, "%w", err)
		}
		w.Fields[epic] = link
		if isNull(w.Fields["parent"]) {
			w.Fields["parent"] = link
		}
	}
	return nil
}

// idOf returns the id of the issue with a key, "" where it cannot be seen.
func (c *Connection) idOf(ctx context.Context, op, key string) (string, error) {
	if id := c.keys.id(key); id != "" {
		return id, nil
	}
	w, err := c.peek(ctx, op, key)
	if connectors.KindOf(err) == connectors.NotFound {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	c.keys.put(w.ID, key)
	return w.ID, nil
}

// keyOf returns the present key of an issue.
func (c *Connection) keyOf(ctx context.Context, op, id string) (string, error) {
	w, err := c.peek(ctx, op, id)
	if err != nil {
		return "", err
	}
	c.keys.put(w.ID, w.Key)
	return w.Key, nil
}

func (c *Connection) peek(ctx context.Context, op, idOrKey string) (*gojira.Issue, error) {
	w, resp, err := c.jira.Issue.GetWithContext(calling(ctx, "/issue/{id}"), url.PathEscape(idOrKey), &gojira.GetQueryOptions{Fields: "project"})
	if err := c.outcome(op, ref(idOrKey), resp, err); err != nil {
		return nil, err
	}
	return w, nil
}
