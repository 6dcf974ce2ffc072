package hubspot

import (
	"testing"

	"github.com/tenonsync/tenon/connectors"
)

func TestRecordsInWebAddresses(t *testing.T) {
	c := &connection{name: "crm", portal: "62515", aliases: map[string][]string{dealsID: {"deal"}, "2-7": {"p_project"}}}
	for text, want := range map[string]connectors.Ref{
		"https://app.hubspot.com/contacts/62515/record/0-3/151":                {Connection: "crm", Object: "deal", ID: "151"},
		"https://app-eu1.hubspot.com/contacts/62515/record/0-1/7/?eschref=%2F": {Connection: "crm", Object: "contacts", ID: "7"},
		"https://app.hubspot.com/contacts/62515/record/2-7/9":                  {Connection: "crm", Object: "p_project", ID: "9"},
		"https://app.hubspot.com/contacts/62515/record/2-8/9":                  {Connection: "crm", Object: "2-8", ID: "9"},
		"https://app.hubspot.com/contacts/62515/company/12":                    {Connection: "crm", Object: "companies", ID: "12"},
		"https://app.hubspot.com/contacts/99/record/0-3/151":                   {},
		"https://app.hubspot.com/contacts/62515/objects/0-3/views/all/list":    {},
		"/contacts/62515/record/0-3/151":                                       {},
		"151":                                                                  {},
	} {
		if got, err := c.Locate(t.Context(), text); err != nil || got != want {
			t.Errorf("%q: got %v, %v, want %v", text, got, err, want)
		}
	}
}
