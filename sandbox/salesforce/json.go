package salesforce

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
)

// member is one name and value of an object whose order matters.
type member struct {
	name  string
	value any
}

// members is a JSON object in the order in which it is sent.
type members []member

// MarshalJSON renders the members in their order.
func (m members) MarshalJSON() ([]byte, error) { return encode(m) }

// encode renders what answers are made of.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	err := appendJSON(&b, v)
	return b.Bytes(), err
}

func appendJSON(b *bytes.Buffer, v any) error {
	switch v := v.(type) {
	case nil:
		b.WriteString("null")
	case members:
		return appendMembers(b, v)
	case addressValue:
		return appendMembers(b, v.members)
	case []any:
		b.WriteByte('[')
		for i, e := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := appendJSON(b, e); err != nil {
				return err
			}
		}
		b.WriteByte(']')
	case bool:
		b.WriteString(strconv.FormatBool(v))
	case int:
		b.WriteString(strconv.Itoa(v))
	case json.RawMessage:
		b.Write(v)
	default:
		enc := json.NewEncoder(b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(v); err != nil {
			return err
		}
		b.Truncate(b.Len() - 1) // the line's end
	}
	return nil
}

func appendMembers(b *bytes.Buffer, m members) error {
	b.WriteByte('{')
	for i, e := range m {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.Quote(e.name)) // names are plain ASCII
		b.WriteByte(':')
		if err := appendJSON(b, e.value); err != nil {
			return err
		}
	}
	b.WriteByte('}')
	return nil
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
