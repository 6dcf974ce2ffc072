package salesforce

import (
	"fmt"
	"strings"
)

// hides reports whether field-level security hides a field from the API's user.
func (s *System) hides(f *field) bool {
	key := f.object.name + "." + f.name
	return s.hidden[key] || s.ungranted[key] && !s.granted(key)
}

// granted reports whether a permission set of the API's user shows a field that
// starts invisible.
func (s *System) granted(key string) bool {
	perms, sets := s.object("FieldPermissions"), s.object("PermissionSetAssignment")
	for _, p := range s.rows(perms, false, false) {
		if p.text("Field") != key || !p.flag("PermissionsRead") {
			continue
		}
		for _, a := range s.rows(sets, false, false) {
			if a.text("PermissionSetId") == p.text("ParentId") && a.text("AssigneeId") == s.apiUser {
				return true
			}
		}
	}
	return false
}

// denied reports whether a permission on an object was taken from the API's
// user: read, create, update or delete.
func (s *System) denied(object, what string) bool { return s.noRights[object+"/"+what] }

// Hide takes away, or gives back, the right to see a field by API: it is then as
// unknown.
func (s *System) Hide(object, name string, hidden bool) error {
	return s.onField(object, name, func(f *field) { s.hidden[f.object.name+"."+f.name] = hidden })
}

// ReadOnly takes away, or gives back, the right to write a field by API.
func (s *System) ReadOnly(object, name string, readOnly bool) error {
	return s.onField(object, name, func(f *field) { s.readOnly[f.object.name+"."+f.name] = readOnly })
}

func (s *System) onField(object, name string, do func(f *field)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.object(object)
	if o == nil || o.field(name) == nil {
		return fmt.Errorf("no field %s.%s", object, name)
	}
	do(o.field(name))
	s.schemaChanged()
	return nil
}

// Deny takes away, or gives back, a permission of the API's user on an object:
// read, create, update or delete.
func (s *System) Deny(object, what string, denied bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.object(object)
	if o == nil || !strings.Contains(" read create update delete ", " "+what+" ") {
		return fmt.Errorf("no permission %q on %q", what, object)
	}
	s.noRights[o.name+"/"+what] = denied
	s.schemaChanged()
	return nil
}

// Unshare hides a record from the API's user, as a sharing rule does, or shows
// it again.
func (s *System) Unshare(id string, hidden bool) error {
	return s.onRecord(id, func(r *record) { r.hidden = hidden })
}

// LockRecord locks a record for the API's user, as an approval process does, or
// unlocks it.
func (s *System) LockRecord(id string, locked bool) error {
	return s.onRecord(id, func(r *record) { r.locked = locked })
}

// HoldRow lets writes to a record fail with UNABLE_TO_LOCK_ROW while held.
func (s *System) HoldRow(id string, held bool) error {
	return s.onRecord(id, func(r *record) { s.rowLocks[r.id] = held })
}

// HoldNext lets the next n writes of single records fail with
// UNABLE_TO_LOCK_ROW.
func (s *System) HoldNext(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nextLocks = n
}

// SetLockRate lets a share of all writes by API fail with UNABLE_TO_LOCK_ROW.
func (s *System) SetLockRate(share float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lockRate = share
}

func (s *System) onRecord(id string, do func(r *record)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.lookUp(id)
	if err != nil {
		return err
	}
	do(r)
	return nil
}

// lookUp finds a record by an id of 15 or 18 characters.
func (s *System) lookUp(text string) (*record, error) {
	id, ok := normalID(text)
	if !ok {
		return nil, fmt.Errorf("malformed id %q", text)
	}
	if r := s.find(id); r != nil {
		return r, nil
	}
	return nil, fmt.Errorf("no record %s", id)
}
