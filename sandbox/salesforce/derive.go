package salesforce

import (
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"
)

// stage is one stage of the opportunities' process.
type stage struct {
	name, category, categoryName string
	probability                  int
	closed, won                  bool
}

var stages = []stage{
	{"Prospecting", "Pipeline", "Pipeline", 10, false, false},
	{"Qualification", "Pipeline", "Pipeline", 10, false, false},
	{"Needs Analysis", "Pipeline", "Pipeline", 20, false, false},
	{"Value Proposition", "Pipeline", "Pipeline", 50, false, false},
	{"Id. Decision Makers", "Pipeline", "Pipeline", 60, false, false},
	{"Perception Analysis", "Pipeline", "Pipeline", 70, false, false},
	{"Proposal/Price Quote", "Pipeline", "Pipeline", 75, false, false},
	{"Negotiation/Review", "Pipeline", "Pipeline", 90, false, false},
	{"Closed Won", "Closed", "Closed", 100, true, true},
	{"Closed Lost", "Omitted", "Omitted", 0, true, false},
}

// derive sets the fields that follow from others. before is nil for new records.
func (s *System) derive(r *record, before, full, given map[string]value, at time.Time) {
	switch r.object.name {
	case "Contact", "Lead", "User":
		full["Name"] = joined(full["FirstName"], full["LastName"])
		if r.object.name == "User" && full["UserType"] == nil {
			full["UserType"] = "Standard"
		}
	case "Opportunity":
		deriveOpportunity(before, full, given, at)
	case "Case":
		deriveCase(s, before, full, at)
	case "Task":
		deriveTask(s, before, full, at)
	case "Contract":
		deriveContract(full)
	case "Event":
		deriveEvent(full)
	case "OpportunityLineItem":
		s.deriveLine(full, given)
	case "PricebookEntry":
		if p := s.find(text(full["Product2Id"])); p != nil {
			full["Name"] = p.values["Name"]
		}
	case "FeedItem":
		full["Revision"], full["LikeCount"] = number("1"), number("0")
		if full["CommentCount"] == nil {
			full["CommentCount"] = number("0")
		}
	case "FeedComment":
		full["Revision"] = number("1")
		if item := s.find(text(full["FeedItemId"])); item != nil {
			full["ParentId"] = item.values["ParentId"]
		}
	case "Project__c":
		if full["Name"] == nil {
			full["Name"] = r.id
		}
	}
}

func text(v value) string {
	t, _ := v.(string)
	return t
}

func joined(parts ...value) value {
	var out []string
	for _, p := range parts {
		if t := text(p); t != "" {
			out = append(out, t)
		}
	}
	if len(out) == 0 {
		return nil
	}
	return strings.Join(out, " ")
}

func deriveOpportunity(before, full, given map[string]value, at time.Time) {
	if before != nil && before["HasOpportunityLineItem"] == true {
		full["Amount"] = before["Amount"] // the products' sum stands; what was sent is ignored
	}
	if full["HasOpportunityLineItem"] == nil {
		full["HasOpportunityLineItem"] = false
	}
	i := slices.IndexFunc(stages, func(st stage) bool { return st.name == full["StageName"] })
	st := stage{categoryName: "Pipeline", probability: 10} // of a stage that an admin added
	if i >= 0 {
		st = stages[i]
	}
	moved := before == nil || !same(before["StageName"], full["StageName"])
	if _, own := given["Probability"]; moved && !own || full["Probability"] == nil {
		full["Probability"] = number(itoa(st.probability))
	}
	if _, own := given["ForecastCategoryName"]; moved && !own || full["ForecastCategoryName"] == nil {
		full["ForecastCategoryName"] = st.categoryName
	}
	full["ForecastCategory"] = strings.ReplaceAll(text(full["ForecastCategoryName"]), " ", "")
	if full["ForecastCategory"] == "Commit" {
		full["ForecastCategory"] = "Forecast"
	}
	full["IsClosed"], full["IsWon"] = st.closed, st.won
	if moved && before != nil {
		full["LastStageChangeDate"] = at.UTC()
	}
	full["ExpectedRevenue"] = nil
	if amount, ok := full["Amount"].(number); ok {
		p, _ := full["Probability"].(number)
		n, _ := newNumber(new(big.Rat).Quo(new(big.Rat).Mul(amount.rat(), p.rat()), big.NewRat(100, 1)).FloatString(4), 2)
		full["ExpectedRevenue"] = n
	}
	if day, err := time.Parse(time.DateOnly, text(full["CloseDate"])); err == nil {
		quarter := (int(day.Month()) + 2) / 3
		full["FiscalYear"], full["FiscalQuarter"] = number(itoa(day.Year())), number(itoa(quarter))
		full["Fiscal"] = fmt.Sprintf("%d %d", day.Year(), quarter)
	}
	full["HasOpenActivity"], full["HasOverdueTask"] = full["HasOpenActivity"] == true, full["HasOverdueTask"] == true
}

func deriveCase(s *System, before, full map[string]value, at time.Time) {
	closed := full["Status"] == "Closed"
	if closed && (before == nil || before["IsClosed"] != true) {
		full["ClosedDate"] = at
	}
	if !closed {
		full["ClosedDate"] = nil
	}
	full["IsClosed"], full["ContactEmail"] = closed, nil
	if c := s.find(text(full["ContactId"])); c != nil {
		full["ContactEmail"] = c.values["Email"]
	}
}

func deriveTask(s *System, before, full map[string]value, at time.Time) {
	closed := full["Status"] == "Completed"
	if closed && (before == nil || before["IsClosed"] != true) {
		full["CompletedDateTime"] = at
	}
	if !closed {
		full["CompletedDateTime"] = nil
	}
	full["IsClosed"], full["IsHighPriority"] = closed, full["Priority"] == "High"
	full["IsArchived"] = full["IsArchived"] == true
	full["AccountId"] = nil
	for _, id := range []string{text(full["WhatId"]), text(full["WhoId"])} {
		parent := s.find(id)
		switch {
		case parent == nil:
		case parent.object.name == "Account":
			full["AccountId"] = parent.id
			return
		case parent.object.field("AccountId") != nil && parent.values["AccountId"] != nil:
			full["AccountId"] = parent.values["AccountId"]
			return
		}
	}
}

func deriveContract(full map[string]value) {
	full["StatusCode"] = strings.ReplaceAll(text(full["Status"]), " ", "")
	if full["StatusCode"] == "InApprovalProcess" {
		full["StatusCode"] = "InApproval"
	}
	full["EndDate"] = nil
	day, err := time.Parse(time.DateOnly, text(full["StartDate"]))
	if n, ok := full["ContractTerm"].(number); ok && err == nil {
		months := n.rat().Num().Int64()
		full["EndDate"] = day.AddDate(0, int(months), -1).Format(time.DateOnly)
	}
}

func deriveEvent(full map[string]value) {
	start, ok := full["StartDateTime"].(time.Time)
	if !ok {
		if start, ok = full["ActivityDateTime"].(time.Time); !ok {
			return
		}
	}
	full["StartDateTime"], full["ActivityDateTime"], full["ActivityDate"] = start, start, start.Format(time.DateOnly)
	if n, ok := full["DurationInMinutes"].(number); ok {
		full["EndDateTime"] = start.Add(time.Duration(n.rat().Num().Int64()) * time.Minute)
	} else if end, ok := full["EndDateTime"].(time.Time); ok {
		full["DurationInMinutes"] = number(itoa(int(end.Sub(start) / time.Minute)))
	}
}

func (s *System) deriveLine(full, given map[string]value) {
	entry := s.find(text(full["PricebookEntryId"]))
	if entry != nil {
		full["Product2Id"] = entry.values["Product2Id"]
		if p := s.find(entry.text("Product2Id")); p != nil {
			full["ProductCode"] = p.values["ProductCode"]
			full["Name"] = joined(p.values["Name"])
		}
	}
	quantity, ok := full["Quantity"].(number)
	if !ok || quantity.rat().Sign() == 0 {
		return
	}
	_, unitGiven := given["UnitPrice"]
	if total, ok := full["TotalPrice"].(number); ok && given["TotalPrice"] != nil && !unitGiven {
		n, _ := newNumber(new(big.Rat).Quo(total.rat(), quantity.rat()).FloatString(6), 2)
		full["UnitPrice"] = n
	} else if unit, ok := full["UnitPrice"].(number); ok {
		n, _ := newNumber(new(big.Rat).Mul(unit.rat(), quantity.rat()).FloatString(6), 2)
		full["TotalPrice"] = n
	}
}

// special is what Salesforce refuses for reasons of the object.
func (s *System) special(r *record, before, full, given map[string]value) *apiError {
	switch r.object.name {
	case "Contract":
		if before == nil && full["StatusCode"] == "Activated" {
			return refuse("INVALID_STATUS", "Choose a valid contract status and save your changes. Ask your admin for details.").on("Status")
		}
	case "OpportunityLineItem":
		if before == nil && given["UnitPrice"] == nil && given["TotalPrice"] == nil {
			return refuse("REQUIRED_FIELD_MISSING", "Required fields are missing: [UnitPrice]").on("UnitPrice")
		}
	case "PermissionSetAssignment":
		for _, other := range s.rows(r.object, false, false) {
			if other != r && other.values["AssigneeId"] == full["AssigneeId"] && other.values["PermissionSetId"] == full["PermissionSetId"] {
				return refuse("DUPLICATE_VALUE", "Duplicate PermissionSetAssignment.  Assignee: %s; Permission Set: %s", text(full["AssigneeId"])[:15], text(full["PermissionSetId"])[:15]).on("AssigneeId", "PermissionSetId")
			}
		}
	case "ContentVersion":
		return s.prepareVersion(r, before, full)
	case "ContentNote":
		return prepareNote(full)
	case "ContentDocumentLink":
		if before == nil {
			for _, other := range s.rows(r.object, false, false) {
				if other.values["LinkedEntityId"] == full["LinkedEntityId"] && other.values["ContentDocumentId"] == full["ContentDocumentId"] {
					return refuse("DUPLICATE_VALUE", "This document is already linked to the record.")
				}
			}
		}
	}
	return nil
}

// valueOf is the value that a reader sees: formulas and compound fields are made
// when they are read.
func (s *System) valueOf(r *record, f *field) value {
	switch {
	case f.kind == "address":
		return s.address(r, f)
	case f.name == "Convert_to_Project__c":
		if s.convert == "" {
			return nil
		}
		// Id is the 15-character form in formulas.
		return `<a href="` + s.convert + `?id=` + r.id[:15] + `" target="_blank">Convert to project</a>`
	}
	return r.values[f.name]
}

// addressValue is a compound address.
type addressValue struct{ members }

func (s *System) address(r *record, f *field) value {
	prefix := strings.TrimSuffix(f.name, "Address")
	part := func(name string) any {
		if g := r.object.field(prefix + name); g != nil {
			return g.wire(r.values[g.name])
		}
		return nil
	}
	out := members{
		{"city", part("City")},
		{"country", part("Country")},
		{"geocodeAccuracy", part("GeocodeAccuracy")},
		{"latitude", part("Latitude")},
		{"longitude", part("Longitude")},
		{"postalCode", part("PostalCode")},
		{"state", part("State")},
		{"street", part("Street")},
	}
	for _, m := range out {
		if m.value != nil {
			return addressValue{out}
		}
	}
	return nil
}
