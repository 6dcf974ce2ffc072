package salesforce

import (
	"context"
	"net/url"
	"regexp"
	"strings"

	"github.com/tenonsync/tenon/connectors"
)

// The paths of a record's page: in Lightning with or without the object, and
// before Lightning.
var (
	lightningPath = regexp.MustCompile(`^/lightning/r/(?:[A-Za-z0-9_]+/)?([A-Za-z0-9]{15,18})(?:/[a-z]+)?/?$`)
	classicPath   = regexp.MustCompile(`^/([A-Za-z0-9]{15,18})(?:/[a-z])?/?$`)
)

// Locate implements connectors.Locator: by the address of a record's page in
// this org. It asks for the list of objects, unless that is known.
func (c *connection) Locate(ctx context.Context, text string) (connectors.Ref, error) {
	id, page := recordIn(text)
	if id == "" {
		return connectors.Ref{}, nil
	}
	_, instance, err := c.login(ctx)
	if err != nil {
		return connectors.Ref{}, err
	}
	if !sameOrg(page, instance) {
		return connectors.Ref{}, nil
	}
	list, err := c.objectsOf(ctx, schemaAge)
	if err != nil {
		return connectors.Ref{}, err
	}
	object := list.byPrefix[prefixOf(id)]
	if object == "" {
		return connectors.Ref{}, nil
	}
	return connectors.Ref{Connection: c.name, Object: c.mappedName(object), ID: id}, nil
}

// recordIn returns the id in the address of a record's page, and where the page
// is; "" where text is none.
func recordIn(text string) (id string, page *url.URL) {
	if len(text) > 2000 {
		return "", nil
	}
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil || u.Host == "" {
		return "", nil
	}
	for _, form := range []*regexp.Regexp{lightningPath, classicPath} {
		if parts := form.FindStringSubmatch(u.Path); parts != nil {
			if id, ok := id18(parts[1]); ok {
				return id, u
			}
		}
	}
	return "", nil
}

// sameOrg reports whether a page is of the org of the instance. Its pages and
// its API have hosts that begin alike: acme.lightning.force.com and
// acme.my.salesforce.com.
func sameOrg(page *url.URL, instance string) bool {
	of, err := url.Parse(instance)
	if err != nil {
		return false
	}
	if page.Host == of.Host {
		return true
	}
	return orgName(page.Hostname()) != "" && orgName(page.Hostname()) == orgName(of.Hostname())
}

// orgName returns the part of a host that is the org's own, "" where it is none
// of Salesforce's.
func orgName(host string) string {
	host = strings.ToLower(host)
	for _, suffix := range []string{".lightning.force.com", ".my.salesforce.com", ".my.salesforce-setup.com"} {
		if name, ok := strings.CutSuffix(host, suffix); ok {
			return name
		}
	}
	return ""
}
