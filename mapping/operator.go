package mapping

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"

	"github.com/tenonsync/tenon/connectors"
)

func (c *compiler) unary(n *ast.UnaryNode) operand {
	x := c.compile(n.Node)
	switch n.Operator {
	case "!", "not":
		if !x.kinds.fits(kBool) {
			return c.fail(x.at, conditionHint, "`not` takes true or false, not %s", x.kinds)
		}
		return operand{kinds: kBool, eval: func(f *frame) (value, error) {
			ok, err := truth(x.eval, f)
			return boolValue(!ok), err
		}}
	case "-", "+":
		if !x.kinds.fits(kNumber) {
			return c.fail(x.at, "make a number of it with `number(…)`", "`%s` takes a number, not %s", n.Operator, x.kinds)
		}
		if n.Operator == "+" {
			return x
		}
		zero := one(connectors.Int(0))
		return operand{kinds: kNumber, eval: func(f *frame) (value, error) {
			v, err := x.eval(f)
			if err != nil {
				return value{}, err
			}
			return arithmetic("-", zero, v)
		}}
	}
	return c.fail(n.Location(), expressionHint, "there is no operator `%s`", n.Operator)
}

func (c *compiler) binary(n *ast.BinaryNode) operand {
	left, right := c.compile(n.Left), c.compile(n.Right)
	left.at, right.at = n.Left.Location(), n.Right.Location()
	switch n.Operator {
	case "and", "&&", "or", "||":
		return c.logic(n, left, right)
	case "??":
		return operand{kinds: left.kinds&^kNull | right.kinds, elements: left.elements | right.elements, eval: func(f *frame) (value, error) {
			x, err := left.eval(f)
			if err != nil || !x.isNull() {
				return x, err
			}
			return right.eval(f)
		}}
	case "==", "!=":
		return c.equality(n, left, right)
	case "<", "<=", ">", ">=":
		return c.order(n, left, right)
	case "in":
		return c.membership(n, left, right)
	case "contains", "startsWith", "endsWith":
		return c.textTest(n, left, right)
	case "matches":
		return c.matches(n, left, right)
	case "+", "-", "*", "/", "%":
		return c.arithmetic(n, left, right)
	}
	return c.fail(n.Location(), operatorHint(n.Operator), "the operator `%s` is not part of the mapping language", n.Operator)
}

// both evaluates two operands.
func both(f *frame, left, right evalFunc) (a, b value, err error) {
	if a, err = left(f); err != nil {
		return a, b, err
	}
	if b, err = right(f); err != nil {
		return a, b, err
	}
	if err = f.spend(&a); err == nil {
		err = f.spend(&b)
	}
	return a, b, err
}

func (c *compiler) logic(n *ast.BinaryNode, left, right operand) operand {
	for _, o := range []operand{left, right} {
		if !o.kinds.fits(kBool) {
			return c.fail(o.at, conditionHint, "`%s` takes true or false, not %s", n.Operator, o.kinds)
		}
	}
	stop := n.Operator == "or" || n.Operator == "||"
	return operand{kinds: kBool, eval: func(f *frame) (value, error) {
		ok, err := truth(left.eval, f)
		if err != nil || ok == stop {
			return boolValue(ok), err
		}
		ok, err = truth(right.eval, f)
		return boolValue(ok), err
	}}
}

// comparable reports whether values of two kinds can be equal.
func comparable(a, b kinds) bool {
	if a == kNull || b == kNull {
		return true
	}
	a, b = a&^kNull, b&^kNull
	return a&kWords != 0 && b&kWords != 0 || a&b&^(kList|kFile|kSpan) != 0
}

func (c *compiler) equality(n *ast.BinaryNode, left, right operand) operand {
	if !comparable(left.kinds, right.kinds) {
		return c.fail(n.Location(), comparisonHint(left.kinds, right.kinds), "%s and %s are never equal", left.kinds, right.kinds)
	}
	left, right = c.resolveLiteral(left, right), c.resolveLiteral(right, left)
	want := n.Operator == "=="
	return operand{kinds: kBool, eval: func(f *frame) (value, error) {
		a, b, err := both(f, left.eval, right.eval)
		return boolValue(equal(a, b) == want), err
	}}
}

func comparisonHint(a, b kinds) string {
	switch k := (a | b) &^ kNull; {
	case k == kText|kDate, k == kText|kInstant:
		return "write the day as `date(\"2026-12-24\")`"
	case k == kText|kNumber:
		return "write the number without quotes, or use `number(…)`"
	case k == kDate|kInstant:
		return "take the day of the instant with `date(…)`"
	case k&kList != 0:
		return "ask `\"x\" in list`"
	case k&kBool != 0:
		return "write `true` or `false` without quotes"
	}
	return ""
}

// resolveLiteral checks a text literal that is compared with an option field,
// and puts the option's id in place of its label.
func (c *compiler) resolveLiteral(o, other operand) operand {
	field := other.field
	if o.literal == nil || field == nil || len(field.Options) == 0 {
		return o
	}
	option, ok := field.Option(*o.literal)
	if ok {
		p := fixed(textValue(option.ID), kText)
		p.literal, p.at = o.literal, o.at
		return p
	}
	if !field.Open {
		hint := didYouMean(*o.literal, optionNames(field.Options))
		if hint == "" {
			hint = "it has " + oneOf(optionIDs(field.Options))
		}
		c.fail(o.at, hint, "`%s` has no option `%s`", field.Name, clip(*o.literal))
	}
	return o
}

func optionIDs(options []connectors.Option) []string {
	ids := make([]string, len(options))
	for i, o := range options {
		ids[i] = o.ID
	}
	return ids
}

func optionNames(options []connectors.Option) []string {
	var names []string
	for _, o := range options {
		names = append(names, o.ID, o.Label)
	}
	return names
}

// equal compares two values: words by what stands for them, e-mails without
// case, others by their normal form. Null equals null only.
func equal(a, b value) bool {
	if a.isNull() || b.isNull() {
		return a.isNull() && b.isNull()
	}
	ka, kb := a.kind(), b.kind()
	if ka&kWords != 0 && kb&kWords != 0 {
		if (ka|kb)&kPerson != 0 {
			return strings.EqualFold(text(a.v), text(b.v))
		}
		return text(a.v) == text(b.v)
	}
	if ka == kNumber && kb == kNumber {
		return a.v.Number() == b.v.Number()
	}
	return ka == kb && ka != kList && connectors.Equal(a.v, b.v)
}

func (c *compiler) order(n *ast.BinaryNode, left, right operand) operand {
	const ordered = kNumber | kDate | kInstant | kText
	if l, r := left.kinds&ordered, right.kinds&ordered; l&r == 0 && left.kinds.fits(kAll&^kNull) {
		return c.fail(n.Location(), comparisonHint(left.kinds, right.kinds), "`%s` cannot compare %s with %s", n.Operator, left.kinds, right.kinds)
	}
	// The order holds for a first value that is less, equal or greater.
	holds := map[string][3]bool{
		"<": {true, false, false}, "<=": {true, true, false}, ">": {false, false, true}, ">=": {false, true, true},
	}[n.Operator]
	if left.only(kNumber) && right.only(kNumber) {
		return numericOrder(holds, left, right)
	}
	return operand{kinds: kBool, eval: func(f *frame) (value, error) {
		a, b, err := both(f, left.eval, right.eval)
		if err != nil || a.isNull() || b.isNull() {
			return boolValue(false), err
		}
		d, err := compare(a, b)
		if err != nil {
			return value{}, err
		}
		return boolValue(holds[d+1]), nil
	}}
}

// numericOrder is the order of what can only be numbers.
func numericOrder(holds [3]bool, left, right operand) operand {
	return operand{kinds: kBool, eval: func(f *frame) (value, error) {
		a, err := left.eval(f)
		if err != nil {
			return value{}, err
		}
		b, err := right.eval(f)
		if err != nil || a.v.IsNull() || b.v.IsNull() {
			return boolValue(false), err
		}
		d, err := compareNumbers(a, b)
		return boolValue(err == nil && holds[d+1]), err
	}}
}

// compare orders two values of the same kind.
func compare(a, b value) (int, error) {
	ka, kb := a.kind(), b.kind()
	switch {
	case ka != kb:
	case ka == kNumber:
		return compareNumbers(a, b)
	case ka == kDate, ka == kInstant:
		return a.v.Time().Compare(b.v.Time()), nil
	case ka == kText:
		return strings.Compare(a.v.Text(), b.v.Text()), nil
	}
	return 0, fmt.Errorf("%s and %s have no order", ka, kb)
}

func (c *compiler) membership(n *ast.BinaryNode, left, right operand) operand {
	if !right.kinds.fits(kList) {
		hint := ""
		if right.kinds.fits(kText) {
			hint = "ask `text contains \"x\"`"
		}
		return c.fail(n.Location(), hint, "`in` looks into a list, not into %s", right.kinds)
	}
	if !left.kinds.fits(kAll &^ (kList | kFile | kSpan | kNull)) {
		return c.fail(left.at, "ask `any(list, # in other)`", "`in` looks for one value, not for %s", left.kinds)
	}
	left = c.resolveLiteral(left, right)
	eval := right.eval
	if array, ok := n.Right.(*ast.ArrayNode); ok {
		eval = c.literals(array, left).eval
	}
	return operand{kinds: kBool, eval: func(f *frame) (value, error) {
		a, b, err := both(f, left.eval, eval)
		if err != nil {
			return value{}, err
		}
		for _, item := range b.items() {
			if equal(a, one(item)) {
				return boolValue(true), nil
			}
		}
		return boolValue(false), nil
	}}
}

// literals compiles a list whose text literals are options of another operand.
func (c *compiler) literals(array *ast.ArrayNode, other operand) operand {
	parts := make([]evalFunc, len(array.Nodes))
	for i, item := range array.Nodes {
		o := c.compile(item)
		if !comparable(o.kinds, other.kinds) {
			return c.fail(o.at, comparisonHint(o.kinds, other.kinds), "%s and %s are never equal", other.kinds, o.kinds)
		}
		parts[i] = c.resolveLiteral(o, other).eval
	}
	return operand{eval: func(f *frame) (value, error) {
		list := make([]connectors.Value, 0, len(parts))
		for _, p := range parts {
			x, err := p(f)
			if err != nil {
				return value{}, err
			}
			list = append(list, x.v)
		}
		return listValue(list), nil
	}}
}

func (c *compiler) textTest(n *ast.BinaryNode, left, right operand) operand {
	for _, o := range []operand{left, right} {
		if !o.kinds.fits(kWords) {
			hint := ""
			if o.kinds.fits(kList) {
				hint = "ask `\"x\" in list`"
			}
			return c.fail(o.at, hint, "`%s` takes texts, not %s", n.Operator, o.kinds)
		}
	}
	test := map[string]func(s, part string) bool{
		"contains": strings.Contains, "startsWith": strings.HasPrefix, "endsWith": strings.HasSuffix,
	}[n.Operator]
	if right.literal != nil {
		part := *right.literal
		return operand{kinds: kBool, eval: func(f *frame) (value, error) {
			a, err := left.eval(f)
			if err == nil {
				err = f.spend(&a)
			}
			return boolValue(err == nil && !a.isNull() && test(text(a.v), part)), err
		}}
	}
	return operand{kinds: kBool, eval: func(f *frame) (value, error) {
		a, b, err := both(f, left.eval, right.eval)
		if err != nil || a.isNull() || b.isNull() {
			return boolValue(false), err
		}
		return boolValue(test(text(a.v), text(b.v))), nil
	}}
}

func (c *compiler) matches(n *ast.BinaryNode, left, right operand) operand {
	if !left.kinds.fits(kWords) {
		return c.fail(left.at, "make a text of it with `text(…)`", "`matches` takes a text, not %s", left.kinds)
	}
	if right.literal == nil {
		return c.fail(right.at, "write the pattern as a text in quotes", "the pattern of `matches` must be fixed")
	}
	pattern, err := regexp.Compile(*right.literal)
	if err != nil {
		return c.fail(right.at, "close what is opened, and write `\\\\(` for a bracket itself", "the pattern cannot be read: %s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	return operand{kinds: kBool, eval: func(f *frame) (value, error) {
		a, err := left.eval(f)
		if err == nil {
			err = f.spend(&a)
		}
		if err != nil || a.isNull() {
			return boolValue(false), err
		}
		return boolValue(pattern.MatchString(text(a.v))), nil
	}}
}

// sortedKeys returns the keys of a map in order.
func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
