package github

import (
	"context"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/tenonsync/tenon/connectors"
)

var (
	// keyForm is what people write: "owner/name#12".
	keyForm = regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100})#([1-9][0-9]{0,8})$`)
	// pageForm is the path of a record's page.
	pageForm = regexp.MustCompile(`^/([A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100})/(issues|milestone)/([1-9][0-9]{0,8})/?$`)
)

// Locate implements connectors.Locator: by "owner/name#12", or by the address of
// a page of an issue or a milestone.
func (c *Connection) Locate(ctx context.Context, text string) (connectors.Ref, error) {
	name, number, object := c.named(text)
	if name == "" {
		return connectors.Ref{}, nil
	}
	r, err := c.repoNamed(ctx, "locate", name)
	switch {
	case err != nil && connectors.AboutRecord(err):
		return connectors.Ref{}, nil
	case err != nil:
		return connectors.Ref{}, err
	}
	return connectors.Ref{Connection: c.name, Object: object, ID: idOf(r.id, number)}, nil
}

// named reads what a text names; "" if it has no such form or is of another
// site.
func (c *Connection) named(text string) (repo string, number int, object string) {
	if len(text) > 500 {
		return "", 0, ""
	}
	text = strings.TrimSpace(text)
	if m := keyForm.FindStringSubmatch(text); m != nil {
		n, _ := strconv.Atoi(m[2])
		return m[1], n, issueObject
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || !strings.EqualFold(u.Host, c.host) {
		return "", 0, ""
	}
	m := pageForm.FindStringSubmatch(u.Path)
	if m == nil {
		return "", 0, ""
	}
	n, _ := strconv.Atoi(m[3])
	return m[1], n, map[string]string{"issues": issueObject, "milestone": milestoneObject}[m[2]]
}
