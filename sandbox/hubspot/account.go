package hubspot

import (
	"fmt"
	"net/http"
	"time"
)

func accountDetails(c *call) (int, any, *apiError) {
	_, offset := c.now.In(c.s.zone).Zone()
	sign := "+"
	if offset < 0 {
		sign = "-"
	}
	d := time.Duration(offset) * time.Second
	return http.StatusOK, map[string]any{
		"portalId": c.s.portalID, "accountType": "STANDARD", "timeZone": c.s.zone.String(), "companyCurrency": c.s.currency,
		"additionalCurrencies": []string{"USD", "GBP"}, "utcOffset": fmt.Sprintf("%s%02d:%02d", sign, int(d.Abs().Hours()), int(d.Abs().Minutes())%60),
		"utcOffsetMilliseconds": d.Milliseconds(), "uiDomain": c.s.uiDomain, "dataHostingLocation": "eu1",
	}, nil
}

func apiUsage(c *call) (int, any, *apiError) {
	midnight := c.now.In(c.s.zone)
	midnight = time.Date(midnight.Year(), midnight.Month(), midnight.Day()+1, 0, 0, 0, 0, c.s.zone)
	return http.StatusOK, map[string]any{"results": []any{map[string]any{
		"name": "private-apps-api-calls-daily", "usageLimit": c.s.limits.max.Daily, "currentUsage": c.s.limits.used,
		"collectedAt": formatTime(c.now), "fetchStatus": "SUCCESS", "resetsAt": formatTime(midnight),
	}}}, nil
}

// propertyLimits tells how many custom properties each type has and may have.
func propertyLimits(c *call) (int, any, *apiError) {
	type usage struct {
		ID         string  `json:"objectTypeId"`
		Singular   string  `json:"singularLabel"`
		Plural     string  `json:"pluralLabel"`
		Usage      int     `json:"usage"`
		Limit      int     `json:"limit"`
		Percentage float64 `json:"percentage"`
	}
	byType, total := []usage{}, 0
	for _, ot := range c.s.types {
		n := ot.customProperties()
		total += n
		byType = append(byType, usage{ot.id, ot.singular, ot.name, n, maxCustomProperties, float64(n) * 100 / maxCustomProperties})
	}
	limit := maxCustomProperties * len(byType)
	return http.StatusOK, map[string]any{
		"byObjectType": byType, "overallLimit": limit, "overallUsage": total, "overallPercentage": float64(total) * 100 / float64(limit),
	}, nil
}
