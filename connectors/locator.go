package connectors

import "context"

// Locator finds a record by what people call it, for commands and pages that
// ask "which record do you mean?".
type Locator interface {
	// Locate returns the record that text names: its web address in this
	// account, or its readable key ("DELIV-12"). The zero Ref says that text has
	// no such form, is of another account, or names nothing that this account
	// may see. That a Ref comes back is no proof that the record is there: a read
	// tells. Ref.Object is the name that mappings use. It may ask the system, by
	// one request at most, and not at all where text has no such form.
	Locate(ctx context.Context, text string) (Ref, error)
}
