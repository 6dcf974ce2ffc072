package mapping

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"

	"github.com/tenonsync/tenon/connectors"
)

// function is one function of the expression language. The table also feeds
// the reference page.
type function struct {
	name   string
	params []kinds // the last repeats when variadic
	least  int     // how many arguments are needed
	more   bool    // variadic
	result kinds
	usage  string // "lower(text)"
	help   string
	call   func(sc *scope, f *frame, args []value) (value, error)
	// unary takes the place of call in functions of one value, the common ones.
	unary func(sc *scope, f *frame, x value) (value, error)
	// same says that the result has the kinds of the arguments.
	same bool
}

// functionNamed returns a function, nil when there is none.
func functionNamed(name string) *function {
	for i := range functions {
		if functions[i].name == name {
			return &functions[i]
		}
	}
	return nil
}

// listFunctions evaluate an expression once for each element of a list.
var listFunctions = map[string]string{
	"filter": "the elements for which it is true",
	"map":    "what the expression makes of each element",
	"any":    "whether it is true of at least one element",
	"all":    "whether it is true of every element",
	"none":   "whether it is true of no element",
	"count":  "how many elements it is true of",
}

func (c *compiler) call(name string, args []ast.Node, at file.Location) operand {
	at.To = at.From + len([]rune(name))
	if _, ok := listFunctions[name]; ok {
		return c.listCall(name, args, at)
	}
	fn := functionNamed(name)
	if fn == nil {
		var names []string
		for i := range functions {
			names = append(names, functions[i].name)
		}
		hint := didYouMean(name, append(names, sortedKeys(listFunctions)...))
		if hint == "" {
			hint = "docs/mapping.md lists the functions"
		}
		return c.fail(at, hint, "there is no function `%s`", clip(name))
	}
	if name == "today" && !c.now {
		return c.fail(at, "compare with a field, or use it in the `due` of a task", "`today()` has no meaning here: a rule must give the same value tomorrow")
	}
	if len(args) < fn.least || !fn.more && len(args) > len(fn.params) {
		return c.fail(at, "write `"+fn.usage+"`", "`%s` does not take %d values", name, len(args))
	}
	operands := make([]operand, len(args))
	out := operand{kinds: fn.result, elements: kText}
	for i, a := range args {
		o := c.compile(a)
		want := fn.params[min(i, len(fn.params)-1)]
		if !o.kinds.fits(want) {
			return c.fail(o.at, "write `"+fn.usage+"`", "`%s` takes %s here, not %s", name, want, o.kinds)
		}
		operands[i] = o
		if fn.same {
			out.kinds |= o.kinds
		}
		if o.elements != 0 {
			out.elements = o.elements
		}
	}
	out.eval = fn.with(c.scope, operands)
	if name == "today" {
		c.constant = false
		return out
	}
	return out.folded(operands...)
}

// with returns the function applied to its operands.
func (fn *function) with(sc *scope, operands []operand) evalFunc {
	if fn.unary != nil {
		operand, apply := operands[0].eval, fn.unary
		return func(f *frame) (value, error) {
			x, err := operand(f)
			if err == nil {
				err = f.spend(&x)
			}
			if err != nil {
				return value{}, err
			}
			return apply(sc, f, x)
		}
	}
	call := fn.call
	return func(f *frame) (value, error) {
		values := make([]value, len(operands))
		for i := range operands {
			x, err := operands[i].eval(f)
			if err == nil {
				err = f.spend(&x)
			}
			if err != nil {
				return value{}, err
			}
			values[i] = x
		}
		return call(sc, f, values)
	}
}

func (c *compiler) listCall(name string, args []ast.Node, at file.Location) operand {
	usage := "write `" + name + "(list, # == \"x\")`"
	if len(args) != 2 {
		return c.fail(at, usage, "`%s` takes a list and an expression over its elements", name)
	}
	if c.inPredicate {
		return c.fail(at, "join the two conditions with `and`, or compute one part in a rule of its own", "a list function cannot stand inside another one")
	}
	list := c.compile(args[0])
	if !list.kinds.fits(kList) {
		return c.fail(list.at, usage, "`%s` takes a list, not %s", name, list.kinds)
	}
	body := args[1]
	if p, ok := body.(*ast.PredicateNode); ok {
		body = p.Node
	}
	c.inPredicate, c.element = true, list.elements
	if c.element == 0 {
		c.element = kAll
	}
	each := c.compile(body)
	c.inPredicate = false
	if name != "map" && !each.kinds.fits(kBool) {
		return c.fail(each.at, usage, "`%s` needs true or false for each element, not %s", name, each.kinds)
	}
	out := operand{kinds: kBool}
	switch name {
	case "filter":
		out.kinds, out.elements = kList, list.elements
	case "map":
		out.kinds, out.elements = kList, each.kinds
	case "count":
		out.kinds = kNumber
	}
	out.eval = func(f *frame) (value, error) {
		x, err := list.eval(f)
		if err != nil {
			return value{}, err
		}
		return overList(name, x.items(), each.eval, f)
	}
	return out
}

func overList(name string, list []connectors.Value, each evalFunc, f *frame) (value, error) {
	outer := *f
	defer func() { f.element, f.index = outer.element, outer.index }()
	kept := make([]connectors.Value, 0, len(list))
	for i, item := range list {
		f.element, f.index = one(item), i
		if name == "map" {
			x, err := each(f)
			if err != nil {
				return value{}, err
			}
			if x.many() {
				return value{}, errors.New("a list cannot hold a list")
			}
			if err := f.spend(&x); err != nil {
				return value{}, err
			}
			if !x.isNull() {
				kept = append(kept, x.v)
			}
			continue
		}
		ok, err := truth(each, f)
		if err != nil {
			return value{}, err
		}
		if ok {
			kept = append(kept, item)
		}
	}
	switch name {
	case "any":
		return boolValue(len(kept) > 0), nil
	case "all":
		return boolValue(len(kept) == len(list)), nil
	case "none":
		return boolValue(len(kept) == 0), nil
	case "count":
		return one(connectors.Int(int64(len(kept)))), nil
	}
	return listValue(kept), nil
}

// onText makes a function that changes a text; null stays null.
func onText(change func(s string) string) func(*scope, *frame, value) (value, error) {
	return func(_ *scope, _ *frame, x value) (value, error) {
		if x.isNull() {
			return value{}, nil
		}
		return textValue(change(text(x.v))), nil
	}
}

// functions are those of the language, besides the ones over lists. It is set
// in init because the table refers to functions that look into it.
var functions []function

func init() {
	functions = slices.Concat(textFunctions, numberFunctions, dateFunctions, listHelpers)
}

var textFunctions = []function{
	{name: "lower", params: []kinds{kWords}, least: 1, result: kText | kNull, usage: "lower(text)", help: "In lower case.", unary: onText(strings.ToLower)},
	{name: "upper", params: []kinds{kWords}, least: 1, result: kText | kNull, usage: "upper(text)", help: "In upper case.", unary: onText(strings.ToUpper)},
	{name: "trim", params: []kinds{kWords}, least: 1, result: kText | kNull, usage: "trim(text)", help: "Without blanks around it.", unary: onText(strings.TrimSpace)},
	{
		name: "replace", params: []kinds{kWords, kText, kText}, least: 3, result: kText | kNull, usage: "replace(text, \"old\", \"new\")",
		help: "With every `old` replaced by `new`.", call: replaceAll,
	},
	{
		name: "split", params: []kinds{kWords, kText}, least: 2, result: kList, usage: "split(text, \", \")",
		help: "The parts of a text as a list, without blanks around them and without empty ones.", call: splitText,
	},
	{
		name: "join", params: []kinds{kList, kText}, least: 1, result: kText, usage: "join(list, \", \")",
		help: "The elements of a list as one text.", call: joinList,
	},
	{
		name: "text", params: []kinds{kAll &^ (kList | kSpan)}, least: 1, result: kText | kNull, usage: "text(value)",
		help: "The value as people read it: an option's label, a person's name, a day as 2026-12-24.",
		unary: func(_ *scope, _ *frame, x value) (value, error) {
			if x.isNull() {
				return value{}, nil
			}
			return textValue(x.v.String()), nil
		},
	},
	{
		name: "label", params: []kinds{kOption | kList}, least: 1, result: kText | kList | kNull, usage: "label(option)",
		help: "What people see of an option, or of each element of a list. Without it an option counts by its id.", unary: labels,
	},
	{
		name: "empty", params: []kinds{kAll &^ kSpan}, least: 1, result: kBool, usage: "empty(value)",
		help: "Whether there is nothing: no value, an empty text or list.",
		unary: func(_ *scope, _ *frame, x value) (value, error) {
			return boolValue(isEmpty(x)), nil
		},
	},
	{
		name: "default", params: []kinds{kAll &^ kSpan}, least: 2, more: true, same: true, usage: "default(value, other)",
		help: "The first of the values that is not empty. `a ?? b` is the same, but takes an empty text for a value.",
		call: func(_ *scope, _ *frame, args []value) (value, error) {
			for _, a := range args {
				if !isEmpty(a) {
					return a, nil
				}
			}
			return args[len(args)-1], nil
		},
	},
}

func isEmpty(x value) bool {
	return x.isNull() || !x.many() && x.kind() == kText && strings.TrimSpace(x.v.Text()) == ""
}

func replaceAll(_ *scope, _ *frame, args []value) (value, error) {
	if args[0].isNull() {
		return value{}, nil
	}
	s, old, with := text(args[0].v), text(args[1].v), text(args[2].v)
	if old == "" {
		return textValue(s), nil
	}
	if n := strings.Count(s, old); len(s)+n*(len(with)-len(old)) > maxResult {
		return value{}, errTooLong
	}
	return textValue(strings.ReplaceAll(s, old, with)), nil
}

func splitText(_ *scope, _ *frame, args []value) (value, error) {
	separator := text(args[1].v)
	if separator == "" {
		return value{}, errors.New("`split` needs a separator")
	}
	var list []connectors.Value
	for part := range strings.SplitSeq(text(args[0].v), separator) {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		if len(list) == maxList {
			return value{}, fmt.Errorf("`split` makes more than %d parts", maxList)
		}
		list = append(list, connectors.Text(part))
	}
	return listValue(list), nil
}

func joinList(_ *scope, _ *frame, args []value) (value, error) {
	separator := ", "
	if len(args) > 1 {
		separator = text(args[1].v)
	}
	var b strings.Builder
	for i, item := range args[0].items() {
		if i > 0 {
			b.WriteString(separator)
		}
		b.WriteString(text(item))
		if b.Len() > maxResult {
			return value{}, errTooLong
		}
	}
	return textValue(b.String()), nil
}

func labels(_ *scope, _ *frame, x value) (value, error) {
	if !x.many() {
		if x.isNull() {
			return value{}, nil
		}
		return textValue(x.v.String()), nil
	}
	list := make([]connectors.Value, 0, len(x.items()))
	for _, item := range x.items() {
		list = append(list, connectors.Text(item.String()))
	}
	return listValue(list), nil
}

var listHelpers = []function{
	{
		name: "len", params: []kinds{kWords | kList}, least: 1, result: kNumber, usage: "len(text)",
		help: "How many characters a text has, or elements a list.",
		unary: func(_ *scope, _ *frame, x value) (value, error) {
			if x.many() {
				return one(connectors.Int(int64(len(x.items())))), nil
			}
			return one(connectors.Int(int64(utf8.RuneCountInString(text(x.v))))), nil
		},
	},
	{
		name: "first", params: []kinds{kList}, least: 1, result: kText | kOption | kNull, usage: "first(list)",
		help: "The first element of a list, nil when it has none.",
		unary: func(_ *scope, _ *frame, x value) (value, error) {
			if len(x.items()) == 0 {
				return value{}, nil
			}
			return one(x.items()[0]), nil
		},
	},
	{
		name: "last", params: []kinds{kList}, least: 1, result: kText | kOption | kNull, usage: "last(list)",
		help: "The last element of a list, nil when it has none.",
		unary: func(_ *scope, _ *frame, x value) (value, error) {
			if len(x.items()) == 0 {
				return value{}, nil
			}
			return one(x.items()[len(x.items())-1]), nil
		},
	},
	{
		name: "concat", params: []kinds{kList}, least: 1, more: true, result: kList, usage: "concat(list, list)",
		help: "Several lists as one.",
		call: func(_ *scope, _ *frame, args []value) (value, error) {
			var list []connectors.Value
			for _, a := range args {
				if list = append(list, a.items()...); len(list) > maxList {
					return value{}, fmt.Errorf("the list has more than %d elements", maxList)
				}
			}
			return listValue(list), nil
		},
	},
}
