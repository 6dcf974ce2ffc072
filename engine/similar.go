package engine

import (
	"slices"
	"strings"
	"time"

	"github.com/cockroachdb/apd/v3"

	"github.com/tenonsync/tenon/connectors"
)

// madeOf reports whether a value may be what a system made of one that was sent:
// the same text with other spaces, the number rounded, the time cut to a second
// or a minute. It tells our own write from a person's edit where its answer was
// lost.
func madeOf(held, sent connectors.Value) bool {
	switch {
	case held.Type() != sent.Type():
		return held.IsNull() && isText(sent) && strings.TrimSpace(sent.Text()) == ""
	case isText(held):
		return slices.Equal(strings.Fields(held.Text()), strings.Fields(sent.Text()))
	case held.Type() == connectors.TypeNumber:
		return roundsTo(sent.Number(), held.Number())
	case held.Type() == connectors.TypeInstant:
		for _, unit := range []time.Duration{time.Millisecond, time.Second, time.Minute} {
			if at := sent.Time(); held.Time().Equal(at.Truncate(unit)) || held.Time().Equal(at.Round(unit)) {
				return true
			}
		}
	}
	return same(held, sent)
}

func isText(v connectors.Value) bool {
	return v.Type() == connectors.TypeText || v.Type() == connectors.TypeRichText
}

// roundsTo reports whether a decimal becomes the other one when it is rounded,
// or cut, to some number of places.
func roundsTo(sent, held string) bool {
	var s, h apd.Decimal
	if _, _, err := s.SetString(sent); err != nil {
		return false
	}
	if _, _, err := h.SetString(held); err != nil {
		return false
	}
	for _, how := range []apd.Rounder{apd.RoundHalfUp, apd.RoundHalfEven, apd.RoundDown} {
		c := apd.BaseContext.WithPrecision(2000)
		c.Rounding = how
		for places := range int32(maxPlaces) {
			var r apd.Decimal
			if _, err := c.Quantize(&r, &s, -places); err == nil && r.Cmp(&h) == 0 {
				return true
			}
		}
	}
	return false
}

// maxPlaces bounds the decimal places that a rounded number is looked for with.
const maxPlaces = 10
