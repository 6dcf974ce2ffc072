package github

import (
	"encoding/json"
	"time"

	gogithub "github.com/google/go-github/v60/github"
)

// wireIssue is an issue as REST and webhooks send it: what go-github knows, and
// what it does not.
type wireIssue struct {
	gogithub.Issue

	Type *struct {
		Name string `json:"name"`
	} `json:"type"`
	ParentURL string `json:"parent_issue_url"`
}

// graphIssue is an issue as graphFields ask for it.
type graphIssue struct {
	DatabaseID  int64      `json:"databaseId"`
	NodeID      string     `json:"id"`
	Number      int        `json:"number"`
	Title       string     `json:"title"`
	Body        string     `json:"body"`
	State       string     `json:"state"`
	StateReason string     `json:"stateReason"`
	URL         string     `json:"url"`
	Locked      bool       `json:"locked"`
	CreatedAt   time.Time  `json:"createdAt"`
	UpdatedAt   time.Time  `json:"updatedAt"`
	ClosedAt    time.Time  `json:"closedAt"`
	Author      graphActor `json:"author"`
	Milestone   *struct {
		Number int    `json:"number"`
		Title  string `json:"title"`
	} `json:"milestone"`
	Assignees nodes[struct {
		Login string `json:"login"`
	}] `json:"assignees"`
	Labels nodes[struct {
		Name string `json:"name"`
	}] `json:"labels"`
	Comments struct {
		Total int `json:"totalCount"`
	} `json:"comments"`
	Parent *struct {
		Number     int       `json:"number"`
		Repository graphRepo `json:"repository"`
	} `json:"parent"`
	IssueType *struct {
		Name string `json:"name"`
	} `json:"issueType"`
}

type graphRepo struct {
	DatabaseID    int64  `json:"databaseId"`
	NameWithOwner string `json:"nameWithOwner"`
}

type nodes[T any] struct {
	Nodes []T `json:"nodes"`
}

// issue is what both forms say.
type issue struct {
	id          string // of the record
	repo        int64
	number      int
	databaseID  int64
	nodeID      string
	title, body string
	state       string // "open" or "closed"
	reason      string // of being closed
	labels      []string
	assignees   []string
	milestone   int // 0: none
	stone       string
	typ         string
	author      string
	locked      bool
	comments    int
	url         string
	parent      string // the id of the parent; "" if none is known
	pull        bool
	created     time.Time
	updated     time.Time
	closed      time.Time
}

// wireHook is what EnsureWebhook sends; go-github leaves some of it out when
// it is empty.
type wireHook struct {
	Name   string            `json:"name,omitempty"`
	Active bool              `json:"active"`
	Events []string          `json:"events"`
	Config map[string]string `json:"config"`
}

// delivery is the body of a webhook, as far as it names records.
type delivery struct {
	Action     string       `json:"action"`
	Issue      *wireIssue   `json:"issue"`
	Milestone  *wireStone   `json:"milestone"`
	Repository *wireRepo    `json:"repository"`
	Changes    *wireChanges `json:"changes"`

	Comment json.RawMessage `json:"comment"`

	SubIssue     *wireIssue `json:"sub_issue"`
	SubIssueRepo *wireRepo  `json:"sub_issue_repo"`
	Parent       *wireIssue `json:"parent_issue"`
	ParentRepo   *wireRepo  `json:"parent_issue_repo"`
}

type wireRepo struct {
	ID int64 `json:"id"`
}

type wireStone struct {
	Number  int       `json:"number"`
	Updated time.Time `json:"updated_at"`
}

type wireChanges struct {
	NewIssue *wireIssue `json:"new_issue"`
	NewRepo  *wireRepo  `json:"new_repository"`
}
