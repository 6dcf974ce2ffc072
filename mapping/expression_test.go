package mapping

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/connectors"
)

func dealScope(t testing.TB) *scope {
	t.Helper()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	return &scope{
		side: "deal", other: "epic", schema: dealSchema(), zone: berlin, now: true,
		holidays: map[int64]bool{time.Date(2026, 4, 3, 0, 0, 0, 0, time.UTC).Unix(): true},
	}
}

// shownValue writes a result with its kind: `text "x"`, `list [a b]`.
func shownValue(x value) string {
	if x.isNull() && !x.many() {
		return "nil"
	}
	s := x.shown()
	if x.kind() == kText {
		s = `"` + s + `"`
	}
	return x.kind().String() + " " + s
}

func TestExpressions(t *testing.T) {
	for source, want := range map[string]string{
		// literals and numbers
		`"a"`: `a text "a"`, `nil`: "nil", `true`: "true or false true", `12.50`: "a number 12.5",
		`0.1 + 0.2`:                   "a number 0.3",
		`deal.amount * 3`:             "a number 37501.5",
		`deal.amount / 3`:             "a number 4166.833333333333333333333333333333",
		`10 / 4`:                      "a number 2.5",
		`7 % 4`:                       "a number 3",
		`-7 % 4`:                      "a number -3",
		`9007199254740993 + 0.01`:     "a number 9007199254740993.01",
		`-deal.amount`:                "a number -12500.5",
		`round(deal.amount)`:          "a number 12501",
		`round(2.345, 2)`:             "a number 2.35",
		`round(-2.345, 2)`:            "a number -2.35",
		`floor(-2.5)`:                 "a number -3",
		`ceil(-2.5)`:                  "a number -2",
		`abs(-2.5)`:                   "a number 2.5",
		`min(3, deal.amount, 2)`:      "a number 2",
		`max(nil, 2)`:                 "a number 2",
		`number("12.50") * 2`:         "a number 25",
		`number(deal.project_url)`:    "nil",
		`deal.arr + 10`:               "a number 1000",
		`deal.arr.currency`:           `a text "EUR"`,
		`1 < 2 and 2 <= 2`:            "true or false true",
		`deal.amount > 10000`:         "true or false true",
		`deal.amount == 12500.500`:    "true or false true",
		`deal.amount in [1, 12500.5]`: "true or false true",
		// texts
		`deal.dealname + "!"`:                 `a text "Acme roll-out!"`,
		`lower(deal.dealname)`:                `a text "acme roll-out"`,
		`deal.dealname | upper()`:             `a text "ACME ROLL-OUT"`,
		`trim("  a ")`:                        `a text "a"`,
		`deal.dealname[0:4]`:                  `a text "Acme"`,
		`deal.dealname[-3:]`:                  `a text "out"`,
		`replace(deal.dealname, "Acme", "B")`: `a text "B roll-out"`,
		`deal.dealname contains "roll"`:       "true or false true",
		`deal.dealname matches "^A.*t$"`:      "true or false true",
		`deal.dealname startsWith "B"`:        "true or false false",
		`len("äöü")`:                          "a number 3",
		`text(deal.amount) + " EUR"`:          `a text "12500.5 EUR"`,
		`text(deal.closedate)`:                `a text "2026-03-31T22:30:00Z"`,
		// empty
		`deal.contact_email ?? "none"`:         `a text "none"`,
		`deal.contact_email == nil`:            "true or false true",
		`deal.dealname != nil`:                 "true or false true",
		`empty(deal.contact_email)`:            "true or false true",
		`default(deal.contact_email, "", "x")`: `a text "x"`,
		`"Dear " + deal.contact_email`:         `a text "Dear "`,
		`lower(deal.contact_email)`:            "nil",
		`nil == nil`:                           "true or false true",
		`deal.contact_email contains "@"`:      "true or false false",
		`number(deal.contact_email) * 2`:       "nil",
		`number(deal.contact_email) > 2`:       "true or false false",
		`not (number(deal.contact_email) > 2)`: "true or false true",
		// options, people
		`deal.dealstage == "closedwon"`:              "true or false true",
		`deal.dealstage == "Closed won"`:             "true or false true",
		`deal.dealstage in ["Closed won"]`:           "true or false true",
		`deal.dealstage not in ["closedlost"]`:       "true or false true",
		`label(deal.dealstage)`:                      `a text "Closed won"`,
		`deal.dealstage.label`:                       `a text "Closed won"`,
		`deal.dealstage.id`:                          `a text "closedwon"`,
		`lower(deal.dealtype)`:                       `a text "newbusiness"`,
		`deal.hubspot_owner_id.email`:                `a text "ada@example.com"`,
		`deal.hubspot_owner_id.name`:                 `a text "Ada Byron"`,
		`deal["Deal owner"].id`:                      `a text "77"`,
		`deal.hubspot_owner_id == "ADA@example.com"`: "true or false true",
		`deal.is_key ? "A" : "B"`:                    `a text "A"`,
		// records
		`deal.id`: `a text "1042"`, `deal.url`: `a text "https://crm.example/deals/1042"`, `deal.key`: "nil",
		// lists
		`["a", nil, lower("B")]`:                    "a list a, b",
		`join(deal.services, "+")`:                  `a text "delivery+design"`,
		`join(label(deal.services))`:                `a text "Delivery, Design"`,
		`"design" in deal.services`:                 "true or false true",
		`"Training" in deal.services`:               "true or false false",
		`filter(deal.services, # startsWith "del")`: "a list Delivery",
		`map(deal.services, upper(#))`:              "a list DELIVERY, DESIGN",
		`any(deal.services, # == "design")`:         "true or false true",
		`all(deal.services, # == "design")`:         "true or false false",
		`none(deal.services, # == "training")`:      "true or false true",
		`count(deal.services, #index > 0)`:          "a number 1",
		`len(deal.services)`:                        "a number 2",
		`first(deal.services)`:                      "an option Delivery",
		`deal.services[-1]`:                         "an option Design",
		`deal.services[7]`:                          "nil",
		`concat(deal.services, ["x"])`:              "a list Delivery, Design, x",
		`split(" a, ,b ", ",")`:                     "a list a, b",
		`split(deal.contact_email, ",")`:            "a list ",
		// dates: the close date is already April in Berlin
		`date(deal.closedate)`:                                               "a date 2026-04-01",
		`deal.closedate + days(1)`:                                           "an instant 2026-04-01T22:30:00Z",
		`date(deal.closedate) + workdays(2)`:                                 "a date 2026-04-06",
		`date(deal.closedate) - workdays(2)`:                                 "a date 2026-03-30",
		`days(2) + deal.expected_delivery`:                                   "a date 2026-10-02",
		`deal.expected_delivery - date("2026-09-01")`:                        "a number 29",
		`deal.expected_delivery > date(deal.closedate)`:                      "true or false true",
		`formatDate(deal.closedate, "dd.MM.yyyy HH:mm")`:                     `a text "01.04.2026 00:30"`,
		`year(deal.expected_delivery) * 100 + month(deal.expected_delivery)`: "a number 202609",
		`day(deal.closedate)`:                                                "a number 1",
		`at(deal.expected_delivery, "09:00")`:                                "an instant 2026-09-30T07:00:00Z",
		`today() + days(1)`:                                                  "a date 2026-04-03",
		`max(deal.expected_delivery, date("2027-01-01"))`:                    "a date 2027-01-01",
	} {
		t.Run(source, func(t *testing.T) {
			e, problems := compileExpression(source, dealScope(t))
			if len(problems) > 0 {
				t.Fatalf("problems: %v", problems)
			}
			x, err := e.run(aDeal(), time.Date(2026, 4, 2, 12, 0, 0, 0, time.UTC))
			if err != nil {
				t.Fatal(err)
			}
			if got := shownValue(x); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			if k := x.kind(); k != kNull && e.kinds&k == 0 {
				t.Errorf("the value is %s, the checker said %s", k, e.kinds)
			}
		})
	}
}

func TestExpressionFailures(t *testing.T) {
	for source, want := range map[string]string{
		`deal.amount / (deal.amount - 12500.5)`:     "division by zero",
		`number(deal.dealname)`:                     `"Acme roll-out" is not a number`,
		`date(deal.dealname)`:                       `"Acme roll-out" is not a date of the form YYYY-MM-DD`,
		`deal.hs_forecast + 1`:                      "the account may not read `hs_forecast`",
		`deal.region_a + ""`:                        "`region_a` was not read",
		`at(deal.expected_delivery, deal.dealname)`: "`Acme roll-out` is no time of day such as 09:00",
		`date("2026-01-01") + days(deal.amount)`:    "`12500.5` is not a whole number",
		`date("2026-01-01") + days(20000)`:          "20000 days are over the limit of 10000",
		`round(1.5, 200)`:                           "`round` keeps 0 to 100 decimal places",
		`split(deal.dealname, trim(" "))`:           "`split` needs a separator",
	} {
		t.Run(source, func(t *testing.T) {
			e, problems := compileExpression(source, dealScope(t))
			if len(problems) > 0 {
				t.Fatalf("problems: %v", problems)
			}
			_, err := e.run(aDeal(), time.Time{})
			if err == nil || err.Error() != want {
				t.Errorf("got %v, want %s", err, want)
			}
		})
	}
}

// TestExpressionBounds checks that what a record holds cannot make an
// expression costly.
func TestExpressionBounds(t *testing.T) {
	long := strings.Repeat("x", maxResult/2)
	rec := &connectors.Record{}
	rec.Set("dealname", connectors.Text(long))
	rec.Set("amount", number64("1e900"))
	rec.Set("description", connectors.Text(strings.Repeat("x,", 5000)))
	for source, want := range map[string]string{
		`deal.dealname + deal.dealname + deal.dealname`:                   errTooLong.Error(),
		`replace(deal.dealname, "x", "0123456789")`:                       errTooLong.Error(),
		`split(replace(deal.dealname, "x", "x,"), ",")`:                   "`split` makes more than 10000 parts",
		`deal.amount * deal.amount`:                                       "over the limit",
		`map(split(deal.description, ","), deal.dealname + #)`:            "more than 32 MiB of text",
		`count(split(deal.description, ","), deal.dealname contains "y")`: "more than 32 MiB of text",
		`any(split(deal.description, ","), deal.dealname matches "y+$")`:  "more than 32 MiB of text",
		`all(split(deal.description, ","), lower(deal.dealname) != #)`:    "more than 32 MiB of text",
	} {
		e, problems := compileExpression(source, dealScope(t))
		if len(problems) > 0 {
			t.Fatalf("%s: %v", source, problems)
		}
		if _, err := e.run(rec, time.Time{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", source, err, want)
		}
	}
	for _, source := range []string{
		strings.Repeat("(", 3000) + "1" + strings.Repeat(")", 3000),
		strings.Repeat("-", 4000) + "1",
		"1" + strings.Repeat("+1", maxNodes),
		strings.Repeat("x", maxExpression+1),
		"1..1000000",
		"let x = 1; x",
		"{a: 1}",
		"deal",
		"deal[deal.dealname]",
		"sum([1,2])",
		`deal.dealname matches "("`,
	} {
		if e, problems := compileExpression(source, dealScope(t)); e != nil || len(problems) == 0 {
			t.Errorf("%.40s: compiled", source)
		}
	}
}

func TestTemplates(t *testing.T) {
	for source, want := range map[string]string{
		"plain":             `a text "plain"`,
		"{{ deal.amount }}": "a number 12500.5",
		"{{deal.dealname}}: {{ deal.dealstage }}":           `a text "Acme roll-out: Closed won"`,
		"{{ deal.hubspot_owner_id }} ({{ deal.services }})": `a text "Ada Byron (Delivery, Design)"`,
		"{{ deal.contact_email }}":                          "nil",
		"To {{ deal.contact_email }}.":                      `a text "To ."`,
		`{{ "}}" + deal.id }}`:                              `a text "}}1042"`,
		"by {{ deal.expected_delivery }}":                   `a text "by 2026-09-30"`,
		"a } b }} c":                                        `a text "a } b }} c"`,
	} {
		tpl, problems := compileTemplate(source, dealScope(t))
		if len(problems) > 0 {
			t.Fatalf("%s: %v", source, problems)
		}
		x, err := tpl.run(aDeal(), time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		if got := shownValue(x); got != want {
			t.Errorf("%s: got %s, want %s", source, got, want)
		}
	}
}

// TestComputedPresence checks that a field which could not be read is no value.
func TestComputedPresence(t *testing.T) {
	m := compileText(t, head+`
  - {epic: "CRM deal", set: 'deal.is_key or deal.hs_forecast > 1 ? deal.region_a : "x"'}
  - {epic: Budget, set: deal.hs_forecast}
  - {epic: duedate, set: date(deal.dealname)}
`, testEnv())
	var got []string
	for _, r := range m.Rules() {
		v, p, err := r.Value(Left, aDeal())
		line := p.String() + " " + v.String()
		if err != nil {
			line += err.Error()
		}
		got = append(got, line)
	}
	want := []string{
		"absent ", "hidden ",
		"present `date(deal.dealname)`: \"Acme roll-out\" is not a date of the form YYYY-MM-DD",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	deal := aDeal()
	m2 := compileText(t, strings.Replace(head, "{when: true}", `{when: deal.hs_forecast > 1}`, 1)+"  - {deal: dealname, epic: summary}\n", testEnv())
	_, err := m2.Create(Right).When(deal)
	if want := "`deal.hs_forecast > 1`: the account may not read `hs_forecast`"; err == nil || err.Error() != want {
		t.Errorf("When: got %v, want %s", err, want)
	}
}
