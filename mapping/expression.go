package mapping

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"

	"github.com/tenonsync/tenon/connectors"
)

// The bounds of an expression. An expression visits each of its nodes once for
// a record, and those inside one list function once for each element, so that
// its steps are bounded by nodes times elements, and its work on texts by
// maxWork.
const (
	maxExpression = 4 << 10 // characters
	maxNodes      = 500
	maxResult     = 1 << 20  // bytes of a text that an expression makes
	maxList       = 10_000   // elements of a list that an expression makes
	maxWork       = 32 << 20 // bytes of text that one evaluation reads and makes
)

// scope is what an expression may refer to.
type scope struct {
	side     string // the side whose record it reads
	other    string // the side that it may not read
	schema   *connectors.Schema
	zone     *time.Location
	holidays map[int64]bool // midnights in UTC, seconds since 1970
	now      bool           // today() is allowed
}

// frame is one evaluation.
type frame struct {
	rec     *connectors.Record
	now     time.Time
	element value // what # stands for
	index   int   // what #index stands for
	work    int   // bytes of text so far
}

// spend counts the texts that a step reads or makes.
func (f *frame) spend(x *value) error {
	if f.work += len(x.v.Text()); f.work > maxWork {
		return fmt.Errorf("the expression works on more than %d MiB of text", maxWork>>20)
	}
	return nil
}

type evalFunc func(f *frame) (value, error)

// operand is a compiled part of an expression.
type operand struct {
	eval     evalFunc
	kinds    kinds
	elements kinds             // of a list
	field    *connectors.Field // when it is a field and nothing else
	literal  *string           // when it is a text literal
	constant bool              // it gives the same value for all records
	joined   []evalFunc        // when it joins texts: the parts
	at       file.Location
}

// folded works out once, and not for each record, what constants give.
func (o operand) folded(from ...operand) operand {
	for i := range from {
		if !from[i].constant {
			return o
		}
	}
	x, err := o.eval(&frame{})
	if err != nil {
		return o // it fails on each record, with its reason
	}
	o.eval, o.constant = func(*frame) (value, error) { return x, nil }, true
	return o
}

// expression is a compiled expression.
type expression struct {
	operand
	source string
	needs  []string  // the API names of the fields that it reads
	leaves []operand // the operands that may be its result
	scope  *scope    // what it was compiled for
}

// exprProblem is something wrong at an offset (in characters) of an expression.
type exprProblem struct {
	offset, width int
	message, hint string
}

// missingError says that a field could not be read, so that nothing can be
// computed: neither true nor false, neither empty nor full.
type missingError struct {
	field    string
	presence connectors.Presence
}

func (e *missingError) Error() string {
	if e.presence == connectors.Hidden {
		return fmt.Sprintf("the account may not read `%s`", e.field)
	}
	return fmt.Sprintf("`%s` was not read", e.field)
}

// compiler turns a syntax tree into closures and collects problems.
type compiler struct {
	*scope
	source      []rune
	needs       map[string]bool
	problems    []exprProblem
	inPredicate bool
	element     kinds
	constant    bool
}

// compileExpression checks and compiles an expression. The expression is nil
// exactly when there are problems.
func compileExpression(source string, sc *scope) (*expression, []exprProblem) {
	if utf8.RuneCountInString(source) > maxExpression {
		return nil, []exprProblem{{0, 1, fmt.Sprintf("the expression is longer than %d characters", maxExpression), "move parts of it into fields of the system"}}
	}
	tree, problem := parseExpression(source)
	if problem != nil {
		return nil, []exprProblem{*problem}
	}
	c := &compiler{scope: sc, source: []rune(source), needs: map[string]bool{}, constant: true}
	root := c.compile(tree.Node)
	if len(c.problems) > 0 {
		return nil, c.problems
	}
	root.constant = c.constant
	e := &expression{operand: root, source: source, scope: sc}
	for name := range c.needs {
		e.needs = append(e.needs, name)
	}
	slices.Sort(e.needs)
	e.leaves = c.results(tree.Node)
	return e, nil
}

func parseExpression(source string) (tree *parser.Tree, problem *exprProblem) {
	defer func() {
		// The parser is foreign code that reads what people wrote.
		if r := recover(); r != nil {
			tree, problem = nil, &exprProblem{0, 1, "the expression cannot be read", expressionHint}
		}
	}()
	config := conf.CreateNew()
	config.MaxNodes = maxNodes
	tree, err := parser.ParseWithConfig(source, config)
	if err == nil {
		return tree, nil
	}
	p := &exprProblem{message: err.Error(), width: 1}
	var at *file.Error
	if errors.As(err, &at) {
		p.message, p.offset, p.width = at.Message, at.From, max(1, at.To-at.From)
	}
	p.message = "the expression cannot be read: " + plainWords(p.message)
	switch {
	case strings.Contains(source, " = "):
		p.hint = "compare with `==`"
	case strings.HasSuffix(p.message, "it ends too early") && strings.Count(source, "(") > strings.Count(source, ")"):
		p.hint = bracketHint
	default:
		p.hint = expressionHint
	}
	return nil, p
}

var parserToken = regexp.MustCompile(`(?:token )?\b(?:Operator|Identifier|Number|String|Bracket)\((".*")\)`)

// plainWords puts what the parser says about tokens into words for people.
func plainWords(message string) string {
	message = parserToken.ReplaceAllStringFunc(message, func(m string) string {
		quoted := parserToken.FindStringSubmatch(m)[1]
		if token, err := strconv.Unquote(quoted); err == nil {
			return "`" + token + "`"
		}
		return quoted
	})
	return strings.Replace(message, "unexpected token EOF", "it ends too early", 1)
}

// What people are told who wrote something that the language has not.
const (
	expressionHint = "docs/mapping.md lists what an expression may hold"
	bracketHint    = "close the bracket"
	conditionHint  = "compare it: `… == \"x\"`, or ask whether it is there: `… != nil`"
)

func (c *compiler) fail(at file.Location, hint, format string, args ...any) operand {
	width := max(1, at.To-at.From)
	c.problems = append(c.problems, exprProblem{at.From, width, fmt.Sprintf(format, args...), hint})
	return operand{kinds: kAll, at: at, eval: func(*frame) (value, error) { return value{}, nil }}
}

// results lists the operands that may become the expression's value: the
// branches of conditions, and both sides of `??`.
func (c *compiler) results(n ast.Node) []operand {
	switch n := n.(type) {
	case *ast.ConditionalNode:
		return append(c.results(n.Exp1), c.results(n.Exp2)...)
	case *ast.BinaryNode:
		if n.Operator == "??" {
			return append(c.results(n.Left), c.results(n.Right)...)
		}
	}
	return []operand{c.compile(n)}
}

func (c *compiler) compile(n ast.Node) operand {
	o := c.node(n)
	o.at = n.Location()
	return o
}

func (c *compiler) node(n ast.Node) operand {
	switch n := n.(type) {
	case *ast.NilNode:
		return fixed(value{}, kNull)
	case *ast.BoolNode:
		return fixed(boolValue(n.Value), kBool)
	case *ast.IntegerNode:
		return fixed(one(connectors.Int(int64(n.Value))), kNumber)
	case *ast.FloatNode:
		return c.float(n)
	case *ast.StringNode:
		o := fixed(textValue(n.Value), kText)
		o.literal = &n.Value
		return o
	case *ast.ArrayNode:
		return c.array(n)
	case *ast.UnaryNode:
		return c.unary(n)
	case *ast.BinaryNode:
		return c.binary(n)
	case *ast.ConditionalNode:
		return c.conditional(n)
	case *ast.ChainNode:
		return c.compile(n.Node)
	case *ast.MemberNode:
		return c.member(n)
	case *ast.SliceNode:
		return c.slice(n)
	case *ast.IdentifierNode:
		return c.identifier(n)
	case *ast.PointerNode:
		return c.pointer(n)
	case *ast.BuiltinNode:
		return c.call(n.Name, n.Arguments, n.Location())
	case *ast.CallNode:
		if id, ok := n.Callee.(*ast.IdentifierNode); ok {
			return c.call(id.Value, n.Arguments, id.Location())
		}
	}
	return c.fail(n.Location(), expressionHint, "this form of expression is not part of the mapping language")
}

func fixed(x value, k kinds) operand {
	return operand{kinds: k, constant: true, eval: func(*frame) (value, error) { return x, nil }}
}

// float keeps the digits as they are written: 0.1 is exact.
func (c *compiler) float(n *ast.FloatNode) operand {
	at := n.Location()
	if at.From < 0 || at.To > len(c.source) || at.From >= at.To {
		return c.fail(at, "write it in digits: 12.50", "the number cannot be read")
	}
	v, err := connectors.ParseNumber(strings.ReplaceAll(string(c.source[at.From:at.To]), "_", ""))
	if err != nil {
		return c.fail(at, "write it in digits: 12.50", "%v", err)
	}
	return fixed(one(v), kNumber)
}

func (c *compiler) array(n *ast.ArrayNode) operand {
	parts := make([]evalFunc, len(n.Nodes))
	var elements kinds
	for i, item := range n.Nodes {
		o := c.compile(item)
		if o.kinds&^kNull == kList {
			return c.fail(o.at, "join lists with `concat(a, b)`", "a list cannot hold a list")
		}
		parts[i], elements = o.eval, elements|o.kinds
	}
	return operand{kinds: kList, elements: elements, eval: func(f *frame) (value, error) {
		list := make([]connectors.Value, 0, len(parts))
		for _, p := range parts {
			x, err := p(f)
			if err != nil {
				return value{}, err
			}
			if !x.isNull() {
				list = append(list, x.v)
			}
		}
		return listValue(list), nil
	}}
}

func (c *compiler) conditional(n *ast.ConditionalNode) operand {
	cond, yes, no := c.compile(n.Cond), c.compile(n.Exp1), c.compile(n.Exp2)
	if !cond.kinds.fits(kBool) {
		return c.fail(cond.at, conditionHint, "a condition is true or false, not %s", cond.kinds)
	}
	return operand{
		kinds: yes.kinds | no.kinds, elements: yes.elements | no.elements,
		eval: func(f *frame) (value, error) {
			ok, err := truth(cond.eval, f)
			if err != nil {
				return value{}, err
			}
			if ok {
				return yes.eval(f)
			}
			return no.eval(f)
		},
	}
}

// truth evaluates a condition; null counts as false.
func truth(eval evalFunc, f *frame) (bool, error) {
	x, err := eval(f)
	if err != nil {
		return false, err
	}
	if k := x.kind(); k != kBool && k != kNull {
		return false, fmt.Errorf("the condition is %s, not true or false", k)
	}
	return x.v.Bool(), nil
}

func (c *compiler) identifier(n *ast.IdentifierNode) operand {
	switch n.Value {
	case c.side:
		return c.fail(n.Location(), "name one of its fields: `"+c.side+".FIELD`", "`%s` is a record, not a value", n.Value)
	case c.other:
		return c.failOther(n.Location())
	case "null":
		return c.fail(n.Location(), "write `nil`", "there is no name `null`")
	}
	if f := c.schema.Find(n.Value); len(f) > 0 {
		return c.fail(n.Location(), "write `"+c.side+"."+n.Value+"`", "there is no name `%s`", n.Value)
	}
	hint := didYouMean(n.Value, []string{c.side, "true", "false", "nil"})
	if hint == "" {
		hint = "a text stands in quotes; a field is written `" + c.side + ".FIELD`"
	}
	return c.fail(n.Location(), hint, "there is no name `%s`", n.Value)
}

func (c *compiler) failOther(at file.Location) operand {
	return c.fail(at, "use fields of `"+c.side+"`", "the record of `%s` cannot be read here: only `%s` can", c.other, c.side)
}

func (c *compiler) pointer(n *ast.PointerNode) operand {
	c.constant = false
	switch {
	case !c.inPredicate:
		return c.fail(n.Location(), "write `any(list, # == \"x\")`", "`#` stands for an element and only has a meaning inside `filter`, `map`, `any`, `all`, `none` and `count`")
	case n.Name == "index":
		return operand{kinds: kNumber, eval: func(f *frame) (value, error) { return one(connectors.Int(int64(f.index))), nil }}
	case n.Name != "":
		return c.fail(n.Location(), "there are `#` and `#index`", "there is no `#%s`", n.Name)
	}
	return operand{kinds: c.element, eval: func(f *frame) (value, error) { return f.element, nil }}
}

// run evaluates the expression on a record.
func (e *expression) run(rec *connectors.Record, now time.Time) (value, error) {
	f := frames.Get().(*frame)
	f.rec, f.now = rec, now
	x, err := e.eval(f)
	*f = frame{}
	frames.Put(f)
	return x, err
}

// frames saves the garbage of a frame for each evaluation.
var frames = sync.Pool{New: func() any { return new(frame) }}
