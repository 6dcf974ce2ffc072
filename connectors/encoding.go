package connectors

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// encoded is a Value at rest.
type encoded struct {
	Type Type        `json:"t"`
	N    int64       `json:"n,omitempty"`
	S    string      `json:"s,omitempty"`
	S2   string      `json:"u,omitempty"`
	S3   string      `json:"v,omitempty"`
	Set  [][2]string `json:"o,omitempty"`
}

// EncodeValue writes a value for storage; DecodeValue reads it back. The
// encoding holds the customer's data: seal it.
func EncodeValue(v Value) []byte {
	e := encoded{Type: v.typ, N: v.n, S: v.s, S2: v.s2, S3: v.s3}
	for _, o := range v.set {
		e.Set = append(e.Set, [2]string{o.ID, o.Label})
	}
	data, err := json.Marshal(e)
	if err != nil { // a struct of texts and numbers always marshals
		return nil
	}
	return data
}

// DecodeValue reads what EncodeValue wrote.
func DecodeValue(data []byte) (Value, error) {
	var e encoded
	if err := json.Unmarshal(data, &e); err != nil {
		return Null, fmt.Errorf("decode a value: %w", err)
	}
	if e.Type > TypeFile {
		return Null, fmt.Errorf("decode a value: unknown type %d", e.Type)
	}
	v := Value{typ: e.Type, n: e.N, s: e.S, s2: e.S2, s3: e.S3}
	for _, o := range e.Set {
		v.set = append(v.set, Option{ID: o[0], Label: o[1]})
	}
	if !slices.IsSortedFunc(v.set, func(a, b Option) int { return strings.Compare(a.ID, b.ID) }) {
		return Null, fmt.Errorf("decode a value: options out of order")
	}
	return v, nil
}
