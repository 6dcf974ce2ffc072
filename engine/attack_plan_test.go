package engine_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/memory"
	"github.com/tenonsync/tenon/engine"
)

// planLines is a plan's file of one mapping as somebody sees it who edits it by
// hand.
type planLines struct {
	head  map[string]any
	items []map[string]any
	end   map[string]any
}

func parsePlan(t *testing.T, file []byte) *planLines {
	t.Helper()
	p := &planLines{}
	for i, line := range bytes.Split(bytes.TrimSpace(file), []byte("\n")) {
		dec := json.NewDecoder(bytes.NewReader(line))
		dec.UseNumber()
		var v map[string]any
		if err := dec.Decode(&v); err != nil {
			t.Fatal(err)
		}
		switch {
		case i == 0:
			p.head = v
		case v["end"] == true:
			p.end = v
		default:
			p.items = append(p.items, v)
		}
	}
	return p
}

// file writes the lines with a checksum that is right; sealed also with a seal,
// as only somebody with the state's key could.
func (p *planLines) file(t *testing.T, sealed bool) []byte {
	t.Helper()
	var b bytes.Buffer
	line := func(v any) {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(append(text, '\n'))
	}
	line(p.head)
	for _, item := range p.items {
		line(item)
	}
	sum := sha256.Sum256(b.Bytes())
	p.end["items"], p.end["sha256"] = len(p.items), hex.EncodeToString(sum[:])
	if sealed {
		p.end["seal"] = base64.StdEncoding.EncodeToString(plainSealer{}.Seal([]byte(hex.EncodeToString(sum[:])), "plan"))
	}
	line(p.end)
	return b.Bytes()
}

// change returns the n-th change of the i-th item.
func (p *planLines) change(i, n int) map[string]any {
	return p.items[i]["changes"].([]any)[n].(map[string]any)
}

func (p *planLines) field(i int) map[string]any {
	return p.change(i, 0)["fields"].([]any)[0].(map[string]any)
}

// otherPair joins the same two systems, under another name.
var otherPair = strings.Replace(twoWay, "mapping: pair", "mapping: other", 1)

// attacked returns a world with one edit to carry out, its plan, and how much is
// written from now on.
func attacked(t *testing.T) (w *world, p *planLines, writes *int) {
	t.Helper()
	w, deals := many(t, 3, twoWay, nil)
	w.crm.Edit(deals[0], "ada", "notes", connectors.Text("edited"))
	w.clock.Advance(time.Minute)
	_, file := w.plan()
	p = parsePlan(t, file)
	if len(p.items) != 1 {
		t.Fatalf("the plan has %d items: %s", len(p.items), file)
	}
	return w, p, w.counting()
}

// TestAPlanMadeByHandIsRefused edits a plan and puts its checksum right: without
// the state's key that is not enough, so nobody can show others a plan that
// reads otherwise than what it does.
func TestAPlanMadeByHandIsRefused(t *testing.T) {
	for name, forge := range map[string]func(p *planLines){
		"what people read":     func(p *planLines) { p.field(0)["after"] = "something harmless" },
		"the day":              func(p *planLines) { p.head["at"] = "2031-01-01T00:00:00Z" },
		"no seal":              func(p *planLines) { delete(p.end, "seal") },
		"a seal of nothing":    func(p *planLines) { p.end["seal"] = "" },
		"a seal of other text": func(p *planLines) { p.items = nil },
	} {
		t.Run(name, func(t *testing.T) {
			w, p, writes := attacked(t)
			forge(p)
			got, err := w.eng.Apply(t.Context(), bytes.NewReader(p.file(t, false)), engine.ApplyOptions{})
			if connectors.KindOf(err) != connectors.Invalid || !strings.Contains(err.Error(), "seal") {
				t.Errorf("apply: %+v, %v; want it refused for its seal", got, err)
			}
			if *writes > 0 {
				t.Errorf("%d writes", *writes)
			}
		})
	}
}

// TestAnAppliedPlanDoesWhatTheRulesDo forges plans even with a good seal: apply
// does what the rules would do at that moment, and nothing else.
func TestAnAppliedPlanDoesWhatTheRulesDo(t *testing.T) {
	for name, forge := range map[string]func(p *planLines){
		"another value": func(p *planLines) {
			p.field(0)["after"], p.field(0)["prints"] = "forged", []string{"0000000000000000", "0000000000000001"}
		},
		"another field":  func(p *planLines) { p.field(0)["field"] = "title" },
		"another rule":   func(p *planLines) { p.field(0)["rule"] = 77 },
		"the other way":  func(p *planLines) { p.change(0, 0)["to"] = "deal" },
		"another action": func(p *planLines) { p.change(0, 0)["action"] = engine.PlanDelete },
		"another link":   func(p *planLines) { p.items[0]["link"] = 3 },
		"no such link":   func(p *planLines) { p.items[0]["link"] = 4711 },
		"a record that is none": func(p *planLines) {
			delete(p.items[0], "link")
			p.items[0]["side"], p.items[0]["record"] = "deal", "../../4711"
		},
		"a field besides": func(p *planLines) {
			more := map[string]any{"name": "title", "field": "title", "before": "", "after": "x", "why": "", "rule": 1, "prints": []string{"1", "2"}}
			p.change(0, 0)["fields"] = append(p.change(0, 0)["fields"].([]any), more)
			p.field(0)["field"] = "owner"
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, p, writes := attacked(t)
			forge(p)
			got, err := w.eng.Apply(t.Context(), bytes.NewReader(p.file(t, true)), engine.ApplyOptions{})
			if err == nil && (len(got.Mappings) != 1 || len(got.Mappings[0].Stale)+got.Mappings[0].Before == 0 || got.Mappings[0].Done > 0) {
				t.Errorf("apply: %+v", got)
			}
			if *writes > 0 {
				t.Errorf("%d writes", *writes)
			}
		})
	}
	t.Run("a side that is none", func(t *testing.T) {
		w, p, writes := attacked(t)
		delete(p.items[0], "link")
		p.items[0]["side"], p.items[0]["record"] = "nobody", "1"
		if _, err := w.eng.Apply(t.Context(), bytes.NewReader(p.file(t, true)), engine.ApplyOptions{SkipStale: true}); connectors.KindOf(err) != connectors.Invalid || *writes > 0 {
			t.Errorf("apply: %v, %d writes", err, *writes)
		}
	})
	t.Run("the plan as it was", func(t *testing.T) {
		w, p, writes := attacked(t)
		if got, err := w.eng.Apply(t.Context(), bytes.NewReader(p.file(t, true)), engine.ApplyOptions{}); err != nil || got.Mappings[0].Done != 1 || *writes != 1 {
			t.Errorf("apply: %+v, %v, %d writes", got, err, *writes)
		}
	})
}

// TestAPlanNamesALinkOfAnotherMapping lets a plan name a link that belongs to
// another mapping, whose records would be missing under this one's objects.
func TestAPlanNamesALinkOfAnotherMapping(t *testing.T) {
	w, p, _ := attacked(t)
	first := w.maps
	w.load(otherPair)
	w.maps = append(first, w.maps...)
	w.start()
	for _, s := range []*memory.System{w.crm, w.pm} {
		s.SetHook(nil)
	}
	foreign := w.crm.Create("record", nil, "ada", deal("Foreign", map[string]connectors.Value{"code": connectors.Text("F-9")}))
	epic := w.pm.Create("record", nil, "ada", map[string]connectors.Value{"title": connectors.Text("Foreign"), "code": connectors.Text("F-9")})
	adopted, err := w.eng.Adopt(t.Context(), engine.LinkOrder{Mapping: "other", Pairs: []engine.LinkPair{{Records: [2]string{foreign, epic}}}}, nil)
	if err != nil || adopted.Linked != 1 {
		t.Fatalf("link: %+v, %v", adopted, err)
	}
	w.crm.SetState(foreign, connectors.Deleted)
	w.clock.Advance(time.Minute)
	writes := w.counting()
	for _, action := range []string{engine.PlanUpdate, engine.PlanUnlink, engine.PlanDelete, engine.PlanArchive} {
		p.items[0]["link"] = adopted.Rows[0].Link
		p.change(0, 0)["action"], p.change(0, 0)["to"] = action, "epic"
		got, err := w.eng.Apply(t.Context(), bytes.NewReader(p.file(t, true)), engine.ApplyOptions{SkipStale: true})
		if err != nil || got.Mappings[0].Done != 0 || len(got.Mappings[0].Stale) != 1 {
			t.Errorf("%s: %+v, %v", action, got, err)
		}
	}
	if *writes > 0 {
		t.Errorf("%d writes", *writes)
	}
	for _, l := range w.links() {
		if l.Status != "active" {
			t.Errorf("link %d of %s is %s", l.ID, l.Mapping, l.Status)
		}
	}
}
