package github

import (
	"context"
	"slices"

	"github.com/tenonsync/tenon/connectors"
)

// Find implements connectors.Finder. It knows titles, by the list of issues.
func (c *Connection) Find(ctx context.Context, sel connectors.Selection, field string, values []connectors.Value, limit int) ([][]string, error) {
	const op = "find"
	if err := c.checkObject(op, sel.Object); err != nil {
		return nil, err
	}
	if field != "title" {
		return nil, c.fail(op, "", connectors.Invalid, "GitHub cannot look for %q: only for the title", field)
	}
	sc, err := c.scope(ctx, op, sel.Object, sel.Scope)
	if err != nil {
		return nil, err
	}
	out := make([][]string, len(values))
	if len(values) == 0 || limit <= 0 {
		return out, nil
	}
	if sel.Object == milestoneObject {
		return out, c.findStoneTitles(ctx, op, sc, values, limit, out)
	}
	x, err := c.catchUp(ctx, op, sc.repo)
	if err != nil {
		return nil, err
	}
	titles := make([]string, len(values))
	for n, v := range values {
		titles[n] = v.String()
	}
	byTitle := x.byTitle(titles)
	var numbers []int
	for _, list := range byTitle {
		numbers = append(numbers, list...)
	}
	slices.Sort(numbers)
	live, err := c.stillThere(ctx, op, sc.repo, numbers)
	if err != nil {
		return nil, err
	}
	for n, title := range titles {
		for _, number := range byTitle[title] {
			if i := live[number]; i != nil && i.title == title && sc.holds(i) && len(out[n]) < limit {
				out[n] = append(out[n], i.id)
			}
		}
	}
	return out, nil
}

func (c *Connection) findStoneTitles(ctx context.Context, op string, sc scopeRef, values []connectors.Value, limit int, out [][]string) error {
	stones, err := c.listStones(ctx, op, sc.repo)
	if err != nil {
		return err
	}
	for n, v := range values {
		for _, s := range stones {
			if s.GetTitle() == v.String() && len(out[n]) < limit {
				out[n] = append(out[n], idOf(sc.repo.id, s.GetNumber()))
			}
		}
	}
	return nil
}
