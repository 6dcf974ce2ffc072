package connectors

import "context"

// Need is what mappings do with one object of a connection. Reading it is
// always needed.
type Need struct {
	Object  string
	Scope   Scope
	Write   bool // fields of records that are there
	Create  bool
	Comment bool // read and write comments
	Attach  bool // read and write attachments
	Retire  bool // archive or delete

	// Fields are those that rules name, by API name, where that is known.
	Fields []string
}

// RightsChecker tells what an account may not do.
type RightsChecker interface {
	// MissingRights returns what stands in the way of the needs, in the order
	// of the needs, each right once. It changes nothing.
	MissingRights(ctx context.Context, needs []Need) ([]Gap, error)
}

// Gap is a right that is missing.
type Gap struct {
	Right  string   `json:"right"`            // as the system calls it: "crm.objects.deals.write", "Edit issues"
	For    string   `json:"for"`              // what does not work without it: "write deals"
	Help   string   `json:"help,omitempty"`   // what to do, in one sentence
	Where  string   `json:"where,omitempty"`  // what part of the system it is about: "project DELIV"
	Scopes []string `json:"scopes,omitempty"` // where a new consent would give it
	Minor  bool     `json:"minor,omitempty"`  // things work without it, only not as well
}
