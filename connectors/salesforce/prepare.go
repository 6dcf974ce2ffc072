package salesforce

import (
	"context"
	"net/http"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// Tenon's permission set gives the account the right to use the fields that
// Tenon made: a new field is invisible to everyone.
const (
	permissionSet      = "Tenon_Fields"
	permissionSetLabel = "Tenon: fields of its own"
)

// visibleAfter is how long a new field may not show; it is asked for again so
// often.
const (
	visibleAfter = 2 * time.Second
	visibleTries = 10
)

// Missing implements connectors.Preparer. Where comments are copied as tasks,
// these are looked at too.
func (c *connection) Missing(ctx context.Context, need connectors.Need) ([]string, error) {
	metas, err := c.prepared(ctx, "check", need)
	if err != nil {
		return nil, err
	}
	var missing []string
	for _, m := range metas {
		field := c.o.keyFieldOf(m.name)
		if m.prop(field) == nil {
			missing = append(missing, "the field "+field+" (text of 64 characters, External ID, unique) on "+m.name)
			continue
		}
		if _, err := c.keyOf("check", m); err != nil {
			return nil, err
		}
	}
	return missing, nil
}

// Prepare implements connectors.Preparer. It returns when the fields can be
// written.
func (c *connection) Prepare(ctx context.Context, need connectors.Need) error {
	const op = "prepare"
	metas, err := c.prepared(ctx, op, need)
	if err != nil {
		return err
	}
	for _, m := range metas {
		field := c.o.keyFieldOf(m.name)
		if m.prop(field) != nil {
			if _, err := c.keyOf(op, m); err != nil {
				return err
			}
			continue
		}
		made := customField{
			Label: "Tenon key", Type: "Text", Length: keyLength, ExternalID: true, Unique: true,
			Description: "Set by Tenon on records that it makes, so that each is made once. Do not change.",
		}
		if err := c.makeField(ctx, op, m.name, field, made); err != nil {
			return err
		}
		if err := c.awaitFields(ctx, op, m.name, []string{field}); err != nil {
			return err
		}
	}
	return nil
}

// prepared returns the objects that need the key field.
func (c *connection) prepared(ctx context.Context, op string, need connectors.Need) ([]*meta, error) {
	m, err := c.metaOf(ctx, op, need.Object, 0)
	if err != nil {
		return nil, err
	}
	if !m.Createable {
		return nil, nil
	}
	metas := []*meta{m}
	if need.Comment && c.o.notes == notesTasks && m.name != taskObject {
		tasks, err := c.metaOf(ctx, op, taskObject, 0)
		if err != nil {
			return nil, err
		}
		metas = append(metas, tasks)
	}
	return metas, nil
}

// customField is what the Tooling API wants to know about a new field.
type customField struct {
	Label       string    `json:"label"`
	Type        string    `json:"type"`
	Description string    `json:"description,omitempty"`
	Length      int       `json:"length,omitempty"`
	Lines       int       `json:"visibleLines,omitempty"`
	Precision   int       `json:"precision,omitempty"`
	Scale       *int      `json:"scale,omitempty"`
	ExternalID  bool      `json:"externalId,omitempty"`
	Unique      bool      `json:"unique,omitempty"`
	Default     string    `json:"defaultValue,omitempty"`
	Values      *valueSet `json:"valueSet,omitempty"`
}

type valueSet struct {
	Restricted bool `json:"restricted"`
	Definition struct {
		Sorted bool         `json:"sorted"`
		Values []fieldValue `json:"value"`
	} `json:"valueSetDefinition"`
}

type fieldValue struct {
	Name    string `json:"fullName"`
	Label   string `json:"label"`
	Default bool   `json:"default"`
}

// makeField makes a field and lets the account use it. One that is there
// already stays as it is.
func (c *connection) makeField(ctx context.Context, op, object, name string, f customField) error {
	owner := object
	if object == taskObject || object == "Event" {
		owner = "Activity" // they share their fields
	}
	err := c.do(ctx, rest.Request{
		Op: op, Record: object, Method: http.MethodPost, Path: c.path("/tooling/sobjects/CustomField"),
		Body: map[string]any{"FullName": owner + "." + name, "Metadata": f},
	})
	if err != nil && codeOf(err) != "DUPLICATE_DEVELOPER_NAME" {
		return c.adminOnly(object, name, err)
	}
	if err := c.grantField(ctx, op, object, name); err != nil {
		return c.adminOnly(object, name, err)
	}
	return nil
}

// adminOnly tells what to do where the account may not make fields.
func (c *connection) adminOnly(object, name string, err error) error {
	e, ok := asError(err)
	if !ok || e.Kind != connectors.Permission && e.Kind != connectors.NotFound && e.Kind != connectors.Invalid {
		return err
	}
	own := *e
	own.Help = "let an admin make the field " + name + " on " + object +
		" in Salesforce and give the integration user read and edit access to it; or let the user customise the application while `tenon prepare` runs"
	return &own
}

// grantField puts the field into Tenon's permission set, and gives that to the
// account.
func (c *connection) grantField(ctx context.Context, op, object, name string) error {
	set, err := c.lookOrMake(ctx, op, "PermissionSet", "Name = "+quote(permissionSet),
		map[string]any{"Name": permissionSet, "Label": permissionSetLabel})
	if err != nil {
		return err
	}
	field := object + "." + name
	_, err = c.lookOrMake(ctx, op, "FieldPermissions", "ParentId = "+quote(set)+" AND Field = "+quote(field), map[string]any{
		"ParentId": set, "SobjectType": object, "Field": field, "PermissionsRead": true, "PermissionsEdit": true,
	})
	if err != nil {
		return err
	}
	who, err := c.userInfo(ctx)
	if err != nil {
		return err
	}
	_, err = c.lookOrMake(ctx, op, "PermissionSetAssignment", "PermissionSetId = "+quote(set)+" AND AssigneeId = "+quote(who.User),
		map[string]any{"AssigneeId": who.User, "PermissionSetId": set})
	return err
}

// lookOrMake returns the id of the record that a condition names, made where
// there is none.
func (c *connection) lookOrMake(ctx context.Context, op, object, where string, fields map[string]any) (string, error) {
	id := ""
	err := c.queryEach(ctx, op, object, selectFrom(object, []string{fieldID}, []string{where}, "LIMIT 1"), false,
		func(r row) { id, _ = id18(r.text(fieldID)) })
	if err != nil || id != "" {
		return id, err
	}
	return c.insert(ctx, op, object, object, fields)
}

// awaitFields returns when describe tells of the fields.
func (c *connection) awaitFields(ctx context.Context, op, object string, names []string) error {
	for try := range visibleTries {
		if try > 0 {
			if err := c.clock.Sleep(ctx, visibleAfter); err != nil {
				return c.fail(op, object, connectors.Unavailable, "%w", err)
			}
		}
		m, err := c.metaOf(ctx, op, object, 0)
		if err != nil {
			return err
		}
		all := true
		for _, n := range names {
			all = all && m.prop(n) != nil
		}
		if all {
			return nil
		}
	}
	err := c.fail(op, object, connectors.Permission, "the new field does not show for this account")
	err.Help = "give the integration user read and edit access to it (the permission set " + permissionSetLabel + ")"
	return err
}
