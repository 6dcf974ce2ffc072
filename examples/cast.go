package examples

import (
	"slices"
	"strings"
)

// Example is a complete configuration with its story: what `tenon demo` runs.
type Example struct {
	Name  string // its folder
	Title string // what it does, in one sentence
	// Connections names the connections of its tenon.yaml, each by its kind.
	Connections []string
	Casts       []Cast
}

// Cast says who plays which part in one mapping of an example, for those who act
// its story: which fields hold what, and what begins and moves the work.
type Cast struct {
	Mapping        string // mappings/<Mapping>.yaml
	Source, Target Part   // records of Target are made from those of Source
	// Open and Won are values of the source's state: before and after the point
	// at which a target is made by itself. Started is the source's once the
	// target's state is Working.
	Open, Won        string
	Working, Started string
	Follows          bool // the target's name follows the source's and not the other way, and no comments are copied
	Tasks            int  // made with each target
	// RolledUp tells that the source's Due and Progress are one value of what all
	// casts of the example bring: the earliest day, and the least far state.
	RolledUp bool
}

// Part is one side of a mapping. A field's name is empty where the mapping does
// not keep such a thing.
type Part struct {
	Connection string
	Object     string
	Scope      map[string]string
	Noun       string // what people call a record: "deal"

	Name   string // its title, both ways
	Number string // an amount that the source gives
	Due    string // a day that the target gives
	State  string
	// Progress is the field of a source that follows the target's state, where
	// that is another one than State.
	Progress string
	Link     string // of a source: where the target is found
	Button   string // of a source: the address that makes a target
	Key      string // of a target: the id of its source
	Mark     string // of a target: a label that all that were made bear

	Fresh map[string]string // of a source: what else a new record is given
}

// aside is the part in a mapping that writes neither link nor button.
func (p Part) aside() Part {
	p.Link, p.Button = "", ""
	return p
}

// Nouns returns the noun's plural.
func (p Part) Nouns() string {
	if stem, ok := strings.CutSuffix(p.Noun, "y"); ok {
		return stem + "ies"
	}
	return p.Noun + "s"
}

// ANoun returns the noun with its article.
func (p Part) ANoun() string {
	if strings.ContainsRune("aeio", rune(p.Noun[0])) {
		return "an " + p.Noun
	}
	return "a " + p.Noun
}

// Examples lists the examples that the demo runs, its default first.
func Examples() []Example {
	return []Example{
		{
			Name: "hubspot-jira", Title: "A deal of HubSpot becomes an epic of Jira with its tasks.",
			Connections: []string{"hubspot", "jira"},
			Casts: []Cast{{
				Mapping: "won-deal-to-epic",
				Source:  hubspotDeal,
				Target:  jiraEpic,
				Open:    "contractsent", Won: "closedwon", Working: "In Progress", Started: "in_delivery", Tasks: 3,
			}},
		},
		{
			Name: "hubspot-trello", Title: "A deal of HubSpot becomes a card of a Trello board with a checklist, for small firms.",
			Connections: []string{"hubspot", "trello"},
			Casts: []Cast{{
				Mapping: "won-deal-to-card", Source: hubspotDeal, Target: trelloCard,
				Open: "contractsent", Won: "closedwon", Working: "In progress", Started: "in_delivery", Tasks: 2,
			}},
		},
		{
			Name: "hubspot-github", Title: "A deal of HubSpot becomes an issue of a GitHub repository.",
			Connections: []string{"hubspot", "github"},
			Casts: []Cast{{
				Mapping: "won-deal-to-github-issue", Source: hubspotDeal, Target: githubIssue,
				Open: "contractsent", Won: "closedwon", Working: "closed", Started: "delivered",
			}},
		},
		{
			Name: "salesforce-jira", Title: "An opportunity of Salesforce becomes an epic of Jira with its tasks.",
			Connections: []string{"salesforce", "jira"},
			Casts: []Cast{{
				Mapping: "won-opportunity-to-epic", Source: opportunity, Target: jiraEpic,
				Open: "Proposal/Price Quote", Won: "Closed Won", Working: "In Progress", Started: "In Progress", Tasks: 3,
			}},
		},
		{
			Name: "salesforce-asana", Title: "An opportunity of Salesforce becomes a task of an Asana project with its sub-tasks.",
			Connections: []string{"salesforce", "asana"},
			Casts: []Cast{{
				Mapping: "won-opportunity-to-task", Source: opportunity, Target: asanaTask,
				Open: "Proposal/Price Quote", Won: "Closed Won", Working: "In Progress", Started: "In Progress", Tasks: 3,
			}},
		},
		{
			Name: "salesforce-many", Title: "An opportunity of Salesforce becomes a Jira epic, an Asana task and a Trello card; the worst status and the nearest due date roll up.",
			Connections: []string{"salesforce", "jira", "asana", "trello"},
			Casts: []Cast{
				{
					Mapping: "opportunity-to-epic", Source: opportunity, Target: jiraEpic,
					Open: "Proposal/Price Quote", Won: "Closed Won", Working: "In Progress", Started: "To Do", Tasks: 2, RolledUp: true,
				},
				{
					Mapping: "opportunity-to-task", Source: opportunity.aside(), Target: asanaTask,
					Open: "Proposal/Price Quote", Won: "Closed Won", Working: "In Progress", Started: "To Do", Follows: true, Tasks: 2, RolledUp: true,
				},
				{
					Mapping: "opportunity-to-card", Source: opportunity.aside(), Target: trelloCard,
					Open: "Proposal/Price Quote", Won: "Closed Won", Working: "In progress", Started: "In Progress", Follows: true, Tasks: 2, RolledUp: true,
				},
			},
		},
	}
}

// The parts that several examples share.
var (
	hubspotDeal = Part{
		Connection: "hubspot", Object: "deals", Noun: "deal",
		Name: "dealname", Number: "amount", Due: "expected_delivery", State: "dealstage", Link: "project_url", Button: "tenon_convert",
		Fresh: map[string]string{"amount": "1200", "closedate": "2026-03-01", "dealtype": "newbusiness"},
	}
	opportunity = Part{
		Connection: "salesforce", Object: "Opportunity", Noun: "opportunity",
		Name: "Name", Number: "Amount", Due: "Expected_Delivery__c", State: "StageName", Progress: "Delivery_Status__c",
		Link: "Project_Url__c", Button: "Tenon_Convert__c",
		Fresh: map[string]string{"Amount": "1200", "CloseDate": "2026-03-01"},
	}
	asanaTask = Part{
		Connection: "asana", Object: "task", Scope: map[string]string{"project": "Client delivery"}, Noun: "task",
		Name: "name", Number: "Budget", Due: "due_on", State: "section", Key: "CRM deal",
	}
	trelloCard = Part{
		Connection: "trello", Object: "card", Scope: map[string]string{"board": "Client delivery"}, Noun: "card",
		Name: "name", Number: "Budget", Due: "due", State: "list", Key: "CRM deal",
	}
	githubIssue = Part{
		Connection: "github", Object: "issue", Scope: map[string]string{"repo": "harbourworks/delivery"}, Noun: "issue",
		Name: "title", State: "state", Mark: "crm",
	}
	jiraEpic = Part{
		Connection: "jira", Object: "issue", Scope: map[string]string{"project": "DELIV", "issuetype": "Epic"}, Noun: "epic",
		Name: "summary", Number: "Budget", Due: "duedate", State: "status", Key: "CRM deal",
	}
)

// FindExample returns the example with that name.
func FindExample(name string) (Example, bool) {
	all := Examples()
	i := slices.IndexFunc(all, func(e Example) bool { return e.Name == name })
	if i < 0 {
		return Example{}, false
	}
	return all[i], true
}
