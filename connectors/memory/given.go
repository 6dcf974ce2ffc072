package memory

import (
	"fmt"
	"maps"
	"slices"

	"github.com/tenonsync/tenon/connectors"
)

// Given is a record that is to be there. ID, Key, Title and URL are made up
// where they are "".
type Given struct {
	Object              string
	Scope               connectors.Scope
	ID, Key, Title, URL string
	Fields              map[string]connectors.Value // Null: empty
}

// Put makes a record as the user does and returns its id. Unlike Create it
// answers what the system cannot hold with an error, for values that are not the
// program's own. Rights and required fields do not count.
func (s *System) Put(user string, g Given) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.table(g.Object)
	if s.byID[g.ID] != nil {
		return "", fmt.Errorf("the id %q is given twice", g.ID)
	}
	held, err := s.held(t, g.Fields)
	if err != nil {
		return "", err
	}
	return s.insertAs(t, g, "", "", held, user).id, nil
}

// Set edits a record as the user does. Its errors are those of Put.
func (s *System) Set(id, user string, fields map[string]connectors.Value) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, r := s.record(id)
	held, err := s.held(t, fields)
	if err != nil {
		return err
	}
	s.apply(t, r, held, user)
	return nil
}

// held returns the values as the system holds them.
func (s *System) held(t *table, fields map[string]connectors.Value) (map[string]connectors.Value, error) {
	held := make(map[string]connectors.Value, len(fields))
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		v, f := fields[name], t.fields[name]
		if f == nil {
			return nil, fmt.Errorf("there is no field %q", name)
		}
		if !v.IsNull() {
			fitted, err := s.fit(f, v)
			if err == nil && v.Type() != f.Type {
				err = fmt.Errorf("a %v is not a %v", v.Type(), f.Type)
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			v = fitted
		}
		held[name] = v
	}
	return held, nil
}

// Shown is how a record presents itself besides its fields.
type Shown struct{ Key, Title, URL, Parent string }

// Shown returns how a record presents itself now.
func (s *System) Shown(id string) Shown {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, r := s.record(id)
	return Shown{Key: s.keyOf(t, r), Title: t.titleOf(r), URL: s.urlOf(r), Parent: r.parent}
}

func (s *System) keyOf(t *table, r *record) string {
	if r.shown.Key != "" {
		return r.shown.Key
	}
	return t.def.Prefix + "-" + r.id
}

func (s *System) urlOf(r *record) string {
	if r.shown.URL != "" {
		return r.shown.URL
	}
	return "https://" + s.opts.Name + ".example/" + r.object + "/" + r.id
}

func (t *table) titleOf(r *record) string {
	if r.shown.Title != "" {
		return r.shown.Title
	}
	return r.fields[t.def.Title].Text()
}

// Has reports whether there is, or was, a record with the id.
func (s *System) Has(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byID[id] != nil
}

// showOwn fills the fields that repeat what a record is called by.
func (s *System) showOwn(t *table, r *record) {
	own := map[string]string{"id": r.id, "key": s.keyOf(t, r), "url": s.urlOf(r)}
	for name, part := range t.def.Shows {
		v := connectors.Text(own[part])
		if f := t.fields[name]; f != nil && f.Type == connectors.TypeNumber {
			number, err := connectors.ParseNumber(own[part])
			if err != nil {
				continue // an id with letters
			}
			v = number
		}
		r.fields[name] = v
	}
}
