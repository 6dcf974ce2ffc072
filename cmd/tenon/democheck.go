package main

import (
	"context"
	"fmt"
	"time"

	"github.com/tenonsync/tenon/examples/stage"

	"github.com/tenonsync/tenon/examples"
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

// story is the check's: one act for each mapping of the example. All acts begin
// at the same records; the first has the button.
type story struct {
	*demonstration
	acts []*stage.Act

	first, other, third, last string // records of the source
	gone                      []string
}

// The people who edit.
const (
	seller  = "rosa.delgado@harbourworks.example"
	planner = "tom.becker@harbourworks.example"
)

func newStory(d *demonstration) *story {
	s := &story{demonstration: d}
	for _, c := range d.example.Casts {
		s.acts = append(s.acts, stage.NewAct(c, d.systems.box))
	}
	return s
}

// step is one step of the story.
type step struct {
	name string
	run  func(context.Context) (string, error)
}

// steps are the story as this example tells it.
func (s *story) steps() []step {
	lead := s.acts[0]
	from, to := s.title(lead.Source), s.title(lead.Target)
	list := []step{
		{fmt.Sprintf("start; won %s get their %s", lead.Source.Nouns(), lead.Target.Nouns()), s.begin},
		{"the page shows what would be made and makes nothing", s.preview},
		{fmt.Sprintf("convert: %s, linked both ways", withTasks(lead.Cast)), s.convert},
		{"a double click makes one " + lead.Target.Noun, s.doubleClick},
		{fmt.Sprintf("an edit in %s reaches %s", from, to), s.editSource},
	}
	for _, a := range s.acts {
		list = append(list,
			step{fmt.Sprintf("an edit in %s reaches %s", s.title(a.Target), from), func(ctx context.Context) (string, error) { return s.editTarget(ctx, a) }},
			step{fmt.Sprintf("a status change in %s moves the %s", s.title(a.Target), a.Source.Noun), func(ctx context.Context) (string, error) { return s.moveTarget(ctx, a) }},
		)
		if !a.Follows {
			list = append(list, step{fmt.Sprintf("what is said in %s is heard in %s, and the other way", s.title(a.Target), from), func(ctx context.Context) (string, error) { return s.talk(ctx, a) }})
		}
	}
	return append(list,
		step{"one field edited on both sides at once ends equal", s.editBoth},
		step{"a lost webhook is made up for by the poll", s.loseWebhook},
		step{"edits during a restart arrive", s.restart},
		step{fmt.Sprintf("%s that is removed ends its link and leaves the %s", lead.Source.ANoun(), lead.Target.Noun), s.remove},
		step{"then nothing more is written", s.quiet},
		step{"both systems agree; each record has one counterpart", s.agreed},
	)
}

func (s *story) title(p examples.Part) string { return s.systems.box(p.Connection).Title }

func withTasks(c examples.Cast) string {
	if c.Tasks == 0 {
		return "one " + c.Target.Noun
	}
	return "one " + c.Target.Noun + " with its tasks"
}

// check runs the story, one line a step, and stops at the first that fails.
func (d *demonstration) check(ctx context.Context) error {
	s := newStory(d)
	report := checkReport{OK: true, Steps: []checkStep{}}
	for _, step := range s.steps() {
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

// begin starts the service, waits until what is won has its counterparts, and
// chooses the records to act with.
func (s *story) begin(ctx context.Context) (string, error) {
	if err := s.start(ctx); err != nil {
		return "", err
	}
	lead, won := s.acts[0], 0
	err := await(ctx, func() error {
		won = 0
		for _, r := range lead.From.Records() {
			if r.Fields[lead.Source.State] != lead.Won {
				continue
			}
			won++
			if err := s.eachHasOne(r.ID); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	var open []string
	for _, r := range lead.From.Records() {
		if r.Fields[lead.Source.State] == lead.Open {
			open = append(open, r.ID)
		}
	}
	if len(open) < 4 || won == 0 {
		return "", fmt.Errorf("%d %s are won and %d open, too few", won, lead.Source.Nouns(), len(open))
	}
	s.first, s.other, s.third, s.last = open[0], open[1], open[2], open[3]
	return count(won, "won "+lead.Source.Noun, "won "+lead.Source.Nouns()), nil
}

// eachHasOne says which act has not one counterpart of a record, or one without
// its tasks.
func (s *story) eachHasOne(id string) error {
	for _, a := range s.acts {
		if _, err := a.Counterpart(id); err != nil {
			return err
		}
	}
	return nil
}
