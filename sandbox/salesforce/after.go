package salesforce

import (
	"maps"
	"math/big"
	"slices"
	"time"
)

// tracked are the fields whose changes are kept in the history tables.
var tracked = map[string][]string{
	"Opportunity": {"Name", "StageName", "Amount", "CloseDate", "OwnerId", "NextStep", "Delivery_Status__c", "Delivery_Due__c", "Expected_Delivery__c", "Project_Status__c", "Description"},
	"Account":     {"Name", "OwnerId", "Phone", "Website", "Industry"},
	"Contact":     {"LastName", "FirstName", "Email", "OwnerId", "Phone"},
	"Case":        {"Status", "OwnerId", "Priority", "Subject"},
	"Lead":        {"Status", "OwnerId", "Email", "Company"},
	"Project__c":  {"Name", "OwnerId", "Status__c", "Due__c", "Budget__c"},
}

// track keeps the history of the tracked fields.
func (t *tx) track(r *record, before, after map[string]value) {
	names := tracked[r.object.name]
	if names == nil {
		return
	}
	o := t.s.object(historyTable(r.object.name))
	row := func(name, kind string, from, to value) {
		o.nextID++
		h := &record{object: o, id: newID(o.prefix, o.nextID), values: map[string]value{
			"IsDeleted": false, historyReference(r.object.name): r.id, "Field": name, "DataType": kind, "OldValue": from, "NewValue": to, "CreatedDate": t.at, "CreatedById": t.user,
		}}
		h.values["Id"] = h.id
		t.put(h)
	}
	if before == nil {
		row("created", "Text", nil, nil)
		return
	}
	for _, name := range names {
		f := r.object.field(name)
		if f == nil || same(before[name], after[name]) {
			continue
		}
		shown := name
		if name == "OwnerId" {
			shown = "Owner"
		}
		from, to := before[name], after[name]
		if f.long() {
			from, to = nil, nil // only that it changed
		}
		row(shown, historyType(f), from, to)
	}
}

func historyType(f *field) string {
	switch f.kind {
	case "currency":
		return "Currency"
	case "date":
		return "DateOnly"
	case "datetime":
		return "DateTime"
	case "reference":
		return "EntityId"
	case "picklist":
		return "DynamicEnum"
	}
	return "Text"
}

// after does what a save entails elsewhere: roll-ups, links of documents.
// before is nil for new records; the record itself is deleted after a delete.
func (t *tx) after(r *record, before map[string]value) *apiError {
	switch r.object.name {
	case "OpportunityLineItem":
		t.rollUp(r.text("OpportunityId"))
	case "ContentVersion":
		if before == nil {
			return t.afterVersion(r)
		}
	case "ContentNote":
		return t.afterNote(r, before == nil)
	case "FieldPermissions", "PermissionSetAssignment":
		t.s.schemaChanged()
	case "FeedComment":
		t.countComments(r.text("FeedItemId"))
	}
	return nil
}

// touchUp changes fields of another record in the same transaction, as the
// system does.
func (t *tx) touchUp(r *record, changes map[string]value) {
	full := merged(r.values, changes)
	for name, v := range map[string]value{"LastModifiedDate": t.at, "SystemModstamp": t.at, "LastModifiedById": t.user} {
		if r.object.field(name) != nil {
			full[name] = v
		}
	}
	t.s.derive(r, r.values, full, changes, t.at)
	maps.Copy(full, changes)
	t.set(r, full)
}

// rollUp recomputes an opportunity's amount from its products; its account is
// touched, too.
func (t *tx) rollUp(id string) {
	r := t.s.find(id)
	if r == nil || r.deleted() {
		return
	}
	sum, has := new(big.Rat), false
	lines := t.s.object("OpportunityLineItem")
	for _, l := range t.s.rows(lines, false, false) {
		if l.text("OpportunityId") != id {
			continue
		}
		has = true
		if n, ok := l.values["TotalPrice"].(number); ok {
			sum.Add(sum, n.rat())
		}
	}
	changes := map[string]value{"HasOpportunityLineItem": has}
	if has {
		n, _ := newNumber(sum.FloatString(4), 2)
		changes["Amount"] = n
	}
	before := r.values
	t.touchUp(r, changes)
	t.track(r, before, r.values)
	if account := t.s.find(r.text("AccountId")); account != nil && !account.deleted() {
		full := maps.Clone(account.values)
		full["SystemModstamp"] = t.at
		t.set(account, full)
	}
}

func (t *tx) countComments(id string) {
	r := t.s.find(id)
	if r == nil {
		return
	}
	n := 0
	for _, c := range t.s.rows(t.s.object("FeedComment"), false, false) {
		if c.text("FeedItemId") == id {
			n++
		}
	}
	t.touchUp(r, map[string]value{"CommentCount": number(itoa(n))})
}

// merge merges the losers into the winner: their children move, and they go to
// the recycle bin with the winner's id.
func (t *tx) merge(winner *record, losers []*record) *apiError {
	o := winner.object
	if !o.mergeable {
		return refuse("INVALID_OPERATION", "%s records cannot be merged", o.name)
	}
	for _, loser := range losers {
		if loser.object != o || loser == winner || loser.deleted() {
			return refuse("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
		}
		for _, f := range t.s.children(o) {
			for _, id := range slices.Clone(f.object.ids) {
				child := f.object.records[id]
				if child != nil && !child.deleted() && child.text(f.name) == loser.id && f.name != "MasterRecordId" {
					t.touchUp(child, map[string]value{f.name: winner.id})
				}
			}
		}
		full := maps.Clone(loser.values)
		full["MasterRecordId"], full["LastModifiedDate"], full["SystemModstamp"], full["LastModifiedById"] = winner.id, t.at, t.at, t.user
		t.set(loser, full)
		t.bury(loser, t.at)
	}
	t.touchUp(winner, nil)
	return nil
}

// convertLead makes an account, a contact and an opportunity of a lead.
func (t *tx) convertLead(lead *record, opportunity string) *apiError {
	s := t.s
	if lead.flag("IsConverted") {
		return refuse("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")
	}
	v := lead.values
	account, err := t.insert(s.object("Account"), map[string]value{"Name": v["Company"], "Phone": v["Phone"], "Website": v["Website"], "OwnerId": v["OwnerId"]})
	if err != nil {
		return err
	}
	contact, err := t.insert(s.object("Contact"), map[string]value{
		"AccountId": account.id, "FirstName": v["FirstName"], "LastName": v["LastName"], "Email": v["Email"], "Phone": v["Phone"], "Title": v["Title"], "OwnerId": v["OwnerId"],
	})
	if err != nil {
		return err
	}
	changes := map[string]value{
		"IsConverted": true, "Status": "Closed - Converted", "ConvertedAccountId": account.id, "ConvertedContactId": contact.id,
		"ConvertedDate": t.at.Format(time.DateOnly), "SystemModstamp": t.at,
	}
	if opportunity != "" {
		deal, err := t.insert(s.object("Opportunity"), map[string]value{
			"Name": opportunity, "AccountId": account.id, "StageName": "Prospecting", "CloseDate": t.at.AddDate(0, 3, 0).Format(time.DateOnly), "OwnerId": v["OwnerId"],
		})
		if err != nil {
			return err
		}
		changes["ConvertedOpportunityId"] = deal.id
	}
	t.set(lead, merged(lead.values, changes)) // LastModifiedDate stays
	return nil
}
