package asana

import (
	"encoding/json"
	"strconv"
	"strings"
)

func (e *entity) id() string { return e.gid }

func (*user) kind() string            { return "user" }
func (*workspace) kind() string       { return "workspace" }
func (*team) kind() string            { return "team" }
func (*section) kind() string         { return "section" }
func (*setting) kind() string         { return "custom_field_setting" }
func (*project) kind() string         { return "project" }
func (*task) kind() string            { return "task" }
func (*tag) kind() string             { return "tag" }
func (*option) kind() string          { return "enum_option" }
func (*customField) kind() string     { return "custom_field" }
func (*story) kind() string           { return "story" }
func (*attachment) kind() string      { return "attachment" }
func (*statusUpdate) kind() string    { return "status_update" }
func (*projectTemplate) kind() string { return "project_template" }
func (*job) kind() string             { return "job" }
func (*webhook) kind() string         { return "webhook" }

const webBase = "https://app.asana.com/0/"

func (u *user) field(v *viewer, name string) any {
	switch name {
	case "gid":
		return u.gid
	case "resource_type":
		return "user"
	case "name":
		return u.name
	case "email":
		if u.hidesEmail && (v.token == nil || v.token.user != u) {
			return nil
		}
		return u.email
	case "workspaces":
		return []resource{v.s.workspace}
	}
	return nil
}

func (w *workspace) field(_ *viewer, name string) any {
	switch name {
	case "gid":
		return w.gid
	case "resource_type":
		return "workspace"
	case "name":
		return w.name
	case "email_domains":
		return []string{"harbourworks.example"}
	case "is_organization":
		return true
	}
	return nil
}

func (t *team) field(v *viewer, name string) any {
	switch name {
	case "gid":
		return t.gid
	case "resource_type":
		return "team"
	case "name":
		return t.name
	case "organization":
		return v.s.workspace
	case "permalink_url":
		return webBase + t.gid + "/overview"
	case "visibility":
		return "public"
	case "description":
		return ""
	case "html_description":
		return "<body></body>"
	}
	return nil
}

func (tg *tag) field(v *viewer, name string) any {
	switch name {
	case "gid":
		return tg.gid
	case "resource_type":
		return "tag"
	case "name":
		return tg.name
	case "color":
		return orNull(tg.color)
	case "created_at":
		return stamp(tg.created)
	case "followers":
		return []resource{}
	case "notes":
		return ""
	case "permalink_url":
		return webBase + tg.gid + "/" + tg.gid
	case "workspace":
		return v.s.workspace
	}
	return nil
}

func (o *option) field(_ *viewer, name string) any {
	switch name {
	case "gid":
		return o.gid
	case "resource_type":
		return "enum_option"
	case "name":
		return o.name
	case "enabled":
		return !o.disabled
	case "color":
		return o.color
	}
	return nil
}

func (f *customField) field(_ *viewer, name string) any {
	switch name {
	case "gid":
		return f.gid
	case "resource_type":
		return "custom_field"
	case "name":
		return f.name
	case "type", "resource_subtype":
		return f.subtype
	case "representation_type":
		if f.represents != "" {
			return f.represents
		}
		return f.subtype
	case "enum_options":
		if f.subtype != "enum" && f.subtype != "multi_enum" {
			return skipped
		}
		return resources(f.options)
	case "description":
		return f.description
	case "created_by":
		return orNil(f.createdBy)
	case "precision":
		if f.subtype != "number" {
			return skipped
		}
		return f.precision
	case "format":
		if f.format == "" {
			return "none"
		}
		return f.format
	case "currency_code", "custom_label", "custom_label_position", "id_prefix":
		return f.label(name)
	case "has_notifications_enabled":
		return false
	case "is_formula_field":
		return f.represents == "formula"
	case "is_global_to_workspace", "enabled":
		return true
	case "is_value_read_only":
		return f.readOnly()
	case "input_restrictions":
		if f.subtype != "reference" {
			return skipped
		}
		return []string{"task"}
	case "privacy_setting":
		return "public_with_guests"
	case "default_access_level":
		return "editor"
	}
	return nil
}

func (f *customField) label(name string) any {
	switch name {
	case "currency_code":
		return orNull(f.currency)
	case "id_prefix":
		return orNull(f.prefix)
	}
	return nil
}

func (a *attachment) field(v *viewer, name string) any {
	switch name {
	case "gid":
		return a.gid
	case "resource_type":
		return "attachment"
	case "name":
		return a.name
	case "resource_subtype":
		return a.subtype
	case "created_at":
		return stamp(a.created)
	case "host":
		return a.host
	case "download_url":
		if a.subtype == "external" {
			return nil
		}
		return v.s.downloadURL(a)
	case "permanent_url":
		return "https://app.asana.com/app/asana/-/get_asset?asset_id=" + a.gid
	case "view_url":
		if a.subtype == "external" {
			return a.url
		}
		return v.s.downloadURL(a)
	case "size":
		if a.subtype == "external" {
			return nil
		}
		return a.size
	case "connected_to_app":
		return false
	case "parent":
		if a.parent == nil {
			return orNil(a.project)
		}
		return a.parent
	}
	return nil
}

func (u *statusUpdate) field(_ *viewer, name string) any {
	switch name {
	case "gid":
		return u.gid
	case "resource_type":
		return "status_update"
	case "resource_subtype":
		return "project_status_update"
	case "title":
		return u.title
	case "text":
		return u.text
	case "html_text":
		return u.html
	case "status_type":
		return u.status
	case "author", "created_by":
		return orNil(u.by)
	case "created_at", "modified_at":
		return stamp(u.created)
	case "parent":
		return orNil(u.parent)
	}
	return nil
}

func (t *projectTemplate) field(_ *viewer, name string) any {
	switch name {
	case "gid":
		return t.gid
	case "resource_type":
		return "project_template"
	case "name":
		return t.name
	case "description":
		return ""
	case "html_description":
		return "<body></body>"
	case "public":
		return true
	case "owner":
		return orNil(t.owner)
	case "team":
		return orNil(t.team)
	case "requested_dates":
		out := make([]inline, len(t.dates))
		for i, d := range t.dates {
			out[i] = inline{"gid": d.gid, "name": d.name, "description": d.description}
		}
		return out
	case "requested_roles":
		return []inline{}
	}
	return nil
}

func (j *job) field(_ *viewer, name string) any {
	switch name {
	case "gid":
		return j.gid
	case "resource_type":
		return "job"
	case "resource_subtype":
		return j.subtype
	case "status":
		return j.status
	case "new_project":
		return orNil(j.project)
	case "new_task":
		return orNil(j.task)
	}
	return nil
}

func (st *story) field(v *viewer, name string) any {
	switch name {
	case "gid":
		return st.gid
	case "resource_type":
		return "story"
	case "resource_subtype":
		return st.subtype
	case "type":
		if st.isComment() {
			return "comment"
		}
		return "system"
	case "created_at":
		return stamp(st.created)
	case "created_by":
		return orNil(st.by)
	case "text":
		if st.isComment() {
			return strings.TrimSuffix(plainText(st.html), "\n")
		}
		return st.text
	case "html_text":
		if st.isComment() {
			return v.s.expandLinks(st.html)
		}
		return "<body>" + escapeXML(st.text) + "</body>"
	case "is_edited":
		return st.edited
	case "is_editable":
		return st.isComment() && v.token != nil && v.token.user == st.by
	case "is_pinned":
		return st.pinned
	case "source":
		return st.source
	case "target":
		return st.target
	case "hearted", "liked":
		return false
	case "hearts", "likes", "previews":
		return []inline{}
	case "num_hearts", "num_likes":
		return 0
	}
	return st.details[name]
}

// extra are the members that a story's subtype gives it.
func (st *story) extra(*viewer) inline { return inline(st.details) }

func (h *webhook) field(_ *viewer, name string) any {
	switch name {
	case "gid":
		return h.gid
	case "resource_type":
		return "webhook"
	case "active":
		return h.active
	case "target":
		return h.target
	case "resource":
		return inline{"gid": h.resource.gid, "resource_type": h.resource.kind, "name": h.name}
	case "created_at":
		return stamp(h.created)
	case "last_success_at":
		return stamp(h.lastSuccess)
	case "last_failure_at":
		return stamp(h.lastFailure)
	case "last_failure_content":
		return h.failure
	case "delivery_retry_count":
		return h.retries
	case "next_attempt_after":
		return stamp(h.nextTry)
	case "failure_deletion_timestamp":
		if h.failingSince.IsZero() {
			return nil
		}
		return stamp(h.failingSince.Add(hookPatience))
	case "filters":
		out := make([]inline, len(h.filters))
		for i, f := range h.filters {
			out[i] = inline{"resource_type": f.ResourceType, "resource_subtype": orNull(f.ResourceSubtype), "action": orNull(f.Action), "fields": nil}
			if len(f.Fields) > 0 {
				out[i]["fields"] = f.Fields
			}
		}
		return out
	}
	return nil
}

// number shows a number without an exponent.
func number(f float64) json.Number { return json.Number(strconv.FormatFloat(f, 'f', -1, 64)) }
