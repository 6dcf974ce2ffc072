package github

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tenonsync/tenon/sandbox/github/gql"
)

// graphql answers the one GraphQL endpoint. Errors of queries come with 200.
func (c *call) graphql() (reply, error) {
	s := c.sys
	c.raw = &route{resource: "graphql"}
	if c.req.Method != http.MethodPost {
		return reply{}, errNotFound
	}
	if c.grant == nil || c.grant.kind == appJWT {
		return reply{}, fail(http.StatusUnauthorized, "This endpoint requires you to be authenticated.")
	}
	var in struct {
		Query         string         `json:"query"`
		Variables     map[string]any `json:"variables"`
		OperationName string         `json:"operationName"`
	}
	if err := json.Unmarshal(c.body, &in); err != nil {
		return reply{}, errParsing
	}
	account := c.grant.account()
	if !s.opts.Enterprise {
		if s.limits.look(account, "graphql").remaining == 0 {
			return ok(gql.Result{Errors: []*gql.Error{{Type: "RATE_LIMITED", Message: "API rate limit exceeded for user ID " + account + "."}}}), nil
		}
		if e := s.limits.secondaryLimits(account, http.MethodGet, false); e != nil {
			return reply{}, e
		}
		s.limits.take(account, "graphql", 1)
	}
	doc, err := gql.Parse(in.Query)
	if err != nil {
		e := &gql.Error{Message: err.Error()}
		if syntax, ok := errors.AsType[*gql.SyntaxError](err); ok {
			e.Locations = []gql.Location{{Line: syntax.Line, Column: syntax.Column}}
		}
		return ok(gql.Result{Errors: []*gql.Error{e}}), nil
	}
	if s.opts.Limits.Points > 0 && doc.Mutates(in.OperationName) {
		s.limits.take(account, "points", 4)
	}
	return ok(c.bound().Execute(doc, in.OperationName, in.Variables)), nil
}

// bound is the schema with the roots that this call may look at.
func (c *call) bound() gql.Schema {
	bound := gql.Schema{}
	for name, t := range c.sys.schema {
		bound[name] = t
	}
	bound["Query"] = &gql.Type{Fields: c.queryFields()}
	bound["Mutation"] = &gql.Type{Fields: c.mutationFields()}
	return bound
}

func notResolved(format string, args ...any) error {
	return &gql.Error{Type: "NOT_FOUND", Message: "Could not resolve to " + fmt.Sprintf(format, args...)}
}

// seen is a repository with the caller who looks at it.
type seen struct {
	*repo
	c *call
}

func (c *call) queryFields() map[string]gql.Field {
	return map[string]gql.Field{
		"repository": {Type: "Repository", Args: []string{"owner", "name", "followRenames"}, Resolve: func(_ any, a gql.Args) (any, error) {
			full := a.Text("owner") + "/" + a.Text("name")
			r, moved := c.sys.repoByName(full)
			if r == nil || !c.sees(r) || moved && a["followRenames"] == false {
				return nil, notResolved("a Repository with the name '%s'.", full)
			}
			return gql.Object{Type: "Repository", Source: seen{r, c}}, nil
		}},
		"node": {Type: "Node", Args: []string{"id"}, Resolve: func(_ any, a gql.Args) (any, error) { return c.node(a.Text("id")) }},
		"nodes": {Type: "Node", Args: []string{"ids"}, Resolve: func(_ any, a gql.Args) (any, error) {
			ids := a.Texts("ids")
			if len(ids) > 100 {
				return nil, &gql.Error{Type: "ARGUMENT_LIMIT", Message: fmt.Sprintf("You may not provide more than 100 node ids; you provided %d.", len(ids))}
			}
			out := make([]any, len(ids))
			var firstErr error
			for n, id := range ids {
				o, err := c.node(id)
				if err == nil {
					out[n] = o
				} else if firstErr == nil {
					firstErr = err
				}
			}
			if firstErr != nil && !slices.ContainsFunc(out, func(v any) bool { return v != nil }) {
				return nil, firstErr
			}
			return out, nil
		}},
		"viewer": {Type: "User", Resolve: func(any, gql.Args) (any, error) { return actorObject(c.grant.user), nil }},
		"rateLimit": {Type: "RateLimit", Resolve: func(any, gql.Args) (any, error) {
			return gql.Object{Type: "RateLimit", Source: c.sys.limits.look(c.grant.account(), "graphql")}, nil
		}},
	}
}

func (c *call) node(id string) (any, error) {
	for _, r := range c.visible() {
		if nodeID("R", r.id) == id {
			return gql.Object{Type: "Repository", Source: seen{r, c}}, nil
		}
	}
	if number, isIssue := idOfNode("I", id); isIssue {
		if i := c.sys.issueByID(number); i != nil && c.sees(i.repo) && !i.pull {
			return gql.Object{Type: "Issue", Source: i}, nil
		}
	}
	return nil, notResolved("a node with the global id of '%s'", id)
}

// mutable finds the issue of a mutation's input.
func (c *call) mutable(input gql.Args, member string) (*issue, error) {
	number, isIssue := idOfNode("I", input.Text(member))
	i := c.sys.issueByID(number)
	if !isIssue || i == nil || i.pull || !c.sees(i.repo) {
		return nil, notResolved("a node with the global id of '%s'", input.Text(member))
	}
	return i, nil
}

func (c *call) forbidden(mutation string) error {
	return &gql.Error{Type: "FORBIDDEN", Message: fmt.Sprintf("%s does not have the correct permissions to execute `%s`", c.grant.user.login, mutation)}
}

// mutation makes a field that changes an issue and answers a payload.
func (c *call) mutation(payload, member string, apply func(i *issue, input gql.Args) (*issue, error)) gql.Field {
	return gql.Field{Type: payload, Args: []string{"input"}, Resolve: func(_ any, a gql.Args) (any, error) {
		input := a.Input("input")
		i, err := c.mutable(input, member)
		if err != nil {
			return nil, err
		}
		r := i.repo
		i, err = apply(i, input)
		if e, isAPI := errors.AsType[*apiError](err); isAPI {
			kind := map[int]string{http.StatusForbidden: "FORBIDDEN", http.StatusNotFound: "NOT_FOUND"}[e.status]
			return nil, &gql.Error{Type: orElse(kind, "UNPROCESSABLE"), Message: e.message}
		}
		if err != nil {
			return nil, err
		}
		return gql.Object{Type: payload, Source: outcome{i, seen{r, c}, input.Text("clientMutationId")}}, nil
	}}
}

// outcome is the payload of a mutation.
type outcome struct {
	issue    *issue
	repo     seen
	clientID string
}

func (c *call) mutationFields() map[string]gql.Field {
	return map[string]gql.Field{
		"deleteIssue": c.mutation("DeleteIssuePayload", "issueId", func(i *issue, _ gql.Args) (*issue, error) {
			admin := c.grant.inst != nil && c.grant.perms["administration"] == "write" || c.grant.inst == nil && i.repo.roles[c.grant.user.login] >= roleAdmin
			if !admin || c.mayWrite(i.repo, i) != nil {
				return nil, c.forbidden("DeleteIssue")
			}
			c.sys.remove(c.actor(i.repo), i)
			return i, nil
		}),
		"transferIssue": c.mutation("TransferIssuePayload", "issueId", func(i *issue, input gql.Args) (*issue, error) {
			var to *repo
			for _, r := range c.visible() {
				if nodeID("R", r.id) == input.Text("repositoryId") {
					to = r
				}
			}
			if to == nil {
				return nil, notResolved("a node with the global id of '%s'", input.Text("repositoryId"))
			}
			if c.role(i.repo) < roleWrite || c.role(to) < roleWrite {
				return nil, c.forbidden("TransferIssue")
			}
			return c.sys.transfer(c.actor(i.repo), i, to)
		}),
		"updateIssue": c.mutation("UpdateIssuePayload", "id", func(i *issue, input gql.Args) (*issue, error) {
			if err := c.mayWrite(i.repo, i); err != nil {
				return nil, c.forbidden("UpdateIssue")
			}
			ch := change{state: strings.ToLower(input.Text("state"))}
			if title, has := input["title"].(string); has {
				ch.title = &title
			}
			if body, has := input["body"].(string); has {
				ch.setBody, ch.body = true, &body
			}
			return i, c.sys.edit(c.actor(i.repo), i, ch)
		}),
		"closeIssue": c.mutation("CloseIssuePayload", "issueId", func(i *issue, input gql.Args) (*issue, error) {
			if err := c.mayWrite(i.repo, i); err != nil {
				return nil, c.forbidden("CloseIssue")
			}
			return i, c.sys.edit(c.actor(i.repo), i, change{state: "closed", reason: strings.ToLower(input.Text("stateReason"))})
		}),
		"reopenIssue": c.mutation("ReopenIssuePayload", "issueId", func(i *issue, _ gql.Args) (*issue, error) {
			if err := c.mayWrite(i.repo, i); err != nil {
				return nil, c.forbidden("ReopenIssue")
			}
			return i, c.sys.edit(c.actor(i.repo), i, change{state: "open"})
		}),
	}
}

func iso(t time.Time) any { return stamp(t) }

// connection is a list of nodes, cut by first.
type connection struct {
	nodes []gql.Object
	total int
	more  bool
}

func connect(typeName string, nodes []gql.Object, a gql.Args) (any, error) {
	if !a.Has("first") && !a.Has("last") {
		return nil, &gql.Error{Type: "MISSING_PAGINATION_BOUNDARIES", Message: "You must provide a `first` or `last` value to properly paginate the connection."}
	}
	first := a.Int("first", a.Int("last", 0))
	if first > 100 {
		return nil, &gql.Error{Type: "EXCESSIVE_PAGINATION", Message: fmt.Sprintf("Requesting %d records on the connection exceeds the `first` limit of 100 records.", first)}
	}
	con := connection{nodes: nodes, total: len(nodes)}
	if !a.Has("first") {
		con.nodes = nodes[max(len(nodes)-first, 0):]
	} else if len(nodes) > first {
		con.nodes, con.more = nodes[:first], true
	}
	return gql.Object{Type: typeName, Source: con}, nil
}

func connectionType(node string) *gql.Type {
	return &gql.Type{Fields: map[string]gql.Field{
		"nodes":      {Type: node, Resolve: func(src any, _ gql.Args) (any, error) { return src.(connection).nodes, nil }},
		"totalCount": {Resolve: func(src any, _ gql.Args) (any, error) { return src.(connection).total, nil }},
		"pageInfo":   {Type: "PageInfo", Resolve: func(src any, _ gql.Args) (any, error) { return gql.Object{Type: "PageInfo", Source: src}, nil }},
	}}
}

func actorObject(u *user) any {
	if u == nil {
		return nil
	}
	return gql.Object{Type: u.typ, Source: u}
}
