package mapping

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestMain fixes rapid's seed, so that a run of the tests is the same each time.
func TestMain(m *testing.M) {
	flag.Parse()
	if f := flag.Lookup("rapid.seed"); f != nil && f.Value.String() == "0" {
		if err := f.Value.Set("20260101"); err != nil {
			panic(err)
		}
	}
	if f := flag.Lookup("rapid.nofailfile"); f != nil {
		if err := f.Value.Set("true"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

func opts(pairs ...string) []connectors.Option {
	var out []connectors.Option
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, connectors.Option{ID: pairs[i], Label: pairs[i+1]})
	}
	return out
}

// field returns a field that may be read, written, cleared and searched.
func field(name, label string, typ connectors.Type) connectors.Field {
	return connectors.Field{
		Name: name, Label: label, Type: typ,
		Writable: true, Creatable: true, Clearable: true, Findable: true, Scale: -1,
	}
}

func with(f connectors.Field, change func(f *connectors.Field)) connectors.Field {
	change(&f)
	return f
}

func readOnly(f connectors.Field, why string) connectors.Field {
	f.Writable, f.Creatable, f.Clearable, f.ReadOnly = false, false, false, why
	return f
}

// dealSchema is a CRM's deals, as a connector would describe them.
func dealSchema() *connectors.Schema {
	return &connectors.Schema{Object: "deals", Label: "Deal", Fields: []connectors.Field{
		with(field("dealname", "Deal name", connectors.TypeText), func(f *connectors.Field) { f.Required, f.OneLine = true, true }),
		with(field("dealstage", "Deal stage", connectors.TypeOption), func(f *connectors.Field) {
			f.Options = opts("qualified", "Qualified to buy", "closedwon", "Closed won", "in_delivery", "In delivery", "delivered", "Delivered", "closedlost", "Closed lost")
		}),
		with(field("dealtype", "Deal type", connectors.TypeOption), func(f *connectors.Field) {
			f.Options = opts("newbusiness", "New Business", "existingbusiness", "Existing Business")
		}),
		field("description", "Deal description", connectors.TypeText),
		field("amount", "Amount", connectors.TypeNumber),
		field("arr", "Annual value", connectors.TypeMoney),
		field("closedate", "Close date", connectors.TypeInstant),
		readOnly(field("createdate", "Create date", connectors.TypeInstant), "HubSpot sets it"),
		field("expected_delivery", "Expected delivery", connectors.TypeDate),
		field("hubspot_owner_id", "Deal owner", connectors.TypePerson),
		field("project_url", "Project link", connectors.TypeText),
		field("project_status", "Project status", connectors.TypeText),
		field("tenon_convert", "Convert to project", connectors.TypeText),
		readOnly(field("hs_object_id", "Record ID", connectors.TypeNumber), "HubSpot sets it"),
		with(readOnly(field("hs_forecast", "Forecast", connectors.TypeNumber), "it is calculated"), func(f *connectors.Field) { f.Findable = false }),
		with(field("priority", "Priority", connectors.TypeOption), func(f *connectors.Field) {
			f.Options = opts("low", "Low", "medium", "Medium", "high", "High")
		}),
		with(field("services", "Services", connectors.TypeOptions), func(f *connectors.Field) {
			f.Options = opts("design", "Design", "delivery", "Delivery", "training", "Training")
		}),
		field("is_key", "Key account", connectors.TypeBool),
		field("contact_email", "Contact e-mail", connectors.TypeText),
		field("region_a", "Region", connectors.TypeText),
		field("region_b", "Region", connectors.TypeText),
		with(field("secret_margin", "Margin", connectors.TypeNumber), func(f *connectors.Field) { f.Hidden = true }),
		field("brochure", "Brochure", connectors.TypeFile),
		field("company", "Company", connectors.TypeReference),
	}}
}

// epicSchema is a project tool's epics.
func epicSchema() *connectors.Schema {
	return &connectors.Schema{Object: "issue", Label: "Epic", Fields: []connectors.Field{
		with(field("summary", "Summary", connectors.TypeText), func(f *connectors.Field) { f.Required, f.Clearable, f.OneLine, f.MaxLength = true, false, true, 255 }),
		field("description", "Description", connectors.TypeRichText),
		with(readOnly(field("status", "Status", connectors.TypeOption), ""), func(f *connectors.Field) {
			f.Writable, f.Hops = true, true
			f.Options = opts("10000", "To Do", "3", "In Progress", "10001", "In Review", "10002", "Done")
		}),
		with(field("priority", "Priority", connectors.TypeOption), func(f *connectors.Field) {
			f.Options = opts("1", "High", "2", "Medium", "3", "Low")
		}),
		field("duedate", "Due date", connectors.TypeDate),
		field("assignee", "Assignee", connectors.TypePerson),
		with(field("labels", "Labels", connectors.TypeOptions), func(f *connectors.Field) { f.Open = true }),
		with(field("components", "Components", connectors.TypeOptions), func(f *connectors.Field) {
			f.Options = opts("20001", "Delivery", "20002", "Design")
		}),
		with(field("customfield_10050", "CRM deal", connectors.TypeText), func(f *connectors.Field) { f.MaxLength, f.OneLine = 255, true }),
		with(field("customfield_10051", "Budget", connectors.TypeNumber), func(f *connectors.Field) { f.Scale = 2 }),
		field("customfield_10052", "Start date", connectors.TypeDate),
		field("customfield_10053", "Go-live", connectors.TypeInstant),
		field("customfield_10054", "Team size", connectors.TypeNumber),
		field("customfield_10055", "Flagged", connectors.TypeBool),
		readOnly(field("created", "Created", connectors.TypeInstant), "Jira sets it"),
		with(field("reporter", "Reporter", connectors.TypePerson), func(f *connectors.Field) { f.Writable = false }),
	}}
}

func testEnv() Env {
	return Env{Schemas: [2]*connectors.Schema{dealSchema(), epicSchema()}, Children: true}
}

// compileText compiles a file that must be without errors.
func compileText(t testing.TB, src string, env Env) *Mapping {
	t.Helper()
	f, problems := Parse("test.yaml", []byte(src))
	if err := problems.Err(); err != nil {
		t.Fatalf("Parse:\n%v", err)
	}
	m, problems := Compile(f, env)
	if err := problems.Err(); err != nil {
		t.Fatalf("Compile:\n%v", err)
	}
	return m
}

// head is a file up to its rules.
const head = `mapping: test
between:
  deal: {connection: hubspot, object: deals}
  epic: {connection: jira, object: issue, scope: {project: DELIV, issuetype: Epic}}
create:
  epic: {when: true}
fields:
`

func exampleFile(t testing.TB) []byte {
	t.Helper()
	src, err := os.ReadFile(filepath.Join("..", "examples", "hubspot-jira", "mappings", "won-deal-to-epic.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func aDeal() *connectors.Record {
	r := &connectors.Record{
		Ref: connectors.Ref{Connection: "hubspot", Object: "deals", ID: "1042"},
		URL: "https://crm.example/deals/1042", Title: "Acme roll-out",
	}
	r.Set("dealname", connectors.Text("Acme roll-out"))
	r.Set("dealstage", connectors.Choice(connectors.Option{ID: "closedwon", Label: "Closed won"}))
	r.Set("dealtype", connectors.Choice(connectors.Option{ID: "newbusiness", Label: "New Business"}))
	r.Set("description", connectors.Text("First line\nSecond line"))
	r.Set("amount", number64("12500.50"))
	r.Set("arr", money("990", "EUR"))
	r.Set("closedate", connectors.Instant(time.Date(2026, 3, 31, 22, 30, 0, 0, time.UTC)))
	r.Set("expected_delivery", connectors.Date(2026, 9, 30))
	r.Set("hubspot_owner_id", connectors.PersonValue(connectors.Person{ID: "77", Email: "Ada@Example.com", Name: "Ada Byron"}))
	r.Set("priority", connectors.Choice(connectors.Option{ID: "high", Label: "High"}))
	r.Set("services", connectors.Choices(opts("delivery", "Delivery", "design", "Design")...))
	r.Set("is_key", connectors.Bool(true))
	r.Set("contact_email", connectors.Null)
	r.Set("project_url", connectors.Null)
	r.Set("hs_object_id", connectors.Int(1042))
	r.Hide("hs_forecast")
	return r
}

func anEpic() *connectors.Record {
	r := &connectors.Record{
		Ref: connectors.Ref{Connection: "jira", Object: "issue", ID: "20007"},
		URL: "https://jira.example/browse/DELIV-7", Key: "DELIV-7", Title: "Acme roll-out",
	}
	r.Set("summary", connectors.Text("Acme roll-out"))
	r.Set("description", connectors.RichText("First line  \nSecond **line**"))
	r.Set("status", connectors.Choice(connectors.Option{ID: "3", Label: "In Progress"}))
	r.Set("labels", connectors.Labels("crm", "newbusiness", "hand-made"))
	r.Set("duedate", connectors.Date(2026, 10, 1))
	return r
}

func number64(s string) connectors.Value {
	v, err := connectors.ParseNumber(s)
	if err != nil {
		panic(err)
	}
	return v
}

func money(amount, currency string) connectors.Value {
	v, err := connectors.Money(amount, currency)
	if err != nil {
		panic(err)
	}
	return v
}
