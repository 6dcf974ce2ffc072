package github

import (
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// object is a JSON object on its way out.
type object = map[string]any

// role is what somebody may do in a repository.
type role int

const (
	noRole role = iota
	roleRead
	roleTriage
	roleWrite
	roleMaintain
	roleAdmin
)

var roleNames = [...]string{"", "read", "triage", "write", "maintain", "admin"}

type user struct {
	id          int64
	login       string
	name        string
	email       string
	emailPublic bool
	typ         string // "User", "Bot" or "Organization"
}

type label struct {
	id                       int64
	name, color, description string
	preset                   bool // one of those that each new repository has
}

type milestone struct {
	id               int64
	number           int
	title            string
	description      *string
	state            string
	dueOn            *time.Time
	creator          *user
	created, updated time.Time
	closed           *time.Time
}

type issueType struct {
	id                       int64
	name, description, color string
}

type comment struct {
	id               int64
	user             *user
	body             string
	created, updated time.Time
	app              *app
}

// event is one entry of an issue's timeline that is no comment.
type event struct {
	id        int64
	kind      string // "labeled", "renamed", ...
	actor     *user
	at        time.Time
	label     *label
	assignee  *user
	milestone string
	from, to  string // of "renamed"
	reason    string // of "closed"
	other     *issue // parent or sub-issue
	app       *app
}

type issue struct {
	id               int64
	number           int
	repo             *repo
	title            string
	body             *string
	state, reason    string
	user             *user
	labels           []*label
	assignees        []*user
	milestone        *milestone
	typ              *issueType
	locked           bool
	lockReason       string
	created, updated time.Time
	closed           *time.Time
	closedBy         *user
	pull             bool
	app              *app
	parent           *issue
	subs             []*issue
	comments         []*comment
	events           []*event

	versions []snapshot // what lists may show still, oldest first
}

// snapshot is an issue as it stood from a time on.
type snapshot struct {
	at   time.Time
	this *issue
}

// maxVersions bounds what lists may lag behind of one issue.
const maxVersions = 64

// touched notes a change of the issue.
func (s *System) touched(i *issue) {
	now := s.now()
	i.updated = now
	s.snap(i)
}

// snap notes how the issue stands for lists that lag.
func (s *System) snap(i *issue) {
	c := *i
	c.versions = nil
	c.labels, c.assignees, c.comments = slices.Clone(i.labels), slices.Clone(i.assignees), slices.Clone(i.comments)
	i.versions = append(i.versions, snapshot{s.clock.Now(), &c})
	if len(i.versions) > maxVersions {
		i.versions = slices.Delete(i.versions, 0, len(i.versions)-maxVersions)
	}
}

// asOf returns the issue as lists see it that lag so much; nil if they do not
// know it yet.
func (s *System) asOf(i *issue, lag time.Duration) *issue {
	if lag <= 0 || len(i.versions) == 0 {
		return i
	}
	until := s.clock.Now().Add(-lag)
	for n := len(i.versions) - 1; n >= 0; n-- {
		if !i.versions[n].at.After(until) {
			return i.versions[n].this
		}
	}
	if len(i.versions) == maxVersions {
		return i.versions[0].this
	}
	return nil
}

// grave is what is left of an issue that was deleted or transferred.
type grave struct {
	movedTo *issue // nil: deleted
}

type repo struct {
	id               int64
	owner            *user
	name             string
	description      string
	former           []string // full names that it had
	private          bool
	archived         bool
	noIssues         bool
	created, updated time.Time

	roles      map[string]role // by login; others may read a public one
	hidden     map[string]bool // logins that see nothing here
	labels     []*label
	milestones []*milestone
	issues     map[int]*issue
	graves     map[int]grave
	hooks      []*hook
	lastNumber int
	lastStone  int
}

func (r *repo) fullName() string { return r.owner.login + "/" + r.name }

// numbers lists the numbers of the issues and pull requests, ascending.
func (r *repo) numbers() []int {
	out := make([]int, 0, len(r.issues))
	for n := range r.issues {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}

func (r *repo) label(name string) *label {
	i := slices.IndexFunc(r.labels, func(l *label) bool { return strings.EqualFold(l.name, name) })
	if i < 0 {
		return nil
	}
	return r.labels[i]
}

func (r *repo) milestone(number int) *milestone {
	i := slices.IndexFunc(r.milestones, func(m *milestone) bool { return m.number == number })
	if i < 0 {
		return nil
	}
	return r.milestones[i]
}

func (r *repo) assignable(u *user) bool {
	return u != nil && u.typ == "User" && r.roles[u.login] >= roleRead && !r.hidden[u.login]
}

// nodeID makes the opaque global id of a thing: "I_kwDO…".
func nodeID(prefix string, id int64) string {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(id))
	return prefix + "_kwDO" + base64.RawURLEncoding.EncodeToString(b[:])
}

// idOfNode is the way back; false if the text is no id of that kind.
func idOfNode(prefix, node string) (int64, bool) {
	rest, ok := strings.CutPrefix(node, prefix+"_kwDO")
	raw, err := base64.RawURLEncoding.DecodeString(rest)
	if !ok || err != nil || len(raw) != 8 {
		return 0, false
	}
	return int64(binary.BigEndian.Uint64(raw)), true
}

// The lengths that GitHub keeps, in characters.
const (
	maxTitle = 256
	maxText  = 65536
	maxLabel = 50
	maxNote  = 100
	// maxAssignees is how many people an issue may have.
	maxAssignees = 10
)

func tooLong(s string, most int) bool { return utf8.RuneCountInString(s) > most }
