package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/sandbox/kit"
)

// checkStep is one line of the check's report.
type checkStep struct {
	Name    string  `json:"name"`
	OK      bool    `json:"ok"`
	Seconds float64 `json:"seconds"`
	Detail  string  `json:"detail,omitempty"`
}

// checkReport is the JSON output of demo --check.
type checkReport struct {
	OK    bool        `json:"ok"`
	Steps []checkStep `json:"steps"`
}

// story is the check's cast: the deals that it works with.
type story struct {
	*demonstration
	deal, other, third string
}

// The people who edit.
const (
	seller  = "rosa.delgado@harbourworks.example"
	planner = "tom.becker@harbourworks.example"
)

// check runs the story, one line a step, and stops at the first that fails.
func (d *demonstration) check(ctx context.Context) error {
	s := &story{demonstration: d}
	report := checkReport{OK: true, Steps: []checkStep{}}
	for _, step := range []struct {
		name string
		run  func(context.Context) (string, error)
	}{
		{"start; won deals get their epics", s.begin},
		{"the page shows what would be made and makes nothing", s.preview},
		{"convert: an epic with its tasks, linked both ways", s.convert},
		{"a double click makes one epic", s.doubleClick},
		{"an edit in HubSpot reaches Jira", s.editDeal},
		{"an edit in Jira reaches HubSpot", s.editEpic},
		{"a status change in Jira moves the deal", s.moveEpic},
		{"one field edited on both sides at once ends equal", s.editBoth},
		{"a lost webhook is made up for by the poll", s.loseWebhook},
		{"edits during a restart arrive", s.restart},
		{"then nothing more is written", s.quiet},
		{"both systems agree; each record has one counterpart", s.agreed},
	} {
		start := time.Now()
		detail, err := step.run(ctx)
		row := checkStep{Name: step.name, OK: err == nil, Seconds: time.Since(start).Seconds(), Detail: detail}
		if err != nil {
			row.Detail, report.OK = err.Error(), false
		}
		report.Steps = append(report.Steps, row)
		if !d.cli.json() {
			d.cli.showStep(row)
		}
		if err != nil {
			break
		}
	}
	var stopped error
	if d.stop != nil {
		stopped = d.stop()
	}
	if d.cli.json() {
		if err := d.cli.printJSON(report); err != nil {
			return err
		}
	}
	if !report.OK {
		return fail(exitFound, "run it again with --verbose and --dir to look at its state", "the check failed")
	}
	return stopped
}

func (c *cli) showStep(row checkStep) {
	verdict := "ok  "
	if !row.OK {
		verdict = "FAIL"
	}
	fmt.Fprintf(c.stdout, "%s  %5.1f s  %s", verdict, row.Seconds, row.Name)
	if row.Detail != "" {
		fmt.Fprintf(c.stdout, " (%s)", oneLine(row.Detail))
	}
	fmt.Fprintln(c.stdout)
}

func (s *story) begin(ctx context.Context) (string, error) {
	if err := s.start(ctx); err != nil {
		return "", err
	}
	won := 0
	err := await(ctx, func() error {
		won = 0
		for _, d := range s.deals() {
			if d.Properties["dealstage"] != "closedwon" {
				continue
			}
			won++
			if n := len(s.epics(d.ID)); n != 1 {
				return fmt.Errorf("deal %s has %d epics", d.ID, n)
			}
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	var open []string
	for _, d := range s.deals() {
		if len(s.epics(d.ID)) == 0 && d.Properties["hubspot_owner_id"] != "" {
			open = append(open, d.ID)
		}
	}
	if len(open) < 3 {
		return "", fmt.Errorf("only %d deals are open", len(open))
	}
	s.deal, s.other, s.third = open[0], open[1], open[2]
	return count(won, "won deal", "won deals"), nil
}

func (s *story) preview(ctx context.Context) (string, error) {
	address, err := s.button(ctx, s.deal)
	if err != nil {
		return "", err
	}
	var p engine.Preview
	if err := s.call(ctx, http.MethodGet, address, &p); err != nil {
		return "", err
	}
	if n := len(s.epics(s.deal)); n != 0 {
		return "", fmt.Errorf("the preview made %d epics", n)
	}
	if len(p.Tasks) != 3 {
		return "", fmt.Errorf("the preview shows %d tasks, want 3", len(p.Tasks))
	}
	return fmt.Sprintf("%q, %d fields, %d tasks", p.Title, len(p.Fields), len(p.Tasks)), nil
}

func (s *story) convert(ctx context.Context) (string, error) {
	made, err := s.press(ctx, s.deal)
	if err != nil {
		return "", err
	}
	err = await(ctx, func() error {
		epic, err := s.epic(s.deal)
		if err != nil {
			return err
		}
		if n := len(epic.Children); n != 3 {
			return fmt.Errorf("%s has %d tasks, want 3", epic.Key, n)
		}
		d, err := s.dealNow(s.deal)
		if err != nil {
			return err
		}
		if !strings.Contains(d.Properties["project_url"], epic.Key) {
			return fmt.Errorf("the deal's link to the project is %q", d.Properties["project_url"])
		}
		return nil
	})
	return made.Key, err
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
	epic, err := s.epic(s.other)
	if err != nil {
		return "", err
	}
	return epic.Key, await(ctx, func() error {
		epic, err := s.epic(s.other)
		if err == nil && len(epic.Children) != 3 {
			err = fmt.Errorf("%s has %d tasks, want 3", epic.Key, len(epic.Children))
		}
		return err
	})
}

func (s *story) editDeal(ctx context.Context) (string, error) {
	start := time.Now()
	err := s.systems.hubspotSystem.As(seller).Edit("deals", s.deal, map[string]string{"dealname": "Renamed in HubSpot", "amount": "12345.67"})
	if err != nil {
		return "", err
	}
	err = await(ctx, func() error {
		epic, err := s.epic(s.deal)
		if err != nil {
			return err
		}
		if got := epic.Fields["summary"]; got != "Renamed in HubSpot" {
			return fmt.Errorf("the epic's summary is %q", got)
		}
		if got := fmt.Sprint(epic.Fields[s.systems.jiraSystem.FieldID("Budget")]); got != "12345.67" {
			return fmt.Errorf("the epic's budget is %s", got)
		}
		return nil
	})
	return since(start), err
}

func (s *story) editEpic(ctx context.Context) (string, error) {
	epic, err := s.epic(s.deal)
	if err != nil {
		return "", err
	}
	start := time.Now()
	due := time.Now().UTC().AddDate(0, 2, 0).Format(time.DateOnly)
	err = s.systems.jiraSystem.As(planner).Edit(epic.Key, map[string]any{"summary": "Renamed in Jira", "duedate": due})
	if err != nil {
		return "", err
	}
	err = await(ctx, func() error {
		d, err := s.dealNow(s.deal)
		if err != nil {
			return err
		}
		if got := d.Properties["dealname"]; got != "Renamed in Jira" {
			return fmt.Errorf("the deal's name is %q", got)
		}
		if got := dateOf(d.Properties["expected_delivery"]); got != due {
			return fmt.Errorf("the deal's expected delivery is %q, want %s", got, due)
		}
		return nil
	})
	return since(start), err
}

func (s *story) moveEpic(ctx context.Context) (string, error) {
	epic, err := s.epic(s.deal)
	if err != nil {
		return "", err
	}
	if err := s.systems.jiraSystem.As(planner).Transition(epic.Key, "In Progress", nil); err != nil {
		return "", err
	}
	return "", await(ctx, func() error {
		d, err := s.dealNow(s.deal)
		if err == nil && d.Properties["dealstage"] != "in_delivery" {
			err = fmt.Errorf("the deal's stage is %q", d.Properties["dealstage"])
		}
		return err
	})
}

func (s *story) editBoth(ctx context.Context) (string, error) {
	epic, err := s.epic(s.other)
	if err != nil {
		return "", err
	}
	err = errors.Join(
		s.systems.hubspotSystem.As(seller).Edit("deals", s.other, map[string]string{"dealname": "Both: from HubSpot"}),
		s.systems.jiraSystem.As(planner).Edit(epic.Key, map[string]any{"summary": "Both: from Jira"}),
	)
	if err != nil {
		return "", err
	}
	winner := ""
	err = await(ctx, func() error {
		winner, err = s.sameName(s.other)
		if err == nil && !strings.HasPrefix(winner, "Both: ") {
			err = fmt.Errorf("the name is %q", winner)
		}
		return err
	})
	return winner, err
}

func (s *story) loseWebhook(ctx context.Context) (string, error) {
	// From here on no webhook of either system arrives, until the rules are
	// taken away: only the lists of changes tell.
	for _, f := range []*kit.Faults{s.systems.hubspotSystem.Faults(), s.systems.jiraSystem.Faults()} {
		rule, err := f.Add(kit.Rule{Kind: kit.WebhookLost})
		if err != nil {
			return "", err
		}
		defer f.Remove(rule.ID)
	}
	start := time.Now()
	if err := s.systems.hubspotSystem.As(seller).Edit("deals", s.other, map[string]string{"dealname": "Told by no webhook"}); err != nil {
		return "", err
	}
	err := await(ctx, func() error {
		name, err := s.sameName(s.other)
		if err == nil && name != "Told by no webhook" {
			err = fmt.Errorf("the name is %q", name)
		}
		return err
	})
	return since(start), err
}

func (s *story) restart(ctx context.Context) (string, error) {
	if _, err := s.press(ctx, s.third); err != nil {
		return "", err
	}
	if err := s.stop(); err != nil {
		return "", err
	}
	s.stop = nil
	epic, err := s.epic(s.third)
	if err != nil {
		return "", err
	}
	err = errors.Join(
		s.systems.hubspotSystem.As(seller).Edit("deals", s.deal, map[string]string{"dealname": "Edited while Tenon was away"}),
		s.systems.jiraSystem.As(planner).Edit(epic.Key, map[string]any{"summary": "Edited in Jira meanwhile"}),
	)
	if err != nil {
		return "", err
	}
	if err := s.start(ctx); err != nil {
		return "", err
	}
	return "", await(ctx, func() error {
		for deal, want := range map[string]string{s.deal: "Edited while Tenon was away", s.third: "Edited in Jira meanwhile"} {
			name, err := s.sameName(deal)
			if err == nil && name != want {
				err = fmt.Errorf("deal %s is %q, want %q", deal, name, want)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// quietFor is how long nothing may be written for the check to call it quiet;
// longer than a poll.
const quietFor = 4 * time.Second

func (s *story) quiet(ctx context.Context) (string, error) {
	last, at := s.writes(), time.Now()
	err := await(ctx, func() error {
		if now := s.writes(); now != last {
			last, at = now, time.Now()
		}
		if calm := time.Since(at); calm < quietFor {
			return fmt.Errorf("the last write was %.1f s ago", calm.Seconds())
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
	pairs := 0
	err := await(ctx, func() error {
		pairs = 0
		for _, d := range s.deals() {
			if len(s.epics(d.ID)) == 0 {
				if d.Properties["dealstage"] == "closedwon" {
					return fmt.Errorf("deal %s is won and has no epic", d.ID)
				}
				continue
			}
			if err := s.compare(d); err != nil {
				return err
			}
			pairs++
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
	for _, m := range status.Mappings {
		if m.Failed+m.Conflicts > 0 || m.State != "running" {
			return "", fmt.Errorf("mapping %s is %s with %d failed and %d conflicts", m.Name, m.State, m.Failed, m.Conflicts)
		}
		if m.Links != pairs {
			return "", fmt.Errorf("mapping %s has %d links for %d pairs", m.Name, m.Links, pairs)
		}
	}
	return count(pairs, "pair", "pairs"), nil
}
