package salesforce

import (
	"encoding/base64"
	"encoding/json"
	"regexp"
	"time"
)

// cursor is where a list of changes stands. Times are the server's own, in
// seconds since 1970, but for DeletedDue, which is ours.
//
// First everything in scope is listed by id, or taken from a bulk job. Then come
// windows: all that was stamped since From, walked by stamp and id. Between
// windows the log of what was deleted is read.
type cursor struct {
	Version int    `json:"v"`
	All     bool   `json:"all,omitempty"` // the first listing is under way
	ID      string `json:"id,omitempty"`  // walked up to this id
	Stamp   int64  `json:"at,omitempty"`  // and in a window up to this time
	From    int64  `json:"from"`          // the window starts here
	Start   int64  `json:"start,omitempty"`
	Newest  int64  `json:"newest,omitempty"` // the newest stamp on the first page of the walk
	Server  int64  `json:"server,omitempty"` // the server's time when it was heard last

	Job     string `json:"job,omitempty"`     // of the bulk query
	Locator string `json:"locator,omitempty"` // of its results
	Bulked  bool   `json:"bulked,omitempty"`  // its results are being taken in
	Slow    bool   `json:"slow,omitempty"`    // the bulk API was refused

	Notes int64 `json:"notes,omitempty"` // comments were looked for up to here

	Deleted    int64 `json:"deleted"` // the log of deletes was read up to here
	DeletedDue int64 `json:"due"`     // when to read it again
}

const cursorVersion = 1

// lateCommit bounds how long after its stamp a row may come into sight: a
// transaction may run for ten minutes.
const lateCommit = 10 * time.Minute

func (c cursor) String() string {
	c.Version = cursorVersion
	raw, err := json.Marshal(c)
	if err != nil {
		panic(err) // numbers and texts always marshal
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

var locatorForm = regexp.MustCompile(`^[A-Za-z0-9_=-]{0,200}$`)

func parseCursor(s string) (cursor, bool) {
	var c cursor
	raw, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || json.Unmarshal(raw, &c) != nil || c.Version != cursorVersion {
		return cursor{}, false
	}
	for _, n := range []int64{c.Stamp, c.From, c.Start, c.Newest, c.Server, c.Notes, c.Deleted, c.DeletedDue} {
		if n < 0 || n > 1e12 {
			return cursor{}, false
		}
	}
	ok := (c.ID == "" || isID(c.ID)) && (c.Job == "" || isID(c.Job)) && locatorForm.MatchString(c.Locator)
	return c, ok
}

// begin notes the server's time at the first page of a walk: what was stamped
// before may come into sight after it for a while.
func (c *cursor) begin(server time.Time, newest int64) {
	if !server.IsZero() {
		c.Server = max(c.Server, server.Unix())
	}
	if c.Start > 0 || c.Newest > 0 {
		return
	}
	c.Newest = newest
	if !server.IsZero() {
		c.Start = server.Unix()
	}
}

// next ends a walk: the next window starts as far before the time that the
// server's clock had surely reached at this walk's beginning as rows may be
// late.
func (c *cursor) next() {
	reached := max(c.Start, c.Newest)
	c.From = max(c.From, reached-int64(lateCommit/time.Second))
	c.Start, c.Newest, c.ID, c.Stamp = 0, 0, "", 0
	c.All, c.Job, c.Locator, c.Bulked = false, "", "", false
}
