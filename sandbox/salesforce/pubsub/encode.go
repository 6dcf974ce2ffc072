package pubsub

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"
)

// header is a change event's header.
type header struct {
	entity, kind, origin, transaction, user string
	records                                 []string
	sequence                                int32
	at                                      time.Time
	number                                  int64
	nulled, changed                         []string // bitmaps
}

// encode writes an event: the header, then each field of the schema, null where
// values has none.
func (s *schema) encode(h header, values map[string]any) ([]byte, error) {
	b := appendText(nil, h.entity)
	b = appendTexts(b, h.records)
	kind := -1
	for i, name := range changeTypes {
		if name == h.kind {
			kind = i
		}
	}
	if kind < 0 {
		return nil, fmt.Errorf("%q is no type of change", h.kind)
	}
	b = binary.AppendVarint(b, int64(kind))
	b = appendText(appendText(b, h.origin), h.transaction)
	b = binary.AppendVarint(b, int64(h.sequence))
	b = binary.AppendVarint(b, h.at.UnixMilli())
	b = binary.AppendVarint(b, h.number)
	b = appendText(b, h.user)
	b = appendTexts(appendTexts(appendTexts(b, h.nulled), nil), h.changed)
	var err error
	for _, f := range s.fields {
		if b, err = appendField(b, f, values); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// appendField writes a field as the union that schemaOf declares.
func appendField(b []byte, f Field, values map[string]any) ([]byte, error) {
	v, there := values[f.Name]
	if !there || v == nil {
		return append(b, 0), nil
	}
	if f.Kind != Compound {
		return appendValue(binary.AppendVarint(b, 1), f, v)
	}
	if text, ok := v.(string); ok && f.Text {
		return appendText(binary.AppendVarint(b, 1), text), nil
	}
	parts, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("field %s holds a %T", f.Name, v)
	}
	branch := int64(1)
	if f.Text {
		branch = 2
	}
	b = binary.AppendVarint(b, branch)
	var err error
	for _, p := range f.Parts {
		if b, err = appendField(b, p, parts); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func appendValue(b []byte, f Field, v any) ([]byte, error) {
	switch f.Kind {
	case String:
		return appendText(b, fmt.Sprint(v)), nil
	case Boolean:
		if yes, ok := v.(bool); ok {
			if yes {
				return append(b, 1), nil
			}
			return append(b, 0), nil
		}
	case Int, Long:
		if t, ok := v.(time.Time); ok {
			return binary.AppendVarint(b, t.UnixMilli()), nil
		}
		if n, err := strconv.ParseFloat(fmt.Sprint(v), 64); err == nil {
			return binary.AppendVarint(b, int64(n)), nil
		}
	case Double:
		if n, err := strconv.ParseFloat(fmt.Sprint(v), 64); err == nil {
			return binary.LittleEndian.AppendUint64(b, math.Float64bits(n)), nil
		}
	}
	return nil, fmt.Errorf("field %s holds the %T %v", f.Name, v, v)
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendVarint(b, int64(len(s))), s...)
}

func appendTexts(b []byte, list []string) []byte {
	if len(list) > 0 {
		b = binary.AppendVarint(b, int64(len(list)))
		for _, s := range list {
			b = appendText(b, s)
		}
	}
	return append(b, 0)
}

// bitmaps names fields as events do: one bitmap of the schema's fields, in which
// bit 0 is the header, and one of the parts of each compound field. Parts are
// named "BillingAddress.City". Names that the schema does not have are left out.
func (s *schema) bitmaps(names []string) []string {
	var whole big.Int
	nested := map[int]*big.Int{}
	for _, name := range names {
		parent, part, compound := strings.Cut(name, ".")
		for i, f := range s.fields {
			if f.Name != parent {
				continue
			}
			if !compound {
				whole.SetBit(&whole, i+1, 1)
				continue
			}
			for j, p := range f.Parts {
				if p.Name == part {
					if nested[i+1] == nil {
						nested[i+1] = new(big.Int)
					}
					nested[i+1].SetBit(nested[i+1], j, 1)
				}
			}
		}
	}
	var out []string
	if whole.Sign() > 0 {
		out = append(out, bitmap(&whole))
	}
	for i := range s.fields {
		if m := nested[i+1]; m != nil {
			out = append(out, strconv.Itoa(i+1)+"-"+bitmap(m))
		}
	}
	return out
}

func bitmap(n *big.Int) string { return "0x" + strings.ToUpper(hex.EncodeToString(n.Bytes())) }
