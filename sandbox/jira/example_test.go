package jira_test

import (
	"context"
	"fmt"
	"net/http"

	"github.com/tenonsync/tenon/sandbox/jira"
	"github.com/tenonsync/tenon/sandbox/kit"
)

// A site is served at an origin of its own, and people can act in it while a
// program uses its API.
func Example() {
	site := jira.New(jira.Options{Seed: 1})
	defer site.Close()
	server, err := kit.Listen("127.0.0.1:0", site)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close(context.Background())

	ada := site.As("ada.okafor@harbourworks.example")
	if err := ada.Edit("DELIV-1", map[string]any{"Budget": 90_000, "labels": []string{"crm"}}); err != nil {
		fmt.Println(err)
		return
	}
	issue, _ := site.Issue("DELIV-1")
	fmt.Println(issue.Fields["summary"], issue.Labels, issue.Fields[site.FieldID("Budget")])

	req, err := http.NewRequest(http.MethodGet, server.URL()+"/rest/api/3/issue/DELIV-1", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	req.SetBasicAuth(jira.DefaultEmail, jira.DefaultToken)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	fmt.Println(resp.Status)
	// Output:
	// Warehouse rollout for Northwind [crm] 90000
	// 200 OK
}
