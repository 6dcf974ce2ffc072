package salesforce_test

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tenonsync/tenon/sandbox/salesforce"
)

// bulk runs an ingest job over CSV to its end and returns its path and state.
func (o *org) bulk(job object, csv string) (path string, done any) {
	o.t.Helper()
	made := o.must(200, "POST", "~/jobs/ingest", job)
	path = "~/jobs/ingest/" + at(made, "id").(string)
	o.header.Set("Content-Type", "text/csv")
	o.must(201, "PUT", path+"/batches", csv)
	o.header.Del("Content-Type")
	o.must(200, "PATCH", path, object{"state": "UploadComplete"})
	o.must(200, "GET", path, nil)
	return path, o.must(200, "GET", path, nil)
}

func TestBulkOperations(t *testing.T) {
	o := newOrg(t, nil)
	o.create("Account", object{"Name": "A", "Tenon_Key__c": "a"})
	lead := o.create("Lead", object{"LastName": "L", "Company": "C", "Tenon_Key__c": "l"})
	path, done := o.bulk(object{"object": "Contact", "operation": "insert", "columnDelimiter": "SEMICOLON", "lineEnding": "CRLF"}, "LastName;Account.Tenon_Key__c\r\nB;a\r\nC;nope\r\n")
	if at(done, "numberRecordsFailed") != num("1") || at(o.query("SELECT Account.Name FROM Contact"), 0, "Account", "Name") != "A" {
		t.Errorf("insert with a foreign key: %v", done)
	}
	if _, raw := o.send("GET", path+"/failedResults", nil); !strings.Contains(string(raw), "INVALID_FIELD:Foreign key external ID: nope not found for field Tenon_Key__c in entity Account: --") {
		t.Errorf("failed rows: %s", raw)
	}
	if _, done = o.bulk(object{"object": "Task", "operation": "insert"}, "Subject,Lead:Who.Tenon_Key__c\nCall,l\n"); at(done, "numberRecordsFailed") != num("0") || at(o.query("SELECT WhoId FROM Task"), 0, "WhoId") != lead {
		t.Errorf("a polymorphic foreign key: %v", done)
	}
	contact := at(o.query("SELECT Id FROM Contact"), 0, "Id").(string)
	if _, done = o.bulk(object{"object": "Contact", "operation": "update"}, "Id,Phone,Title\n"+contact+",1,\nx,2,\n,3,\n"); at(done, "numberRecordsFailed") != num("2") {
		t.Errorf("update: %v", done)
	}
	if _, done = o.bulk(object{"object": "Contact", "operation": "hardDelete"}, "Id\n"+contact+"\n"); at(done, "numberRecordsFailed") != num("0") {
		t.Errorf("hard delete: %v", done)
	}
	if got := o.must(200, "GET", "~/queryAll?q=SELECT+Id+FROM+Contact", nil); at(got, "totalSize") != num("0") {
		t.Errorf("after the hard delete: %v", got)
	}
	for name, job := range map[string]object{
		"operation": {"object": "Contact", "operation": "melt"}, "key": {"object": "Contact", "operation": "upsert"}, "content": {"object": "Contact", "operation": "insert", "contentType": "JSON"},
		"delimiter": {"object": "Contact", "operation": "insert", "columnDelimiter": "DOT"}, "line ending": {"object": "Contact", "operation": "insert", "lineEnding": "CR"},
	} {
		if code, _ := o.refused(400, "POST", "~/jobs/ingest", job); code != "INVALIDJOB" {
			t.Errorf("%s: %s", name, code)
		}
	}
	open := o.must(200, "POST", "~/jobs/ingest", object{"object": "Contact", "operation": "insert"})
	path = "~/jobs/ingest/" + at(open, "id").(string)
	if code, _ := o.refused(400, "DELETE", path, nil); code != "INVALIDJOBSTATE" {
		t.Errorf("deleting an open job: %s", code)
	}
	o.must(200, "PATCH", path, object{"state": "Aborted"})
	o.must(204, "DELETE", path, nil)
	query := o.must(200, "POST", "~/jobs/query", object{"operation": "queryAll", "query": "SELECT Id FROM Contact"})
	path = "~/jobs/query/" + at(query, "id").(string)
	if got := o.must(200, "PATCH", path, object{"state": "Aborted"}); at(got, "state") != "Aborted" {
		t.Errorf("an aborted query: %v", got)
	}
	o.must(204, "DELETE", path, nil)
	o.refused(404, "GET", path, nil)
}

func TestFeedsAndRelations(t *testing.T) {
	o := newOrg(t, nil)
	account := o.create("Account", object{"Name": "A"})
	deal := o.deal("X", object{"AccountId": account})
	post := o.create("FeedItem", object{"ParentId": deal, "Body": "Hi"})
	o.create("FeedComment", object{"FeedItemId": post, "CommentBody": "Yes"})
	if got := o.query("SELECT CommentCount, (SELECT CommentBody, ParentId FROM FeedComments) FROM FeedItem"); at(got, 0, "CommentCount") != num("1") || at(got, 0, "FeedComments", "records", 0, "ParentId") != deal {
		t.Errorf("a comment of a post: %v", got)
	}
	o.must(201, "POST", "~/chatter/feed-elements", object{"subjectId": deal, "body": object{"messageSegments": []any{
		object{"type": "MarkupBegin", "markupType": "Bold"}, object{"type": "Text", "text": "b"}, object{"type": "MarkupEnd", "markupType": "Bold"}, object{"type": "Link", "url": "https://a.example"},
	}}})
	if rec, err := o.Get("Opportunity", deal); err != nil || len(rec.Comments) != 2 || rec.Comments[1].Text != "bhttps://a.example" {
		t.Errorf("segments: %+v, %v", rec.Comments, err)
	}
	if got := o.must(200, "GET", "~/sobjects/Opportunity/"+deal+"/Account?fields=Name", nil); at(got, "Name") != "A" {
		t.Errorf("a parent: %v", got)
	}
	if got := o.must(200, "GET", "~/sobjects/Account/"+account+"/Opportunities", nil); at(got, "records", 0, "Name") != "X" {
		t.Errorf("children: %v", got)
	}
	o.must(404, "GET", "~/sobjects/Account/"+account+"/Nothing", nil)
	o.must(200, "GET", "~/sobjects/Account/"+account, nil)
	if got := list(o.must(200, "GET", "~/recent?limit=5", nil)); len(got) == 0 {
		t.Errorf("recent: %v", got)
	}
	if got := o.must(200, "GET", "~/sobjects/Account", nil); at(got, "recentItems", 0, "Name") != "A" {
		t.Errorf("basic information: %v", got)
	}
	for _, path := range []string{"~/search?q=FIND+%7BA%7D+RETURNING+Account(Id)", "~/search?q=find"} {
		if code, _ := o.refused(400, "GET", path, nil); code != "MALFORMED_SEARCH" {
			t.Errorf("%s: %s", path, code)
		}
	}
	o.create("Account", object{"Name": "Elbe Maschinenbau"})
	for _, got := range []any{
		o.must(200, "GET", "~/parameterizedSearch?q=elbe&sobject=Account&Account.fields=Name", nil),
		o.must(200, "POST", "~/parameterizedSearch", object{"q": "elbe masch", "fields": []string{"Name"}, "sobjects": []any{object{"name": "Account", "limit": 1}}}),
	} {
		if at(got, "searchRecords", 0, "Name") != "Elbe Maschinenbau" {
			t.Errorf("search: %v", got)
		}
	}
	if got := o.must(200, "GET", "~", nil); at(got, "sobjects") != data+"/sobjects" {
		t.Errorf("resources: %v", got)
	}
}

func TestEventsAndLines(t *testing.T) {
	o := newOrg(t, nil)
	event := o.create("Event", object{"Subject": "Kick-off", "StartDateTime": "2026-03-12T10:00:00Z", "DurationInMinutes": 90})
	if got := o.must(200, "GET", "~/sobjects/Event/"+event, nil); at(got, "EndDateTime") != "2026-03-12T11:30:00.000+0000" || at(got, "ActivityDate") != "2026-03-12" {
		t.Errorf("event: %v", got)
	}
	book, entry := at(o.query("SELECT Id FROM Pricebook2"), 0, "Id"), at(o.query("SELECT Id FROM PricebookEntry"), 0, "Id")
	deal := o.deal("X", object{"Pricebook2Id": book})
	line := object{"OpportunityId": deal, "PricebookEntryId": entry, "Quantity": 4}
	if code, _ := o.refused(400, "POST", "~/sobjects/OpportunityLineItem", line); code != "REQUIRED_FIELD_MISSING" {
		t.Errorf("a line without a price: %s", code)
	}
	line["TotalPrice"] = 10
	o.create("OpportunityLineItem", line)
	if got := o.query("SELECT UnitPrice, Name, ProductCode FROM OpportunityLineItem"); at(got, 0, "UnitPrice") != num("2.5") || at(got, 0, "ProductCode") != "HW-001" {
		t.Errorf("line: %v", got)
	}
}

func TestEventChannels(t *testing.T) {
	o := newOrg(t, nil)
	o.must(201, "POST", "~/tooling/sobjects/PlatformEventChannel", object{"FullName": "Tenon__chn", "Metadata": object{"channelType": "data", "label": "Tenon"}})
	member := func(entity string) object {
		return object{"FullName": "Tenon_chn_" + entity, "Metadata": object{"eventChannel": "Tenon__chn", "selectedEntity": entity}}
	}
	for _, entity := range []string{"AccountChangeEvent", "ContactChangeEvent", "OpportunityChangeEvent", "Project__ChangeEvent", "CaseChangeEvent"} {
		o.must(201, "POST", "~/tooling/sobjects/PlatformEventChannelMember", member(entity))
	}
	if code, _ := o.refused(400, "POST", "~/tooling/sobjects/PlatformEventChannelMember", member("CaseChangeEvent")); code != "DUPLICATE_DEVELOPER_NAME" {
		t.Errorf("a member that is there: %s", code)
	}
	if code, _ := o.refused(400, "POST", "~/tooling/sobjects/PlatformEventChannelMember", member("LeadChangeEvent")); code != "LIMIT_EXCEEDED" {
		t.Errorf("a sixth entity: %s", code)
	}
	if got := o.ChannelMembers(); len(got) != 5 || got[0].Channel != "Tenon__chn" || got[0].Entity != "AccountChangeEvent" {
		t.Errorf("members: %v", got)
	}
	got := o.must(200, "GET", "~/tooling/query?q=SELECT+Id,SelectedEntity+FROM+PlatformEventChannelMember+WHERE+DeveloperName='Tenon_chn_CaseChangeEvent'", nil)
	if at(got, "size") != num("1") || at(got, "records", 0, "SelectedEntity") != "CaseChangeEvent" {
		t.Errorf("query of members: %v", got)
	}
	if got := o.must(200, "GET", "~/tooling/query?q=SELECT+QualifiedApiName+FROM+EntityDefinition+WHERE+QualifiedApiName='Account'", nil); at(got, "totalSize") != num("1") {
		t.Errorf("definitions: %v", got)
	}
	o.must(404, "POST", "~/tooling/sobjects/ApexClass", object{"FullName": "x", "Metadata": object{}})
}

func TestGzipOfRequests(t *testing.T) {
	o := newOrg(t, nil)
	var body bytes.Buffer
	zip := gzip.NewWriter(&body)
	_, _ = zip.Write([]byte(`{"Name":"Zipped"}`))
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	o.header = http.Header{"Content-Encoding": {"gzip"}}
	o.must(201, "POST", "~/sobjects/Account", body.String())
	o.must(400, "POST", "~/sobjects/Account", "no gzip")
}

func TestDateFunctions(t *testing.T) {
	o := newOrg(t, nil)
	o.deal("X", nil)
	o.clock.Advance(time.Hour)
	for where, want := range map[string]int{
		"CALENDAR_YEAR(CreatedDate) = 2026": 1, "DAY_ONLY(CreatedDate) = 2026-03-12": 1, "HOUR_IN_DAY(CreatedDate) = 9": 1, "DAY_IN_MONTH(CloseDate) = 1": 0,
		"CALENDAR_QUARTER(CloseDate) = 2": 1, "CloseDate = THIS_FISCAL_YEAR": 1, "CloseDate > NEXT_QUARTER": 0, "CreatedDate < LAST_WEEK": 0,
	} {
		if got := len(o.query("SELECT Id FROM Opportunity WHERE " + where)); got != want {
			t.Errorf("%s: got %d, want %d", where, got, want)
		}
	}
	if got := o.query("SELECT CALENDAR_YEAR(CloseDate) y, COUNT_DISTINCT(StageName) FROM Opportunity GROUP BY CALENDAR_YEAR(CloseDate)"); at(got, 0, "y") != num("2026") || at(got, 0, "expr0") != num("1") {
		t.Errorf("groups by year: %v", got)
	}
}

func TestCustomFieldTypes(t *testing.T) {
	o := newOrg(t, nil)
	set := at(o.query("SELECT Id FROM PermissionSet"), 0, "Id")
	for name, c := range map[string]struct {
		meta        object
		kind, code  string
		value, want any
	}{
		"Long":   {object{"type": "LongTextArea", "length": 1000}, "textarea", "", "x", "x"},
		"Area":   {object{"type": "TextArea"}, "textarea", "", "x", "x"},
		"Check":  {object{"type": "Checkbox", "defaultValue": "true"}, "boolean", "", false, false},
		"Num":    {object{"type": "Number", "precision": 10, "scale": 2}, "double", "", 1.005, num("1.01")},
		"Mail":   {object{"type": "Email"}, "email", "", "a@b.example", "a@b.example"},
		"Tel":    {object{"type": "Phone"}, "phone", "", "1", "1"},
		"Link":   {object{"type": "Url"}, "url", "", "https://a.example", "https://a.example"},
		"Clock":  {object{"type": "Time"}, "time", "", "13:45", "13:45:00.000Z"},
		"Choice": {object{"type": "Picklist", "valueSet": object{"restricted": true, "valueSetDefinition": object{"value": []any{object{"fullName": "a", "label": "A"}}}}}, "picklist", "", "A", "a"},
		"Parent": {object{"type": "Lookup", "referenceTo": "Account", "relationshipName": "Kids"}, "reference", "", nil, nil},
		"Short":  {object{"type": "Text"}, "", "FIELD_INTEGRITY_EXCEPTION", nil, nil},
		"Odd":    {object{"type": "Nothing"}, "", "FIELD_INTEGRITY_EXCEPTION", nil, nil},
		"Once":   {object{"type": "Date", "unique": true}, "", "FIELD_INTEGRITY_EXCEPTION", nil, nil},
	} {
		c.meta["label"] = name
		body := object{"FullName": "Project__c." + name + "__c", "Metadata": c.meta}
		if c.code != "" {
			if code, _ := o.refused(400, "POST", "~/tooling/sobjects/CustomField", body); code != c.code {
				t.Errorf("%s: got %s, want %s", name, code, c.code)
			}
			continue
		}
		o.must(201, "POST", "~/tooling/sobjects/CustomField", body)
		o.create("FieldPermissions", object{"ParentId": set, "SobjectType": "Project__c", "Field": "Project__c." + name + "__c", "PermissionsRead": true, "PermissionsEdit": true})
		id := o.create("Project__c", object{"Name": name, name + "__c": c.value})
		if got := at(o.must(200, "GET", "~/sobjects/Project__c/"+id, nil), name+"__c"); got != c.want {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
		info, _ := o.Object("Project__c")
		if got := info.Fields[len(info.Fields)-1]; got.Type != c.kind || !got.Custom {
			t.Errorf("%s: got %+v, want type %s", name, got, c.kind)
		}
	}
	if code, _ := o.refused(400, "POST", "~/tooling/sobjects/CustomField", object{"FullName": "Task.X__c", "Metadata": object{"label": "X", "type": "Date"}}); code != "FIELD_INTEGRITY_EXCEPTION" {
		t.Errorf("a field of Task alone: %s", code)
	}
}

func TestLocatorsAndRowsThatEnd(t *testing.T) {
	o := newOrg(t, func(opts *salesforce.Options) { opts.Limits = salesforce.VendorLimits() })
	var many []any
	for range 200 {
		many = append(many, row("Contact", object{"LastName": "x"}))
	}
	o.must(200, "POST", "~/composite/sobjects", rows(many...))
	o.must(200, "POST", "~/composite/sobjects", rows(many...))
	o.header.Set("Sforce-Query-Options", "batchSize=200")
	next := func() string {
		url, _ := at(o.must(200, "GET", "~/query?q=SELECT+Id+FROM+Contact", nil), "nextRecordsUrl").(string)
		return url
	}
	first := next()
	o.must(204, "DELETE", strings.TrimSuffix(first, "-200")+"-0", nil)
	o.refused(400, "GET", first, nil)
	second := next()
	o.ExpireLocators()
	o.refused(400, "GET", second, nil)
	id := o.deal("X", nil)
	if err := o.HoldRow(id, true); err != nil {
		t.Fatal(err)
	}
	if code, _ := o.refused(400, "DELETE", "~/sobjects/Opportunity/"+id, nil); code != "UNABLE_TO_LOCK_ROW" {
		t.Errorf("a row that another holds: %s", code)
	}
	if err := o.HoldRow(id, false); err != nil {
		t.Fatal(err)
	}
	if _, err := o.As("").LogTask(id, "Called", "All fine"); err != nil {
		t.Fatal(err)
	}
	o.must(204, "DELETE", "~/sobjects/Opportunity/"+id, nil)
	if rec, err := o.Get("Opportunity", id); err != nil || !rec.Deleted || len(o.All("Task")) != 0 {
		t.Errorf("after the delete: %+v, %v, %d tasks", rec, err, len(o.All("Task")))
	}
}
