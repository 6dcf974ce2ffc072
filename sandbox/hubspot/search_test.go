package hubspot_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/sandbox/hubspot"
)

// names searches deals and returns the names found, in order.
func (a *account) names(body object) []string {
	a.t.Helper()
	out := []string{}
	for _, r := range list(a.must(200, "POST", "/crm/v3/objects/deals/search", body)["results"]) {
		out = append(out, at(r, "properties", "dealname").(string))
	}
	return out
}

func where(filters ...object) object {
	group := []any{}
	for _, f := range filters {
		group = append(group, f)
	}
	return object{"filterGroups": []any{object{"filters": group}}, "sorts": []any{"dealname"}}
}

func is(property, operator string, value any) object {
	f := object{"propertyName": property, "operator": operator}
	switch v := value.(type) {
	case nil:
	case []any:
		f["values"] = v
	case [2]any:
		f["value"], f["highValue"] = v[0], v[1]
	default:
		f["value"] = v
	}
	return f
}

func TestSearchOperators(t *testing.T) {
	a := newAccount(t, nil)
	contact := a.create("contacts", object{"firstname": "C"})
	a.create("deals", object{"dealname": "Alpha one", "amount": "900", "dealtype": "newbusiness", "closedate": "2026-03-01"})
	a.create("deals", object{"dealname": "Beta two", "amount": "1000.0", "dealtype": "existingbusiness", "closedate": "2026-04-01"})
	gamma := a.create("deals", object{"dealname": "gamma-three", "closedate": "2026-05-01T12:00:00Z"})
	a.must(200, "PUT", "/crm/v4/objects/deals/"+gamma+"/associations/default/contacts/"+contact, nil)
	a.index()
	for _, tc := range []struct {
		filter object
		want   []string
	}{
		{is("dealname", "EQ", "ALPHA ONE"), []string{"Alpha one"}},
		{is("dealname", "NEQ", "alpha one"), []string{"Beta two", "gamma-three"}},
		{is("amount", "EQ", "1000"), []string{"Beta two"}},
		{is("amount", "GT", 900), []string{"Beta two"}},
		{is("amount", "GTE", "900"), []string{"Alpha one", "Beta two"}},
		{is("amount", "LT", "1000"), []string{"Alpha one"}},
		{is("amount", "LTE", "1000"), []string{"Alpha one", "Beta two"}},
		{is("amount", "HAS_PROPERTY", nil), []string{"Alpha one", "Beta two"}},
		{is("amount", "NOT_HAS_PROPERTY", nil), []string{"gamma-three"}},
		{is("closedate", "BETWEEN", [2]any{"2026-04-01", "1777636800000"}), []string{"Beta two", "gamma-three"}},
		{is("closedate", "LT", "2026-04-01T00:00:00+02:00"), []string{"Alpha one"}},
		{is("dealtype", "EQ", "newbusiness"), []string{"Alpha one"}},
		{is("dealtype", "EQ", "NewBusiness"), []string{}},
		{is("dealtype", "IN", []any{"newbusiness", "existingbusiness"}), []string{"Alpha one", "Beta two"}},
		{is("dealtype", "NOT_IN", []any{"newbusiness"}), []string{"Beta two", "gamma-three"}},
		{is("dealname", "IN", []any{"alpha one"}), []string{"Alpha one"}},
		{is("dealname", "IN", []any{"Alpha one"}), []string{}},
		{is("dealname", "CONTAINS_TOKEN", "three"), []string{"gamma-three"}},
		{is("dealname", "CONTAINS_TOKEN", "thr*"), []string{"gamma-three"}},
		{is("dealname", "CONTAINS_TOKEN", "thr"), []string{}},
		{is("dealname", "NOT_CONTAINS_TOKEN", "*a"), []string{}},
		{is("dealname", "NOT_CONTAINS_TOKEN", "one"), []string{"Beta two", "gamma-three"}},
		{is("associations.contact", "EQ", contact), []string{"gamma-three"}},
		{is("hs_object_id", "GT", gamma), []string{}},
	} {
		t.Run(fmt.Sprint(tc.filter), func(t *testing.T) {
			if diff := cmp.Diff(tc.want, a.names(where(tc.filter))); diff != "" {
				t.Errorf("found (-want +got):\n%s", diff)
			}
		})
	}
	t.Run("groups are alternatives", func(t *testing.T) {
		body := where(is("amount", "EQ", "900"), is("dealtype", "EQ", "newbusiness"))
		body["filterGroups"] = append(list(body["filterGroups"]), object{"filters": []any{is("amount", "NOT_HAS_PROPERTY", nil)}})
		if diff := cmp.Diff([]string{"Alpha one", "gamma-three"}, a.names(body)); diff != "" {
			t.Errorf("found (-want +got):\n%s", diff)
		}
	})
	t.Run("query", func(t *testing.T) {
		if diff := cmp.Diff([]string{"Beta two"}, a.names(object{"query": "TWO bet"})); diff != "" {
			t.Errorf("found (-want +got):\n%s", diff)
		}
	})
}

func TestSearchRefuses(t *testing.T) {
	a := newAccount(t, nil)
	group := object{"filters": []any{is("amount", "EQ", "1")}}
	wide := object{"filters": []any{}}
	for range 6 {
		wide["filters"] = append(list(wide["filters"]), is("amount", "EQ", "1"))
	}
	for name, body := range map[string]object{
		"unknown property":   where(is("none_such", "EQ", "1")),
		"unknown operator":   where(is("amount", "LIKE", "1")),
		"no value":           where(is("amount", "EQ", nil)),
		"no number":          where(is("amount", "GT", "many")),
		"two sorts":          {"sorts": []any{"amount", "dealname"}},
		"page too large":     {"limit": 201},
		"beyond the cap":     {"after": "9990", "limit": 20},
		"six groups":         {"filterGroups": []any{group, group, group, group, group, group}},
		"too many filters":   {"filterGroups": []any{wide, wide, wide, group}},
		"body too long":      {"query": strings.Repeat("x", 3_000)},
		"custom association": where(is("associations.nothing", "EQ", "1")),
	} {
		if got := a.must(400, "POST", "/crm/v3/objects/deals/search", body); got["category"] != "VALIDATION_ERROR" {
			t.Errorf("%s: category %v", name, got["category"])
		}
	}
}

func TestSearchLags(t *testing.T) {
	a := newAccount(t, func(o *hubspot.Options) { o.NoSettling = true })
	id := a.create("deals", object{"dealname": "old"})
	if got := a.names(object{}); len(got) != 0 {
		t.Errorf("found at once: %v", got)
	}
	a.clock.Advance(4 * time.Second)
	a.must(200, "PATCH", "/crm/v3/objects/deals/"+id, object{"properties": object{"dealname": "new"}})
	// The index still has the old name to search by; the result carries the new one.
	if diff := cmp.Diff([]string{"new"}, a.names(where(is("dealname", "EQ", "old")))); diff != "" {
		t.Errorf("before the index knows (-want +got):\n%s", diff)
	}
	a.clock.Advance(4 * time.Second)
	if got := a.names(where(is("dealname", "EQ", "old"))); len(got) != 0 {
		t.Errorf("found by an old name: %v", got)
	}
	a.must(204, "DELETE", "/crm/v3/objects/deals/"+id, nil)
	if got := a.names(object{}); len(got) != 0 {
		t.Errorf("an archived record was found: %v", got)
	}
}

// A record's states reach the index in their order, whatever the jitter.
func TestSearchNeverGoesBack(t *testing.T) {
	a := newAccount(t, func(o *hubspot.Options) { o.NoSettling = true })
	id := a.create("deals", object{"dealname": "0"})
	var seen []string
	for i := range 60 {
		a.must(200, "PATCH", "/crm/v3/objects/deals/"+id, object{"properties": object{"amount": fmt.Sprint(i)}})
		a.clock.Advance(300 * time.Millisecond)
		for n := range 60 {
			if len(a.names(where(is("amount", "EQ", n)))) > 0 {
				seen = append(seen, fmt.Sprintf("%02d", n))
			}
		}
	}
	if !slices.IsSorted(seen) || len(seen) == 0 {
		t.Errorf("the index went back: %v", seen)
	}
}

// Beyond 10 000 hits there is no page; the next window starts at the last id.
func TestSearchPages(t *testing.T) {
	a := newAccount(t, func(o *hubspot.Options) { o.Lag = -1 })
	var made []string
	for range 101 {
		var inputs []any
		for range 100 {
			inputs = append(inputs, object{"properties": object{}})
		}
		for _, r := range list(a.must(201, "POST", "/crm/v3/objects/deals/batch/create", batch(inputs...))["results"]) {
			made = append(made, at(r, "id").(string))
		}
	}
	slices.Sort(made)
	page := func(after int, filters ...any) ([]string, object) {
		out := a.must(200, "POST", "/crm/v3/objects/deals/search", object{
			"limit": 200, "after": after, "sorts": []any{object{"propertyName": "hs_object_id", "direction": "ASCENDING"}},
			"filterGroups": []any{object{"filters": append([]any{}, filters...)}},
		})
		var ids []string
		for _, r := range list(out["results"]) {
			ids = append(ids, at(r, "id").(string))
		}
		return ids, out
	}
	for _, after := range []int{0, 200, 9_800} {
		ids, out := page(after)
		if diff := cmp.Diff(made[after:after+200], ids); diff != "" {
			t.Errorf("page after %d (-want +got):\n%s", after, diff)
		}
		if got, want := fmt.Sprintf("%v %v", out["total"], at(out, "paging", "next", "after")), fmt.Sprintf("10100 %d", after+200); got != want {
			t.Errorf("page after %d: total and next %s, want %s", after, got, want)
		}
	}
	a.must(400, "POST", "/crm/v3/objects/deals/search", object{"limit": 200, "after": "10000"})
	rest, out := page(0, is("hs_object_id", "GT", made[9_999]))
	if diff := cmp.Diff(made[10_000:], rest); diff != "" || out["paging"] != nil {
		t.Errorf("the next window: %v (-want +got):\n%s", out["paging"], diff)
	}
}
