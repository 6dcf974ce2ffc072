package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/all"
	"github.com/tenonsync/tenon/connectors/richtext/richtexttest"
	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/engine/state/memory"
	"github.com/tenonsync/tenon/sandbox/kit"
	"github.com/tenonsync/tenon/sandbox/salesforce"
	"github.com/tenonsync/tenon/sandbox/systems"
)

// desk is where rich text stands in a system: a kind of record, its title, its
// text, and the form in which people write that.
type desk struct {
	kind        string
	place       systems.Place
	title, text string
	form        string
	needed      map[string]string // what else a record takes
	settings    map[string]string // of the connection, by what the sandbox gives
	edits       [2]string         // texts by which people replace one
}

var desks = []desk{
	{
		kind: "hubspot", place: systems.Place{Object: "deals"}, title: "dealname", text: "delivery_notes", form: "html",
		needed:   map[string]string{"dealstage": "contractsent", "pipeline": "default"},
		settings: map[string]string{"base_url": "url", "token": "token", "client_secret": "clientSecret"},
		edits:    [2]string{"<p>Now <b>agreed</b>:</p><ul><li>one</li><li>two &amp; a half</li></ul>", "<div>Only <em>this</em></div><div><br></div><div>is left</div>"},
	},
	{
		kind: "salesforce", place: systems.Place{Object: "Opportunity"}, title: "Name", text: "Rich_Notes__c", form: "html",
		needed:   map[string]string{"StageName": "Prospecting", "CloseDate": "2026-06-30"},
		settings: map[string]string{"login_url": "url", "client_id": "clientId", "client_secret": "clientSecret"},
		edits:    [2]string{"<p>Now <b>agreed</b>:</p><ul><li>one</li><li>two &amp; a half</li></ul>", "<p>Only <i>this</i></p><p><br></p><p>is left</p>"},
	},
	{
		kind: "jira", place: systems.Place{Object: "issue", Scope: map[string]string{"project": "DELIV", "issuetype": "Task"}}, title: "summary", text: "description", form: "adf",
		settings: map[string]string{"base_url": "url", "email": "email", "token": "token", "webhook_secret": "webhookSecret"},
		edits: [2]string{
			`{"version":1,"type":"doc","content":[{"type":"paragraph","content":[{"type":"text","text":"Now "},{"type":"text","text":"agreed","marks":[{"type":"strong"}]}]},{"type":"bulletList","content":[{"type":"listItem","content":[{"type":"paragraph","content":[{"type":"text","text":"one"}]}]},{"type":"listItem","content":[{"type":"paragraph","content":[{"type":"text","text":"two & a half"}]}]}]}]}`,
			`{"version":1,"type":"doc","content":[{"type":"paragraph","content":[{"type":"text","text":"Only "},{"type":"text","text":"this","marks":[{"type":"em"}]}]},{"type":"paragraph","content":[{"type":"text","text":"is left"}]}]}`,
		},
	},
	{
		kind: "asana", place: systems.Place{Object: "task", Scope: map[string]string{"project": "Client delivery"}}, title: "name", text: "notes", form: "asana",
		settings: map[string]string{"base_url": "url", "token": "token"},
		edits:    [2]string{"<body>Now <strong>agreed</strong>:<ul><li>one</li><li>two &amp; a half</li></ul></body>", "<body>Only <em>this</em>\n\nis left</body>"},
	},
	{
		kind: "trello", place: systems.Place{Object: "card", Scope: map[string]string{"board": "Client delivery"}}, title: "name", text: "desc", form: "md",
		settings: map[string]string{"base_url": "url", "key": "key", "token": "token", "api_secret": "secret"},
		edits:    [2]string{"Now **agreed**:\n\n* one\n* two & a half\n", "Only *this*\n\nis left"},
	},
	{
		kind: "github", place: systems.Place{Object: "issue", Scope: map[string]string{"repo": "harbourworks/delivery"}}, title: "title", text: "body", form: "md",
		settings: map[string]string{"base_url": "url", "token": "token", "webhook_secret": "webhookSecret"},
		edits:    [2]string{"Now **agreed**:\r\n\r\n- one\r\n- two & a half", "Only _this_\r\n\r\nis left"},
	},
}

// TestRichTextComesToRest takes the corpus from each system to each other one,
// and edits back and forth: everything arrives, says the same, and is written
// once.
func TestRichTextComesToRest(t *testing.T) {
	for _, a := range desks {
		for _, b := range desks {
			if a.kind != b.kind {
				t.Run(a.kind+" to "+b.kind, func(t *testing.T) { newOffice(t, a, b, "").travel() })
			}
		}
	}
}

// office is two systems with the service between them.
type office struct {
	*rig
	desks [2]desk
	boxes [2]*systems.Box
	hands [2]systems.Hand
}

// newOffice opens both systems; more stands at the end of the mapping.
func newOffice(t *testing.T, a, b desk, more string) *office {
	t.Helper()
	o := &office{rig: newRig(t, 7, memory.New(), slog.New(slog.DiscardHandler)), desks: [2]desk{a, b}}
	registry, err := all.Registry()
	if err != nil {
		t.Fatal(err)
	}
	for i, d := range o.desks {
		kind, ok := systems.Find(d.kind)
		if !ok {
			t.Fatalf("there is no emulated system %s", d.kind)
		}
		box, err := kind.Start("127.0.0.1:0", kit.Listen, systems.Options{Seed: 7, Clock: o.clock.ManualClock, Empty: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(box.Close)
		o.boxes[i], o.hands[i] = box, box.Hand(d.place)
		values := map[string]string{}
		for setting, member := range d.settings {
			values[setting] = box.Members()[member]
		}
		o.conns[d.kind] = o.open(registry.Connector(d.kind), d.kind, values)
		o.furnish(i)
	}
	o.clock.Advance(5 * time.Second)
	o.compile("rich.yaml", fmt.Appendf(nil, `
mapping: rich
between:
  a: {connection: %s, object: %s, scope: %s}
  b: {connection: %s, object: %s, scope: %s}
create:
  b: {when: true, with: %s}
fields:
  - {a: %s, b: %s}
  - {a: %s, b: %s}
conflict: newest
%s`, a.kind, a.place.Object, flowMap(a.place.Scope), b.kind, b.place.Object, flowMap(b.place.Scope), flowMap(b.needed), a.title, b.title, a.text, b.text, more))
	o.boot()
	return o
}

func flowMap(scope map[string]string) string {
	raw, err := json.Marshal(scope)
	if err != nil || scope == nil {
		return "{}"
	}
	return string(raw)
}

// furnish makes what a system does not have from the start: a rich text field,
// and what the connector needs.
func (o *office) furnish(i int) {
	o.t.Helper()
	d, conn := o.desks[i], o.conns[o.desks[i].kind]
	if sf, ok := o.boxes[i].System.(*salesforce.System); ok {
		if err := sf.AddField(salesforce.CustomField{Object: "Opportunity", Name: d.text, Label: "Delivery notes", Type: "Html", Length: 32_768}); err != nil {
			o.t.Fatal(err)
		}
	}
	can := connectors.AbilitiesOf(conn)
	if d.kind == "hubspot" {
		field := connectors.Field{Name: d.text, Label: "Delivery notes", Type: connectors.TypeRichText, Writable: true}
		if err := can.FieldMaker.MakeFields(o.t.Context(), d.place.Object, []connectors.Field{field}); err != nil {
			o.t.Fatal(err)
		}
	}
	if can.Preparer != nil {
		need := connectors.Need{Object: d.place.Object, Scope: d.place.Scope, Write: true, Create: true, Attach: true}
		if err := can.Preparer.Prepare(o.t.Context(), need); err != nil {
			o.t.Fatal(err)
		}
	}
}

// hand returns a record's id as people's hands know it: the last number of a
// GitHub id.
func (o *office) hand(id string) string { return id[strings.LastIndexByte(id, '-')+1:] }

// put writes a text as people do, into a new record or one that is there.
func (o *office) put(i int, id, title, text string) string {
	o.t.Helper()
	d := o.desks[i]
	o.clock.Advance(2 * time.Second)
	fields := map[string]string{}
	if id == "" {
		fields = maps.Clone(d.needed)
		if fields == nil {
			fields = map[string]string{}
		}
		fields[d.title] = title
	}
	member := d.text
	if d.form == "asana" {
		member = "html_notes"
	}
	if d.form != "adf" {
		fields[member] = text
	}
	var err error
	if id == "" {
		id, err = o.hands[i].Create(ada, fields)
	} else if len(fields) > 0 {
		err = o.hands[i].Edit(ada, id, fields)
	}
	if err != nil {
		o.t.Fatalf("%s: %v", title, err)
	}
	if d.form == "adf" {
		o.putDocument(i, id, text)
	}
	return id
}

// putDocument writes a document of Atlassian's into an issue.
func (o *office) putDocument(i int, id, document string) {
	o.t.Helper()
	body := fmt.Appendf(nil, `{"fields":{"description":%s}}`, document)
	req, err := http.NewRequestWithContext(o.t.Context(), http.MethodPut, o.boxes[i].URL()+"/rest/api/3/issue/"+id, bytes.NewReader(body))
	if err != nil {
		o.t.Fatal(err)
	}
	given := o.boxes[i].Members()
	req.SetBasicAuth(given["email"], given["token"])
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		o.t.Fatal(err)
	}
	defer resp.Body.Close()
	if answer, _ := io.ReadAll(resp.Body); resp.StatusCode >= 300 {
		o.t.Fatalf("the document was refused: %s %s", resp.Status, answer)
	}
}

// travel lets every text of the first system's form go to the second one, then
// edits each on either side.
func (o *office) travel() {
	o.t.Helper()
	texts := slices.DeleteFunc(richtexttest.Corpus(), func(x richtexttest.Text) bool { return x.Form != o.desks[0].form })
	keep := map[string][]string{}
	for _, x := range texts {
		keep[x.Name] = x.Keep
		o.put(0, "", x.Name, x.Text)
	}
	o.settle(false)
	links := o.links(len(texts))
	o.check("at first", keep)
	for n, words := range [][]string{{"Now", "agreed", "one", "two & a half"}, {"Only", "this", "is left"}} {
		side := 1 - n // the second system first
		for _, l := range links {
			o.put(side, o.hand(l.Records[side].ID), "", o.desks[side].edits[n])
		}
		o.settle(false)
		for name := range keep {
			keep[name] = words
		}
		o.check("after an edit in "+o.desks[side].kind, keep)
	}
	if o.t.Failed() {
		o.dump()
	}
}

func (o *office) links(want int) []engine.LinkRow {
	o.t.Helper()
	rows, err := o.eng.Links(o.t.Context(), "", 0, 1000)
	if err != nil || len(rows) != want {
		o.dump()
		o.t.Fatalf("%d links, %v, want %d", len(rows), err, want)
	}
	return rows
}

// held is what a record shows of its text.
type held struct {
	title, text, version string
	modified             time.Time
}

// read returns what the records of a side show, by id.
func (o *office) read(i int) map[string]held {
	o.t.Helper()
	d := o.desks[i]
	var ids []string
	for _, l := range o.links(len(o.hands[0].Records())) {
		ids = append(ids, l.Records[i].ID)
	}
	sel := connectors.Selection{Object: d.place.Object, Scope: d.place.Scope, Fields: []string{d.title, d.text}}
	results, err := o.conns[d.kind].Read(o.t.Context(), sel, ids)
	if err != nil {
		o.t.Fatal(err)
	}
	out := map[string]held{}
	for n, r := range results {
		if r.Err != nil {
			o.t.Fatal(r.Err)
		}
		text, _ := r.Record.Get(d.text)
		title, _ := r.Record.Get(d.title)
		out[ids[n]] = held{title.Text(), text.Text(), r.Record.Version, r.Record.Modified}
	}
	return out
}

// check looks that both systems say what they should, and that a sweep over
// everything writes nothing.
func (o *office) check(when string, keep map[string][]string) {
	o.t.Helper()
	before := [2]map[string]held{o.read(0), o.read(1)}
	for i, records := range before {
		for _, h := range records {
			for _, word := range keep[h.title] {
				if !strings.Contains(unmarked.Replace(h.text), word) {
					o.t.Errorf("%s: %q of %s lost %q: %s", when, h.title, o.desks[i].kind, word, h.text)
				}
			}
		}
	}
	o.clock.Advance(time.Hour)
	o.settle(true)
	for i, after := range [2]map[string]held{o.read(0), o.read(1)} {
		for id, h := range after {
			if was := before[i][id]; was != h {
				o.t.Errorf("%s: %q of %s was written at rest:\n was %v %q\n is  %v %q", when, h.title, o.desks[i].kind, was.modified, was.text, h.modified, h.text)
			}
		}
	}
	asides, err := o.eng.Asides(o.t.Context(), "", false, 0, 100)
	if err != nil || len(asides) > 0 {
		o.t.Errorf("%s: set aside: %+v, %v", when, asides, err)
	}
}

// unmarked takes the backslashes off that CommonMark needs.
var unmarked = strings.NewReplacer(`\_`, "_", `\*`, "*", `\#`, "#", `\<`, "<", `\>`, ">", `\.`, ".", `\[`, "[", `\]`, "]", `\~`, "~", `\&`, "&", "&amp;", "&", "&lt;", "<", "&gt;", ">", "\u00a0", " ")
