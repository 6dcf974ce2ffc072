package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/tenonsync/tenon/engine"
)

func (c *cli) replayCommand() *cobra.Command {
	var o engine.ReplayOrder
	var since string
	cmd := &cobra.Command{
		Use: "replay [RECORD]", Short: "Work records as if word had come of them", Args: cobra.MaximumNArgs(1),
		Long: `Makes records due: one RECORD (connection/object/id, an id, a readable key, its
web address, or link:N), all links of a --mapping, or with --failed what failed
or was set aside. Both sides are read whatever their versions and compared with
what they held when they last agreed; nothing is written where nothing differs.

--since leaves out links of which nothing is known to have happened from then on:
a time such as 2026-01-31T12:00:00Z, or how long ago, such as 36h. --dry-run
only counts. A mapping or a connection that is paused works them when it is
resumed.

While ` + "`tenon serve`" + ` runs, the command asks that service; else the next run of
Tenon works what it made due. Code 1 when no mapping takes such a record.`,
		Example: `  tenon replay DELIV-12
  tenon replay --mapping won-deal-to-epic --since 36h
  tenon replay --failed`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				o.Record = args[0]
			}
			var err error
			if o.Since, err = sinceFlag(since, time.Now()); err != nil {
				return err
			}
			if o.Record == "" && o.Mapping == "" && !o.Failed {
				return fail(exitUsage, "give RECORD, --mapping or --failed", "nothing is named that is to be replayed")
			}
			open := c.operator
			if o.Record != "" {
				open = c.reader // a key or an address is asked for
			}
			op, done, err := open(cmd.Context())
			if err != nil {
				return err
			}
			defer done()
			r, err := op.Replay(cmd.Context(), o, commandLine)
			if err != nil {
				return err
			}
			if o.Dry {
				return c.done(r, "%s would be worked", count(r.Entries, "entry", "entries"))
			}
			return c.done(r, "%s will be worked again", count(r.Entries, "entry", "entries"))
		},
	}
	fl := cmd.Flags()
	fl.StringVarP(&o.Mapping, "mapping", "m", "", "all links of this `mapping`, or a record's under it alone")
	fl.StringVar(&since, "since", "", "only what something happened to since this `time`, or that long ago, such as 36h")
	fl.BoolVar(&o.Failed, "failed", false, "what failed or was set aside, but conflicts")
	fl.BoolVar(&o.Dry, "dry-run", false, "only count")
	return cmd
}

// sinceFlag reads a time, or how long before now.
func sinceFlag(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return time.Time{}, fail(exitUsage, "write a time such as 2026-01-31T12:00:00Z, or how long ago, such as 36h", "--since: %q is no time", text)
	}
	return now.Add(-d), nil
}
