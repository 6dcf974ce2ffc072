package github

import (
	"context"
	"errors"

	"github.com/tenonsync/tenon/connectors"
)

// Delete implements connectors.Deleter. An issue is deleted for good by GraphQL,
// which administrators may; a transferred one counts as gone.
func (c *Connection) Delete(ctx context.Context, object string, ids []string) []error {
	out := make([]error, len(ids))
	for n, id := range ids {
		if object == milestoneObject {
			out[n] = c.deleteStone(ctx, id)
			continue
		}
		out[n] = c.deleteIssue(ctx, object, id)
	}
	return out
}

func (c *Connection) deleteIssue(ctx context.Context, object, id string) error {
	const op = "delete"
	at, err := c.issueAt(ctx, op, object, "deletion", id)
	if err != nil {
		return unlessGone(err)
	}
	i, err := c.getIssue(ctx, op, at.repo, at.number)
	switch {
	case err != nil:
		return unlessGone(c.lost(ctx, at, err))
	case i.id != id:
		return nil
	case i.pull:
		return c.fail(op, at.record(), connectors.Invalid, "%s#%d is a pull request", at.repo.fullName(), at.number)
	}
	var data struct {
		Deleted *struct {
			ClientMutationID string `json:"clientMutationId"`
		} `json:"deleteIssue"`
	}
	failed, err := c.ask(ctx, graphRequest{
		op: op, record: at.record(), writes: true, variables: map[string]any{"id": i.nodeID},
		query: "mutation($id: ID!) { deleteIssue(input: {issueId: $id}) { clientMutationId } }",
	}, &data)
	if len(failed) > 0 {
		e := c.graphFailure(op, at.record(), failed[0])
		if e.Kind == connectors.Permission {
			e.Help = "give the account the role admin in " + at.repo.fullName()
		}
		return unlessGone(e)
	}
	if err == nil && data.Deleted == nil {
		e := c.fail(op, at.record(), connectors.Internal, "the answer does not say what became of it")
		e.Unsure = true
		return e
	}
	return err
}

func (c *Connection) deleteStone(ctx context.Context, id string) error {
	const op = "delete"
	repo, n, ok := parseID(id)
	if !ok {
		return nil
	}
	r, err := c.repoByID(ctx, op, repo)
	if err != nil {
		return err
	}
	resp, err := c.hub.Issues.DeleteMilestone(writing(ctx, stonePath), r.owner, r.name, n)
	if err := c.outcome(op, ref(milestoneObject, id), resp, err); err != nil {
		return unlessGone(c.outOfSight(ctx, op, r, err))
	}
	return nil
}

// unlessGone takes "not found" for done.
func unlessGone(err error) error {
	if e, ok := errors.AsType[*connectors.Error](err); ok && e.Kind == connectors.NotFound {
		return nil
	}
	return err
}
