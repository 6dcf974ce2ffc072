package engine_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/memory"
	"github.com/tenonsync/tenon/engine"
)

// loose returns a world with n deals and n epics that do not know each other.
func loose(t *testing.T, n int, source string) (w *world, deals, epics []string) {
	t.Helper()
	w = newWorld(t, source, nil)
	for i := range n {
		deals = append(deals, w.crm.Create("record", nil, "ada", map[string]connectors.Value{
			"title": connectors.Text(fmt.Sprintf("deal %d", i)), "code": connectors.Text(fmt.Sprintf("C-%d", i)),
		}))
		epics = append(epics, w.pm.Create("record", nil, "grace", map[string]connectors.Value{
			"title": connectors.Text(fmt.Sprintf("epic %d", i)), "notes": connectors.Text("theirs"),
		}))
	}
	return w, deals, epics
}

func (w *world) adopt(o engine.LinkOrder) *engine.Adopted {
	w.t.Helper()
	o.Mapping, o.By = "pair", "ada"
	got, err := w.eng.Adopt(w.t.Context(), o, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return got
}

func TestAdoptLinksAndTheNextReconcileBringsIntoStep(t *testing.T) {
	w, deals, epics := loose(t, 2, twoWay)
	pairs := []engine.LinkPair{
		{Line: 2, Records: [2]string{deals[0], "pm/record/" + epics[0]}},
		{Line: 3, Records: [2]string{"crm/record/" + deals[1], epics[1]}},
	}
	dry := w.adopt(engine.LinkOrder{Pairs: pairs, Dry: true})
	if dry.Linked != 2 || len(w.links()) != 0 || dry.Plan.Counts[engine.PlanLink] != 2 || dry.Plan.Counts[engine.PlanUpdate] != 2 {
		t.Errorf("looked at first: %+v %s", dry, dry.Plan)
	}
	writes := w.counting()
	if got := w.adopt(engine.LinkOrder{Pairs: pairs}); got.Linked != 2 || got.Rows[0].Link == 0 || *writes != 0 {
		t.Errorf("adopted: %+v, %d writes", got, *writes)
	}
	if got := w.adopt(engine.LinkOrder{Pairs: pairs}); got.Already != 2 || got.Linked != 0 {
		t.Errorf("a repeat: %+v", got)
	}
	w.settle()
	if got := w.get(w.pm, epics[0], "title").Text(); got != "deal 0" { // deal wins
		t.Errorf("the epic's title is %q", got)
	}
	if got := w.get(w.pm, epics[0], "notes"); !got.IsNull() {
		t.Errorf("the epic's notes are %q", got.Text())
	}
	if n := len(w.pm.IDs("record")); n != 2 {
		t.Errorf("%d epics, want 2", n)
	}
}

func TestAdoptTellsWhatIsBad(t *testing.T) {
	w, deals, epics := loose(t, 6, twoWay)
	w.adopt(engine.LinkOrder{Pairs: []engine.LinkPair{{Records: [2]string{deals[0], epics[0]}}}})
	w.pm.SetState(epics[4], connectors.Archived)
	pairs := []engine.LinkPair{
		{Line: 2, Records: [2]string{deals[0], epics[1]}},
		{Line: 3, Records: [2]string{deals[1], "404"}},
		{Line: 4, Records: [2]string{"pm/record/" + epics[1], epics[1]}},
		{Line: 5, Records: [2]string{deals[2], epics[2]}},
		{Line: 6, Records: [2]string{deals[2], epics[3]}},
		{Line: 7, Records: [2]string{deals[4], epics[4]}},
		{Line: 8, Records: [2]string{"", epics[5]}},
	}
	want := []string{
		fmt.Sprintf("2: crm/record/%s is linked with pm/record/%s already; end that first: tenon unlink 1", deals[0], epics[0]),
		"3: pm has no such record: 404",
		fmt.Sprintf("4: pm/record/%s is no record of the deal, which is crm/record", epics[1]),
		fmt.Sprintf("6: crm/record/%s stands in line 5 as well; keep one of them", deals[2]),
		fmt.Sprintf("7: pm/record/%s is archived", epics[4]),
		"8: no record is named for the deal",
	}
	got := w.adopt(engine.LinkOrder{Pairs: pairs})
	if !got.Refused || got.Linked != 0 || len(w.links()) != 1 {
		t.Errorf("refused: %+v", got)
	}
	var bad []string
	for _, row := range got.Rows {
		if row.Status == engine.RowBad {
			bad = append(bad, fmt.Sprintf("%d: %s", row.Line, row.Reason))
		}
	}
	if d := cmp.Diff(want, bad); d != "" {
		t.Errorf("bad rows: %s", d)
	}
	if got := w.adopt(engine.LinkOrder{Pairs: pairs, SkipBad: true}); got.Refused || got.Linked != 1 || got.Bad != 6 {
		t.Errorf("with the bad left out: %+v", got)
	}
}

func TestUnlinkEndsALinkForGood(t *testing.T) {
	w, deals := many(t, 2, twoWay, nil)
	link := w.links()[0]
	row, err := w.eng.Unlink(t.Context(), link.ID, "ada")
	if err != nil || row.ID != link.ID || row.Status != "ended" {
		t.Fatalf("unlink: %+v, %v", row, err)
	}
	w.crm.Edit(deals[0], "ada", "notes", connectors.Text("alone now"))
	w.sweep()
	if got := w.get(w.pm, link.Records[1].ID, "notes").Text(); got != "n" {
		t.Errorf("the epic holds %q after its link ended", got)
	}
	if n := len(w.pm.IDs("record")); n != 6 {
		t.Errorf("%d records: the deal got another epic", n)
	}
	w.nothingToDo()
	if _, err := w.eng.Unlink(t.Context(), link.ID, "ada"); connectors.KindOf(err) != connectors.Conflict {
		t.Errorf("a second time: %v", err)
	}
	if _, err := w.eng.Unlink(t.Context(), 404, "ada"); connectors.KindOf(err) != connectors.NotFound {
		t.Errorf("no link: %v", err)
	}
	other := w.pm.Create("record", nil, "grace", map[string]connectors.Value{"title": connectors.Text("Another")})
	if got := w.adopt(engine.LinkOrder{Pairs: []engine.LinkPair{{Records: [2]string{deals[0], other}}}}); !got.Refused || !strings.Contains(got.Rows[0].Reason, "somebody ended that") {
		t.Errorf("linked with another: %+v", got)
	}
	if got := w.adopt(engine.LinkOrder{Pairs: []engine.LinkPair{{Records: [2]string{deals[0], link.Records[1].ID}}}}); got.Linked != 1 {
		t.Errorf("linked again: %+v", got)
	}
	w.settle()
	if got := w.get(w.pm, link.Records[1].ID, "notes").Text(); got != "alone now" {
		t.Errorf("linked again, the epic holds %q", got)
	}
}

// matchable returns a world in which three pairs match, one deal matches two
// epics, and one of each side matches nothing.
func matchable(t *testing.T) *world {
	w, deals, epics := loose(t, 5, twoWay)
	for i, code := range []string{"C-0", "C-1", "C-2", "C-3", "C-3"} {
		w.pm.Edit(epics[i], "grace", "code", connectors.Text(code))
	}
	w.crm.Edit(deals[4], "ada", "title", connectors.Text("=cmd()"))
	w.clock.Advance(time.Minute)
	return w
}

func TestMatchLinksAndReportsTheRest(t *testing.T) {
	w := matchable(t)
	writes := w.counting()
	match := func(dry bool) (*engine.Adopted, string) {
		var text bytes.Buffer
		got, err := w.eng.Match(t.Context(), engine.MatchOrder{Mapping: "pair", Dry: dry, By: "ada"}, &text, nil)
		if err != nil {
			t.Fatal(err)
		}
		return got, text.String()
	}
	if got, _ := match(true); got.Linked != 3 || len(w.links()) != 0 {
		t.Errorf("looked at first: %+v", got)
	}
	got, report := match(false)
	if got.Linked != 3 || got.Alone != 1 || got.Reported != 3 || len(w.links()) != 3 || *writes != 0 {
		t.Errorf("matched: %+v, %d writes", got, *writes)
	}
	want := `deal,epic,comment
4,7,ambiguous: deal 3 and epic 3; keep one row of each
4,9,ambiguous: deal 3 and epic 4; keep one row of each
5,,'=cmd(): nothing matches
`
	ids := w.crm.IDs("record")
	epics := w.pm.IDs("record")
	want = strings.NewReplacer("4,7", ids[3]+","+epics[3], "4,9", ids[3]+","+epics[4], "5,,", ids[4]+",,").Replace(want)
	if report != want {
		t.Errorf("report: %s", cmp.Diff(want, report))
	}
	if again, _ := match(false); again.Linked != 0 || again.Alone != 1 {
		t.Errorf("a repeat: %+v", again)
	}

	// The report is edited and fed back.
	var kept []string
	for _, line := range strings.SplitAfter(report, "\n") {
		if !strings.Contains(line, "epic 3") {
			kept = append(kept, line)
		}
	}
	pairs, skipped, err := engine.ReadPairs(strings.NewReader(strings.Join(kept, "")), [2]string{"deal", "epic"})
	if err != nil || skipped != 1 || len(pairs) != 1 || pairs[0].Line != 2 {
		t.Fatalf("the edited report: %+v, %d skipped, %v", pairs, skipped, err)
	}
	if got := w.adopt(engine.LinkOrder{Pairs: pairs}); got.Linked != 1 {
		t.Errorf("fed back: %+v", got)
	}
	w.settle()
	if n := len(w.active()); n != 4 {
		t.Errorf("%d links at the end, want 4", n)
	}
}

func TestMatchGoesOnWhereItWas(t *testing.T) {
	w, _, epics := loose(t, 9, twoWay)
	w.lim.Batch = 2
	w.start()
	for i, id := range epics {
		w.pm.Edit(id, "grace", "code", connectors.Text(fmt.Sprintf("C-%d", i)))
	}
	w.clock.Advance(time.Minute)
	reads := 0
	w.crm.SetHook(func(m memory.Moment) error {
		if m.Call == "read" {
			if reads++; reads == 3 {
				return &connectors.Error{Kind: connectors.Unavailable}
			}
		}
		return nil
	})
	got, err := w.eng.Match(t.Context(), engine.MatchOrder{Mapping: "pair"}, nil, nil)
	if err == nil || got.Linked == 0 || got.Linked == 9 {
		t.Fatalf("interrupted: %+v, %v", got, err)
	}
	before := got.Linked
	got, err = w.eng.Match(t.Context(), engine.MatchOrder{Mapping: "pair"}, nil, nil)
	if err != nil || got.Linked != 9-before || len(w.links()) != 9 {
		t.Errorf("again: %+v, %v", got, err)
	}
}

func TestReadPairsSaysWhatIsWrong(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"empty", "", "line 1: the file has no first line that names the sides"},
		{"no heading", "1,2\n", `line 1: there is no column "deal"`},
		{"one heading", "deal,epics\n", `line 1: there is no column "epic"`},
		{"a quote that does not end", "deal,epic\n\"1,2\n", `line 2: extraneous or missing " in quoted-field`},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, _, err := engine.ReadPairs(strings.NewReader(test.text), [2]string{"deal", "epic"})
			if connectors.KindOf(err) != connectors.Invalid || !strings.Contains(fmt.Sprint(err), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
	pairs, skipped, err := engine.ReadPairs(strings.NewReader("\ufeffcomment, Epic ,deal\nx, 7 ,'=4\n,,\ny,8,\n"), [2]string{"deal", "epic"})
	if err != nil || skipped != 2 || len(pairs) != 1 || pairs[0].Records != [2]string{"=4", "7"} {
		t.Errorf("got %+v, %d skipped, %v", pairs, skipped, err)
	}
}
