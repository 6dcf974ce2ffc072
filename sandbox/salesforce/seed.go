package salesforce

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// people are name, e-mail, time zone and whether they still work here.
var people = []struct {
	first, last, zone, locale string
	active                    bool
}{
	{"Ada", "Okafor", "Europe/Berlin", "en_GB", true},
	{"Jonas", "Lindqvist", "Europe/Stockholm", "sv_SE", true},
	{"Mei", "Tanaka", "Asia/Tokyo", "ja_JP", true},
	{"Rosa", "Delgado", "America/New_York", "en_US", true},
	{"Tom", "Becker", "Europe/London", "en_GB", true},
	{"Ines", "Moreau", "Europe/Berlin", "de_DE", false},
}

func mailOf(first, last string) string {
	return strings.ToLower(first + "." + last + "@harbourworks.example")
}

// seedAccounts are name, website, city, country, industry.
var seedAccounts = [][5]string{
	{"Alpenglow Outdoor", "alpenglow.example", "Innsbruck", "Austria", "Retail"},
	{"Baltic Freight Lines", "balticfreight.example", "Gdańsk", "Poland", "Shipping"},
	{"Cobalt Analytics", "cobaltanalytics.example", "Dublin", "Ireland", "Technology"},
	{"Dune Solar", "dunesolar.example", "Almería", "Spain", "Energy"},
	{"Elbe Maschinenbau", "elbe-maschinenbau.example", "Dresden", "Germany", "Machinery"},
	{"Fjord Hotels", "fjordhotels.example", "Bergen", "Norway", "Hospitality"},
	{"Granite Construction Partners", "granitepartners.example", "Leeds", "United Kingdom", "Construction"},
	{"Helvetic Private Bank", "helveticbank.example", "Zürich", "Switzerland", "Banking"},
	{"Iberia Components", "iberiacomponents.example", "Bilbao", "Spain", "Manufacturing"},
	{"Juniper Retail Group", "juniperretail.example", "Lyon", "France", "Retail"},
	{"Kestrel Robotics", "kestrelrobotics.example", "Eindhoven", "Netherlands", "Electronics"},
	{"Lumen Studios", "lumenstudios.example", "Copenhagen", "Denmark", "Technology"},
}

var (
	firstNames = strings.Fields("Anna Björn Carla Dmitri Elif Farid Greta Hugo Ilse Jakub Klara Luis Marta Niels Olga Pedro Quinn Ruth Sven Tove Ulla Victor Wanda Yusuf Zoé")
	lastNames  = strings.Fields("Andersen Bauer Costa Dubois Eriksen Fischer García Hansen Ivanova Jansen Kowalski Laurent Müller Novák Olsen Pereira Rossi Schmidt Torres Ueda Vogel Weber Yılmaz Zieliński")
	jobTitles  = []string{"Head of Operations", "IT Manager", "Managing Director", "Purchasing Lead", "Project Sponsor"}
	dealKinds  = []string{
		"Warehouse rollout", "Customer portal", "Data migration", "Booking platform", "Fleet dashboard", "Website relaunch",
		"Service desk setup", "ERP integration", "Mobile app", "Security review",
	}
	asciiNames = strings.NewReplacer("ö", "oe", "ü", "ue", "ä", "ae", "é", "e", "í", "i", "ı", "i", "á", "a", "ń", "n")
)

// sow makes a record as a user would have in the app.
func (s *System) sow(object string, at time.Time, user string, values map[string]string) *record {
	o := s.object(object)
	t := s.begin(user, "", at, false)
	in := map[string]value{}
	for name, text := range values {
		f := o.field(name)
		if f == nil {
			if s.opts.Bare {
				continue
			}
			panic("seed: " + object + " has no field " + name) // the seed is part of the program
		}
		v, err := f.fromText(text)
		if err != nil {
			panic("seed: " + err.Text)
		}
		in[f.name] = v
	}
	able := o.createable
	o.createable = true
	r, err := t.insert(o, in)
	o.createable = able
	if err != nil {
		panic("seed: " + object + ": " + err.Text)
	}
	t.commit()
	return r
}

// seedOrganisation makes the organisation's own definitions: users, profiles,
// stages, record types, a queue.
func (s *System) seedOrganisation() {
	at := s.now().AddDate(-2, 0, 0)
	orgs := s.object("Organization")
	s.org = newID(orgs.prefix, 3_000_000+s.rand.IntN(900_000))
	orgs.records[s.org] = &record{object: orgs, id: s.org, values: map[string]value{
		"Id": s.org, "IsDeleted": false, "Name": "Harbour Works", "OrganizationType": "Developer Edition", "InstanceName": "TEN1", "IsSandbox": true,
		"DefaultLocaleSidKey": "en_US", "TimeZoneSidKey": "Europe/Berlin", "LanguageLocaleKey": "en_US", "FiscalYearStartMonth": number("1"),
		"CreatedDate": at, "LastModifiedDate": at, "SystemModstamp": at,
	}}
	orgs.ids = []string{s.org}
	admin := s.sow("Profile", at, "", map[string]string{"Name": "System Administrator", "UserType": "Standard"})
	standard := s.sow("Profile", at, "", map[string]string{"Name": "Standard User", "UserType": "Standard"})
	integration := s.sow("Profile", at, "", map[string]string{"Name": "Minimum Access - API Only Integrations", "UserType": "CloudIntegrationUser"})
	user := func(first, last, mail, username, profile, zone, locale, kind string, active bool) *record {
		alias := strings.ToLower(first + last)
		u := s.sow("User", at, "", map[string]string{
			"FirstName": first, "LastName": last, "Email": mail, "Username": username, "Alias": alias[:min(8, len(alias))], "ProfileId": profile,
			"TimeZoneSidKey": zone, "LocaleSidKey": locale, "LanguageLocaleKey": "en_US", "IsActive": strconv.FormatBool(active), "CompanyName": "Harbour Works",
		})
		u.values["UserType"] = kind
		for _, name := range []string{"CreatedById", "LastModifiedById"} {
			u.values[name] = u.id
		}
		return u
	}
	s.users = nil
	for i, p := range people {
		profile := standard.id
		if i == 0 {
			profile = admin.id
		}
		mail := mailOf(p.first, p.last)
		s.users = append(s.users, user(p.first, p.last, mail, mail+".sandbox", profile, p.zone, p.locale, "Standard", p.active))
	}
	s.apiUser = user("Tenon", "Integration", "tenon.integration@harbourworks.example", DefaultUsername, integration.id, "GMT", "en_US", "Standard", true).id
	host := strings.ToLower(s.org) + ".example"
	user("Automated", "Process", "autoproc@"+host, "autoproc@"+host, integration.id, "GMT", "en_US", "AutomatedProcess", true)
	user("Platform Integration", "User", "noreply@"+host, "cloud@"+host, integration.id, "GMT", "en_US", "CloudIntegrationUser", true)
	for _, f := range []*record{admin, standard, integration, orgs.records[s.org]} {
		f.values["CreatedById"], f.values["LastModifiedById"] = s.users[0].id, s.users[0].id
	}
	ada := s.users[0].id
	for i, st := range stages {
		s.sow("OpportunityStage", at, ada, map[string]string{
			"MasterLabel": st.name, "ApiName": st.name, "IsActive": "true", "SortOrder": itoa(i + 1), "IsClosed": strconv.FormatBool(st.closed), "IsWon": strconv.FormatBool(st.won),
			"ForecastCategory": st.category, "ForecastCategoryName": st.categoryName, "DefaultProbability": itoa(st.probability),
		})
	}
	for _, name := range []string{"New Business", "Renewal"} {
		s.sow("RecordType", at, ada, map[string]string{"Name": name, "DeveloperName": strings.ReplaceAll(name, " ", "_"), "SobjectType": "Opportunity", "IsActive": "true"})
	}
	s.sow("Group", at, ada, map[string]string{"Name": "Support queue", "DeveloperName": "Support_queue", "Type": "Queue"})
	set := s.sow("PermissionSet", at, ada, map[string]string{"Name": "Tenon_Integration", "Label": "Tenon Integration"})
	s.sow("PermissionSetAssignment", at, ada, map[string]string{"PermissionSetId": set.id, "AssigneeId": s.apiUser})
	book := s.sow("Pricebook2", at, ada, map[string]string{"Name": "Standard Price Book", "IsActive": "true"})
	book.values["IsStandard"] = true
	for i, name := range []string{"Consulting day", "Platform licence", "Support plan"} {
		p := s.sow("Product2", at, ada, map[string]string{"Name": name, "ProductCode": fmt.Sprintf("HW-%03d", i+1), "IsActive": "true"})
		s.sow("PricebookEntry", at, ada, map[string]string{"Pricebook2Id": book.id, "Product2Id": p.id, "UnitPrice": itoa(900 + 300*i), "IsActive": "true"})
	}
}

// seedRecords sows business records. All of it was made by people in the app
// over the last months.
func (s *System) seedRecords() {
	now := s.now()
	var accounts, contacts []*record
	for i, a := range seedAccounts {
		at := now.AddDate(0, 0, -150+i*3).Add(time.Duration(s.rand.IntN(36_000)) * time.Second)
		owner := s.owner(i)
		accounts = append(accounts, s.sow("Account", at, owner, map[string]string{
			"Name": a[0], "Website": "https://" + a[1], "BillingCity": a[2], "BillingCountry": a[3], "Industry": a[4], "Phone": fmt.Sprintf("+49 30 555 01%02d", i),
			"NumberOfEmployees": itoa(20 + s.rand.IntN(900)), "Type": "Customer - Direct",
		}))
		for n := range 2 {
			k := i*2 + n
			first, last := firstNames[k%len(firstNames)], lastNames[(k*7)%len(lastNames)]
			contacts = append(contacts, s.sow("Contact", at.Add(time.Duration(n+1)*time.Hour), owner, map[string]string{
				"FirstName": first, "LastName": last, "Email": strings.ToLower(asciiNames.Replace(first)+"."+asciiNames.Replace(last)) + "@" + a[1],
				"Title": jobTitles[k%len(jobTitles)], "Phone": fmt.Sprintf("+49 30 555 02%02d", k), "AccountId": accounts[i].id,
			}))
		}
	}
	types := s.object("RecordType").ids
	names := []string{
		"Prospecting", "Qualification", "Needs Analysis", "Value Proposition", "Proposal/Price Quote", "Negotiation/Review", "Closed Won", "Closed Won", "Closed Lost", "Perception Analysis",
	}
	for i := range 40 {
		account := accounts[(i*5)%len(accounts)]
		at := now.AddDate(0, 0, -100+i*2).Add(time.Duration(s.rand.IntN(30_000)) * time.Second)
		values := map[string]string{
			"Name": account.text("Name") + " – " + dealKinds[(i*3)%len(dealKinds)], "AccountId": account.id, "StageName": names[i%len(names)],
			"Amount": strconv.Itoa(4_000+s.rand.IntN(160)*500) + []string{"", ".00", ".50"}[s.rand.IntN(3)], "CloseDate": now.AddDate(0, 0, -20+i).Format(time.DateOnly),
			"Type": []string{"New Customer", "Existing Customer - Upgrade"}[i%2], "RecordTypeId": types[i%2],
		}
		if i%3 == 0 {
			values["Description"] = "Agreed with " + contacts[(i*2)%len(contacts)].text("FirstName") + " by phone.\nScope to be confirmed before kick-off."
		}
		if values["StageName"] == "Closed Won" && i%4 == 2 {
			values["Delivery_Status__c"], values["Expected_Delivery__c"] = "In Progress", now.AddDate(0, 0, 10+i).Format(time.DateOnly)
		}
		owner := s.owner(i)
		deal := s.sow("Opportunity", at, owner, values)
		if i%11 == 10 { // some still belong to the one who left
			deal.values["OwnerId"] = s.users[len(s.users)-1].id
		}
		s.sowAround(deal, contacts[(i*5%len(accounts))*2], i, at, owner)
	}
	for i := range 4 {
		s.sow("Case", now.AddDate(0, 0, -30+i), s.owner(i), map[string]string{
			"Subject": "Question about the invoice", "Description": "Which order does it belong to?", "AccountId": accounts[i].id, "ContactId": contacts[i*2].id, "Origin": "Email", "Priority": "Low",
		})
		s.sow("Lead", now.AddDate(0, 0, -20+i), s.owner(i), map[string]string{
			"FirstName": firstNames[20+i], "LastName": lastNames[10+i], "Company": "Prospect " + string(rune('A'+i)) + " GmbH", "Email": fmt.Sprintf("lead%d@prospects.example", i+1), "LeadSource": "Web",
		})
	}
	s.sow("Contract", now.AddDate(0, 0, -40), s.owner(0), map[string]string{
		"AccountId": accounts[0].id, "StartDate": now.AddDate(0, 0, -30).Format(time.DateOnly), "ContractTerm": "12",
	})
	if s.opts.Bare {
		return
	}
	project := s.sow("Project__c", now.AddDate(0, 0, -15), s.owner(1), map[string]string{
		"Name": "Alpenglow shop floor", "Account__c": accounts[0].id, "Status__c": "Active", "Due__c": now.AddDate(0, 2, 0).Format(time.DateOnly), "Budget__c": "25000",
	})
	for i, name := range []string{"Analysis", "Build", "Go-live"} {
		s.sow("Milestone__c", now.AddDate(0, 0, -14+i), s.owner(1), map[string]string{"Project__c": project.id, "Title__c": name, "Weight__c": itoa(i + 1)})
	}
}

// owner is the user who made seed record number i; never one who left.
func (s *System) owner(i int) string { return s.users[i%(len(s.users)-1)].id }

// sowAround gives a deal a contact, tasks and posts.
func (s *System) sowAround(deal, contact *record, i int, at time.Time, owner string) {
	s.sow("OpportunityContactRole", at, owner, map[string]string{"OpportunityId": deal.id, "ContactId": contact.id, "Role": "Decision Maker", "IsPrimary": "true"})
	if i%4 == 0 {
		s.sow("FeedItem", at.Add(time.Hour), owner, map[string]string{"ParentId": deal.id, "Body": "<p>First call went well, <b>budget is approved</b>.</p>", "IsRichText": "true"})
	}
	if i%5 == 0 {
		s.sow("Task", at.Add(2*time.Hour), owner, map[string]string{
			"Subject": "Send the proposal", "WhatId": deal.id, "WhoId": contact.id, "ActivityDate": at.AddDate(0, 0, 7).Format(time.DateOnly),
		})
	}
}
