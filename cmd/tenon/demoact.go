package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/sandbox/systems"
)

// counterparts returns the records that were made of a source, by what they say
// themselves; where they say nothing, by the source's link to them.
func (a *act) counterparts(id string) []systems.Record {
	var found []systems.Record
	link := ""
	if a.Target.Key == "" {
		if r, err := a.from.Get(id); err == nil {
			link = r.Fields[a.Source.Link]
		}
	}
	for _, t := range a.to.Records() {
		if a.Target.Key != "" && t.Fields[a.Target.Key] == id || a.Target.Key == "" && leadsTo(link, t.Mark) {
			found = append(found, t)
		}
	}
	return found
}

// counterpart returns the one counterpart with all its tasks.
func (a *act) counterpart(id string) (systems.Record, error) {
	found := a.counterparts(id)
	if len(found) != 1 {
		return systems.Record{}, fmt.Errorf("%s %s has %s in %s", a.Source.Noun, id, count(len(found), a.Target.Noun, a.Target.Noun+"s"), a.Target.Connection)
	}
	if t := found[0]; t.Tasks != a.Tasks {
		return t, fmt.Errorf("%s %s has %s, want %d", a.Target.Noun, t.Mark, count(t.Tasks, "task", "tasks"), a.Tasks)
	}
	return found[0], nil
}

// strays says which records bear the mark of those that were made and belong to
// no source.
func (a *act) strays(gone []string) error {
	if a.Target.Key != "" || a.Target.Mark == "" {
		return nil // each says whose it is, and counterparts counts them
	}
	owned := map[string]string{}
	for _, r := range a.from.Records() {
		for _, t := range a.counterparts(r.ID) {
			if former, ok := owned[t.ID]; ok {
				return fmt.Errorf("%s %s belongs to %s and to %s", a.Target.Noun, t.Mark, former, r.ID)
			}
			owned[t.ID] = r.ID
		}
	}
	for _, t := range a.to.Records() {
		if _, ok := owned[t.ID]; !ok && bears(t, a.Target.Mark) && !slices.Contains(gone, t.ID) {
			return fmt.Errorf("%s %s was made and belongs to no %s", a.Target.Noun, t.Mark, a.Source.Noun)
		}
	}
	return nil
}

// inStep says why a source and its counterparts do not agree.
func (s *story) inStep(id string) error {
	for _, a := range s.acts {
		r, err := a.from.Get(id)
		if err == nil {
			err = a.agrees(r)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// agrees holds a source against its one counterpart, field by field, without the
// engine.
func (a *act) agrees(r systems.Record) error {
	t, err := a.counterpart(r.ID)
	if err != nil {
		return err
	}
	return a.alike(r, t)
}

// alike holds two records against each other.
func (a *act) alike(r, t systems.Record) error {
	pairs := [][2]string{{a.Source.Name, a.Target.Name}}
	if a.Source.Number != "" && a.Target.Number != "" {
		pairs = append(pairs, [2]string{a.Source.Number, a.Target.Number})
	}
	if a.Source.Due != "" && t.Fields[a.Target.Due] != "" { // one way: the source's own date stays until the target has one
		pairs = append(pairs, [2]string{a.Source.Due, a.Target.Due})
	}
	for _, p := range pairs {
		if from, to := r.Fields[p[0]], t.Fields[p[1]]; from != to {
			return fmt.Errorf("%s %s holds %q as %s where %s %s holds %q", a.Source.Noun, r.ID, from, p[0], a.Target.Noun, t.Mark, to)
		}
	}
	if link := r.Fields[a.Source.Link]; a.Source.Link != "" && !leadsTo(link, t.Mark) {
		return fmt.Errorf("%s %s links to %q, not to %s", a.Source.Noun, r.ID, link, t.Mark)
	}
	return nil
}

// leadsTo reports whether an address has a mark as one of its steps.
func leadsTo(address, mark string) bool {
	u, err := url.Parse(address)
	return err == nil && mark != "" && slices.Contains(strings.Split(u.Path, "/"), mark)
}

// bears reports whether a record has a label.
func bears(r systems.Record, label string) bool {
	return slices.Contains(strings.Split(r.Fields["labels"], ", "), label)
}

// button returns the address that Tenon wrote into a source.
func (s *story) button(ctx context.Context, id string) (string, error) {
	a, address := s.acts[0], ""
	err := await(ctx, func() error {
		r, err := a.from.Get(id)
		if err != nil {
			return err
		}
		if address = r.Fields[a.Source.Button]; address == "" {
			return fmt.Errorf("%s %s shows no button", a.Source.Noun, id)
		}
		return nil
	})
	return address, err
}

// press presses the button of a source until the work is done.
func (s *story) press(ctx context.Context, id string) (engine.Conversion, error) {
	address, err := s.button(ctx, id)
	if err != nil {
		return engine.Conversion{}, err
	}
	var made engine.Conversion
	err = await(ctx, func() error {
		if err := call(ctx, http.MethodPost, address, &made); err != nil {
			return err
		}
		if made.State != "done" {
			return fmt.Errorf("the conversion is %s: %s", made.State, made.Reason)
		}
		return nil
	})
	return made, err
}

// call asks Tenon as a program does and decodes the answer.
func call(ctx context.Context, method, address string, out any) error {
	req, err := http.NewRequestWithContext(ctx, method, address, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %s: %s", method, req.URL.Path, resp.Status, strings.TrimSpace(string(text)))
	}
	return json.Unmarshal(text, out)
}

func since(start time.Time) string { return fmt.Sprintf("after %.1f s", time.Since(start).Seconds()) }
