package mapping

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/cockroachdb/apd/v3"
	"github.com/expr-lang/expr/ast"

	"github.com/tenonsync/tenon/connectors"
)

// arithmetic checks the kinds; the work is done by the function of that name.
func (c *compiler) arithmetic(n *ast.BinaryNode, left, right operand) operand {
	result := resultKinds(n.Operator, left.kinds, right.kinds)
	if result == 0 {
		hint := ""
		switch {
		case n.Operator == "+" && (left.kinds|right.kinds)&kText != 0:
			hint = "make a text of it with `text(…)`"
		case (left.kinds|right.kinds)&kTimes != 0 && (left.kinds|right.kinds)&kNumber != 0:
			hint = "add days with `days(5)` or `workdays(5)`"
		}
		return c.fail(n.Location(), hint, "`%s` does not go with %s and %s", n.Operator, left.kinds, right.kinds)
	}
	op, sc := n.Operator, c.scope
	switch {
	case op == "+" && left.only(kWords) && right.only(kWords):
		return joined(left, right).folded(left, right)
	case left.only(kNumber) && right.only(kNumber):
		return numeric(op, left, right).folded(left, right)
	}
	out := operand{kinds: result | kNull, eval: func(f *frame) (value, error) {
		a, b, err := both(f, left.eval, right.eval)
		if err != nil {
			return value{}, err
		}
		if b.span != noSpan {
			return sc.shift(a, b, op == "-")
		}
		if a.span != noSpan && op == "+" {
			return sc.shift(b, a, false)
		}
		return arithmetic(op, a, b)
	}}
	return out.folded(left, right)
}

// only reports whether an operand is null or of the kinds, and nothing else.
func (o operand) only(k kinds) bool { return o.kinds&^(k|kNull) == 0 && o.kinds&k != 0 }

// numeric is arithmetic on what can only be numbers: null with a number gives
// null.
func numeric(op string, left, right operand) operand {
	return operand{kinds: kNumber | kNull, eval: func(f *frame) (value, error) {
		a, err := left.eval(f)
		if err != nil {
			return value{}, err
		}
		b, err := right.eval(f)
		if err != nil || a.v.IsNull() || b.v.IsNull() {
			return value{}, err
		}
		return calculate(op, a, b)
	}}
}

// joined joins texts. A chain of them becomes one text at once. Null counts for
// nothing; nulls alone give null.
func joined(left, right operand) operand {
	var parts []evalFunc
	for _, o := range []operand{left, right} {
		if o.joined != nil {
			parts = append(parts, o.joined...)
		} else {
			parts = append(parts, o.eval)
		}
	}
	return operand{kinds: kText | kNull, joined: parts, eval: func(f *frame) (value, error) {
		var room [8]string
		texts, size, null := room[:0], 0, true
		for _, part := range parts {
			x, err := part(f)
			if err == nil {
				err = f.spend(&x)
			}
			if err != nil {
				return value{}, err
			}
			s := text(x.v)
			texts, size, null = append(texts, s), size+len(s), null && x.v.IsNull()
		}
		switch {
		case null:
			return value{}, nil
		case size > maxResult:
			return value{}, errTooLong
		}
		return textValue(strings.Join(texts, "")), nil
	}}
}

// resultKinds returns what an operator makes of two kinds, 0 for nothing.
func resultKinds(op string, a, b kinds) kinds {
	var out kinds
	if a == kNull || b == kNull {
		return 0
	}
	if a&kNumber != 0 && b&kNumber != 0 {
		out |= kNumber
	}
	if op == "+" && a&kWords != 0 && b&kWords != 0 {
		out |= kText
	}
	if (op == "+" || op == "-") && b&kSpan != 0 {
		out |= a & kTimes
	}
	if op == "+" && a&kSpan != 0 {
		out |= b & kTimes
	}
	if op == "-" && a&kDate != 0 && b&kDate != 0 {
		out |= kNumber
	}
	return out
}

// exact is wide enough that adding and multiplying numbers within the bounds of
// connectors.ParseNumber loses nothing; division keeps 34 digits.
var (
	exact    = apd.BaseContext.WithPrecision(2100)
	division = apd.BaseContext.WithPrecision(34)
)

func decimals(a, b value) (x, y *apd.Decimal, err error) {
	if x, err = decimal(a); err != nil {
		return nil, nil, err
	}
	y, err = decimal(b)
	return x, y, err
}

func decimal(a value) (*apd.Decimal, error) {
	if a.kind() != kNumber {
		return nil, fmt.Errorf("%s is not a number", a.kind())
	}
	d, _, err := apd.NewFromString(a.v.Number())
	return d, err
}

// arithmetic computes a op b. Null with a number gives null; null with a text
// gives the text.
func arithmetic(op string, a, b value) (value, error) {
	ka, kb := a.kind(), b.kind()
	switch {
	case op == "+" && (ka|kb)&kWords != 0 && (ka|kb)&^(kWords|kNull) == 0:
		s := text(a.v) + text(b.v)
		if len(s) > maxResult {
			return value{}, errTooLong
		}
		return textValue(s), nil
	case ka == kNull || kb == kNull:
		return value{}, nil
	case op == "-" && ka == kDate && kb == kDate:
		return one(connectors.Int((a.v.Time().Unix() - b.v.Time().Unix()) / 86400)), nil
	case ka != kNumber || kb != kNumber:
		return value{}, fmt.Errorf("`%s` does not go with %s and %s", op, ka, kb)
	}
	return calculate(op, a, b)
}

var errTooLong = fmt.Errorf("the text is longer than %d bytes", maxResult)

func number(d *apd.Decimal) (value, error) {
	if d.Exponent > 1000 || d.Exponent < -1000 {
		return value{}, errors.New("the number is out of range")
	}
	v, err := connectors.ParseNumber(d.Text('f'))
	return one(v), err
}

// integer evaluates a number without decimal places, null as 0.
func integer(eval evalFunc, f *frame) (int, error) {
	x, err := eval(f)
	if err != nil || x.isNull() {
		return 0, err
	}
	return whole(x)
}

// whole returns a number without decimal places, null as 0.
func whole(x value) (int, error) {
	if x.isNull() {
		return 0, nil
	}
	i, err := strconv.Atoi(x.v.Number())
	if err != nil {
		return 0, fmt.Errorf("`%s` is not a whole number", clip(x.v.String()))
	}
	return i, nil
}
