package mapping

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// wide is a mapping of 40 fields, five of them expressions, and a record.
func wide(tb testing.TB) (*Mapping, *connectors.Record) {
	tb.Helper()
	left, right := &connectors.Schema{Object: "deals"}, &connectors.Schema{Object: "issue"}
	rec := &connectors.Record{}
	types := []connectors.Type{connectors.TypeText, connectors.TypeNumber, connectors.TypeDate, connectors.TypeInstant, connectors.TypeBool}
	values := []connectors.Value{
		connectors.Text("Acme roll-out"), number64("12500.50"), connectors.Date(2026, 9, 30),
		connectors.Instant(time.Date(2026, 3, 31, 22, 30, 0, 0, time.UTC)), connectors.Bool(true),
	}
	var rules strings.Builder
	for i := range 40 {
		name := fmt.Sprintf("f%02d", i)
		left.Fields = append(left.Fields, field(name, name, types[i%5]))
		right.Fields = append(right.Fields, field(name, name, types[i%5]))
		rec.Set(name, values[i%5])
		if i < 35 {
			fmt.Fprintf(&rules, "  - {deal: %s, epic: %s}\n", name, name)
		}
	}
	rules.WriteString(`
  - {epic: f35, set: 'lower(deal.f00) + ": " + trim(deal.f05)'}
  - {epic: f36, set: deal.f01 * 2 + deal.f06}
  - {epic: f37, set: date(deal.f03) + workdays(5)}
  - {epic: f38, set: 'deal.f04 ? deal.f03 : deal.f08'}
  - {epic: f39, set: 'deal.f01 > 1000 and deal.f00 startsWith "Acme"'}
`)
	return compileText(tb, head+rules.String(), Env{Schemas: [2]*connectors.Schema{left, right}}), rec
}

// BenchmarkRecord converts all 40 fields of a record.
func BenchmarkRecord(b *testing.B) {
	m, rec := wide(b)
	b.ReportAllocs()
	for b.Loop() {
		for _, r := range m.Rules() {
			v, _, err := r.Value(Left, rec)
			if err != nil {
				b.Fatal(err)
			}
			if _, _, err := r.Convert(Right, v); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkRecordByHand does what a script of the company would do with
// decoded JSON: the same fields, no types, floating point.
func BenchmarkRecordByHand(b *testing.B) {
	in := map[string]any{}
	for i := range 40 {
		in[fmt.Sprintf("f%02d", i)] = []any{"Acme roll-out", 12500.5, "2026-09-30", "2026-03-31T22:30:00Z", true}[i%5]
	}
	names := make([]string, 35)
	for i := range names {
		names[i] = fmt.Sprintf("f%02d", i)
	}
	text := func(name string) string { s, _ := in[name].(string); return s }
	number := func(name string) float64 { f, _ := in[name].(float64); return f }
	b.ReportAllocs()
	for b.Loop() {
		out := make(map[string]any, 40)
		for _, n := range names {
			out[n] = in[n]
		}
		out["f35"] = strings.ToLower(text("f00")) + ": " + strings.TrimSpace(text("f05"))
		out["f36"] = number("f01")*2 + number("f06")
		t, err := time.Parse(time.RFC3339, text("f03"))
		if err != nil {
			b.Fatal(err)
		}
		out["f37"] = addWorkdays(t, 5, nil).Format(time.DateOnly)
		if in["f04"] == true {
			out["f38"] = in["f03"]
		}
		out["f39"] = number("f01") > 1000 && strings.HasPrefix(text("f00"), "Acme")
	}
}

// BenchmarkCompile reads and checks the shipped mapping.
func BenchmarkCompile(b *testing.B) {
	src := exampleFile(b)
	env := testEnv()
	b.ReportAllocs()
	for b.Loop() {
		f, _ := Parse("x.yaml", src)
		if m, problems := Compile(f, env); m == nil {
			b.Fatal(problems)
		}
	}
}

// TestPlainRulesAllocateNothing keeps the way of plain fields free of garbage.
func TestPlainRulesAllocateNothing(t *testing.T) {
	m, rec := wide(t)
	for _, r := range m.Rules()[:35] {
		n := testing.AllocsPerRun(200, func() {
			v, _, err := r.Value(Left, rec)
			if err == nil {
				_, _, err = r.Convert(Right, v)
			}
			if err != nil {
				t.Fatal(err)
			}
		})
		if n != 0 {
			t.Errorf("%s (%s): got %v allocations, want 0", r.Name(), r.TypeOf(Left), n)
		}
	}
}
