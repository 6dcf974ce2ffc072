package connectors_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/connectors"
)

func number(t testing.TB, s string) connectors.Value {
	t.Helper()
	v, err := connectors.ParseNumber(s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func money(t testing.TB, amount, currency string) connectors.Value {
	t.Helper()
	v, err := connectors.Money(amount, currency)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestNumbersHaveOneForm(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"0": "0", "-0": "0", "0.00": "0", "0e10": "0", "1": "1", "01": "1", "+1": "1", " 12.50 ": "12.5", "1e3": "1000",
		"1000": "1000", "-1.5E-2": "-0.015", "123456789012345678901234567890.5": "123456789012345678901234567890.5", ".5": "0.5",
	} {
		if got := number(t, in).Number(); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
	for _, in := range []string{"", "x", "1,5", "NaN", "Infinity", "-inf", "1e999999999", "1e1000", "1e-2000", "1e-1000", "0x10", "1 000", strings.Repeat("9", 1001)} {
		if v, err := connectors.ParseNumber(in); err == nil {
			t.Errorf("%.20q is the number %.20q", in, v)
		}
	}
}

// same lists values that are equal within a row, and differ between rows.
func same(t *testing.T) [][]connectors.Value {
	t.Helper()
	at := time.Date(2026, 3, 29, 1, 30, 0, 123456789, time.UTC)
	a, b := connectors.Option{ID: "1", Label: "One"}, connectors.Option{ID: "2", Label: "Two"}
	return [][]connectors.Value{
		{connectors.Null, connectors.Choices(), connectors.Labels(), connectors.PersonValue(connectors.Person{Name: "x"})},
		{connectors.Text("")},
		{connectors.Text("a\nb"), connectors.Text("a\r\nb"), connectors.Text("a\rb")},
		{connectors.Text("A\nb")},
		{connectors.RichText("a\nb"), connectors.RichText("a\r\nb")},
		{number(t, "1"), number(t, "1.0"), connectors.Int(1)},
		{number(t, "-1"), connectors.Int(-1)},
		{connectors.Text("1")},
		{connectors.Bool(true)},
		{connectors.Bool(false)},
		{connectors.Date(2026, 3, 29), connectors.DateOf(at), connectors.Date(2026, 2, 57)},
		{connectors.Date(1969, 12, 31)},
		{connectors.Date(1970, 1, 1)},
		{connectors.Instant(at), connectors.Instant(at.Truncate(time.Microsecond)), connectors.Instant(at.In(time.FixedZone("east", 7200)))},
		{connectors.Instant(at.Add(time.Microsecond))},
		{connectors.Choice(a), connectors.Choice(connectors.Option{ID: "1", Label: "Renamed"})},
		{connectors.Choice(b)},
		{connectors.Choices(a, b), connectors.Choices(b, a, b)},
		{connectors.Choices(a)},
		{connectors.Labels("1,2")},
		{connectors.Labels("12"), connectors.Choices(connectors.Option{ID: "12"})},
		{connectors.PersonValue(connectors.Person{ID: "u1", Email: "A@x.org"}), connectors.PersonValue(connectors.Person{ID: "u1"})},
		{connectors.PersonValue(connectors.Person{Email: "A@x.org"}), connectors.PersonValue(connectors.Person{Email: " a@X.org", Name: "Ann"})},
		{connectors.Reference("deal", "1", "Bridge"), connectors.Reference("deal", "1", "")},
		{connectors.Reference("task", "1", "Bridge")},
		{money(t, "1.50", "EUR"), money(t, "1.5", "eur")},
		{money(t, "1.5", "USD")},
		{money(t, "1.5", "")},
		{connectors.FileValue(connectors.File{ID: "f", Name: "a"}), connectors.FileValue(connectors.File{ID: "f", Size: 3})},
		{connectors.FileValue(connectors.File{Name: "ab", URL: "c"})},
		{connectors.FileValue(connectors.File{Name: "a", URL: "bc"})},
	}
}

func TestEqualGoesByTheNormalForm(t *testing.T) {
	t.Parallel()
	rows := same(t)
	for i, row := range rows {
		for _, a := range row {
			for j, other := range rows {
				for _, b := range other {
					forms := bytes.Equal(connectors.AppendCanonical(nil, a), connectors.AppendCanonical(nil, b))
					if got, want := connectors.Equal(a, b), i == j; got != want || forms != want {
						t.Errorf("%v %q and %v %q: equal %v, same form %v; want %v", a.Type(), a, b.Type(), b, got, forms, want)
					}
				}
			}
		}
	}
}

func TestStoredValuesComeBack(t *testing.T) {
	t.Parallel()
	for _, row := range same(t) {
		for _, v := range row {
			got, err := connectors.DecodeValue(connectors.EncodeValue(v))
			if err != nil || !connectors.Equal(got, v) || got.String() != v.String() {
				t.Errorf("%v %q came back as %v %q, %v", v.Type(), v, got.Type(), got, err)
			}
			for n, data := 0, connectors.EncodeValue(v); n < len(data); n++ {
				if got, err := connectors.DecodeValue(data[:n]); err == nil {
					t.Errorf("%v %q cut to %d of %d bytes is read as %q", v.Type(), v, n, len(data), got)
				}
			}
		}
	}
}

func TestStoredTextsKeepTheirBytes(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "caf\xe9", "\xff\xfe\x00", "a\ufffdb", "\u2028 <&>"} {
		for _, v := range []connectors.Value{
			connectors.Text(s), connectors.Choice(connectors.Option{ID: s, Label: s}),
			connectors.Choices(connectors.Option{ID: s, Label: s}, connectors.Option{ID: s + "b"}),
		} {
			got, err := connectors.DecodeValue(connectors.EncodeValue(v))
			if err != nil || !connectors.Equal(got, v) || got.String() != v.String() {
				t.Errorf("%q came back as %q, %v", v, got, err)
			}
		}
	}
}

func TestDatesOfAnyCentury(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"0001-01-01", "1582-10-15", "1899-12-30", "1969-12-31", "1970-01-01", "2000-02-29", "9999-12-31"} {
		v, err := connectors.ParseDate(s)
		if err != nil || v.String() != s {
			t.Errorf("%s is read as %s, %v", s, v, err)
		}
	}
	for _, s := range []string{"", "2026-02-30", "2026-2-3", "29.03.2026", "2026-03-29T00:00:00Z"} {
		if v, err := connectors.ParseDate(s); err == nil {
			t.Errorf("%q is read as %s", s, v)
		}
	}
}

func TestRecordsKeepTheThreePresencesApart(t *testing.T) {
	t.Parallel()
	var r connectors.Record
	r.Set("cleared", connectors.Null)
	r.Set("told", connectors.Text("x"))
	r.Set("hidden", connectors.Text("seen before"))
	r.Hide("hidden")
	c := r.Clone()
	r.Set("told", connectors.Text("y"))
	r.Set("late", connectors.Text("z"))
	got := map[string]string{}
	for _, field := range []string{"cleared", "told", "hidden", "late"} {
		v, p := c.Get(field)
		got[field] = p.String() + " " + v.String()
	}
	want := map[string]string{"cleared": "present ", "told": "present x", "hidden": "hidden ", "late": "absent "}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("clone (-want +got):\n%s", diff)
	}
}

func TestRefs(t *testing.T) {
	t.Parallel()
	ref := connectors.Ref{Connection: "acme", Object: "issues", ID: "org/repo/12"}
	if got, err := connectors.ParseRef(ref.String()); err != nil || got != ref {
		t.Errorf("got %v, %v; want %v", got, err, ref)
	}
	for _, s := range []string{"", "acme", "acme/issues", "acme//1", "/issues/1", "acme/issues/"} {
		if got, err := connectors.ParseRef(s); err == nil {
			t.Errorf("%q names %v", s, got)
		}
	}
}

func FuzzDecodeValue(f *testing.F) {
	f.Add(connectors.EncodeValue(connectors.Choices(connectors.Option{ID: "1", Label: "One"}, connectors.Option{ID: "2", Label: "Two"})))
	f.Add(connectors.EncodeValue(connectors.Text("caf\xe9")))
	f.Add([]byte{1, 99})
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := connectors.DecodeValue(data)
		if err != nil {
			return
		}
		again, err := connectors.DecodeValue(connectors.EncodeValue(v))
		if err != nil || !connectors.Equal(v, again) {
			t.Errorf("%q became %q, %v", v, again, err)
		}
	})
}

func FuzzParseNumber(f *testing.F) {
	for _, s := range []string{"12.50", "-1e3", "1e1000", "0.000", "1e-1000", "٣"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := connectors.ParseNumber(s)
		if err != nil {
			return
		}
		again := number(t, v.Number())
		if again.Number() != v.Number() || len(v.Number()) > 1000 {
			t.Errorf("%q is %.40q, then %.40q", s, v.Number(), again.Number())
		}
	})
}
