package jira

import (
	"context"
	"net/url"
	"regexp"
	"strings"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// keyForm is the form of an issue's key. Data Center lets an admin change the
// form of a project's key; what all have in common is this.
var keyForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*-[1-9][0-9]*$`)

// Locate implements connectors.Locator: by an issue's key, or by an address that
// ends in it ("/browse/DELIV-12") or names it ("?selectedIssue=DELIV-12").
func (c *Connection) Locate(ctx context.Context, text string) (connectors.Ref, error) {
	key := c.keyIn(text)
	if key == "" {
		return connectors.Ref{}, nil
	}
	var w issue
	_, err := c.do(ctx, rest.Request{
		Op: "locate", Path: "/issue/{id}", Params: map[string]string{"id": key}, Query: url.Values{"fields": {"summary"}}, Out: &w,
	})
	switch {
	case err == nil && isID(w.ID):
		return connectors.Ref{Connection: c.name, Object: object, ID: w.ID}, nil
	case err == nil || connectors.AboutRecord(err):
		return connectors.Ref{}, nil
	}
	return connectors.Ref{}, err
}

// keyIn returns the issue's key that a text holds, "" if none of this site.
func (c *Connection) keyIn(text string) string {
	if !strings.Contains(text, "://") {
		return ifKey(text)
	}
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	site, err := url.Parse(c.site)
	if err != nil || !strings.EqualFold(u.Host, site.Host) {
		return ""
	}
	if key := ifKey(u.Query().Get("selectedIssue")); key != "" {
		return key
	}
	return ifKey(u.Path[strings.LastIndexByte(u.Path, '/')+1:])
}

func ifKey(text string) string {
	if len(text) > 255 || !keyForm.MatchString(text) {
		return ""
	}
	return strings.ToUpper(text)
}
