package hubspot

import (
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// compute renews the properties that HubSpot derives from others.
func (s *System) compute(r *record, now time.Time) {
	put := func(name, text string) { r.set(name, text, now, calculated) }
	if owner := s.ownerByID(r.text("hubspot_owner_id")); owner != nil {
		put("hs_all_owner_ids", owner.ID)
		if owner.UserIDIncludingInactive != 0 {
			put("hs_user_ids_of_all_owners", strconv.Itoa(owner.UserIDIncludingInactive))
		}
	} else {
		put("hs_all_owner_ids", "")
		put("hs_user_ids_of_all_owners", "")
	}
	switch r.ot.name {
	case "contacts":
		computeContact(r, put)
	case "companies":
		s.computeCompany(r, put)
	case "deals":
		computeDeal(r, put)
	case "tickets":
		put("hs_ticket_id", r.idText())
		put("hs_is_closed", strconv.FormatBool(r.ot.stageMetadata(r)["ticketState"] == "CLOSED"))
		atLeast(r, put, "hs_num_associated_companies", "num_notes")
	case "notes", "tasks", "meetings", "calls", "emails", "communications":
		computeEngagement(r, put, now)
	case "line_items":
		computeLineItem(r, put)
	}
}

type putter func(name, text string)

// atLeast sets counters that have no value yet to 0.
func atLeast(r *record, put putter, names ...string) {
	for _, name := range names {
		if r.text(name) == "" {
			put(name, "0")
		}
	}
}

var notDigit = regexp.MustCompile(`\D`)

func computeContact(r *record, put putter) {
	email := r.text("email")
	full := strings.TrimSpace(r.text("firstname") + " " + r.text("lastname"))
	if full == "" {
		full = email
	}
	put("hs_full_name_or_email", full)
	put("hs_email_domain", email[strings.LastIndexByte(email, '@')+1:])
	put("hs_all_contact_vids", r.idText())
	put("hs_is_contact", "true")
	put("hs_is_unworked", strconv.FormatBool(r.text("hubspot_owner_id") == ""))
	put("hs_pipeline", "contacts-lifecycle-pipeline")
	put("hs_searchable_calculated_phone_number", notDigit.ReplaceAllString(r.text("phone"), ""))
	if v := r.values["lifecyclestage"]; v == nil {
		put("lifecyclestage", "lead")
	}
	atLeast(r, put, "num_notes")
}

func (s *System) computeCompany(r *record, put putter) {
	put("hs_task_label", r.text("name"))
	put("hs_pipeline", "companies-lifecycle-pipeline")
	put("hs_annual_revenue_currency_code", s.currency)
	if r.text("website") == "" {
		put("website", r.text("domain"))
	}
	if v := r.values["lifecyclestage"]; v == nil {
		put("lifecyclestage", "lead")
	}
	atLeast(r, put, "num_associated_contacts", "num_notes", "hs_num_open_deals", "hs_num_child_companies")
}

// exact writes a float as HubSpot does: every binary digit of it in decimal.
func exact(f float64) string {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return ""
	}
	text := new(big.Rat).SetFloat64(f).FloatString(60)
	text = strings.TrimRight(text, "0")
	return strings.TrimSuffix(text, ".")
}

func computeDeal(r *record, put putter) {
	meta := r.ot.stageMetadata(r)
	amount := r.text("amount")
	probability, _ := strconv.ParseFloat(meta["probability"], 64)
	closed := meta["isClosed"] == "true"
	won := closed && probability == 1
	put("amount_in_home_currency", amount)
	put("hs_forecast_amount", amount)
	put("hs_is_closed_won", strconv.FormatBool(won))
	put("hs_is_closed_lost", strconv.FormatBool(closed && probability == 0))
	put("hs_closed_amount", "0")
	put("hs_projected_amount", "0")
	put("hs_deal_stage_probability", "")
	if len(meta) > 0 {
		put("hs_is_closed", strconv.FormatBool(closed))
		put("hs_deal_stage_probability", exact(probability))
	}
	if value, err := strconv.ParseFloat(amount, 64); err == nil {
		put("hs_projected_amount", exact(value*probability))
		if won {
			put("hs_closed_amount", amount)
		}
	}
	put("hs_closed_amount_in_home_currency", r.text("hs_closed_amount"))
	days := 0.0
	if closedate, ok := parseInstant(r.text("closedate")); ok {
		if created, ok := parseInstant(r.text("createdate")); ok {
			days = max(0, closedate.Sub(created).Hours()/24)
		}
	}
	put("days_to_close", strconv.Itoa(int(days)))
	put("hs_days_to_close_raw", strconv.FormatFloat(days, 'f', -1, 64))
	atLeast(r, put, "num_associated_contacts", "num_notes", "hs_num_of_associated_line_items")
}

var tags = regexp.MustCompile(`<[^>]*>`)

func computeEngagement(r *record, put putter, now time.Time) {
	put("hs_obj_coords", r.ot.id+"-"+r.idText())
	body := r.text(map[string]string{
		"notes": "hs_note_body", "tasks": "hs_task_body", "meetings": "hs_meeting_body", "calls": "hs_call_body",
		"emails": "hs_email_text", "communications": "hs_communication_body",
	}[r.ot.name])
	put("hs_body_preview", "")
	put("hs_body_preview_html", "")
	put("hs_body_preview_is_truncated", "")
	if body != "" {
		plain := strings.TrimSpace(tags.ReplaceAllString(body, " "))
		const limit = 140
		cut := utf8.RuneCountInString(plain) > limit
		if cut {
			plain = string([]rune(plain)[:limit])
		}
		put("hs_body_preview", plain)
		put("hs_body_preview_html", "<html>\n<head></head>\n<body>\n"+body+"\n</body>\n</html>")
		put("hs_body_preview_is_truncated", strconv.FormatBool(cut))
	}
	if r.ot.name != "tasks" {
		return
	}
	done := r.text("hs_task_status") == "COMPLETED"
	due, _ := parseInstant(r.text("hs_timestamp"))
	put("hs_task_family", "SALES")
	put("hs_task_for_object_type", "OWNER")
	put("hs_task_is_completed", map[bool]string{true: "1", false: "0"}[done])
	put("hs_task_is_past_due_date", strconv.FormatBool(!done && due.Before(now)))
	if done && r.text("hs_task_completion_date") == "" {
		put("hs_task_completion_date", formatTime(now))
	} else if !done {
		put("hs_task_completion_date", "")
	}
}

func computeLineItem(r *record, put putter) {
	price, okPrice := new(big.Rat).SetString(r.text("price"))
	quantity, okQuantity := new(big.Rat).SetString(r.text("quantity"))
	if !okPrice || !okQuantity {
		put("amount", "")
		return
	}
	text := strings.TrimRight(price.Mul(price, quantity).FloatString(10), "0")
	put("amount", strings.TrimSuffix(text, "."))
}
