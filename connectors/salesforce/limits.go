package salesforce

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// Budget implements connectors.BudgetTeller.
func (c *connection) Budget() connectors.Budget { return c.client.Budget() }

// limits reads Sforce-Limit-Info, such as
//
//	api-usage=25/5000; per-app-api-usage=17/250(appName=tenon)
//
// The tighter of the two counts. Answers without a body carry none.
func limits(h http.Header, _ time.Time) rest.Learnt {
	whole, left := 0, 0
	for part := range strings.SplitSeq(h.Get("Sforce-Limit-Info"), ";") {
		name, figures, _ := strings.Cut(strings.TrimSpace(part), "=")
		if name != "api-usage" && name != "per-app-api-usage" {
			continue
		}
		figures, _, _ = strings.Cut(figures, "(")
		used, most, ok := strings.Cut(strings.TrimSpace(figures), "/")
		u, err := strconv.ParseInt(used, 10, 32)
		m, err2 := strconv.ParseInt(most, 10, 32)
		if !ok || err != nil || err2 != nil || u < 0 || m <= 0 {
			continue
		}
		if rest := max(int(m-u), 0); whole == 0 || rest < left {
			whole, left = int(m), rest
		}
	}
	if whole == 0 {
		return rest.Learnt{}
	}
	return rest.Learnt{Limit: connectors.Limit{Known: true, PerWindow: -1, Remaining: -1, Daily: whole, DailyLeft: left}}
}
