package jira

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tenonsync/tenon/sandbox/jira/adf"
)

// permission is a project or global permission, by its key in the REST API.
type permission string

// The permissions that the emulator heeds.
const (
	browseProjects   permission = "BROWSE_PROJECTS"
	createIssues     permission = "CREATE_ISSUES"
	editIssues       permission = "EDIT_ISSUES"
	deleteIssues     permission = "DELETE_ISSUES"
	transitionIssues permission = "TRANSITION_ISSUES"
	assignIssues     permission = "ASSIGN_ISSUES"
	assignableUser   permission = "ASSIGNABLE_USER"
	addComments      permission = "ADD_COMMENTS"
	editAllComments  permission = "EDIT_ALL_COMMENTS"
	linkIssues       permission = "LINK_ISSUES"
	createAttachment permission = "CREATE_ATTACHMENTS"
	moveIssues       permission = "MOVE_ISSUES"
	administer       permission = "ADMINISTER"
	userPicker       permission = "USER_PICKER"
	bulkChange       permission = "BULK_CHANGE"
)

var (
	projectPermissions = []permission{
		browseProjects, createIssues, editIssues, deleteIssues, transitionIssues, assignIssues, assignableUser,
		addComments, editAllComments, linkIssues, createAttachment, moveIssues,
	}
	globalPermissions = []permission{administer, userPicker, bulkChange}
)

// user is an account. Cloud knows it by accountID, Data Center by name and key.
type user struct {
	accountID   string
	name        string
	key         string
	email       string
	displayName string
	zoneName    string
	zone        *time.Location
	active      bool
	hideEmail   bool
	accountType string
	admin       bool
	denied      map[permission]bool // global ones
}

func (u *user) id() string {
	if u == nil {
		return ""
	}
	return u.accountID
}

// project is a company-managed project. denied holds, by account id, what a
// user may not do; everybody else with an account may do everything.
type project struct {
	id         int64
	key        string
	formerKeys []string
	name       string
	lead       *user
	next       int64 // number of the next issue's key
	types      []*issueType
	components []*component
	versions   []*version
	workflow   *workflow
	screens    map[string][]string // field ids by issue type id
	required   map[string]bool     // "typeID/fieldID"
	denied     map[string]map[permission]bool
	archived   bool
}

type issueType struct {
	id          string
	name        string
	description string
	subtask     bool
	level       int
}

type status struct {
	id          string
	name        string
	description string
	category    *statusCategory
}

type statusCategory struct {
	id        int
	key       string
	name      string
	colorName string
}

type priority struct {
	id, name, description, color string
}

type resolution struct {
	id, name, description string
}

type component struct {
	id, name, description string
	lead                  *user
}

type version struct {
	id, name, description string
	released, archived    bool
	releaseDate           string
}

type linkType struct {
	id, name, inward, outward string
}

// value is what one field of an issue holds. Which parts are used depends on
// the kind of the field; a field that is empty has no value at all.
type value struct {
	text   string    // text; ids of users, options, priorities, issues; dates as YYYY-MM-DD
	child  string    // second level of a cascading option
	doc    *adf.Node // rich text
	number float64
	time   time.Time
	list   []string // labels, ids
}

func (v value) equal(o value) bool {
	if v.text != o.text || v.child != o.child || v.number != o.number || !v.time.Equal(o.time) || !slices.Equal(v.list, o.list) {
		return false
	}
	if v.doc == o.doc {
		return true
	}
	a, errA := json.Marshal(v.doc)
	b, errB := json.Marshal(o.doc)
	return errA == nil && errB == nil && string(a) == string(b)
}

// issue is one version of an issue. It is never changed once it is stored: a
// write stores a changed copy, so that the search index can lag behind simply
// by pointing at an older version.
type issue struct {
	id            int64
	key           string
	formerKeys    []string
	project       *project
	issueType     *issueType
	status        *status
	fields        map[string]value
	creator       *user
	created       time.Time
	updated       time.Time
	statusChanged time.Time
	resolved      time.Time
	comments      []*comment
	attachments   []*attachment
	remoteLinks   []*remoteLink
	properties    map[string]json.RawMessage
	history       []*change
	archived      bool
}

func (i *issue) clone() *issue {
	c := *i
	c.fields = maps.Clone(i.fields)
	c.properties = maps.Clone(i.properties)
	c.formerKeys = slices.Clone(i.formerKeys)
	c.comments = slices.Clone(i.comments)
	c.attachments = slices.Clone(i.attachments)
	c.remoteLinks = slices.Clone(i.remoteLinks)
	c.history = slices.Clone(i.history)
	return &c
}

func (i *issue) idText() string { return strconv.FormatInt(i.id, 10) }

func (i *issue) text(field string) string { return i.fields[field].text }

func (i *issue) set(field string, v value, empty bool) {
	if empty {
		delete(i.fields, field)
		return
	}
	i.fields[field] = v
}

// comment is immutable once stored, like an issue.
type comment struct {
	id         int64
	author     *user
	editor     *user
	body       *adf.Node
	created    time.Time
	updated    time.Time
	visibility json.RawMessage
	properties map[string]json.RawMessage
}

type attachment struct {
	id       int64
	author   *user
	name     string
	mimeType string
	created  time.Time
	data     []byte
}

type remoteLink struct {
	id           int64
	globalID     string
	relationship string
	application  json.RawMessage
	object       json.RawMessage
}

type issueLink struct {
	id       int64
	linkType *linkType
	inward   int64 // id of the issue that shows the outward description
	outward  int64
}

// change is one entry of an issue's changelog.
type change struct {
	id      int64
	author  *user
	created time.Time
	items   []changeItem
}

// changeItem is one field's change. Ids are nil where Jira shows null.
type changeItem struct {
	field      string // display name
	fieldID    string
	custom     bool
	from, to   *string
	fromString *string
	toString   *string
}

func textOrNil(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// keyNumber gives the number of an issue key, and its project's key.
func keyNumber(key string) (projectKey string, number int64) {
	i := strings.LastIndexByte(key, '-')
	if i < 0 {
		return "", 0
	}
	n, err := strconv.ParseInt(key[i+1:], 10, 64)
	if err != nil {
		return "", 0
	}
	return key[:i], n
}
