package asana

func (sec *section) field(_ *viewer, name string) any {
	switch name {
	case "gid":
		return sec.gid
	case "resource_type":
		return "section"
	case "name":
		return sec.name
	case "created_at":
		return stamp(sec.created)
	case "project":
		return sec.project
	case "projects":
		return []resource{sec.project}
	}
	return nil
}

func (st *setting) field(_ *viewer, name string) any {
	switch name {
	case "gid":
		return st.gid
	case "resource_type":
		return "custom_field_setting"
	case "project", "parent":
		return st.project
	case "is_important":
		return st.important
	case "custom_field":
		return st.of
	}
	return nil
}

func (p *project) field(v *viewer, name string) any {
	switch name {
	case "gid":
		return p.gid
	case "resource_type":
		return "project"
	case "name":
		return p.name
	case "archived":
		return p.archived
	case "color", "icon":
		return orNull(map[string]string{"color": p.color}[name])
	case "created_at":
		return stamp(p.created)
	case "modified_at":
		return stamp(p.modified)
	case "default_view":
		return p.view
	case "due_on", "due_date":
		return orNull(p.dueOn)
	case "start_on":
		return orNull(p.startOn)
	case "notes":
		return plainText(p.html)
	case "html_notes":
		return v.s.expandLinks(p.html)
	case "public":
		return p.privacy == "public_to_workspace"
	case "privacy_setting":
		return p.privacy
	case "default_access_level":
		return "editor"
	case "completed":
		return p.completed
	case "current_status_update":
		return orNil(p.status)
	case "permalink_url":
		return v.s.projectURL(p)
	}
	return p.links(v, name)
}

func (p *project) links(v *viewer, name string) any {
	switch name {
	case "owner":
		return orNil(p.owner)
	case "team":
		return orNil(p.team)
	case "workspace":
		return v.s.workspace
	case "members":
		return resources(p.members)
	case "followers":
		return resources(p.followers)
	case "custom_fields":
		return v.s.valuesOf(v, p.values, nil)
	case "custom_field_settings":
		return resources(v.s.visibleSettings(p))
	case "created_from_template":
		return orNil(p.template)
	}
	return nil
}

func (s *System) projectURL(p *project) string {
	if s.uiBase != "" {
		return s.uiBase + "/0/" + p.gid + "/list"
	}
	return webBase + p.gid + "/list"
}
