package jira

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tenonsync/tenon/sandbox/jira/adf"
)

// object is a JSON object on its way to the wire.
type object = map[string]any

// view renders things for one caller: in its version of the API, its time zone
// and with links to the host it called.
type view struct {
	sys     *System
	api     int
	base    string // origin and context path, without a slash at the end
	viewer  *user
	project *project // of the issue that is being rendered
	webhook bool
}

func (v *view) rest(format string, args ...any) string {
	return fmt.Sprintf("%s/rest/api/%d/", v.base, v.api) + fmt.Sprintf(format, args...)
}

func (v *view) time(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	zone := time.UTC
	if v.viewer != nil {
		zone = v.viewer.zone
	}
	return t.In(zone).Format(instantLayout)
}

// doc renders rich text: the document in v3, wiki markup in v2.
func (v *view) doc(n *adf.Node) any {
	if n == nil {
		return nil
	}
	if v.api == 3 {
		return n
	}
	return adf.Wiki(n)
}

func (v *view) user(u *user) any {
	if u == nil {
		return nil
	}
	o := object{"displayName": u.displayName, "active": u.active, "timeZone": u.zoneName, "avatarUrls": v.avatars("useravatar", u.key)}
	if !v.sys.cloud() {
		o["self"] = v.rest("user?username=%s", url.QueryEscape(u.name))
		o["name"], o["key"], o["emailAddress"] = u.name, u.key, u.email
		return o
	}
	o["self"] = v.rest("user?accountId=%s", url.QueryEscape(u.accountID))
	o["accountId"], o["accountType"] = u.accountID, u.accountType
	if !v.webhook && (!u.hideEmail || v.viewer == u) {
		o["emailAddress"] = u.email
	}
	return o
}

func (v *view) avatars(kind, id string) object {
	out := object{}
	for size, name := range map[int]string{16: "xsmall", 24: "small", 32: "medium", 48: "large"} {
		out[fmt.Sprintf("%dx%d", size, size)] = fmt.Sprintf("%s/secure/%s?size=%s&ownerId=%s", v.base, kind, name, url.QueryEscape(id))
	}
	return out
}

func (v *view) projectRef(p *project) object {
	return object{
		"self": v.rest("project/%d", p.id), "id": strconv.FormatInt(p.id, 10), "key": p.key, "name": p.name,
		"projectTypeKey": "software", "simplified": false, "avatarUrls": v.avatars("projectavatar", strconv.FormatInt(p.id, 10)),
	}
}

func (v *view) issueType(t *issueType) object {
	o := object{
		"self": v.rest("issuetype/%s", t.id), "id": t.id, "name": t.name, "description": t.description, "subtask": t.subtask,
		"iconUrl": v.base + "/rest/api/2/universal_avatar/view/type/issuetype/avatar/103" + t.id[len(t.id)-2:] + "?size=medium",
	}
	if v.sys.cloud() {
		o["hierarchyLevel"] = t.level
	}
	return o
}

func (v *view) status(st *status) object {
	return object{
		"self": v.rest("status/%s", st.id), "id": st.id, "name": st.name, "description": st.description,
		"iconUrl": v.base + "/", "statusCategory": v.category(st.category),
	}
}

func (v *view) category(c *statusCategory) object {
	return object{"self": v.rest("statuscategory/%d", c.id), "id": c.id, "key": c.key, "name": c.name, "colorName": c.colorName}
}

func (v *view) priority(p *priority) object {
	return object{
		"self": v.rest("priority/%s", p.id), "id": p.id, "name": p.name,
		"iconUrl": v.base + "/images/icons/priorities/" + strings.ToLower(p.name) + ".svg",
	}
}

func (v *view) resolution(r *resolution) object {
	return object{"self": v.rest("resolution/%s", r.id), "id": r.id, "name": r.name, "description": r.description}
}

func (v *view) option(o *option) object {
	return object{"self": v.rest("customFieldOption/%s", o.id), "id": o.id, "value": o.value}
}

func (v *view) component(c *component) object {
	return object{"self": v.rest("component/%s", c.id), "id": c.id, "name": c.name, "description": c.description}
}

func (v *view) version(p *project, r *version) object {
	o := object{
		"self": v.rest("version/%s", r.id), "id": r.id, "name": r.name, "description": r.description,
		"archived": r.archived, "released": r.released, "projectId": p.id,
	}
	if r.releaseDate != "" {
		o["releaseDate"] = r.releaseDate
	}
	return o
}

// issueRef is an issue inside another one: with a few fields only.
func (v *view) issueRef(i *issue) object {
	fields := object{"summary": i.text("summary"), "status": v.status(i.status), "issuetype": v.issueType(i.issueType)}
	if p, ok := find(priorities, func(p *priority) bool { return p.id == i.text("priority") }); ok {
		fields["priority"] = v.priority(p)
	}
	return object{"id": i.idText(), "key": i.key, "self": v.rest("issue/%d", i.id), "fields": fields}
}

func (v *view) linkType(t *linkType) object {
	return object{"self": v.rest("issueLinkType/%s", t.id), "id": t.id, "name": t.name, "inward": t.inward, "outward": t.outward}
}

// link renders a link as its issue shows it.
func (v *view) link(l *issueLink, from *issue) object {
	o := object{"self": v.rest("issueLink/%d", l.id), "id": strconv.FormatInt(l.id, 10), "type": v.linkType(l.linkType)}
	if l.inward == from.id {
		if other := v.sys.issues[l.outward]; other != nil {
			o["outwardIssue"] = v.issueRef(other)
		}
	} else if other := v.sys.issues[l.inward]; other != nil {
		o["inwardIssue"] = v.issueRef(other)
	}
	return o
}

func (v *view) attachment(a *attachment) object {
	o := object{
		"self": v.rest("attachment/%d", a.id), "filename": a.name, "author": v.user(a.author), "created": v.time(a.created),
		"size": len(a.data), "mimeType": a.mimeType,
	}
	if v.sys.cloud() {
		o["id"] = strconv.FormatInt(a.id, 10)
		o["content"] = v.rest("attachment/content/%d", a.id)
	} else {
		o["id"] = strconv.FormatInt(a.id, 10)
		o["content"] = fmt.Sprintf("%s/secure/attachment/%d/%s", v.base, a.id, url.PathEscape(a.name))
	}
	return o
}

func (v *view) comment(i *issue, c *comment) object {
	o := object{
		"self": v.rest("issue/%d/comment/%d", i.id, c.id), "id": strconv.FormatInt(c.id, 10), "author": v.user(c.author),
		"body": v.doc(c.body), "updateAuthor": v.user(c.editor), "created": v.time(c.created), "updated": v.time(c.updated),
	}
	if v.sys.cloud() {
		o["jsdPublic"] = true
	}
	if len(c.visibility) > 0 {
		o["visibility"] = c.visibility
	}
	return o
}

func (v *view) change(c *change) object {
	o := object{"id": strconv.FormatInt(c.id, 10), "author": v.user(c.author), "created": v.time(c.created), "items": v.items(c.items)}
	return o
}

func (v *view) items(items []changeItem) []any {
	out := []any{}
	for _, it := range items {
		o := object{"field": it.field, "fieldtype": "jira", "from": it.from, "fromString": it.fromString, "to": it.to, "toString": it.toString}
		if it.custom {
			o["fieldtype"] = "custom"
		}
		if v.sys.cloud() {
			o["fieldId"] = it.fieldID
		}
		out = append(out, o)
	}
	return out
}
