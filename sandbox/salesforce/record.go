package salesforce

import (
	"time"
)

// record is one row. Its values are by the canonical names of the fields; the
// fields of the system are among them.
type record struct {
	object *object
	id     string
	values map[string]value
	gone   time.Time // when it went to the recycle bin; zero: it is there
	purged bool      // it left the recycle bin
	locked bool      // by an approval process
	hidden bool      // no sharing rule lets the API's user see it
}

func (r *record) text(name string) string {
	text, _ := r.values[name].(string)
	return text
}

func (r *record) flag(name string) bool {
	yes, _ := r.values[name].(bool)
	return yes
}

func (r *record) at(name string) time.Time {
	t, _ := r.values[name].(time.Time)
	return t
}

// deleted reports whether the record is in the recycle bin or beyond.
func (r *record) deleted() bool { return !r.gone.IsZero() }

// clone copies the values, for undoing and for events.
func (r *record) clone() map[string]value {
	out := make(map[string]value, len(r.values))
	for k, v := range r.values {
		out[k] = v
	}
	return out
}

// path is where the record is in the REST API.
func (r *record) path(version string) string {
	return "/services/data/v" + version + "/sobjects/" + r.object.name + "/" + r.id
}
