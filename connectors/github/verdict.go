package github

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// compare finds what GitHub dropped without a word.
func (c *Connection) compare(p *prepared, i *issue, sc scopeRef) {
	drop := func(field string) {
		if slices.Contains(p.named, field) {
			p.refuse(field, "GitHub dropped it without a word: the account needs the role triage in the repository, and people must be members of it")
		}
	}
	if labels, ok := p.fields["labels"].([]string); ok && !sameNames(labels, i.labels) {
		drop("labels")
	}
	if people, ok := p.fields["assignees"].([]string); ok && !sameNames(people, i.assignees) {
		drop("assignee")
		drop("assignees")
	}
	if n, there := p.fields["milestone"]; there {
		if want, _ := n.(int); want != i.milestone {
			drop("milestone")
		}
	}
	if t, there := p.fields["type"]; there {
		if want, _ := t.(string); !strings.EqualFold(want, i.typ) {
			drop("type")
		}
	}
}

// sameNames compares sets of names without regard to case.
func sameNames(a, b []string) bool {
	lower := func(list []string) []string {
		out := make([]string, len(list))
		for n, s := range list {
			out[n] = strings.ToLower(s)
		}
		slices.Sort(out)
		return slices.Compact(out)
	}
	return slices.Equal(lower(a), lower(b))
}

// ourWords are the fields that go by another name in GitHub's refusals.
var ourWords = map[string][]string{"assignees": {"assignee"}, "state": {"status"}, "state_reason": {"status", "state"}}

// inOurWords names the refused fields as the write did.
func (p *prepared) inOurWords(err error) error {
	e, ok := asError(err)
	if !ok || len(e.Fields) == 0 {
		return err
	}
	own := *e
	own.Fields = slices.Clone(e.Fields)
	for n, f := range own.Fields {
		for _, word := range ourWords[f.Field] {
			if slices.Contains(p.named, word) && !slices.Contains(p.named, f.Field) {
				own.Fields[n].Field = word
			}
		}
	}
	return &own
}

// lost completes the error of a write: a repository that moved is looked up
// again next time, and one that went out of sight is a missing right.
func (c *Connection) lost(ctx context.Context, at target, err error) error {
	switch status := rest.StatusOf(err); {
	case status >= 300 && status < 400:
		c.repos.drop(at.repo.id)
		fresh, look := c.repoByID(ctx, at.op, at.repo.id)
		if look == nil && fresh.fullName() != at.repo.fullName() {
			e := c.fail(at.op, at.record(), connectors.Unavailable, "the repository is called %s by now", fresh.fullName())
			return e
		}
	case status == http.StatusNotFound:
		return c.outOfSight(ctx, at.op, at.repo, err)
	}
	return err
}
