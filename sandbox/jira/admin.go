package jira

import (
	"fmt"
	"slices"
)

// The methods of this file change the site's set-up, as its administrators do.

// Deny takes a project permission, such as "BROWSE_PROJECTS" or "EDIT_ISSUES",
// from an account. Without BROWSE_PROJECTS the project and its issues do not
// exist for it.
func (s *System) Deny(email, projectKey, perm string) error {
	return s.permit(email, projectKey, perm, false)
}

// Allow gives it back.
func (s *System) Allow(email, projectKey, perm string) error {
	return s.permit(email, projectKey, perm, true)
}

func (s *System) permit(email, projectKey, perm string, allowed bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.userByEmail(email)
	if u == nil {
		return errNoSuch("account", email)
	}
	key := permission(perm)
	if slices.Contains(globalPermissions, key) {
		if u.denied == nil {
			u.denied = map[permission]bool{}
		}
		u.denied[key] = !allowed
		return nil
	}
	p := s.projectBy(projectKey)
	if p == nil {
		return errNoSuch("project", projectKey)
	}
	if !slices.Contains(projectPermissions, key) {
		return errNoSuch("permission", perm)
	}
	if p.denied[u.accountID] == nil {
		p.denied[u.accountID] = map[permission]bool{}
	}
	p.denied[u.accountID][key] = !allowed
	return nil
}

// HideField hides a field, by id or name, from everybody: it is in no list, no
// screen and no answer. ShowField brings it back with its values.
func (s *System) HideField(name string) error { return s.setHidden(name, true) }

// ShowField undoes HideField.
func (s *System) ShowField(name string) error { return s.setHidden(name, false) }

func (s *System) setHidden(name string, hidden bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, ok := s.fieldNamed(name)
	if !ok {
		return errNoSuch("field", name)
	}
	s.hidden[f.id] = hidden
	return nil
}

// SetOnScreen puts a field on the screens of an issue type, or takes it off
// them: it still shows, but cannot be set.
func (s *System) SetOnScreen(projectKey, typeName, fieldName string, on bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, t, f, err := s.screenOf(projectKey, typeName, fieldName)
	if err != nil {
		return err
	}
	screen := slices.DeleteFunc(slices.Clone(p.screens[t.id]), func(id string) bool { return id == f.id })
	if on {
		screen = append(screen, f.id)
	}
	p.screens[t.id] = screen
	return nil
}

// SetRequired makes a field required for an issue type, or optional.
func (s *System) SetRequired(projectKey, typeName, fieldName string, required bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, t, f, err := s.screenOf(projectKey, typeName, fieldName)
	if err != nil {
		return err
	}
	p.required[t.id+"/"+f.id] = required
	return nil
}

func (s *System) screenOf(projectKey, typeName, fieldName string) (*project, *issueType, *field, error) {
	p := s.projectBy(projectKey)
	if p == nil {
		return nil, nil, nil, errNoSuch("project", projectKey)
	}
	t, ok := find(p.types, func(t *issueType) bool { return t.name == typeName })
	if !ok {
		return nil, nil, nil, errNoSuch("issue type", typeName)
	}
	f, ok := s.fieldNamed(fieldName)
	if !ok {
		return nil, nil, nil, errNoSuch("field", fieldName)
	}
	return p, t, f, nil
}

// AddTextField adds a single-line text field to all screens and returns its id.
// Names need not be unique in Jira: a second field of a name makes it ambiguous.
func (s *System) AddTextField(name string) (id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id = fmt.Sprintf("customfield_%d", s.nextID("field", 10100))
	f := &field{id: id, name: name, kind: textKind{limit: 255}, custom: "textfield", schemaType: "string", operations: opSet, navigable: true}
	s.fields = append(s.fields, f)
	s.fieldByID[id] = f
	for _, p := range s.projects {
		for t, screen := range p.screens {
			p.screens[t] = append(slices.Clone(screen), id)
		}
	}
	return id
}

// FieldID gives the id of the one field with this name; empty if there is none
// or more than one.
func (s *System) FieldID(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, ok := s.fieldNamed(name)
	if !ok {
		return ""
	}
	return f.id
}

// SetOption enables or disables a choice of a select field, by its text or id.
func (s *System) SetOption(fieldName, choice string, enabled bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, ok := s.fieldNamed(fieldName)
	if !ok {
		return errNoSuch("field", fieldName)
	}
	o, ok := find(f.options, func(o *option) bool { return o.value == choice || o.id == choice })
	if !ok {
		return errNoSuch("option", choice)
	}
	o.disabled = !enabled
	return nil
}

// SetUser changes an account: whether it is active, whether it hides its
// e-mail, and its time zone (unchanged if empty).
func (s *System) SetUser(email string, active, hideEmail bool, zone string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.userByEmail(email)
	if u == nil {
		return errNoSuch("account", email)
	}
	u.active, u.hideEmail = active, hideEmail
	if zone != "" {
		u.zoneName, u.zone = zone, zoneOf(zone)
	}
	return nil
}

// DeclareProperty makes a path of an entity property searchable by JQL, as an
// app does.
func (s *System) DeclareProperty(p IndexedProperty) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.properties = append(s.properties, p)
}

// RenameProject gives a project another key: its issues' keys change with it,
// the old ones go on finding them.
func (s *System) RenameProject(key, newKey string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.projectBy(key)
	if p == nil {
		return errNoSuch("project", key)
	}
	p.formerKeys, p.key = append(p.formerKeys, p.key), newKey
	for _, i := range s.issues {
		if i.project != p {
			continue
		}
		_, n := keyNumber(i.key)
		next := i.clone()
		next.formerKeys = append(next.formerKeys, i.key)
		next.key = fmt.Sprintf("%s-%d", newKey, n)
		s.put(next, write{silent: true})
	}
	return nil
}
