package salesforce_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/sandbox/kit"
	"github.com/tenonsync/tenon/sandbox/salesforce"
)

func TestVersionsAndPaths(t *testing.T) {
	o := newOrg(t, nil)
	o.token = ""
	versions := list(o.must(200, "GET", "/services/data", nil))
	if diff := cmp.Diff(any(object{"label": "Spring '26", "url": "/services/data/v66.0", "version": "66.0"}), versions[len(versions)-1]); diff != "" {
		t.Errorf("newest version (-want +got):\n%s", diff)
	}
	if code, _ := o.refused(410, "GET", "/services/data/v30.0/sobjects", nil); code != "UNSUPPORTED_API_VERSION" {
		t.Errorf("a retired version: %s", code)
	}
	if code, text := o.refused(401, "GET", "~/limits", nil); code != "INVALID_SESSION_ID" || text != "Session expired or invalid" {
		t.Errorf("without a token: %s %q", code, text)
	}
	o.token = o.NewToken()
	if code, _ := o.refused(404, "GET", "~/nothing", nil); code != "NOT_FOUND" {
		t.Errorf("an unknown resource: %s", code)
	}
	if code, _ := o.refused(405, "PUT", "~/sobjects/Account", object{}); code != "METHOD_NOT_ALLOWED" {
		t.Errorf("a wrong method: %s", code)
	}
	id := o.create("Account", object{"Name": "A"})
	for _, c := range []struct {
		status         int
		id, code, text string
	}{
		{404, "nothing", "NOT_FOUND", "Provided external ID field does not exist or is not accessible: nothing"},
		{404, "001000000000000AAA", "NOT_FOUND", "The requested resource does not exist"},
		{400, "001000000000000BBB", "MALFORMED_ID", "malformed id 001000000000000BBB"},
	} {
		if code, text := o.refused(c.status, "GET", "~/sobjects/Account/"+c.id, nil); code != c.code || text != c.text {
			t.Errorf("%s: %s %q", c.id, code, text)
		}
	}
	o.must(204, "POST", "~/sobjects/Account/"+id+"?_HttpMethod=PATCH", object{"Name": "B"})
}

func TestHeaders(t *testing.T) {
	o := newOrg(t, func(opts *salesforce.Options) { opts.Limits.Daily = 6 })
	w, _ := o.send("GET", "~/limits", nil)
	if got := w.Header().Get("Sforce-Limit-Info"); got != "api-usage=1/6" {
		t.Errorf("limit header: got %q", got)
	}
	if got := w.Header().Get("Date"); got != "Thu, 12 Mar 2026 09:30:00 GMT" {
		t.Errorf("date: got %q", got)
	}
	w, _ = o.send("GET", "~/sobjects/Account/describe", nil)
	modified := w.Header().Get("Last-Modified")
	if modified == "" || w.Header().Get("ETag") == "" {
		t.Errorf("describe: Last-Modified %q, ETag %q", modified, w.Header().Get("ETag"))
	}
	o.header.Set("If-Modified-Since", modified)
	o.must(304, "GET", "~/sobjects/Account/describe", nil)
	o.clock.Advance(2 * time.Second)
	if err := o.Hide("Account", "Phone", true); err != nil {
		t.Fatal(err)
	}
	if got := o.must(200, "GET", "~/sobjects/Account/describe", nil); strings.Contains(toJSON(t, got), `"name":"Phone"`) {
		t.Error("describe shows a hidden field")
	}
	o.header = http.Header{"Accept-Encoding": {"gzip"}}
	w, raw := o.send("GET", "~/sobjects/Account/describe", nil)
	zip, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil || w.Header().Get("Content-Encoding") != "gzip" {
		t.Fatalf("gzip: %v, %q", err, w.Header().Get("Content-Encoding"))
	}
	if plain, err := io.ReadAll(zip); err != nil || !json.Valid(plain) {
		t.Errorf("gzip: %v", err)
	}
	o.header = http.Header{}
	o.must(200, "GET", "~/limits", nil)
	if code, text := o.refused(403, "GET", "~/limits", nil); code != "REQUEST_LIMIT_EXCEEDED" || text != "TotalRequests Limit exceeded." {
		t.Errorf("over the allowance: %s %q", code, text)
	}
	o.clock.Advance(25 * time.Hour)
	o.token = o.NewToken()
	o.header.Set("Accept", "application/xml")
	w, raw = o.send("GET", "~/sobjects/Nothing/describe", nil)
	if w.Code != 404 || !strings.Contains(string(raw), "<Errors><Error><errorCode>NOT_FOUND</errorCode><message>The requested resource does not exist</message></Error></Errors>") {
		t.Errorf("an error as XML: %d %s", w.Code, raw)
	}
}

func TestConditionalWrites(t *testing.T) {
	o := newOrg(t, nil)
	id := o.create("Account", object{"Name": "A"})
	w, _ := o.send("GET", "~/sobjects/Account/"+id, nil)
	tag, modified := w.Header().Get("ETag"), w.Header().Get("Last-Modified")
	o.clock.Advance(2 * time.Second)
	o.header.Set("If-Match", tag)
	o.must(204, "PATCH", "~/sobjects/Account/"+id, object{"Name": "B"})
	o.must(412, "PATCH", "~/sobjects/Account/"+id, object{"Name": "C"})
	o.header = http.Header{"If-Unmodified-Since": {modified}}
	if code, _ := o.refused(412, "PATCH", "~/sobjects/Account/"+id, object{"Name": "C"}); code != "PRECONDITION_FAILED" {
		t.Errorf("a changed record: %s", code)
	}
	o.header = http.Header{"If-Modified-Since": {start.Add(2 * time.Second).Format(http.TimeFormat)}}
	o.must(304, "GET", "~/sobjects/Account/"+id, nil)
}

func toJSON(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestRightsHide(t *testing.T) {
	o := newOrg(t, nil)
	id := o.deal("X", object{"Amount": 5})
	other := o.deal("Y", nil)
	for _, err := range []error{o.Hide("Opportunity", "Amount", true), o.ReadOnly("Opportunity", "NextStep", true), o.Unshare(other, true), o.Deny("Lead", "read", true), o.Deny("Contact", "create", true)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if got := o.must(200, "GET", "~/sobjects/Opportunity/"+id, nil).(object); has(got, "Amount") {
		t.Error("a hidden field is in the record")
	}
	if code, _ := o.badQuery("SELECT Amount FROM Opportunity"); code != "INVALID_FIELD" {
		t.Errorf("query of a hidden field: %s", code)
	}
	if code, _ := o.refused(400, "POST", "~/composite/sobjects/Opportunity", object{"ids": []string{id}, "fields": []string{"Amount"}}); code != "INVALID_FIELD" {
		t.Errorf("retrieval of a hidden field: %s", code)
	}
	if code, _ := o.refused(400, "PATCH", "~/sobjects/Opportunity/"+id, object{"Amount": 6}); code != "INVALID_FIELD" {
		t.Errorf("write of a hidden field: %s", code)
	}
	if code, _ := o.refused(400, "PATCH", "~/sobjects/Opportunity/"+id, object{"NextStep": "n"}); code != "INVALID_FIELD_FOR_INSERT_UPDATE" {
		t.Errorf("write of a read-only field: %s", code)
	}
	if got := o.names("SELECT Name FROM Opportunity"); len(got) != 1 {
		t.Errorf("query with a hidden record: %v", got)
	}
	if got := list(o.must(200, "POST", "~/composite/sobjects/Opportunity", object{"ids": []string{other, id, "006000000000000AAA"}, "fields": []string{"Name"}})); got[0] != nil || at(got, 1, "Name") != "X" || got[2] != nil {
		t.Errorf("retrieval: %v", got)
	}
	if code, _ := o.badQuery("SELECT Id FROM Lead"); code != "INVALID_TYPE" {
		t.Errorf("query of a denied object: %s", code)
	}
	if code, _ := o.refused(403, "POST", "~/sobjects/Contact", object{"LastName": "x"}); code != "INSUFFICIENT_ACCESS_OR_READONLY" {
		t.Errorf("a denied create: %s", code)
	}
	if err := o.As("").Edit(id, map[string]string{"Amount": "9"}); err != nil {
		t.Errorf("a person's edit: %v", err)
	}
}

func has(m object, name string) bool {
	_, ok := m[name]
	return ok
}

func TestLocks(t *testing.T) {
	o := newOrg(t, nil)
	id := o.deal("X", nil)
	if err := o.LockRecord(id, true); err != nil {
		t.Fatal(err)
	}
	if code, _ := o.refused(400, "PATCH", "~/sobjects/Opportunity/"+id, object{"NextStep": "n"}); code != "ENTITY_IS_LOCKED" {
		t.Errorf("a locked record: %s", code)
	}
	if err := o.LockRecord(id, false); err != nil {
		t.Fatal(err)
	}
	o.HoldNext(1)
	rows := object{"records": []any{object{"attributes": object{"type": "Opportunity"}, "id": id, "NextStep": "a"}}}
	if got := o.must(200, "PATCH", "~/composite/sobjects", rows); at(got, 0, "errors", 0, "statusCode") != "UNABLE_TO_LOCK_ROW" {
		t.Errorf("a row that is held: %v", got)
	}
	if got := o.must(200, "PATCH", "~/composite/sobjects", rows); at(got, 0, "success") != true {
		t.Errorf("once more: %v", got)
	}
}

func TestFilesAndNotes(t *testing.T) {
	o := newOrg(t, nil)
	deal := o.deal("X", nil)
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part := func(header textproto.MIMEHeader, text string) {
		w, err := form.CreatePart(header)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(w, text)
	}
	part(textproto.MIMEHeader{"Content-Disposition": {`form-data; name="entity_content"`}, "Content-Type": {"application/json"}}, `{"PathOnClient":"plan.pdf","FirstPublishLocationId":"`+deal+`"}`)
	part(textproto.MIMEHeader{"Content-Disposition": {`form-data; name="VersionData"; filename="plan.pdf"`}, "Content-Type": {"application/octet-stream"}}, "plan")
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}
	o.header.Set("Content-Type", form.FormDataContentType())
	made := o.must(201, "POST", "~/sobjects/ContentVersion", body.String())
	o.header.Del("Content-Type")
	version := at(made, "id").(string)
	got := o.must(200, "GET", "~/sobjects/ContentVersion/"+version, nil)
	for name, want := range map[string]any{
		"Title": "plan", "FileExtension": "pdf", "ContentSize": num("4"), "Checksum": "5fc25157650d0cb24f02216d904584df", "VersionData": data + "/sobjects/ContentVersion/" + version + "/VersionData",
	} {
		if at(got, name) != want {
			t.Errorf("%s: got %v, want %v", name, at(got, name), want)
		}
	}
	if w, raw := o.send("GET", "~/sobjects/ContentVersion/"+version+"/VersionData", nil); w.Code != 200 || string(raw) != "plan" {
		t.Errorf("content: %d %q", w.Code, raw)
	}
	document := at(got, "ContentDocumentId").(string)
	o.create("ContentVersion", object{"PathOnClient": "plan.pdf", "ContentDocumentId": document, "VersionData": base64.StdEncoding.EncodeToString([]byte("plan 2"))})
	if got := o.query("SELECT IsLatest, VersionNumber FROM ContentVersion ORDER BY VersionNumber"); at(got, 0, "IsLatest") != false || at(got, 1, "IsLatest") != true || at(got, 1, "VersionNumber") != "2" {
		t.Errorf("versions: %v", got)
	}
	if _, err := o.As("").Attach(deal, "b.txt", []byte("b")); err != nil {
		t.Fatal(err)
	}
	files, err := o.Files(deal)
	if err != nil || len(files) != 2 || string(files[0].Content) != "plan 2" || files[1].Name != "b.txt" {
		t.Errorf("files: %+v, %v", files, err)
	}
	note := o.create("ContentNote", object{"Title": "N", "Content": base64.StdEncoding.EncodeToString([]byte("<p>Hi &amp; bye</p>"))})
	o.create("ContentDocumentLink", object{"ContentDocumentId": note, "LinkedEntityId": deal, "ShareType": "V"})
	if got := o.query("SELECT ContentDocument.Title, ContentDocument.FileType FROM ContentDocumentLink WHERE LinkedEntityId = '" + deal + "'"); len(got) != 3 || at(got, 2, "ContentDocument", "FileType") != "SNOTE" {
		t.Errorf("links: %v", got)
	}
	o.header.Set("Content-Type", "multipart/form-data; boundary=x")
	if code, _ := o.refused(400, "POST", "~/sobjects/ContentVersion", "--x\r\nContent-Disposition: form-data; name=\"VersionData\"; filename=\"a\"\r\n\r\nb\r\n--x--\r\n"); code != "INVALID_MULTIPART_REQUEST" {
		t.Errorf("a file first: %s", code)
	}
}

func TestFaultsHaveTheVendorsShape(t *testing.T) {
	o := newOrg(t, nil)
	if _, err := o.Faults().Add(kit.Rule{Kind: kit.RateLimit, Times: 1}); err != nil {
		t.Fatal(err)
	}
	if code, _ := o.refused(403, "GET", "~/limits", nil); code != "REQUEST_LIMIT_EXCEEDED" {
		t.Errorf("rate limit: %s", code)
	}
	if _, err := o.Faults().Add(kit.Rule{Kind: kit.ServerError, Times: 1, Status: 503}); err != nil {
		t.Fatal(err)
	}
	if w, raw := o.send("GET", "~/limits", nil); w.Code != 503 || !strings.Contains(string(raw), "<html>") {
		t.Errorf("maintenance: %d %s", w.Code, raw)
	}
	if _, err := o.Faults().Add(kit.Rule{Kind: kit.ErrorAfter, Times: 1, Status: 500}); err != nil {
		t.Fatal(err)
	}
	if code, _ := o.refused(500, "POST", "~/sobjects/Account", object{"Name": "A"}); code != "UNKNOWN_EXCEPTION" || len(o.All("Account")) != 1 {
		t.Errorf("an error after the effect: %s, %d accounts", code, len(o.All("Account")))
	}
}

func TestCustomFieldByTooling(t *testing.T) {
	o := newOrg(t, func(opts *salesforce.Options) { opts.Bare = true })
	meta := object{"FullName": "Opportunity.Tenon_Key__c", "Metadata": object{"label": "Tenon Key", "type": "Text", "length": 64, "externalId": true, "unique": true}}
	o.must(201, "POST", "~/tooling/sobjects/CustomField", meta)
	if code, _ := o.refused(400, "POST", "~/tooling/sobjects/CustomField", meta); code != "DUPLICATE_DEVELOPER_NAME" {
		t.Errorf("again: %s", code)
	}
	if code, _ := o.badQuery("SELECT Tenon_Key__c FROM Opportunity"); code != "INVALID_FIELD" {
		t.Errorf("a new field before anybody may see it: %s", code)
	}
	set := at(o.query("SELECT Id FROM PermissionSet"), 0, "Id")
	o.create("FieldPermissions", object{"ParentId": set, "SobjectType": "Opportunity", "Field": "Opportunity.Tenon_Key__c", "PermissionsRead": true, "PermissionsEdit": true})
	o.deal("X", object{"Tenon_Key__c": "k"})
	if code, _ := o.refused(400, "POST", "~/sobjects/PermissionSetAssignment", object{"PermissionSetId": set, "AssigneeId": o.IntegrationUser()}); code != "DUPLICATE_VALUE" {
		t.Errorf("an assignment that is there: %s", code)
	}
	o.must(201, "POST", "~/tooling/sobjects/CustomField", object{"FullName": "Activity.Note__c", "Metadata": object{"label": "Note", "type": "Text", "length": 64}})
	for _, kind := range []string{"Task", "Event"} {
		if info, _ := o.Object(kind); info.Fields[len(info.Fields)-1].Name != "Note__c" {
			t.Errorf("%s has no Note__c", kind)
		}
	}
	if got := o.must(200, "GET", "~/tooling/query?q=SELECT+Id+FROM+CustomField+WHERE+DeveloperName='Tenon_Key'", nil); at(got, "size") != num("1") {
		t.Errorf("query of custom fields: %v", got)
	}
}

func TestChatter(t *testing.T) {
	o := newOrg(t, nil)
	id := o.deal("X", nil)
	o.must(201, "POST", "~/chatter/feed-elements", object{"feedElementType": "FeedItem", "subjectId": id, "body": object{"messageSegments": []any{
		object{"type": "Text", "text": "Hello "}, object{"type": "Mention", "id": o.UserID("rosa.delgado@harbourworks.example")},
	}}})
	o.create("FeedItem", object{"ParentId": id, "Body": "<p>Rich <b>text</b></p>", "IsRichText": true})
	rec, err := o.Get("Opportunity", id)
	if err != nil || len(rec.Comments) != 2 || rec.Comments[0].Text != "Hello @Rosa Delgado" || rec.Comments[1].Text != "Rich text" {
		t.Errorf("comments: %+v, %v", rec.Comments, err)
	}
	if got := o.must(200, "GET", "~/chatter/feeds/record/"+id+"/feed-elements", nil); len(list(at(got, "elements"))) != 2 {
		t.Errorf("feed: %v", got)
	}
}

func TestControlCalls(t *testing.T) {
	o := newOrg(t, nil)
	call := func(status int, path, body string) *httptest.ResponseRecorder {
		t.Helper()
		w, raw := o.send("POST", "/_sandbox/"+path, body)
		if w.Code != status {
			t.Errorf("%s %s: %d %s", path, body, w.Code, raw)
		}
		return w
	}
	_, raw := o.send("POST", "/_sandbox/create", `{"object":"Opportunity","user":"rosa.delgado@harbourworks.example","fields":{"Name":"X","StageName":"Prospecting","CloseDate":"2026-06-30"}}`)
	var made struct{ ID string }
	if err := json.Unmarshal(raw, &made); err != nil {
		t.Fatal(err)
	}
	call(204, "edit", `{"id":"`+made.ID+`","fields":{"NextStep":"n"}}`)
	call(201, "comment", `{"id":"`+made.ID+`","text":"Hi"}`)
	call(400, "edit", `{"id":"`+made.ID+`","fields":{"Nope":"n"}}`)
	call(204, "delete", `{"id":"`+made.ID+`"}`)
	call(204, "restore", `{"id":"`+made.ID+`"}`)
	call(204, "hide", `{"object":"Opportunity","field":"NextStep","on":true}`)
	call(204, "deny", `{"object":"Lead","what":"read","on":true}`)
	call(400, "deny", `{"object":"Lead","what":"fly","on":true}`)
	call(204, "hold", `{"next":2}`)
	call(204, "field", `{"object":"Opportunity","name":"New__c","type":"Picklist","values":["a","b"]}`)
	call(204, "option", `{"object":"Opportunity","field":"New__c","what":"a"}`)
	call(204, "field/drop", `{"object":"Opportunity","field":"New__c"}`)
	call(204, "validation", `{"object":"Opportunity","when":"Amount < 0","message":"m"}`)
	call(400, "validation", `{"object":"Opportunity","when":"Amount <"}`)
	call(204, "rules/clear", `{}`)
	call(201, "token", `{}`)
	call(204, "convert", `{"url":"https://tenon.example/convert/deals"}`)
	if got := o.query("SELECT Convert_to_Project__c FROM Opportunity"); at(got, 0, "Convert_to_Project__c") != `<a href="https://tenon.example/convert/deals?id=`+made.ID[:15]+`" target="_blank">Convert to project</a>` {
		t.Errorf("formula: %v", got)
	}
	call(204, "sessions/expire", `{}`)
	o.refused(401, "GET", "~/limits", nil)
	w, raw := o.send("GET", "/_sandbox/records?object=Opportunity&id="+made.ID, nil)
	if w.Code != 200 || !strings.Contains(string(raw), `"NextStep":"n"`) || !strings.Contains(string(raw), `"text":"Hi"`) {
		t.Errorf("records: %d %s", w.Code, raw)
	}
}
