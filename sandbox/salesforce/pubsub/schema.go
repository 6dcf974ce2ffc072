package pubsub

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
)

// A Kind is how a field travels.
type Kind uint8

// The kinds of fields.
const (
	String Kind = iota
	Boolean
	Int
	Long // dates and times, in milliseconds since 1970
	Double
	Compound // of Parts
)

// A Field is a field of an object, as events hold it.
type Field struct {
	Name  string
	Kind  Kind
	Type  string  // of a compound field: the name of its record type
	Parts []Field // of a compound field
	Text  bool    // a compound field that may be a plain text too
}

// An Object is an object whose changes are told.
type Object struct {
	Name   string // as describe spells it
	Fields []Field
}

// schema is the Avro schema of an object's events.
type schema struct {
	id     string
	json   string
	fields []Field
}

type avroField struct {
	Name    string `json:"name"`
	Type    any    `json:"type"`
	Doc     string `json:"doc,omitempty"`
	Default any    `json:"default"`
}

type avroRecord struct {
	Type      string `json:"type"`
	Name      string `json:"name"`
	Namespace string `json:"namespace,omitempty"`
	Fields    []any  `json:"fields"`
	UUID      string `json:"uuid,omitempty"`
}

type headerField struct {
	Name string `json:"name"`
	Type any    `json:"type"`
}

// changeTypes are the symbols of ChangeType, in the vendor's order.
var changeTypes = []string{
	"CREATE", "UPDATE", "DELETE", "UNDELETE", "GAP_CREATE", "GAP_UPDATE", "GAP_DELETE", "GAP_UNDELETE", "GAP_OVERFLOW", "SNAPSHOT",
}

const namespace = "com.sforce.eventbus"

// eventName returns the name of an object's change events.
func eventName(object string) string {
	if custom, ok := strings.CutSuffix(object, "__c"); ok {
		return custom + "__ChangeEvent"
	}
	return object + "ChangeEvent"
}

func headerRecord() headerField {
	texts := map[string]any{"type": "array", "items": "string"}
	kinds := map[string]any{"type": "enum", "name": "ChangeType", "symbols": changeTypes}
	fields := []any{}
	for _, f := range []headerField{
		{"entityName", "string"},
		{"recordIds", texts},
		{"changeType", kinds},
		{"changeOrigin", "string"},
		{"transactionKey", "string"},
		{"sequenceNumber", "int"},
		{"commitTimestamp", "long"},
		{"commitNumber", "long"},
		{"commitUser", "string"},
		{"nulledFields", texts},
		{"diffFields", texts},
		{"changedFields", texts},
	} {
		fields = append(fields, f)
	}
	return headerField{"ChangeEventHeader", avroRecord{Type: "record", Name: "ChangeEventHeader", Namespace: namespace, Fields: fields}}
}

// schemaOf makes the schema of an object's events. Its id follows from what it
// says, so that another field makes another schema.
func schemaOf(o Object) (*schema, error) {
	known := map[string]bool{}
	r := avroRecord{Type: "record", Name: eventName(o.Name), Namespace: namespace, Fields: []any{headerRecord()}}
	for _, f := range o.Fields {
		r.Fields = append(r.Fields, avroFieldOf(f, known))
	}
	plain, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(plain)
	r.UUID = base64.RawURLEncoding.EncodeToString(sum[:16])
	text, err := json.Marshal(r)
	return &schema{id: r.UUID, json: string(text), fields: o.Fields}, err
}

// avroFieldOf returns the field's declaration: a union with null. A record type
// is declared once and named from then on.
func avroFieldOf(f Field, known map[string]bool) avroField {
	union := []any{"null"}
	switch f.Kind {
	case String:
		union = append(union, "string")
	case Boolean:
		union = append(union, "boolean")
	case Int:
		union = append(union, "int")
	case Long:
		union = append(union, "long")
	case Double:
		union = append(union, "double")
	case Compound:
		if f.Text {
			union = append(union, "string")
		}
		if known[f.Type] {
			union = append(union, f.Type)
			break
		}
		known[f.Type] = true
		parts := []any{}
		for _, p := range f.Parts {
			parts = append(parts, avroFieldOf(p, known))
		}
		union = append(union, avroRecord{Type: "record", Name: f.Type, Fields: parts})
	}
	return avroField{Name: f.Name, Type: union}
}
