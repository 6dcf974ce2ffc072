package rest_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

func Example() {
	system := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/deals/42" {
			_, _ = fmt.Fprint(w, `{"name":"A bridge","amount":1250.50}`)
			return
		}
		w.WriteHeader(http.StatusNotFound)
		_, _ = fmt.Fprint(w, `{"message":"There is no deal 43"}`)
	}))
	defer system.Close()

	client, err := rest.New(rest.Config{
		Connection: "acme",
		BaseURL:    system.URL,
		Auth:       rest.Bearer("a-token"),
		Pace:       rest.Pace{PerSecond: 10},
	}, connectors.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	for _, id := range []string{"42", "43"} {
		var deal struct {
			Name   string
			Amount any
		}
		_, err = client.Do(context.Background(), rest.Request{
			Op: "read", Record: "deals/" + id,
			Path: "/deals/{id}", Params: map[string]string{"id": id},
			Out: &deal, UseNumber: true,
		})
		if err != nil {
			fmt.Println(err, "-", connectors.KindOf(err))
			continue
		}
		fmt.Println(deal.Name, deal.Amount)
	}
	// Output:
	// A bridge 1250.50
	// acme: read deals/43: There is no deal 43 (status 404) - not found
}
