package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/mapping"
)

// look asks who we are and compares the rights with what the mappings need, and
// creates what is missing.
func (k *connecting) look(ctx context.Context) error {
	account, err := k.opened.Check(ctx)
	if err != nil {
		return err
	}
	k.report.System, k.report.Account = account.System, account.Name
	unnamed := account.ID == k.conn.Name // what a connector says that may not ask whose account it is
	if k.vault != nil && k.asked == nil && !unnamed {
		if err := k.know(ctx, knownAccount{account.System, account.System}); err != nil {
			return err
		}
	}
	if k.report.Missing, err = k.gaps(ctx); err != nil {
		return err
	}
	if connectors.AbilitiesOf(k.opened).RightsChecker == nil {
		for _, m := range account.Missing {
			k.report.Missing = append(k.report.Missing, connectors.Gap{Right: m})
		}
	}
	for _, w := range account.Warnings {
		k.warn(w)
	}
	if err := k.prepareObjects(ctx); err != nil {
		return err
	}
	if err := k.makeFields(ctx); err != nil {
		return err
	}
	return k.webhooks(ctx)
}

// know remembers the account, and refuses another one than before.
func (k *connecting) know(ctx context.Context, now knownAccount) error {
	tokens := k.how().Tokens
	before, err := loadAccount(ctx, tokens, tokenNote)
	if err != nil {
		return err
	}
	if err := sameAccount(k.conn.Name, before, now); err != nil || before == now || k.options.check {
		return err
	}
	return saveAccount(ctx, tokens, tokenNote, now)
}

func (k *connecting) gaps(ctx context.Context) ([]connectors.Gap, error) {
	gaps, err := gapsOf(ctx, k.opened, k.needs)
	return append([]connectors.Gap{}, gaps...), err
}

// gapsOf returns the rights that a connection lacks for the needs, as far as it
// can tell.
func gapsOf(ctx context.Context, conn connectors.Connection, needs []connectors.Need) ([]connectors.Gap, error) {
	checker := connectors.AbilitiesOf(conn).RightsChecker
	if checker == nil || len(needs) == 0 {
		return nil, nil
	}
	return checker.MissingRights(ctx, needs)
}

// gapLine says in a line what is missing, and what does not work without it.
func gapLine(g connectors.Gap) string {
	text := g.Right
	if g.Where != "" {
		text += " in " + g.Where
	}
	if g.For != "" {
		text += ", to " + g.For
	}
	return oneLine(text)
}

// prepareObjects creates what the connector needs on the objects that mappings
// make records of or write to.
func (k *connecting) prepareObjects(ctx context.Context) error {
	preparer := connectors.AbilitiesOf(k.opened).Preparer
	if preparer == nil {
		return nil
	}
	for _, n := range byObject(k.needs) {
		row := prepareRow{Connection: k.conn.Name, Object: n.Object, Missing: []string{}}
		missing, err := preparer.Missing(ctx, n)
		if connectors.KindOf(err) == connectors.Permission || connectors.KindOf(err) == connectors.NotFound {
			k.warn(err.Error())
			continue
		}
		if err != nil {
			return err
		}
		row.Missing = append(row.Missing, missing...)
		if len(missing) > 0 && !k.options.check && k.ask.confirm("Create in "+oneLine(k.report.System)+": "+oneLine(strings.Join(missing, "; "))+"?") {
			if err := preparer.Prepare(ctx, n); err != nil {
				if connectors.KindOf(err) != connectors.Permission {
					return err
				}
				k.warn(oneLine(err.Error()))
			} else {
				row.Made = true
			}
		}
		k.report.Prepared = append(k.report.Prepared, row)
	}
	return nil
}

// webhooks says how the system tells of changes, and subscribes where Tenon can.
func (k *connecting) webhooks(ctx context.Context) error {
	can := connectors.AbilitiesOf(k.opened)
	public := k.cfg.Server.PublicURL
	switch {
	case can.WebhookSource == nil:
		found := "polling"
		if can.Streamer != nil {
			found = "the system's stream and by polling"
		}
		k.report.Webhooks = "none are taken; docs/connectors/" + k.conn.Connector.Info().Kind + ".md says what to set for them; changes are found by " + found
		return nil
	case isLocalAddress(public) && !isLocalAddress(k.conn.Settings.Get("base_url")):
		k.report.Webhooks = "server.public_url is an address of this machine, which the system does not reach; changes are found by polling"
		return nil
	}
	address := public + "/hooks/" + k.conn.Name
	if k.vault != nil {
		address = k.vault.signer.HookAddress(public, k.conn.Name, k.opened.Facts())
	}
	if can.WebhookRegistrar == nil {
		k.report.Webhooks = "let the system send them to " + address
		if can.WebhookGuide != nil {
			k.report.Subscriptions = can.WebhookGuide.Subscriptions(k.fieldNeeds(ctx))
		}
		return nil
	}
	k.report.Webhooks = "`tenon serve` asks for them by itself, at " + address
	if k.options.check || k.vault == nil || len(k.needs) == 0 || !k.ask.confirm("Register the webhook "+address+"?") {
		return nil
	}
	target := connectors.WebhookTarget{URL: address}
	for _, n := range k.needs {
		target.Objects = append(target.Objects, connectors.Selection{Object: n.Object, Scope: n.Scope})
	}
	_, err := can.WebhookRegistrar.EnsureWebhook(ctx, target)
	var refused *connectors.Error
	switch {
	case err == nil:
		k.report.Webhooks = "registered, to " + address
	case errors.As(err, &refused) && !refused.Kind.Temporary():
		k.report.Webhooks = "not registered: " + oneLine(err.Error())
		if refused.Help != "" {
			k.report.Webhooks += "; " + refused.Help
		}
	default:
		return err
	}
	return nil
}

// fieldNeeds returns the needs by object with the fields that the mappings name,
// as far as the system tells their names.
func (k *connecting) fieldNeeds(ctx context.Context) []connectors.Need {
	var needs []connectors.Need
	for _, f := range k.files {
		for side, s := range f.Sides {
			if s.Connection != k.conn.Name {
				continue
			}
			need := f.Need(mapping.SideID(side)) //nolint:gosec // 0 or 1
			if schema, err := k.opened.Schema(ctx, s.Object, s.Scope); err == nil {
				for _, name := range f.Names(mapping.SideID(side)) { //nolint:gosec // 0 or 1
					if found := schema.Find(name); len(found) == 1 && !slices.Contains(need.Fields, found[0].Name) {
						need.Fields = append(need.Fields, found[0].Name)
					}
				}
			}
			needs = append(needs, need)
		}
	}
	return byObject(needs)
}

// tell prints the report. What is missing makes the exit code 1.
func (k *connecting) tell() error {
	r := k.report
	wanting, lacking := 0, 0
	for _, g := range r.Missing {
		if !g.Minor {
			wanting++
		}
	}
	for _, p := range r.Prepared {
		if !p.Made {
			lacking += len(p.Missing)
		}
	}
	if k.json() {
		if err := k.printJSON(r); err != nil {
			return err
		}
	} else {
		k.show(wanting, lacking)
	}
	switch {
	case wanting > 0:
		return fail(exitFound, "give the account what is missing, then run `tenon connect "+r.Connection+" --check`", "%s missing for %s", count(wanting, "right is", "rights are"), strings.Join(r.Mappings, ", "))
	case lacking > 0:
		return fail(exitFound, "run `tenon connect "+r.Connection+" --yes` to create what is shown", "%s to be created in %s", count(lacking, "thing is", "things are"), oneLine(r.System))
	}
	return nil
}

func (k *connecting) show(wanting, lacking int) {
	r := k.report
	if k.service != nil {
		fmt.Fprintf(k.stdout, "%s: %s\n  connected  the running service has the tokens and goes on with them; `tenon status` shows it\n", r.Connection, oneLine(r.System))
		return
	}
	fmt.Fprintf(k.stdout, "%s: %s as %s\n", r.Connection, oneLine(r.System), oneLine(r.Account))
	if r.Connected {
		fmt.Fprintln(k.stdout, "  connected  the tokens are sealed in the state")
	}
	for _, g := range r.Missing {
		verb := "missing"
		if g.Minor {
			verb = "without"
		}
		fmt.Fprintf(k.stdout, "  %-9s  %s\n", verb, gapLine(g))
		if g.Help != "" {
			fmt.Fprintf(k.stdout, "             %s\n", oneLine(g.Help))
		}
	}
	if wanting == 0 && len(r.Mappings) > 0 {
		fmt.Fprintf(k.stdout, "  rights     all that %s\n", neededBy(r.Mappings))
	}
	for _, p := range r.Prepared {
		verb := "to create"
		if p.Made {
			verb = "created"
		}
		for _, m := range p.Missing {
			fmt.Fprintf(k.stdout, "  %-9s  %s\n", verb, oneLine(m))
		}
	}
	fmt.Fprintf(k.stdout, "  webhooks   %s\n", r.Webhooks)
	for _, s := range r.Subscriptions {
		fmt.Fprintf(k.stdout, "             %s\n", oneLine(s))
	}
	for _, w := range r.Warnings {
		fmt.Fprintf(k.stdout, "  warning    %s\n", oneLine(w))
	}
	if wanting == 0 && lacking == 0 {
		fmt.Fprintln(k.stdout, "next: `tenon validate`, then `tenon plan`")
	}
}

func neededBy(mappings []string) string {
	if len(mappings) == 1 {
		return mappings[0] + " needs"
	}
	return strings.Join(mappings, ", ") + " need"
}
