package mapping

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/apd/v3"

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

// mapRecord converts all fields of a record.
func mapRecord(tb testing.TB, m *Mapping, rec *connectors.Record) {
	for _, r := range m.Rules() {
		v, _, err := r.Value(Left, rec)
		if err != nil {
			tb.Fatal(err)
		}
		if _, _, err := r.Convert(Right, v); err != nil {
			tb.Fatal(err)
		}
	}
}

// byHand is what a careful script does with a map of typed values: the same 40
// fields, the same five computations, exact decimals, and the same text for
// equal numbers. It is what the compiled mapping is measured against.
type byHand struct {
	in    map[string]any
	names []string
}

func newByHand(tb testing.TB) *byHand {
	tb.Helper()
	amount, _, err := apd.NewFromString("12500.50")
	if err != nil {
		tb.Fatal(err)
	}
	values := []any{
		"Acme roll-out", amount, time.Date(2026, 9, 30, 0, 0, 0, 0, time.UTC),
		time.Date(2026, 3, 31, 22, 30, 0, 0, time.UTC), true,
	}
	h := &byHand{in: map[string]any{}}
	for i := range 40 {
		name := fmt.Sprintf("f%02d", i)
		h.in[name] = values[i%5]
		if i < 35 {
			h.names = append(h.names, name)
		}
	}
	return h
}

var thousand = apd.New(1000, 0)

func (h *byHand) run(tb testing.TB) map[string]any {
	out := make(map[string]any, 40)
	for _, n := range h.names {
		switch v := h.in[n].(type) {
		case string, *apd.Decimal, time.Time, bool:
			out[n] = v
		default:
			tb.Fatalf("%s has no type of ours", n)
		}
	}
	h.compute(tb, out)
	return out
}

// compute fills in the five computed fields.
func (h *byHand) compute(tb testing.TB, out map[string]any) {
	name, _ := h.in["f00"].(string)
	other, _ := h.in["f05"].(string)
	out["f35"] = strings.ToLower(name) + ": " + strings.TrimSpace(other)
	amount, _ := h.in["f01"].(*apd.Decimal)
	more, _ := h.in["f06"].(*apd.Decimal)
	var total apd.Decimal
	context := apd.BaseContext.WithPrecision(100)
	if _, err := context.Mul(&total, amount, apd.New(2, 0)); err != nil {
		tb.Fatal(err)
	}
	if _, err := context.Add(&total, &total, more); err != nil {
		tb.Fatal(err)
	}
	total.Reduce(&total)
	out["f36"] = total.Text('f')
	day, _ := h.in["f03"].(time.Time)
	due := time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, time.UTC)
	for n := 5; n > 0; {
		due = due.AddDate(0, 0, 1)
		if w := due.Weekday(); w != time.Saturday && w != time.Sunday {
			n--
		}
	}
	out["f37"] = due
	if yes, _ := h.in["f04"].(bool); yes {
		out["f38"] = h.in["f03"]
	} else {
		out["f38"] = h.in["f08"]
	}
	out["f39"] = amount.Cmp(thousand) > 0 && strings.HasPrefix(name, "Acme")
}

// kindOf tells the type of a field of the wide record, as a schema does.
func kindOf(name string) int { return int(name[2]-'0') % 5 }

// fromJSON fills a record from decoded JSON, as connectors do.
func fromJSON(tb testing.TB, in map[string]any) *connectors.Record {
	rec := &connectors.Record{}
	rec.Grow(len(in))
	for name, raw := range in {
		var v connectors.Value
		var err error
		switch x := raw.(type) {
		case bool:
			v = connectors.Bool(x)
		case json.Number:
			v, err = connectors.ParseNumber(x.String())
		case string:
			switch kindOf(name) {
			case 2:
				v, err = connectors.ParseDate(x)
			case 3:
				var at time.Time
				at, err = time.Parse(time.RFC3339, x)
				v = connectors.Instant(at)
			default:
				v = connectors.Text(x)
			}
		}
		if err != nil {
			tb.Fatal(err)
		}
		rec.Set(name, v)
	}
	return rec
}

// decoded is the wide record as decoded JSON.
func decoded() map[string]any {
	in := map[string]any{}
	for i := range 40 {
		in[fmt.Sprintf("f%02d", i)] = []any{"Acme roll-out", json.Number("12500.50"), "2026-09-30", "2026-03-31T22:30:00Z", true}[i%5]
	}
	return in
}

// jsonByHand does all in one pass over decoded JSON: each value gets its type,
// is checked, and goes out in its normal form.
func jsonByHand(tb testing.TB, in map[string]any, names []string) map[string]any {
	decimal := func(name string) *apd.Decimal {
		n, _ := in[name].(json.Number)
		d, _, err := apd.NewFromString(n.String())
		if err != nil {
			tb.Fatal(err)
		}
		return d
	}
	moment := func(layout, name string) time.Time {
		s, _ := in[name].(string)
		at, err := time.Parse(layout, s)
		if err != nil {
			tb.Fatal(err)
		}
		return at
	}
	out := make(map[string]any, 40)
	for _, n := range names {
		switch kindOf(n) {
		case 0:
			s, _ := in[n].(string)
			out[n] = strings.ReplaceAll(s, "\r\n", "\n")
		case 1:
			d := decimal(n)
			d.Reduce(d)
			out[n] = d.Text('f')
		case 2:
			out[n] = moment(time.DateOnly, n)
		case 3:
			out[n] = moment(time.RFC3339, n)
		case 4:
			yes, _ := in[n].(bool)
			out[n] = yes
		}
	}
	typed := byHand{names: nil, in: map[string]any{
		"f00": in["f00"], "f05": in["f05"], "f01": decimal("f01"), "f06": decimal("f06"),
		"f03": out["f03"], "f08": out["f08"], "f04": out["f04"],
	}}
	typed.compute(tb, out)
	return out
}

// BenchmarkRecord converts all 40 fields of a record.
func BenchmarkRecord(b *testing.B) {
	m, rec := wide(b)
	b.ReportAllocs()
	for b.Loop() {
		mapRecord(b, m, rec)
	}
}

// BenchmarkRecordByHand does the same by hand.
func BenchmarkRecordByHand(b *testing.B) {
	h := newByHand(b)
	b.ReportAllocs()
	for b.Loop() {
		h.run(b)
	}
}

// BenchmarkRatio runs both ways in turns and reports the mapping's time divided
// by that of the script: from decoded JSON, for which the goal is at most 1, and
// the rules alone, on values that have their types already.
func BenchmarkRatio(b *testing.B) {
	m, rec := wide(b)
	h := newByHand(b)
	in := decoded()
	b.Run("rules", func(b *testing.B) {
		ratio(b, func() { mapRecord(b, m, rec) }, func() { h.run(b) })
	})
	b.Run("from JSON", func(b *testing.B) {
		ratio(b, func() { mapRecord(b, m, fromJSON(b, in)) }, func() { jsonByHand(b, in, h.names) })
	})
}

// ratio reports the median of a's time divided by b's, over short turns.
func ratio(tb *testing.B, a, b func()) {
	const turns, each = 31, 500
	took := func(fn func()) float64 {
		start := time.Now()
		for range each {
			fn()
		}
		return time.Since(start).Seconds()
	}
	var ratios, as, bs []float64
	for tb.Loop() {
		for range turns {
			x, y := took(a), took(b)
			ratios, as, bs = append(ratios, x/y), append(as, x/each), append(bs, y/each)
		}
	}
	slices.Sort(ratios)
	slices.Sort(as)
	slices.Sort(bs)
	tb.ReportMetric(ratios[len(ratios)/2], "ratio")
	tb.ReportMetric(as[len(as)/2]*1e9, "tenon-ns")
	tb.ReportMetric(bs[len(bs)/2]*1e9, "hand-ns")
	tb.ReportMetric(0, "ns/op")
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
