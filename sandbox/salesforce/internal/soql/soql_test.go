package soql

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestParse(t *testing.T) {
	q, err := Parse(`SELECT Id, Account.Name, (SELECT Id FROM Contacts LIMIT 2), COUNT(Id) n, TYPEOF What WHEN Account THEN Name, Phone ELSE Id END
FROM Opportunity o WHERE (Name LIKE 'a\_%' OR Amount >= -1.5e3) AND NOT IsWon = TRUE AND Id NOT IN ('x', 'y')
GROUP BY Name ORDER BY Name DESC, Amount NULLS LAST LIMIT 10 OFFSET 5 ALL ROWS`)
	if err != nil {
		t.Fatal(err)
	}
	want := &Query{
		From: "Opportunity", Alias: "o", Limit: 10, Offset: 5, AllRows: true,
		Fields: []Field{
			{Path: []string{"Id"}},
			{Path: []string{"Account", "Name"}},
			{Sub: &Query{From: "Contacts", Fields: []Field{{Path: []string{"Id"}}}, Limit: 2, Offset: -1}},
			{Path: []string{"Id"}, Func: "COUNT", Alias: "n"},
			{Type: &TypeOf{Relation: "What", When: []TypeWhen{{"Account", []Field{{Path: []string{"Name"}}, {Path: []string{"Phone"}}}}}, Else: []Field{{Path: []string{"Id"}}}}},
		},
		Where: And{
			Or{
				&Compare{Left: Field{Path: []string{"Name"}}, Op: "LIKE", Values: []Value{{Kind: Text, Text: "a_%", Like: `a\_%`}}},
				&Compare{Left: Field{Path: []string{"Amount"}}, Op: ">=", Values: []Value{{Kind: Number, Text: "-1.5e3"}}},
			},
			Not{&Compare{Left: Field{Path: []string{"IsWon"}}, Op: "=", Values: []Value{{Kind: Bool, Text: "TRUE"}}}},
			&Compare{Left: Field{Path: []string{"Id"}}, Op: "NOT IN", Values: []Value{{Kind: Text, Text: "x", Like: "x"}, {Kind: Text, Text: "y", Like: "y"}}},
		},
		GroupBy: []Field{{Path: []string{"Name"}}},
		OrderBy: []Order{{Field: Field{Path: []string{"Name"}}, Desc: true, NullsLast: true}, {Field: Field{Path: []string{"Amount"}}, NullsLast: true}},
	}
	ignore := []cmp.Option{cmpopts.IgnoreFields(Query{}, "Text", "FromPos"), cmpopts.IgnoreFields(Field{}, "Pos"), cmpopts.IgnoreFields(Value{}, "Pos")}
	if diff := cmp.Diff(want, q, ignore...); diff != "" {
		t.Errorf("query (-want +got):\n%s", diff)
	}
}

func TestValues(t *testing.T) {
	for text, want := range map[string]Value{
		`'it\'s \\ \n \u0041'`:        {Kind: Text, Text: "it's \\ \n A"},
		`2026-03-08`:                  {Kind: Date, Text: "2026-03-08"},
		`2026-03-08T01:02:03Z`:        {Kind: DateTime, Text: "2026-03-08T01:02:03Z"},
		`2026-03-08T01:02:03.5+01:00`: {Kind: DateTime, Text: "2026-03-08T01:02:03.5+01:00"},
		`last_n_days:7`:               {Kind: DateWord, Text: "LAST_N_DAYS", N: 7},
		`today`:                       {Kind: DateWord, Text: "TODAY"},
		`null`:                        {Kind: Null, Text: "NULL"},
		`false`:                       {Kind: Bool, Text: "FALSE"},
		`.5`:                          {Kind: Number, Text: ".5"},
	} {
		x, err := ParseWhere("F = " + text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got := x.(*Compare).Values[0]
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(Value{}, "Pos", "Like")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for _, c := range []struct{ query, want string }{
		{"SELECT FROM X", "unexpected token: 'FROM'"},
		{"SELECT Id, FROM X", "unexpected token: 'FROM'"},
		{"SELECT Id", "unexpected token: '<EOF>'"},
		{"SELECT Id FROM X WHERE a = 1 AND b = 2 OR c = 3", "unexpected token: 'OR'"},
		{"SELECT Id FROM X WHERE a = 1 OR b = 2 AND c = 3", "unexpected token: 'AND'"},
		{"SELECT Id FROM X WHERE (a = 1", "unexpected token: '<EOF>'"},
		{`SELECT Id FROM X WHERE a = 'b\q'`, `Illegal character sequence '\q' in string literal.`},
		{"SELECT Id FROM X WHERE a = 'b", "unexpected token: '''"},
		{"SELECT Id FROM X WHERE a = b", "unexpected token: 'b'"},
		{"SELECT Id FROM X LIMIT -1", "unexpected token: '-1'"},
		{"SELECT Id FROM X WHERE a == 1", "unexpected token: '='"},
		{"SELECT Id FROM X; DROP", "no viable alternative at character ';'"},
		{"SELECT (SELECT (SELECT Id FROM Z) FROM Y) FROM X", "unexpected token: '('"},
		{"UPDATE X", "unexpected token: 'UPDATE'"},
		{"SELECT Id FROM X WHERE d = 2026-03-08T01:02:03", "a time needs its zone"},
		{"SELECT Id FROM X WHERE " + strings.Repeat("(", 100) + "a=1" + strings.Repeat(")", 100), "too complicated"},
	} {
		_, err := Parse(c.query)
		if err == nil || !strings.Contains(err.Text, c.want) {
			t.Errorf("%s: got %v, want %q", c.query, err, c.want)
		}
	}
}

func TestPointed(t *testing.T) {
	_, err := Parse("SELECT Id,Name\nFROM X WHERE a = 1 AND b = 2 OR c = 3")
	want := "\nme FROM X WHERE a = 1 AND b = 2 OR c = 3\n                                ^\nERROR at Row:2:Column:30\nunexpected token: 'OR'"
	if err == nil || err.Text != want {
		t.Errorf("got %v, want %q", err, want)
	}
}

func TestSpan(t *testing.T) {
	now := time.Date(2026, 3, 12, 15, 4, 5, 0, time.UTC) // a Thursday
	day := func(m time.Month, d int) time.Time { return time.Date(2026, m, d, 0, 0, 0, 0, time.UTC) }
	for _, c := range []struct {
		word     string
		n        int
		from, to time.Time
	}{
		{"TODAY", 0, day(3, 12), day(3, 13)},
		{"YESTERDAY", 0, day(3, 11), day(3, 12)},
		{"LAST_N_DAYS", 1, day(3, 11), day(3, 13)},
		{"NEXT_N_DAYS", 2, day(3, 13), day(3, 15)},
		{"N_DAYS_AGO", 2, day(3, 10), day(3, 11)},
		{"THIS_WEEK", 0, day(3, 8), day(3, 15)},
		{"LAST_WEEK", 0, day(3, 1), day(3, 8)},
		{"LAST_N_WEEKS", 2, day(2, 22), day(3, 8)},
		{"N_WEEKS_AGO", 2, day(2, 22), day(3, 1)},
		{"NEXT_MONTH", 0, day(4, 1), day(5, 1)},
		{"LAST_N_MONTHS", 2, day(1, 1), day(3, 1)},
		{"THIS_QUARTER", 0, day(1, 1), day(4, 1)},
		{"NEXT_FISCAL_QUARTER", 0, day(4, 1), day(7, 1)},
		{"THIS_YEAR", 0, day(1, 1), day(13, 1)},
		{"N_MONTHS_AGO", 1, day(2, 1), day(3, 1)},
	} {
		from, to := Span(c.word, c.n, now)
		if !from.Equal(c.from) || !to.Equal(c.to) {
			t.Errorf("%s:%d: got %v to %v, want %v to %v", c.word, c.n, from, to, c.from, c.to)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, q := range []string{
		"SELECT Id FROM Account", "SELECT COUNT() FROM X WHERE a = 'b\\'' AND (c != null OR d IN (1,2))", "SELECT FIELDS(ALL) FROM X LIMIT 200",
		"SELECT Id, (SELECT Id FROM Y) FROM X WHERE d > LAST_N_DAYS:3 ORDER BY a.b NULLS FIRST", "SELECT TYPEOF a WHEN B THEN c END FROM X", "SELECT 'é\\u00e9",
	} {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, text string) {
		q, err := Parse(text)
		switch {
		case err != nil && (err.Code == "" || err.Text == ""):
			t.Errorf("an error without words: %+v", err)
		case err == nil && (q.From == "" || !q.Count && len(q.Fields) == 0):
			t.Errorf("a query of nothing: %+v", q)
		}
	})
}
