package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/server"
)

func (c *cli) statusCommand() *cobra.Command {
	return c.listing("status", "Show how every connection and mapping stands", "", cobra.NoArgs,
		func(cmd *cobra.Command, op server.Operator, _ []string) error {
			s, err := op.Status(cmd.Context())
			if err != nil {
				return err
			}
			if c.json() {
				return c.printJSON(s)
			}
			t := newTable(c.stdout, "MAPPING", "STATE", "LINKS", "QUEUE", "WAITING", "FAILED", "CONFLICTS", "SET ASIDE", "RUN")
			for _, m := range s.Mappings {
				t.row(m.Name, stateText(m.State, m.Reason, m.Paused), fmt.Sprint(m.Links), fmt.Sprint(m.Queued), fmt.Sprint(m.Waiting),
					fmt.Sprint(m.Failed), fmt.Sprint(m.Conflicts), fmt.Sprint(m.SetAside), number(m.Run))
			}
			if err := c.listed(t, len(s.Mappings), "no mapping has seen its systems from here yet; `tenon plan` reads them"); err != nil {
				return err
			}
			if s.Inbox > 0 {
				fmt.Fprintf(c.stdout, "\n%s taken in, and not sorted into the queues yet\n", count(s.Inbox, "webhook delivery is", "webhook deliveries are"))
			}
			fmt.Fprintln(c.stdout)
			t = newTable(c.stdout, "CONNECTION", "STATE", "LAST WEBHOOK", "LAST POLL")
			for _, n := range s.Connections {
				t.row(n.Name, stateText(n.State, n.Reason, n.Paused), showTime(n.LastWebhook), showTime(n.LastPoll))
			}
			if err := t.flush(); err != nil {
				return err
			}
			if err := c.showStreams(s.Connections); err != nil {
				return err
			}
			return c.showAllowances(s.Connections)
		})
}

// stateText is a state with its reason: who paused it, when and why, or what the
// program says.
func stateText(state, reason string, paused *engine.Pause) string {
	switch {
	case paused != nil:
		reason = "by " + paused.By + " since " + showTime(paused.Since)
		if paused.Connection != "" {
			reason = "connection " + paused.Connection + " " + reason
		}
		if paused.Reason != "" {
			reason += ": " + paused.Reason
		}
	case reason == "":
		return state
	}
	return state + " (" + reason + ")"
}

// showStreams lists the streams of changes, where there are any.
func (c *cli) showStreams(conns []engine.ConnectionStatus) error {
	t := newTable(c.stdout, "STREAM OF", "STATE", "LAST WORD", "HINTS", "BREAKS", "GAPS", "SILENT ON")
	known := false
	for _, n := range conns {
		s := n.Stream
		if s == nil {
			continue
		}
		known = true
		t.row(n.Name, stateText(s.State, s.Reason, nil), showTime(s.Last), fmt.Sprint(s.Hints), fmt.Sprint(s.Breaks), fmt.Sprint(s.Gaps),
			strings.Join(slices.Sorted(maps.Keys(s.Silent)), ", "))
	}
	if !known {
		return nil
	}
	fmt.Fprintln(c.stdout)
	return t.flush()
}

// showAllowances lists the allowances that are known, and what was used of them.
func (c *cli) showAllowances(conns []engine.ConnectionStatus) error {
	t := newTable(c.stdout, "ALLOWANCE", "FOR", "OURS", "LEFT", "UNTIL", "USED TODAY")
	known := false
	for _, n := range conns {
		if n.Budget == nil {
			continue
		}
		used := n.Budget.Used.String()
		for _, a := range []*engine.AllowanceStatus{n.Budget.Day, n.Budget.Window} {
			if a == nil {
				continue
			}
			known = true
			every := "unknown"
			if a.Seconds > 0 {
				every = shortDuration(time.Duration(a.Seconds) * time.Second)
			}
			t.row(n.Name, every, fmt.Sprintf("%d of %d", a.Ours, a.Total), fmt.Sprint(a.Left), showTime(a.Ends), used)
			used = ""
		}
	}
	if !known {
		return nil
	}
	fmt.Fprintln(c.stdout)
	return t.flush()
}

// shortDuration shows a duration without the units that are zero at its end:
// 24h, not 24h0m0s.
func shortDuration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
