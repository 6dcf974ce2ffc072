package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tenonsync/tenon/examples/stage"

	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/sandbox/kit"
	"github.com/tenonsync/tenon/sandbox/systems"
)

func (s *story) preview(ctx context.Context) (string, error) {
	a := s.acts[0]
	address, err := s.button(ctx, s.first)
	if err != nil {
		return "", err
	}
	var p engine.Preview
	if err := call(ctx, http.MethodGet, address, &p); err != nil {
		return "", err
	}
	if n := len(a.Counterparts(s.first)); n != 0 {
		return "", fmt.Errorf("the preview made %s", count(n, a.Target.Noun, a.Target.Nouns()))
	}
	if len(p.Tasks) != a.Tasks {
		return "", fmt.Errorf("the preview shows %s, want %d", count(len(p.Tasks), "task", "tasks"), a.Tasks)
	}
	return fmt.Sprintf("%q, %s, %s", p.Title, count(len(p.Fields), "field", "fields"), count(len(p.Tasks), "task", "tasks")), nil
}

func (s *story) convert(ctx context.Context) (string, error) {
	made, err := s.press(ctx, s.first)
	if err != nil {
		return "", err
	}
	return made.Key, await(ctx, func() error { return s.inStep(s.first) })
}

func (s *story) doubleClick(ctx context.Context) (string, error) {
	var wg sync.WaitGroup
	var made [4]engine.Conversion
	var errs [4]error
	for i := range made {
		wg.Go(func() { made[i], errs[i] = s.press(ctx, s.other) })
	}
	wg.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		return "", err
	}
	for _, m := range made {
		if m.Target != made[0].Target {
			return "", fmt.Errorf("two presses led to %s and %s", m.Target, made[0].Target)
		}
	}
	return made[0].Key, await(ctx, func() error { return s.inStep(s.other) })
}

func (s *story) editSource(ctx context.Context) (string, error) {
	a := s.acts[0]
	start := time.Now()
	edits := map[string]string{a.Source.Name: "Renamed in " + s.title(a.Source)}
	if a.Source.Number != "" {
		edits[a.Source.Number] = "12345.67"
	}
	if err := a.From.Edit(seller, s.first, edits); err != nil {
		return "", err
	}
	err := await(ctx, func() error { return s.shows(s.first, edits) })
	return since(start), err
}

// shows says why a source does not hold these values, or not all of its
// counterparts do.
func (s *story) shows(id string, want map[string]string) error {
	r, err := s.acts[0].From.Get(id)
	if err != nil {
		return err
	}
	for name, value := range want {
		if got := r.Fields[name]; got != value {
			return fmt.Errorf("%s of %s %s is %q, want %q", name, s.acts[0].Source.Noun, id, got, value)
		}
	}
	return s.inStep(id)
}

func (s *story) editTarget(ctx context.Context, a *stage.Act) (string, error) {
	t, err := a.Counterpart(s.first)
	if err != nil {
		return "", err
	}
	start := time.Now()
	name := "Renamed in " + s.title(a.Target)
	edits, want := map[string]string{}, map[string]string{}
	if !a.Follows {
		edits[a.Target.Name], want[a.Source.Name] = name, name
	}
	if a.Target.Due != "" && a.Source.Due != "" {
		// Of several, the second is due before the first and the third after both.
		nth, day := slices.Index(s.acts, a), time.Now().UTC().AddDate(0, 2, 0)
		edits[a.Target.Due] = day.AddDate(0, 0, []int{0, -7, 7}[nth%3]).Format(time.DateOnly)
		want[a.Source.Due] = day.AddDate(0, 0, []int{0, -7, -7}[nth%3]).Format(time.DateOnly)
	}
	if err := a.To.Edit(planner, t.ID, edits); err != nil {
		return "", err
	}
	err = await(ctx, func() error { return s.shows(s.first, want) })
	return since(start), err
}

func (s *story) moveTarget(ctx context.Context, a *stage.Act) (string, error) {
	t, err := a.Counterpart(s.first)
	if err != nil {
		return "", err
	}
	if err := a.To.Edit(planner, t.ID, map[string]string{a.Target.State: a.Working}); err != nil {
		return "", err
	}
	return a.Working, await(ctx, func() error {
		return s.shows(s.first, map[string]string{cmp.Or(a.Source.Progress, a.Source.State): a.Started})
	})
}

// talk says something on both sides; each must be heard on the other once.
func (s *story) talk(ctx context.Context, a *stage.Act) (string, error) {
	t, err := a.Counterpart(s.first)
	if err != nil {
		return "", err
	}
	asked, told := "Asked in "+s.title(a.Source)+" of "+a.Target.Connection, "Told in "+s.title(a.Target)
	err = errors.Join(a.From.Comment(seller, s.first, asked), a.To.Comment(planner, t.ID, told))
	if err != nil {
		return "", err
	}
	return "", await(ctx, func() error {
		r, err := a.From.Get(s.first)
		if err != nil {
			return err
		}
		t, err := a.Counterpart(s.first)
		if err != nil {
			return err
		}
		for _, text := range []string{asked, told} {
			if here, there := mentions(r, text), mentions(t, text); here != 1 || there != 1 {
				return fmt.Errorf("%q is said %d times in %s and %d times in %s", text, here, a.Source.Connection, there, a.Target.Connection)
			}
		}
		return nil
	})
}

func mentions(r systems.Record, text string) int {
	n := 0
	for _, c := range r.Comments {
		n += strings.Count(c, text)
	}
	return n
}

func (s *story) editBoth(ctx context.Context) (string, error) {
	a := s.acts[0]
	t, err := a.Counterpart(s.other)
	if err != nil {
		return "", err
	}
	err = errors.Join(
		a.From.Edit(seller, s.other, map[string]string{a.Source.Name: "Both: from " + s.title(a.Source)}),
		a.To.Edit(planner, t.ID, map[string]string{a.Target.Name: "Both: from " + s.title(a.Target)}),
	)
	if err != nil {
		return "", err
	}
	winner := ""
	err = await(ctx, func() error {
		r, err := a.From.Get(s.other)
		if err != nil {
			return err
		}
		if winner = r.Fields[a.Source.Name]; !strings.HasPrefix(winner, "Both: ") {
			return fmt.Errorf("the name is %q", winner)
		}
		return s.inStep(s.other)
	})
	return winner, err
}

func (s *story) loseWebhook(ctx context.Context) (string, error) {
	// From here on no webhook of any system arrives, until the rules are taken
	// away: only the lists of changes tell.
	for _, b := range s.systems.boxes {
		f := b.System.Faults()
		rule, err := f.Add(kit.Rule{Kind: kit.WebhookLost})
		if err != nil {
			return "", err
		}
		defer f.Remove(rule.ID)
	}
	start, a := time.Now(), s.acts[0]
	edits := map[string]string{a.Source.Name: "Told by no webhook"}
	if err := a.From.Edit(seller, s.other, edits); err != nil {
		return "", err
	}
	err := await(ctx, func() error { return s.shows(s.other, edits) })
	return since(start), err
}

func (s *story) restart(ctx context.Context) (string, error) {
	if _, err := s.press(ctx, s.third); err != nil {
		return "", err
	}
	a := s.acts[0]
	if a.Target.Key == "" { // it is known by the source's link only
		if err := await(ctx, func() error { return s.inStep(s.third) }); err != nil {
			return "", err
		}
	}
	if err := s.stop(); err != nil {
		return "", err
	}
	s.stop = nil
	t, err := a.Counterpart(s.third)
	if err != nil {
		return "", err
	}
	err = errors.Join(
		a.From.Edit(seller, s.first, map[string]string{a.Source.Name: "Edited while Tenon was away"}),
		a.To.Edit(planner, t.ID, map[string]string{a.Target.Name: "Edited in " + s.title(a.Target) + " meanwhile"}),
	)
	if err != nil {
		return "", err
	}
	if err := s.start(ctx); err != nil {
		return "", err
	}
	return "", await(ctx, func() error {
		return errors.Join(
			s.shows(s.first, map[string]string{a.Source.Name: "Edited while Tenon was away"}),
			s.shows(s.third, map[string]string{a.Source.Name: "Edited in " + s.title(a.Target) + " meanwhile"}),
		)
	})
}

// remove takes a source away: its links end, and its counterparts stay as they
// were.
func (s *story) remove(ctx context.Context) (string, error) {
	if _, err := s.press(ctx, s.last); err != nil {
		return "", err
	}
	if err := await(ctx, func() error { return s.inStep(s.last) }); err != nil {
		return "", err
	}
	links, err := s.links(ctx, "")
	if err != nil {
		return "", err
	}
	for _, a := range s.acts {
		t, err := a.Counterpart(s.last)
		if err != nil {
			return "", err
		}
		s.gone = append(s.gone, t.ID)
	}
	if err := s.acts[0].From.Remove(seller, s.last); err != nil {
		return "", err
	}
	err = await(ctx, func() error {
		now, err := s.links(ctx, "")
		if err == nil && now != links-len(s.acts) {
			err = fmt.Errorf("%s of %d remain", count(now, "link", "links"), links)
		}
		return err
	})
	if err != nil {
		return "", err
	}
	for i, a := range s.acts {
		if t, err := a.To.Get(s.gone[i]); err != nil || t.Gone || t.Fields[a.Target.Name] == "" {
			return "", fmt.Errorf("the %s went, too: %w", a.Target.Noun, err)
		}
	}
	return "", nil
}

// links counts the links of a mapping that have not ended, of all of them for "".
func (s *story) links(ctx context.Context, mapping string) (int, error) {
	rows, err := s.service.engine.Links(ctx, mapping, 0, 10_000)
	n := 0
	for _, l := range rows {
		if l.Status != "ended" {
			n++
		}
	}
	return n, err
}

// quietFor is how long nothing may change for the check to call it quiet;
// longer than a poll.
const quietFor = 4 * time.Second

func (s *story) quiet(ctx context.Context) (string, error) {
	last, at := stage.Everything(s.acts), time.Now()
	err := await(ctx, func() error {
		if now := stage.Everything(s.acts); now != last {
			last, at = now, time.Now()
		}
		if calm := time.Since(at); calm < quietFor {
			return fmt.Errorf("the last change was %.1f s ago", calm.Seconds())
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	echoes, err := s.service.engine.History(ctx, engine.HistoryFilter{Action: "no difference", Limit: 1000})
	if err != nil {
		return "", err
	}
	return count(len(echoes), "echo", "echoes") + ` ended in "no difference"`, nil
}

func (s *story) agreed(ctx context.Context) (string, error) {
	pairs := map[string]int{}
	err := await(ctx, func() error {
		clear(pairs)
		for _, a := range s.acts {
			for _, r := range a.From.Records() {
				if len(a.Counterparts(r.ID)) == 0 && r.Fields[a.Source.State] != a.Won {
					continue
				}
				if err := errors.Join(a.Agrees(r), stage.RolledUp(s.acts, r.ID)); err != nil {
					return err
				}
				pairs[a.Mapping]++
			}
			if err := a.Strays(s.gone); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	status, err := s.service.engine.Status(ctx)
	if err != nil {
		return "", err
	}
	n := 0
	for _, m := range status.Mappings {
		if m.Failed+m.Conflicts > 0 || m.State != "running" {
			return "", fmt.Errorf("mapping %s is %s with %d failed and %d conflicts", m.Name, m.State, m.Failed, m.Conflicts)
		}
		links, err := s.links(ctx, m.Name)
		if err != nil {
			return "", err
		}
		if links != pairs[m.Name] {
			return "", fmt.Errorf("mapping %s has %d links for %d pairs", m.Name, links, pairs[m.Name])
		}
		n += links
	}
	return count(n, "pair", "pairs"), nil
}
