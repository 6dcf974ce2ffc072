package pubsub

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hamba/avro/v2"
)

// Event is what the header of a change event tells.
type Event struct {
	Entity  string // the object, as describe spells it
	Type    string // "CREATE", "UPDATE", "DELETE", "UNDELETE", those with "GAP_" before, "GAP_OVERFLOW", "SNAPSHOT"
	Records []string
	At      time.Time // of the commit, UTC
	Origin  string    // what wrote, as the org tells it; may be empty
}

// Deleted reports whether the event tells of a deletion.
func (e Event) Deleted() bool { return e.Type == "DELETE" || e.Type == "GAP_DELETE" }

// Whole reports whether the event stands for records that it does not name:
// an overflow, or a change of the whole object.
func (e Event) Whole() bool {
	if e.Type == "GAP_OVERFLOW" || len(e.Records) == 0 {
		return true
	}
	for _, id := range e.Records {
		if strings.HasSuffix(id, "*") || strings.HasPrefix(id, "000000000000000") {
			return true
		}
	}
	return false
}

// Bounds of what a schema and an event may be.
const (
	maxSchema  = 4 << 20 // bytes; an object may have 800 fields
	maxNesting = 32      // brackets within brackets of a schema
	maxText    = 1 << 20 // bytes of one text in a header
	maxRecords = 100_000 // of one event; a transaction changes no more
)

// codec reads headers within bounds, whatever the bytes claim.
var codec = avro.Config{MaxByteSliceSize: maxText, MaxSliceAllocSize: maxRecords}.Freeze()

// header is the part of ChangeEventHeader that is of use.
type header struct {
	EntityName      string   `avro:"entityName"`
	RecordIDs       []string `avro:"recordIds"`
	ChangeType      string   `avro:"changeType"`
	ChangeOrigin    string   `avro:"changeOrigin"`
	CommitTimestamp int64    `avro:"commitTimestamp"`
}

// Schema is the schema of a topic's events, as far as the header.
type Schema struct{ header avro.Schema }

var errSchema = errors.New("the schema is none of a change event")

// ParseSchema reads a schema as GetSchema answers it. It must be a record whose
// first field is a ChangeEventHeader of plain fields: the rest of an event is
// never looked at.
func ParseSchema(text string) (*Schema, error) {
	if len(text) > maxSchema || !shallow(text) {
		return nil, fmt.Errorf("%w: it is too large", errSchema)
	}
	parsed, err := avro.ParseWithCache(text, "", &avro.SchemaCache{})
	if err != nil {
		return nil, fmt.Errorf("%w: it cannot be read", errSchema)
	}
	record, ok := parsed.(*avro.RecordSchema)
	if !ok || len(record.Fields()) == 0 || record.Fields()[0].Name() != "ChangeEventHeader" {
		return nil, errSchema
	}
	head, ok := record.Fields()[0].Type().(*avro.RecordSchema)
	if !ok {
		return nil, errSchema
	}
	wanted := map[string]avro.Type{"entityName": avro.String, "recordIds": avro.Array, "changeType": avro.Enum, "commitTimestamp": avro.Long}
	for _, f := range head.Fields() {
		t, named := wanted[f.Name()]
		if named && f.Type().Type() != t || !plain(f.Type(), 0) {
			return nil, fmt.Errorf("%w: its header has another form", errSchema)
		}
		delete(wanted, f.Name())
	}
	if len(wanted) > 0 {
		return nil, fmt.Errorf("%w: its header lacks fields", errSchema)
	}
	return &Schema{header: head}, nil
}

// shallow reports whether the brackets of a JSON text nest within reason.
func shallow(text string) bool {
	depth := 0
	for i := range len(text) {
		switch text[i] {
		case '{', '[':
			if depth++; depth > maxNesting {
				return false
			}
		case '}', ']':
			depth--
		}
	}
	return true
}

// plain reports whether a value of the schema takes room on the wire for each
// of its parts, so that a short text cannot claim endless work.
func plain(s avro.Schema, depth int) bool {
	switch t := s.(type) {
	case *avro.PrimitiveSchema:
		return t.Type() != avro.Null
	case *avro.EnumSchema:
		return true
	case *avro.ArraySchema:
		return t.Items().Type() == avro.String
	case *avro.UnionSchema:
		for _, option := range t.Types() {
			if option.Type() != avro.Null && (depth > 0 || !plain(option, depth+1)) {
				return false
			}
		}
		return true
	}
	return false
}

// Decode reads the header of an event's payload. What follows it is ignored.
func (s *Schema) Decode(payload []byte) (Event, error) {
	var h header
	r := avro.NewReader(nil, 0, avro.WithReaderConfig(codec)).Reset(payload)
	r.ReadVal(s.header, &h)
	if r.Error != nil { // Unmarshal would take an event that is cut for a whole one
		return Event{}, errors.New("a change event cannot be read")
	}
	if h.EntityName == "" || len(h.RecordIDs) > maxRecords {
		return Event{}, errors.New("a change event names no object, or too many records")
	}
	return Event{
		Entity: h.EntityName, Type: h.ChangeType, Records: h.RecordIDs, Origin: h.ChangeOrigin,
		At: time.UnixMilli(h.CommitTimestamp).UTC(),
	}, nil
}
