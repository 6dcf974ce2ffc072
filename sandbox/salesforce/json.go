package salesforce

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/tenonsync/tenon/sandbox/kit"
)

// member is one name and value of an object whose order matters.
type member struct {
	name  string
	value any
}

// members is a JSON object in the order in which it is sent.
type members []member

// MarshalJSON renders the members in their order.
func (m members) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, e := range m {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := kit.EncodeJSON(e.name)
		if err != nil {
			return nil, err
		}
		value, err := kit.EncodeJSON(e.value)
		if err != nil {
			return nil, err
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// get returns the value of a member.
func (m members) get(name string) (any, bool) {
	for _, e := range m {
		if e.name == name {
			return e.value, true
		}
	}
	return nil, false
}

// input is one member of a JSON object that was sent, in its order.
type input struct {
	name  string
	value json.RawMessage
}

// readObject splits a JSON object into its members and keeps their order.
func readObject(body []byte) ([]input, *apiError) {
	dec := json.NewDecoder(bytes.NewReader(body))
	t, err := dec.Token()
	if err != nil {
		return nil, jsonFault("%s", parserText(body, err))
	}
	if t != json.Delim('{') {
		return nil, jsonFault("Unexpected character ('%c' (code %d)) at [line:1, column:1]; expected an object", first(body), first(body))
	}
	var out []input
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, jsonFault("%s", parserText(body, err))
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, jsonFault("%s", parserText(body, err))
		}
		out = append(out, input{fmt.Sprint(name), value})
	}
	if _, err := dec.Token(); err != nil {
		return nil, jsonFault("%s", parserText(body, err))
	}
	return out, nil
}

func first(body []byte) byte {
	if body = bytes.TrimSpace(body); len(body) > 0 {
		return body[0]
	}
	return ' '
}

func parserText(body []byte, err error) string {
	if len(bytes.TrimSpace(body)) == 0 {
		return "The HTTP entity body is required, but this request has no entity body."
	}
	return fmt.Sprintf("Unexpected character or end of input at [line:1, column:%d]: %v", len(body), err)
}

// memberOf returns the value of an input's member, nil if there is none.
func memberOf(in []input, name string) json.RawMessage {
	for _, e := range in {
		if e.name == name {
			return e.value
		}
	}
	return nil
}

// isNull reports whether a JSON value is null.
func isNull(raw json.RawMessage) bool { return string(bytes.TrimSpace(raw)) == "null" }
