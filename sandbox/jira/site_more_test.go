package jira

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/sandbox/kit"
)

func TestUsersAndPrivacy(t *testing.T) {
	s := newSite(t, Options{})
	find := func(query string) answer {
		t.Helper()
		return s.want(http.StatusOK, "GET", "/rest/api/3/user/search?"+query, nil)
	}
	if a := find("query=" + url.QueryEscape(ada)); a.text("0.emailAddress") != ada {
		t.Errorf("visible e-mail: got %s", a.raw)
	}
	if a := find("query=" + url.QueryEscape(mei)); a.text("0.displayName") != "Mei Tanaka" || a.at("0.emailAddress") != nil {
		t.Errorf("hidden e-mail: got %s", a.raw)
	}
	if a := find("query=mei.tan"); string(a.raw) != "[]" {
		t.Errorf("start of a hidden e-mail: got %s", a.raw)
	}
	if a := find("query=mei"); a.text("0.displayName") != "Mei Tanaka" {
		t.Errorf("by name: got %s", a.raw)
	}
	if a := find("query=" + url.QueryEscape(formerUser)); string(a.raw) != "[]" {
		t.Errorf("former colleague: got %s", a.raw)
	}
	refused := s.want(http.StatusBadRequest, "GET", "/rest/api/3/user/search?username=ada", nil)
	if got, want := refused.text("errorMessages.0"), "The query parameter 'username' is not supported in GDPR strict mode."; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	s.want(http.StatusBadRequest, "GET", "/rest/api/3/user/search?query=a&accountId=b", nil)
	if err := s.Deny(DefaultEmail, "", "USER_PICKER"); err != nil {
		t.Fatal(err)
	}
	if a := find("query=" + url.QueryEscape(ada)); string(a.raw) != "[]" {
		t.Errorf("without permission: got %s, want an empty list", a.raw)
	}
	if a := s.want(http.StatusOK, "GET", "/rest/api/3/user/assignable/search?project=DELIV&query=rosa", nil); a.text("0.emailAddress") != rosa {
		t.Errorf("assignable: got %s", a.raw)
	}
	s.want(http.StatusBadRequest, "GET", "/rest/api/3/user/assignable/search?query=rosa", nil)
	s.want(http.StatusBadRequest, "GET", "/rest/api/3/mypermissions?permissions=BROWSE_PROJECTS,FLY", nil)
}

func TestDataCenterShapes(t *testing.T) {
	s := newSite(t, Options{Flavour: DataCenter, BasePath: "/jira", Lag: -1})
	info := s.want(http.StatusOK, "GET", "/rest/api/2/serverInfo", nil)
	if info.text("deploymentType") != "Server" || !strings.HasSuffix(info.text("baseUrl"), "/jira") {
		t.Errorf("got %s", info.raw)
	}
	s.want(http.StatusNotFound, "GET", "/rest/api/3/serverInfo", nil)
	old := s.want(http.StatusNotFound, "GET", "/rest/api/2/issue/createmeta", nil)
	if got, want := old.text("errorMessages.0"), "Issue Does Not Exist"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	meta := s.want(http.StatusOK, "GET", "/rest/api/2/issue/createmeta/DELIV/issuetypes/10000", nil)
	var ids []string
	list, _ := meta.at("values").([]any)
	for n := range list {
		ids = append(ids, meta.text(fmt.Sprintf("values.%d.fieldId", n)))
	}
	if !slices.Contains(ids, fieldEpicName) || slices.Contains(ids, "parent") || meta.at("isLast") != true {
		t.Errorf("create screen of an epic: got %v", ids)
	}
	missing := s.want(http.StatusBadRequest, "POST", "/rest/api/2/issue", `{"fields":{"project":{"key":"DELIV"},"issuetype":{"name":"Epic"},"summary":"E"}}`)
	if diff := cmp.Diff([]string{fieldEpicName}, missing.fieldErrors()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	epic := s.create("E", object{"issuetype": object{"name": "Epic"}, fieldEpicName: "E"})
	child := s.create("C", object{fieldEpicLink: epic, "assignee": object{"name": "rosa.delgado"}})
	a := s.want(http.StatusOK, "GET", "/rest/api/2/search?maxResults=1&startAt=0&fields=assignee,"+fieldEpicLink+"&jql="+url.QueryEscape(`"Epic Link" = `+epic), nil)
	if a.at("total") != 1.0 || a.text("issues.0.key") != child || a.text("issues.0.fields."+fieldEpicLink) != epic || a.text("issues.0.fields.assignee.name") != "rosa.delgado" {
		t.Errorf("search: got %s", a.raw)
	}
	if a.at("issues.0.fields.assignee.accountId") != nil {
		t.Error("an accountId on Data Center")
	}
	page := s.want(http.StatusOK, "POST", "/rest/api/2/search", object{"jql": "project = DELIV order by key", "startAt": 20, "maxResults": 100})
	if int(page.at("total").(float64)) != 20+page.len("issues") {
		t.Errorf("second page: got %v of %v", page.len("issues"), page.at("total"))
	}
	if a := s.want(http.StatusOK, "GET", "/rest/api/2/user/search?username=rosa", nil); a.text("0.key") == "" || a.text("0.emailAddress") != rosa {
		t.Errorf("user search: got %s", a.raw)
	}
	s.want(http.StatusNoContent, "PUT", "/rest/api/2/issue/"+child+"/assignee", `{"name":null}`)
	s.want(http.StatusNoContent, "PUT", "/rest/api/2/issue/"+child+"/archive", nil)
	if got := s.search("key = " + child); len(got) != 0 {
		t.Errorf("archived: got %v", got)
	}
	s.want(http.StatusNoContent, "PUT", "/rest/api/2/issue/"+child+"/restore", nil)
}

func TestRateLimits(t *testing.T) {
	s := newSite(t, Options{Limits: VendorLimits()})
	key := s.create("Busy", nil)
	for n := range 20 {
		s.want(http.StatusNoContent, "PUT", "/rest/api/3/issue/"+key, object{"fields": object{"summary": fmt.Sprint(n)}})
	}
	a := s.want(http.StatusTooManyRequests, "PUT", "/rest/api/3/issue/"+key, `{"fields":{"summary":"too much"}}`)
	if a.header.Get("RateLimit-Reason") != "jira-per-issue-on-write" || a.header.Get("Retry-After") != "2" || a.header.Get("X-RateLimit-Remaining") != "0" {
		t.Errorf("per issue: got %v", a.header)
	}
	if got, _ := s.Issue(key); got.Fields["summary"] != "19" {
		t.Errorf("a refused write took effect: got %v", got.Fields["summary"])
	}
	s.clock.Advance(2 * time.Second)
	s.want(http.StatusNoContent, "PUT", "/rest/api/3/issue/"+key, `{"fields":{"summary":"later"}}`)
	var last answer
	near := false
	for range 101 {
		last = s.call("GET", "/rest/api/3/myself", nil)
		near = near || last.header.Get("X-RateLimit-NearLimit") == "true"
	}
	if last.status != http.StatusTooManyRequests || last.header.Get("RateLimit-Reason") != "jira-burst-based" || !near {
		t.Errorf("burst: got %d %v, near limit told: %v", last.status, last.header, near)
	}

	s = newSite(t, Options{Limits: Limits{PointsPerHour: 2}})
	tokens, _ := s.Grant(ada, scopeUser)
	app := s.with("Bearer " + tokens.Access)
	path := "/ex/jira/" + s.CloudID() + "/rest/api/3/myself"
	a = app.want(http.StatusOK, "GET", path, nil)
	if got, want := a.header.Get("RateLimit"), `"global-app-quota";r=1;t=3600`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	app.want(http.StatusOK, "GET", path, nil)
	a = app.want(http.StatusTooManyRequests, "GET", path, nil)
	if a.header.Get("RateLimit-Reason") != "jira-quota-global-based" || a.header.Get("Retry-After") != "3600" {
		t.Errorf("points: got %v", a.header)
	}
	for range 3 {
		s.want(http.StatusOK, "GET", "/rest/api/3/myself", nil) // API tokens have no points
	}

	s = newSite(t, Options{Limits: Limits{PointsPerHour: 100}})
	tokens, _ = s.Grant(ada, scopeRead)
	app = s.with("Bearer " + tokens.Access)
	gateway := "/ex/jira/" + s.CloudID()
	app.want(http.StatusOK, "GET", gateway+"/rest/api/3/search/jql?jql=project%3DDELIV&maxResults=9", nil) // 1 + 9
	a = app.want(http.StatusOK, "GET", gateway+"/rest/api/3/issue/DELIV-1", nil)
	if got, want := a.header.Get("RateLimit"), `"global-app-quota";r=89;t=3600`; got != want {
		t.Errorf("after a search for nine: got %q, want %q", got, want)
	}

	dc := newSite(t, Options{Flavour: DataCenter, Limits: Limits{CallsPerMinute: 1}})
	if a := dc.want(http.StatusOK, "GET", "/rest/api/2/myself", nil); a.header.Get("X-RateLimit-Interval-Seconds") != "60" {
		t.Errorf("Data Center: got %v", a.header)
	}
	dc.want(http.StatusTooManyRequests, "GET", "/rest/api/2/myself", nil)
}

func TestFaultsHaveJirasShape(t *testing.T) {
	s := newSite(t, Options{})
	add := func(r kit.Rule) {
		t.Helper()
		if _, err := s.Faults().Add(r); err != nil {
			t.Fatal(err)
		}
	}
	add(kit.Rule{Kind: kit.RateLimit, Method: "GET", Path: "/rest/api/3/myself", RetryAfter: 7, Times: 1})
	a := s.want(http.StatusTooManyRequests, "GET", "/rest/api/3/myself", nil)
	if a.header.Get("Retry-After") != "7" || a.header.Get("RateLimit-Reason") == "" {
		t.Errorf("got %v", a.header)
	}
	add(kit.Rule{Kind: kit.ErrorAfter, Method: "POST", Path: "/rest/api/2/issue", Times: 1})
	before := len(s.Issues("DELIV"))
	a = s.want(http.StatusBadGateway, "POST", "/rest/api/2/issue", `{"fields":{"project":{"key":"DELIV"},"issuetype":{"name":"Task"},"summary":"committed"}}`)
	if !strings.HasPrefix(string(a.raw), "<html>") || len(s.Issues("DELIV")) != before+1 {
		t.Errorf("got %s and %d issues, want the write to have happened", a.raw, len(s.Issues("DELIV"))-before)
	}
	add(kit.Rule{Kind: kit.ServerError, Status: 409, Times: 1})
	s.want(http.StatusConflict, "PUT", "/rest/api/2/issue/DELIV-1", `{"fields":{"summary":"x"}}`)
	s.want(http.StatusMethodNotAllowed, "PATCH", "/rest/api/3/issue/DELIV-1", `{}`)
	if a := s.want(http.StatusNotFound, "GET", "/rest/api/3/nothing", nil); a.header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("unknown path: got %v", a.header)
	}
}

func TestRemoteLinksAreUpserted(t *testing.T) {
	s := newSite(t, Options{Lag: -1})
	key := s.create("Linked", nil)
	before, _ := s.Issue(key)
	path := "/rest/api/3/issue/" + key + "/remotelink"
	body := object{"globalId": "crm=1", "relationship": "sold as", "object": object{"url": "https://crm.example/1", "title": "Deal"}}
	first := s.want(http.StatusCreated, "POST", path, body)
	delete(body, "relationship")
	second := s.want(http.StatusOK, "POST", path, body)
	if first.at("id") != second.at("id") {
		t.Errorf("got ids %v and %v", first.at("id"), second.at("id"))
	}
	if a := s.want(http.StatusOK, "GET", path+"?globalId=crm%3D1", nil); a.at("relationship") != nil {
		t.Errorf("an omitted part stays: got %s", a.raw)
	}
	if after, _ := s.Issue(key); !after.Updated.Equal(before.Updated) {
		t.Error("a remote link changed updated")
	}
	if diff := cmp.Diff([]string{key}, s.search(`issue in issuesWithRemoteLinksByGlobalId("crm=1")`)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	bad := s.want(http.StatusBadRequest, "POST", path, object{"object": object{"url": ""}})
	if diff := cmp.Diff([]string{"title", "url"}, bad.fieldErrors()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	s.want(http.StatusNoContent, "DELETE", path+"?globalId=crm%3D1", nil)
	s.want(http.StatusNotFound, "DELETE", path+"?globalId=crm%3D1", nil)
}

func TestIssueLinks(t *testing.T) {
	s := newSite(t, Options{})
	a, b := s.create("A", nil), s.create("B", nil)
	link := object{"type": object{"name": "Blocks"}, "inwardIssue": object{"key": a}, "outwardIssue": object{"key": b}}
	for range 2 { // a duplicate is accepted, and is no second link
		if got := s.want(http.StatusCreated, "POST", "/rest/api/3/issueLink", link); len(got.raw) != 0 {
			t.Errorf("got %s, want an empty body", got.raw)
		}
	}
	got := s.want(http.StatusOK, "GET", "/rest/api/3/issue/"+b+"?fields=issuelinks", nil)
	if got.len("fields.issuelinks") != 1 || got.text("fields.issuelinks.0.inwardIssue.key") != a {
		t.Errorf("got %s", got.raw)
	}
	s.want(http.StatusNoContent, "DELETE", "/rest/api/3/issueLink/"+got.text("fields.issuelinks.0.id"), nil)
	s.want(http.StatusNotFound, "POST", "/rest/api/3/issueLink", object{"type": object{"name": "Loves"}, "inwardIssue": object{"key": a}, "outwardIssue": object{"key": b}})
}

func TestAttachments(t *testing.T) {
	s := newSite(t, Options{})
	key := s.create("Files", nil)
	upload := func(token string) *http.Response {
		t.Helper()
		var body bytes.Buffer
		form := multipart.NewWriter(&body)
		part, err := form.CreateFormFile("file", "a note.txt")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(part, "hello world"); err != nil {
			t.Fatal(err)
		}
		if err := form.Close(); err != nil {
			t.Fatal(err)
		}
		req, err := http.NewRequestWithContext(t.Context(), "POST", s.url+"/rest/api/3/issue/"+key+"/attachments", &body)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", s.auth)
		req.Header.Set("Content-Type", form.FormDataContentType())
		req.Header.Set("X-Atlassian-Token", token)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { resp.Body.Close() })
		return resp
	}
	if resp := upload(""); resp.StatusCode != http.StatusForbidden {
		t.Errorf("without the header: got %d, want 403", resp.StatusCode)
	}
	resp := upload("no-check")
	var list []struct{ ID, Filename string }
	if err := json.NewDecoder(resp.Body).Decode(&list); err != nil || resp.StatusCode != http.StatusOK || len(list) != 1 || list[0].Filename != "a note.txt" {
		t.Fatalf("got %d, %v, %v", resp.StatusCode, list, err)
	}
	content := "/rest/api/3/attachment/content/" + list[0].ID
	if a := s.want(http.StatusOK, "GET", content+"?redirect=false", nil); string(a.raw) != "hello world" {
		t.Errorf("content: got %q", a.raw)
	}
	target := strings.TrimPrefix(s.want(http.StatusSeeOther, "GET", content, nil).header.Get("Location"), s.url)
	if a := s.with("").want(http.StatusOK, "GET", target, nil); string(a.raw) != "hello world" {
		t.Errorf("redirected: got %q", a.raw)
	}
	s.clock.Advance(mediaLife + time.Second)
	s.with("").want(http.StatusForbidden, "GET", target, nil)
	s.want(http.StatusNoContent, "DELETE", "/rest/api/3/attachment/"+list[0].ID, nil)
	if got, _ := s.Issue(key); len(got.Attachments) != 0 {
		t.Errorf("got %v", got.Attachments)
	}
}

func TestSeedIsReproducible(t *testing.T) {
	a, b := newSite(t, Options{Seed: 3}), newSite(t, Options{Seed: 3})
	if diff := cmp.Diff(a.Issues(""), b.Issues("")); diff != "" {
		t.Errorf("one seed, two sites (-a +b):\n%s", diff)
	}
	first := a.Issues("")
	a.create("More", nil)
	if resp := a.call("POST", "/_sandbox/seed", `{"seed":3}`); resp.status != http.StatusNoContent {
		t.Fatalf("got %d %s", resp.status, resp.raw)
	}
	if diff := cmp.Diff(first, a.Issues("")); diff != "" {
		t.Errorf("sown again (-want +got):\n%s", diff)
	}
	if n := len(a.Issues("DELIV")); n < 20 {
		t.Errorf("got %d issues, want a site that looks used", n)
	}
}

func TestPages(t *testing.T) {
	for _, flavour := range []Flavour{Cloud, DataCenter} {
		t.Run(string(flavour), func(t *testing.T) {
			s := newSite(t, Options{Flavour: flavour})
			get := func(path string) string {
				t.Helper()
				return string(s.want(http.StatusOK, "GET", path, nil).raw)
			}
			if board := get("/"); !strings.Contains(board, "Warehouse rollout for Northwind") || !strings.Contains(board, "In Review") {
				t.Error("the board lacks an epic or a column")
			}
			post := func(status int, path string, form url.Values) answer {
				t.Helper()
				req, err := http.NewRequestWithContext(t.Context(), "POST", s.url+path, strings.NewReader(form.Encode()))
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
				resp, err := client.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				raw, err := io.ReadAll(resp.Body)
				if err != nil {
					t.Fatal(err)
				}
				if resp.StatusCode != status {
					t.Fatalf("POST %s %v: got %d %s, want %d", path, form, resp.StatusCode, raw, status)
				}
				return answer{status: resp.StatusCode, header: resp.Header, raw: raw}
			}
			page := post(http.StatusSeeOther, "/projects/DELIV", url.Values{"type": {"Epic"}, "summary": {"From the page"}}).header.Get("Location")
			save := url.Values{
				"do": {"save"}, "summary": {"Edited <here>"}, "description": {"Some *text*"}, "duedate": {"2026-09-01"}, "labels": {"one two"},
				"assignee": {rosa}, fieldBudget: {"12.5"}, fieldCRMDeal: {"77"},
			}
			post(http.StatusSeeOther, page, save)
			got, _ := s.Issue(strings.TrimPrefix(page, "/browse/"))
			if got.Fields["summary"] != "Edited <here>" || got.Fields[fieldBudget] != 12.5 || got.Fields["assignee"] != rosa || len(got.Labels) != 2 {
				t.Errorf("after saving: got %+v", got)
			}
			if html := get(page); !strings.Contains(html, "Edited &lt;here&gt;") || !strings.Contains(html, "Some *text*") {
				t.Error("the page does not show what was saved")
			}
			others := url.Values{"do": {"save"}, "was-summary": {"Edited <here>"}, "summary": {"Edited <here>"}, "was-labels": {"one two"}, "labels": {"one"}}
			if err := s.As(rosa).Edit(strings.TrimPrefix(page, "/browse/"), map[string]any{"summary": "By somebody else", "labels": []string{"one", "two"}}); err != nil {
				t.Fatal(err)
			}
			post(http.StatusSeeOther, page, others)
			if got, _ := s.Issue(strings.TrimPrefix(page, "/browse/")); got.Fields["summary"] != "By somebody else" || len(got.Labels) != 1 {
				t.Errorf("a form undid another edit: got %v and %v", got.Fields["summary"], got.Labels)
			}
			save.Set(fieldBudget, "much")
			save.Set("summary", "Kept")
			if html := string(post(http.StatusUnprocessableEntity, page, save).raw); !strings.Contains(html, "is not a number") || !strings.Contains(html, "Kept") {
				t.Error("a refused form loses its input or its reason")
			}
			post(http.StatusSeeOther, page, url.Values{"do": {"comment"}, "text": {"From the page"}})
			for _, status := range []string{"In Progress", "In Review"} {
				post(http.StatusSeeOther, page, url.Values{"do": {"move"}, "status": {status}})
			}
			post(http.StatusUnprocessableEntity, page, url.Values{"do": {"move"}, "status": {"Done"}})
			post(http.StatusSeeOther, page, url.Values{"do": {"move"}, "status": {"Done"}, "resolution": {"Done"}})
			if html := get(page); !strings.Contains(html, "From the page") || !strings.Contains(html, "Reopen") && !strings.Contains(html, "In Progress") {
				t.Error("the page lacks the comment or the next step")
			}
			post(http.StatusSeeOther, page, url.Values{"do": {"archive"}})
			get(page)
			post(http.StatusSeeOther, page, url.Values{"do": {"delete"}})
			s.want(http.StatusNotFound, "GET", page, nil)
		})
	}
}

func TestPagesBelowTheContextPath(t *testing.T) {
	s := newSite(t, Options{Flavour: DataCenter, BasePath: "/jira"})
	for _, path := range []string{"", "/", "/browse/DELIV-1", "/projects/OPS"} {
		if a := s.want(http.StatusOK, "GET", path, nil); !strings.Contains(string(a.raw), "Jira") {
			t.Errorf("%q: got no page", path)
		}
	}
}

func TestControl(t *testing.T) {
	s := newSite(t, Options{})
	in := newInbox(t)
	s.want(http.StatusNoContent, "PUT", "/_sandbox/target", object{"url": in.URL})
	s.want(http.StatusNoContent, "PUT", "/_sandbox/lag", `{"lag":"0s"}`)
	s.create("Told", object{"labels": []string{"told"}})
	if got := s.search("labels = told"); len(got) != 1 {
		t.Errorf("without lag: got %v", got)
	}
	if r := in.wait(t, s, eventIssueCreated, 1)[0]; r.header.Get("X-Hub-Signature") != Signature(DefaultWebhookSecret, r.raw) {
		t.Error("not signed")
	}
	s.want(http.StatusNoContent, "PUT", "/_sandbox/token", object{"token": DefaultToken, "expired": true})
	s.want(http.StatusUnauthorized, "GET", "/rest/api/3/myself", nil)
	s.want(http.StatusNoContent, "PUT", "/_sandbox/token", object{"token": DefaultToken, "expired": false})
	grant := s.want(http.StatusCreated, "POST", "/_sandbox/grants", object{"email": ada, "scopes": []string{scopeUser}})
	s.with("Bearer "+grant.text("access_token")).want(http.StatusOK, "GET", "/ex/jira/"+grant.text("cloudId")+"/rest/api/3/myself", nil)
	s.want(http.StatusNotFound, "POST", "/_sandbox/grants", object{"email": "nobody@example.com"})
}
