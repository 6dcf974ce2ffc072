package salesforce_test

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/tenonsync/tenon/sandbox/kit"
	"github.com/tenonsync/tenon/sandbox/salesforce"
)

func Example() {
	sys := salesforce.New(salesforce.Options{Seed: 1, Clock: kit.NewManualClock(time.Date(2026, 3, 12, 9, 0, 0, 0, time.UTC))})
	defer sys.Close()
	srv, err := kit.Listen("127.0.0.1:0", sys)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = srv.Close(context.Background()) }()

	ada := sys.As("ada.okafor@harbourworks.example")
	id, err := ada.Create("Opportunity", map[string]string{"Name": "Customer portal", "StageName": "Closed Won", "CloseDate": "2026-06-30"})
	if err != nil {
		fmt.Println(err)
		return
	}
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, srv.URL()+"/services/data/v66.0/sobjects/Opportunity/"+id, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	req.Header.Set("Authorization", "Bearer "+sys.NewToken())
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	deal, err := sys.Get("Opportunity", id)
	fmt.Println(resp.Status, resp.Header.Get("Sforce-Limit-Info"), deal.Fields["Probability"], err)
	// Output: 200 OK api-usage=1/1000000 100 <nil>
}
