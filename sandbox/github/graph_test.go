package github

import (
	"strings"
	"testing"
)

func (s *site) query(q string, variables object) got {
	s.t.Helper()
	return s.call("POST", "/graphql", object{"query": q, "variables": variables}).want(200)
}

func TestGraphQL(t *testing.T) {
	s := newSite(t, Options{})
	a := s.query(`query($owner: String!, $name: String = "delivery", $deep: Boolean!) {
	  repository(owner: $owner, name: $name) {
	    nameWithOwner
	    one: issue(number: 1) { ...F subIssues(first: 10) @include(if: $deep) { nodes { number parent { number } } } }
	    none: issue(number: 4711) { ...F }
	  }
	  rateLimit { remaining }
	}
	fragment F on Issue { number title labels(first: 100) { totalCount nodes { name } } author { __typename login ... on User { name } } comments { totalCount } }`,
		object{"owner": "harbourworks", "deep": true})
	a.is("data.repository.nameWithOwner", DefaultRepository).is("data.repository.one.author.name", "Ada Okafor")
	a.is("data.repository.one.subIssues.nodes.0.parent.number", float64(1)).is("data.repository.one.comments.totalCount", float64(2))
	a.is("data.repository.none", nil).is("errors.0.type", "NOT_FOUND").is("errors.0.path.1", "none")
	if !strings.HasPrefix(string(a.raw), `{"data":{"repository":{"nameWithOwner"`) {
		t.Errorf("the members are not in the order of the query: %.200s", a.raw)
	}
}

func TestGraphQLRefusals(t *testing.T) {
	s := newSite(t, Options{})
	for query, message := range map[string]string{
		`{ repository(owner: "harbourworks", name: "nothing") { id } }`: "Could not resolve to a Repository with the name 'harbourworks/nothing'.",
		`{ nonsense }`:               "Field 'nonsense' doesn't exist on type 'Query'",
		`{ viewer }`:                 "Field must have selections (field 'viewer' returns User but has no selections. Did you mean 'viewer { ... }'?)",
		`{ viewer { login { x } } }`: "Selections can't be made on scalars (field 'login' returns a scalar but has selections)",
		`{ viewer(x: 1) { login } }`: "Field 'viewer' doesn't accept argument 'x'",
		`{ viewer { ...F } }`:        "Fragment F was used, but not defined",
		`{ viewer { login }`:         `Expected a name, actual: (end of document) at [1, 19]`,
		`{ repository(owner: "harbourworks", name: "delivery") { labels { totalCount } } }`:             "You must provide a `first` or `last` value to properly paginate the connection.",
		`{ repository(owner: "harbourworks", name: "delivery") { labels(first: 101) { totalCount } } }`: "Requesting 101 records on the connection exceeds the `first` limit of 100 records.",
		`query($n: Int!) { viewer { login } }`:                                                          "Variable $n of type was provided invalid value",
	} {
		s.query(query, nil).is("errors.0.message", message)
	}
	s.token = ""
	s.call("POST", "/graphql", object{"query": "{ viewer { login } }"}).want(401)
}

func TestGraphQLMutations(t *testing.T) {
	s := newSite(t, Options{})
	node := func(n int) any {
		i, _ := s.Issue(DefaultRepository, n)
		return i.NodeID
	}
	n := s.create(object{"title": "Deleted"})
	const remove = `mutation($id: ID!) { deleteIssue(input: {issueId: $id, clientMutationId: "m"}) { clientMutationId repository { name } } }`
	if err := s.SetRole(DefaultRepository, DefaultLogin, "write"); err != nil {
		t.Fatal(err)
	}
	id := node(n)
	s.query(remove, object{"id": id}).is("errors.0.type", "FORBIDDEN").is("data.deleteIssue", nil)
	if err := s.SetRole(DefaultRepository, DefaultLogin, "admin"); err != nil {
		t.Fatal(err)
	}
	s.query(remove, object{"id": id}).is("data.deleteIssue.repository.name", "delivery").is("data.deleteIssue.clientMutationId", "m")
	s.query(remove, object{"id": id}).is("errors.0.type", "NOT_FOUND")
	s.query(`mutation($id: ID!) { updateIssue(input: {id: $id, title: "Anew"}) { issue { title } } }`, object{"id": node(1)}).is("data.updateIssue.issue.title", "Anew")
	s.query(`mutation($id: ID!) { closeIssue(input: {issueId: $id, stateReason: NOT_PLANNED}) { issue { state stateReason } } }`, object{"id": node(1)}).is("data.closeIssue.issue.stateReason", "NOT_PLANNED")
	a := s.query(`query($ids: [ID!]!) { nodes(ids: $ids) { __typename ... on Issue { timelineItems(last: 5, since: "2026-01-01T00:00:00Z", itemTypes: [CLOSED_EVENT, RENAMED_TITLE_EVENT]) { nodes { __typename ... on RenamedTitleEvent { currentTitle } } } } } }`, object{"ids": []any{node(1)}})
	a.is("data.nodes.0.timelineItems.nodes.0.currentTitle", "Anew").is("data.nodes.0.timelineItems.nodes.1.__typename", "ClosedEvent")
}
