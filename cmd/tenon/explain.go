package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tenonsync/tenon/config"
	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/server"
)

func (c *cli) explainCommand() *cobra.Command {
	o := engine.ExplainOptions{}
	cmd := &cobra.Command{
		Use: "explain RECORD", Short: "Tell why a record is, or is not, in step, and what to do", Args: cobra.ExactArgs(1),
		Long: `Tells in plain words what Tenon knows of one record: which mappings concern it,
what it is linked with, how each field stands, and if something is not in step,
why and what to do. The first line is the verdict.

Both records are read now and compared as a run would; nothing is written. With
--offline only the state is read. RECORD is connection/object/id, an id, a
readable key, the record's web address, or link:N.

While ` + "`tenon serve`" + ` runs, the command asks that service; else it reads the
state and the systems itself. docs/troubleshooting.md has a heading for every
reason code.

Exit code 0: in sync. 1: not in sync, or not known. 5: not in sync as far as can
be told, and a system did not answer.`,
		Example: `  tenon explain DELIV-12
  tenon explain hubspot/deals/40010
  tenon explain https://acme.atlassian.net/browse/DELIV-12
  tenon explain link:7 --offline`,
		RunE: func(cmd *cobra.Command, args []string) error {
			ask := c.operator
			if !o.Offline {
				ask = c.explainer
			}
			op, done, err := ask(cmd.Context())
			if err != nil {
				return err
			}
			defer done()
			x, err := op.Explain(cmd.Context(), args[0], o)
			if err != nil {
				return err
			}
			if c.json() {
				err = c.printJSON(x)
			} else {
				err = showExplanation(c.stdout, x)
			}
			if err != nil || x.Standing == engine.InSync {
				return err
			}
			if x.Unreachable {
				return &failure{code: exitSystem, err: errors.New("")}
			}
			return &failure{code: exitFound, err: errors.New("")}
		},
	}
	cmd.Flags().BoolVar(&o.Offline, "offline", false, "read nothing from the systems, only what the state holds")
	cmd.Flags().IntVarP(&o.Events, "events", "n", 10, "at most this `many` of the record's last events; 0: ten")
	return cmd
}

// explainer is reader, with a word on what is left where the systems cannot be
// asked.
func (c *cli) explainer(ctx context.Context) (server.Operator, func(), error) {
	op, done, err := c.reader(ctx)
	if f, ok := errors.AsType[*failure](err); ok && f.code == exitConfig && strings.HasPrefix(f.hint, "correct what is shown above") {
		if _, problems := config.Load(c.configPath, c.registry, config.Options{NoSecrets: true}); problems.Err() == nil {
			f.hint = "correct what is shown above, or take --offline to ask the state alone"
		}
	}
	return op, done, err
}

// showExplanation writes an explanation for people: the verdict, what to do, and
// then what is known.
func showExplanation(w io.Writer, x *engine.Explanation) error {
	fmt.Fprintln(w, oneLine(x.Verdict))
	for i, f := range x.Findings {
		if f.Standing == engine.InSync {
			continue
		}
		fmt.Fprintf(w, "\n[%s]", f.Code)
		if i > 0 || !strings.HasSuffix(x.Verdict, f.Text) {
			fmt.Fprintf(w, " %s", oneLine(f.Text))
		}
		fmt.Fprintf(w, "  (%s)\n", f.Doc)
		for _, s := range f.Do {
			fmt.Fprintf(w, "  - %s\n", oneLine(s.Text))
			if s.Command != "" {
				fmt.Fprintf(w, "      %s\n", oneLine(s.Command))
			}
		}
	}
	for _, m := range x.Mappings {
		if err := showExplainedMapping(w, x.At, m); err != nil {
			return err
		}
	}
	if len(x.Events) == 0 {
		return nil
	}
	fmt.Fprintln(w)
	t := newTable(w, "TIME", "ACTION", "TO", "WHY")
	for _, e := range x.Events {
		t.row(showTime(e.At), e.Action, dash(e.To), why(e))
	}
	return t.flush()
}

// cellShown is how many letters of a value have room in a table.
const cellShown = 40

// showExplainedMapping writes what one mapping has to do with the record.
func showExplainedMapping(w io.Writer, now time.Time, m engine.ExplainedMapping) error {
	fmt.Fprintf(w, "\nMapping %s (%s): %s\n", m.Name, m.File, m.Standing)
	t := newTable(w, "  SIDE", "RECORD", "TITLE", "STATE", "ADDRESS")
	for _, s := range m.Sides {
		r := s.Record
		name := showRef(r.Ref)
		if r.Key != "" {
			name += " (" + r.Key + ")"
		}
		state := dash(r.State)
		if r.Error != "" {
			state = r.Error
		}
		t.row("  "+s.Name, name, dash(short(r.Title, cellShown)), state, dash(r.URL))
	}
	if err := t.flush(); err != nil {
		return err
	}
	for _, s := range m.Sides {
		fmt.Fprintf(w, "  %s: last webhook %s; last asked for changes %s, every %s\n", s.Connection, ago(now, s.LastWebhook), ago(now, s.LastPoll), s.PollEvery)
	}
	if l := m.Link; l != nil {
		fmt.Fprintf(w, "  link %d, %s since %s; both last agreed: %s\n", l.ID, l.Status, showTime(l.Created), ago(now, l.Synced))
	} else {
		fmt.Fprintln(w, "  no link")
	}
	if h := m.LastHint; h != nil {
		fmt.Fprintf(w, "  last hint: %s (%s); last worked: %s\n", ago(now, h.At), h.Source, ago(now, m.LastWork))
	}
	if q := m.Queue; q != nil {
		fmt.Fprintf(w, "  in the queue: %s, priority %s, due %s, %d go first, tried %d times\n", q.Status, q.Priority, ago(now, q.Due), q.Ahead, q.Attempts)
	}
	if len(m.Fields) == 0 {
		return nil
	}
	t = newTable(w, "  FIELD", "FLOW", "STATE", strings.ToUpper(m.Sides[0].Name), strings.ToUpper(m.Sides[1].Name), "WHY")
	for _, f := range m.Fields {
		cells := []string{"  " + f.Name, f.Flow, string(f.Standing), "-", "-", f.Why}
		for side, told := range f.Told {
			if told {
				cells[3+side] = fmt.Sprintf("%q", short(f.Values[side], cellShown))
			}
		}
		if f.After != "" {
			cells[5] = fmt.Sprintf("%s will hold %q: %s", f.To, short(f.After, cellShown), f.Why)
		}
		if f.Code != "" {
			cells[2] += " [" + f.Code + "]"
		}
		t.row(cells...)
	}
	return t.flush()
}

// ago writes a time with how long it lies back.
func ago(now, t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	d := now.Sub(t).Round(time.Second)
	if d < 0 {
		return fmt.Sprintf("%s (in %s)", showTime(t), -d)
	}
	return fmt.Sprintf("%s (%s ago)", showTime(t), d)
}
