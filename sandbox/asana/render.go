package asana

import (
	"slices"
	"strings"
)

// selection is a tree of the fields that a call asks for.
type selection map[string]selection

// parseFields reads opt_fields: "name,assignee.email,(a|b).c".
func parseFields(text string) selection {
	if strings.TrimSpace(text) == "" {
		return nil
	}
	root := selection{}
	for _, path := range splitPaths(text) {
		root.add(path)
	}
	return root
}

// splitPaths splits at the commas that stand in no group.
func splitPaths(text string) []string {
	var out []string
	depth, start := 0, 0
	for i, r := range text {
		switch r {
		case '(':
			depth++
		case ')':
			depth--
		case ',':
			if depth <= 0 {
				out, start = append(out, text[start:i]), i+1
			}
		}
	}
	return append(out, text[start:])
}

// maxFieldDepth bounds the dots of one path.
const maxFieldDepth = 8

func (sel selection) add(path string) {
	paths := []string{strings.TrimSpace(path)}
	for n := 0; n < 64; n++ { // groups become one path for each member
		i := slices.IndexFunc(paths, func(p string) bool { return strings.Contains(p, "(") })
		if i < 0 {
			break
		}
		before, rest, _ := strings.Cut(paths[i], "(")
		group, after, _ := strings.Cut(rest, ")")
		paths = slices.Delete(paths, i, i+1)
		for _, member := range strings.FieldsFunc(group, func(r rune) bool { return r == '|' || r == ',' }) {
			paths = append(paths, before+strings.TrimSpace(member)+after)
		}
	}
	for _, p := range paths {
		at := sel
		for depth, name := range strings.Split(p, ".") {
			if name == "this" {
				continue
			}
			if name == "" || depth > maxFieldDepth {
				break
			}
			if at[name] == nil {
				at[name] = selection{}
			}
			at = at[name]
		}
	}
}

// resource is an object that answers show.
type resource interface {
	id() string
	kind() string
	// field returns a member as the viewer sees it: a scalar, a resource, a
	// []resource, an inline or a []inline.
	field(v *viewer, name string) any
}

// inline is an object without a life of its own; its members are as those of
// resources.
type inline map[string]any

// viewer is who looks at the objects.
type viewer struct {
	s     *System
	token *token
	cost  int // objects shown
}

// shape names the members of a kind of object.
type shape struct {
	compact []string // in lists and where another object refers to it
	full    []string // besides, in the answer of a single object
	opt     []string // only when asked for
}

var named = []string{"gid", "resource_type", "name"}

var shapes = map[string]shape{
	"user":      {compact: named, full: []string{"email", "photo", "workspaces"}},
	"workspace": {compact: named, full: []string{"email_domains", "is_organization"}},
	"team":      {compact: named, full: []string{"organization", "permalink_url", "visibility"}, opt: []string{"description", "html_description"}},
	"task": {
		compact: []string{"gid", "resource_type", "name", "resource_subtype"},
		full: []string{
			"approval_status", "assignee", "assignee_status", "completed", "completed_at", "created_at", "custom_fields", "due_at", "due_on", "followers", "hearted",
			"hearts", "liked", "likes", "memberships", "modified_at", "notes", "num_hearts", "num_likes", "parent", "permalink_url", "projects", "start_at", "start_on",
			"tags", "workspace", "actual_time_minutes",
		},
		opt: []string{"html_notes", "dependencies", "dependents", "num_subtasks", "external", "is_rendered_as_separator", "created_by", "completed_by", "assignee_section"},
	},
	"project": {
		compact: named,
		full: []string{
			"archived", "color", "created_at", "current_status", "current_status_update", "custom_fields", "custom_field_settings", "default_view", "due_date", "due_on",
			"followers", "members", "modified_at", "notes", "owner", "permalink_url", "privacy_setting", "public", "start_on", "team", "workspace", "completed",
			"completed_at", "completed_by", "icon", "default_access_level",
		},
		opt: []string{"html_notes", "project_brief", "created_from_template"},
	},
	"section":              {compact: named, full: []string{"created_at", "project"}, opt: []string{"projects"}},
	"tag":                  {compact: named, full: []string{"color", "created_at", "followers", "notes", "permalink_url", "workspace"}},
	"custom_field_setting": {compact: []string{"gid", "resource_type", "project", "is_important", "parent", "custom_field"}},
	"custom_field": {
		compact: []string{"gid", "resource_type", "name", "type", "resource_subtype", "enum_options"},
		full: []string{
			"created_by", "currency_code", "custom_label", "custom_label_position", "format", "has_notifications_enabled", "is_formula_field",
			"is_global_to_workspace", "is_value_read_only", "precision", "representation_type", "id_prefix", "input_restrictions", "asana_created_field", "enabled",
		},
		opt: []string{"description", "privacy_setting", "default_access_level"},
	},
	"enum_option": {compact: []string{"gid", "resource_type", "name", "enabled", "color"}},
	"story": {
		compact: []string{"gid", "resource_type", "created_at", "created_by", "resource_subtype", "text", "type"},
		full:    []string{"is_edited", "is_editable", "is_pinned", "hearted", "hearts", "liked", "likes", "num_hearts", "num_likes", "previews", "source", "target"},
		opt:     []string{"html_text"},
	},
	"attachment": {
		compact: []string{"gid", "resource_type", "name", "resource_subtype"},
		full:    []string{"created_at", "download_url", "host", "parent", "permanent_url", "size", "view_url", "connected_to_app"},
	},
	"status_update": {
		compact: []string{"gid", "resource_type", "title", "resource_subtype"},
		full:    []string{"author", "created_at", "created_by", "modified_at", "parent", "status_type", "text"}, opt: []string{"html_text"},
	},
	"project_template": {compact: named, full: []string{"description", "public", "owner", "team", "requested_dates", "requested_roles"}, opt: []string{"html_description", "color"}},
	"job":              {compact: []string{"gid", "resource_type", "resource_subtype", "status", "new_project", "new_task", "new_project_template"}},
	"membership":       {compact: []string{"gid", "resource_type", "resource_subtype", "parent", "member", "access_level"}},
	"webhook": {
		compact: []string{"gid", "resource_type", "active", "resource", "target"},
		full: []string{
			"created_at", "delivery_retry_count", "failure_deletion_timestamp", "filters", "last_failure_at", "last_failure_content", "last_success_at",
			"next_attempt_after",
		},
	},
}

// object shows a resource. A nil selection gives the compact members, and with
// full those of a single answer.
func (v *viewer) object(r resource, sel selection, full bool) map[string]any {
	v.cost++
	out := map[string]any{"gid": r.id()}
	sh := shapes[r.kind()]
	if len(sel) > 0 && !full {
		for name, sub := range sel {
			if !sh.knows(name) && !sh.special(r, name) {
				continue
			}
			if x := r.field(v, name); x != skipped {
				out[name] = v.value(x, sub)
			}
		}
		return out
	}
	names := sh.compact
	if full {
		names = slices.Concat(sh.compact, sh.full)
	}
	for _, name := range names {
		if x := r.field(v, name); x != skipped {
			out[name] = v.value(x, nil)
		}
	}
	if extra, ok := r.(interface{ extra(v *viewer) inline }); ok {
		for name, x := range extra.extra(v) {
			out[name] = v.value(x, nil)
		}
	}
	for name, sub := range sel { // opt_expand
		if sh.knows(name) {
			out[name] = v.value(r.field(v, name), sub)
		}
	}
	return out
}

type skip struct{}

// skipped is a member that this object does not show unless asked.
var skipped any = skip{}

func (sh shape) knows(name string) bool {
	return slices.Contains(sh.compact, name) || slices.Contains(sh.full, name) || slices.Contains(sh.opt, name)
}

// special reports whether a member exists on some objects of the kind only.
func (sh shape) special(r resource, name string) bool {
	extra, ok := r.(interface{ extra(v *viewer) inline })
	if !ok {
		return false
	}
	_, has := extra.extra(&viewer{})[name]
	return has
}

func (v *viewer) value(x any, sel selection) any {
	switch x := x.(type) {
	case skip:
		return nil
	case resource:
		return v.object(x, sel, false)
	case []resource:
		out := make([]any, len(x))
		for i, r := range x {
			out[i] = v.object(r, sel, false)
		}
		return out
	case inline:
		return v.inline(x, sel)
	case []inline:
		out := make([]any, len(x))
		for i, in := range x {
			out[i] = v.inline(in, sel)
		}
		return out
	}
	return x
}

func (v *viewer) inline(in inline, sel selection) map[string]any {
	v.cost++
	out := make(map[string]any, len(in))
	for name, x := range in {
		if len(sel) > 0 && sel[name] == nil && name != "gid" {
			continue
		}
		out[name] = v.value(x, sel[name])
	}
	return out
}

// resources makes a list of any kind of object.
func resources[T resource](list []T) []resource {
	out := make([]resource, len(list))
	for i, r := range list {
		out[i] = r
	}
	return out
}

// orNil returns a resource, or nil for a nil pointer.
func orNil[T any, P interface {
	*T
	resource
}](p P) any {
	if p == nil {
		return nil
	}
	return resource(p)
}
