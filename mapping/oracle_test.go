package mapping

import (
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tenonsync/tenon/connectors"
)

// The oracle is a second, plain evaluator: it computes over the tree that the
// generator drew, with rational numbers, and shares no code with the compiler.

type oracleValue struct {
	null bool
	num  *big.Rat
	text string
	yes  bool
}

type oracleRecord map[string]oracleValue

// oracleExpr is one drawn expression: its source, and its meaning.
type oracleExpr struct {
	source string
	eval   func(r oracleRecord) oracleValue
}

var oracleNull = oracleValue{null: true}

func drawLeaf(t *rapid.T, kind string) oracleExpr {
	fields := map[string][]string{
		"num":  {"amount", "hs_object_id"},
		"text": {"dealname", "contact_email", "project_status"},
		"bool": {"is_key"},
	}
	if rapid.Bool().Draw(t, "field") {
		name := rapid.SampledFrom(fields[kind]).Draw(t, "name")
		return oracleExpr{"deal." + name, func(r oracleRecord) oracleValue { return r[name] }}
	}
	switch kind {
	case "num":
		s := rapid.SampledFrom([]string{"0", "1", "2.5", "0.1", "1000000.01", "7"}).Draw(t, "number")
		n, _ := new(big.Rat).SetString(s)
		return oracleExpr{s, func(oracleRecord) oracleValue { return oracleValue{num: n} }}
	case "text":
		s := rapid.SampledFrom([]string{"", "a", "B c", "ä€", "x@y"}).Draw(t, "text")
		return oracleExpr{fmt.Sprintf("%q", s), func(oracleRecord) oracleValue { return oracleValue{text: s} }}
	}
	b := rapid.Bool().Draw(t, "bool")
	return oracleExpr{fmt.Sprint(b), func(oracleRecord) oracleValue { return oracleValue{yes: b} }}
}

func drawExpr(t *rapid.T, kind string, depth int) oracleExpr {
	if depth == 0 {
		return drawLeaf(t, kind)
	}
	sub := func(k string) oracleExpr { return drawExpr(t, k, depth-1) }
	switch shape := rapid.IntRange(0, 5).Draw(t, "shape"); {
	case shape == 0:
		return drawLeaf(t, kind)
	case shape == 1:
		cond, a, b := sub("bool"), sub(kind), sub(kind)
		return oracleExpr{"(" + cond.source + " ? " + a.source + " : " + b.source + ")", func(r oracleRecord) oracleValue {
			if cond.eval(r).yes {
				return a.eval(r)
			}
			return b.eval(r)
		}}
	case shape == 2:
		a, b := sub(kind), sub(kind)
		return oracleExpr{"(" + a.source + " ?? " + b.source + ")", func(r oracleRecord) oracleValue {
			if v := a.eval(r); !v.null {
				return v
			}
			return b.eval(r)
		}}
	case kind == "num":
		return drawNumber(t, sub)
	case kind == "text":
		return drawText(t, sub)
	}
	return drawBool(t, sub)
}

func drawNumber(t *rapid.T, sub func(string) oracleExpr) oracleExpr {
	if rapid.IntRange(0, 4).Draw(t, "len") == 0 {
		a := sub("text")
		return oracleExpr{"len(" + a.source + ")", func(r oracleRecord) oracleValue {
			return oracleValue{num: big.NewRat(int64(len([]rune(a.eval(r).text))), 1)}
		}}
	}
	op := rapid.SampledFrom([]string{"+", "-", "*"}).Draw(t, "op")
	a, b := sub("num"), sub("num")
	return oracleExpr{"(" + a.source + " " + op + " " + b.source + ")", func(r oracleRecord) oracleValue {
		x, y := a.eval(r), b.eval(r)
		if x.null || y.null {
			return oracleNull
		}
		out := new(big.Rat)
		switch op {
		case "+":
			out.Add(x.num, y.num)
		case "-":
			out.Sub(x.num, y.num)
		default:
			out.Mul(x.num, y.num)
		}
		return oracleValue{num: out}
	}}
}

func drawText(t *rapid.T, sub func(string) oracleExpr) oracleExpr {
	a := sub("text")
	if rapid.Bool().Draw(t, "lower") {
		return oracleExpr{"lower(" + a.source + ")", func(r oracleRecord) oracleValue {
			v := a.eval(r)
			v.text = strings.ToLower(v.text)
			return v
		}}
	}
	b := sub("text")
	return oracleExpr{"(" + a.source + " + " + b.source + ")", func(r oracleRecord) oracleValue {
		x, y := a.eval(r), b.eval(r)
		return oracleValue{null: x.null && y.null, text: x.text + y.text}
	}}
}

func drawBool(t *rapid.T, sub func(string) oracleExpr) oracleExpr {
	pair := func(op string, a, b oracleExpr, eval func(x, y oracleValue) bool) oracleExpr {
		return oracleExpr{"(" + a.source + " " + op + " " + b.source + ")", func(r oracleRecord) oracleValue {
			return oracleValue{yes: eval(a.eval(r), b.eval(r))}
		}}
	}
	switch rapid.IntRange(0, 6).Draw(t, "test") {
	case 0:
		return pair("<", sub("num"), sub("num"), func(x, y oracleValue) bool { return !x.null && !y.null && x.num.Cmp(y.num) < 0 })
	case 1:
		return pair(">=", sub("num"), sub("num"), func(x, y oracleValue) bool { return !x.null && !y.null && x.num.Cmp(y.num) >= 0 })
	case 2:
		return pair("==", sub("num"), sub("num"), func(x, y oracleValue) bool {
			return x.null && y.null || !x.null && !y.null && x.num.Cmp(y.num) == 0
		})
	case 3:
		return pair("!=", sub("text"), sub("text"), func(x, y oracleValue) bool { return x.null != y.null || x.text != y.text })
	case 4:
		return pair("contains", sub("text"), sub("text"), func(x, y oracleValue) bool {
			return !x.null && !y.null && strings.Contains(x.text, y.text)
		})
	case 5:
		op := rapid.SampledFrom([]string{"and", "or"}).Draw(t, "logic")
		return pair(op, sub("bool"), sub("bool"), func(x, y oracleValue) bool {
			if op == "and" {
				return x.yes && y.yes
			}
			return x.yes || y.yes
		})
	}
	a := sub("bool")
	return oracleExpr{"(not " + a.source + ")", func(r oracleRecord) oracleValue { return oracleValue{yes: !a.eval(r).yes} }}
}

// drawRecord draws a record twice: for the compiler and for the oracle.
func drawRecord(t *rapid.T) (*connectors.Record, oracleRecord) {
	rec, plain := &connectors.Record{}, oracleRecord{}
	put := func(name string, v connectors.Value, o oracleValue) {
		if rapid.IntRange(0, 3).Draw(t, "null") == 0 {
			v, o = connectors.Null, oracleNull
		}
		rec.Set(name, v)
		plain[name] = o
	}
	for _, name := range []string{"amount", "hs_object_id"} {
		s := rapid.SampledFrom([]string{"0", "-3", "12.50", "1e3", "0.0001"}).Draw(t, "n")
		n, _ := new(big.Rat).SetString(s)
		put(name, number64(s), oracleValue{num: n})
	}
	for _, name := range []string{"dealname", "contact_email", "project_status"} {
		s := rapid.SampledFrom([]string{"", "A b", "x@y", "ÄÖ"}).Draw(t, "s")
		put(name, connectors.Text(s), oracleValue{text: s})
	}
	b := rapid.Bool().Draw(t, "b")
	put("is_key", connectors.Bool(b), oracleValue{yes: b})
	return rec, plain
}

// TestExpressionsAgainstOracle compares the compiler with the plain evaluator.
func TestExpressionsAgainstOracle(t *testing.T) {
	sc := dealScope(t)
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom([]string{"num", "text", "bool"}).Draw(t, "kind")
		x := drawExpr(t, kind, rapid.IntRange(0, 4).Draw(t, "depth"))
		if len(x.source) > maxExpression {
			t.Skip("too long")
		}
		rec, plain := drawRecord(t)
		e, problems := compileExpression(x.source, sc)
		if len(problems) > 0 {
			t.Fatalf("%s: %v", x.source, problems)
		}
		v, err := e.run(rec, time.Time{})
		if err != nil {
			t.Fatalf("%s: %v", x.source, err)
		}
		want := x.eval(plain)
		if got, want := describeValue(v), describeOracle(kind, want); got != want {
			t.Fatalf("%s: got %s, want %s", x.source, got, want)
		}
	})
}

func describeValue(v value) string {
	switch v.kind() {
	case kNull:
		return "nil"
	case kNumber:
		n, _ := new(big.Rat).SetString(v.v.Number())
		return n.RatString()
	}
	return v.v.String()
}

func describeOracle(kind string, o oracleValue) string {
	switch {
	case o.null:
		return "nil"
	case kind == "num":
		return o.num.RatString()
	case kind == "text":
		return o.text
	}
	return fmt.Sprint(o.yes)
}
