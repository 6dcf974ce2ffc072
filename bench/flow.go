package main

import (
	"strings"

	"github.com/tenonsync/tenon/connectors"
)

// wireField is one field of a system of the comparison.
type wireField struct {
	name string
	typ  connectors.Type
}

// The fields of both sides, as the emulated systems keep them.
var (
	dealFields = []wireField{
		{"name", connectors.TypeText},
		{"description", connectors.TypeText},
		{"company", connectors.TypeText},
		{"region", connectors.TypeText},
		{"contact", connectors.TypeText},
		{"phone", connectors.TypeText},
		{"city", connectors.TypeText},
		{"street", connectors.TypeText},
		{"amount", connectors.TypeNumber},
		{"quantity", connectors.TypeNumber},
		{"discount", connectors.TypeNumber},
		{"probability", connectors.TypeNumber},
		{"closed", connectors.TypeBool},
		{"urgent", connectors.TypeBool},
		{"closedate", connectors.TypeDate},
		{"startdate", connectors.TypeDate},
		{"duedate", connectors.TypeDate},
		{"created_at", connectors.TypeInstant},
		{"signed_at", connectors.TypeInstant},
		{"stage", connectors.TypeOption},
	}
	epicFields = []wireField{
		{"summary", connectors.TypeText},
		{"details", connectors.TypeText},
		{"customer", connectors.TypeText},
		{"area", connectors.TypeText},
		{"contact_name", connectors.TypeText},
		{"telephone", connectors.TypeText},
		{"town", connectors.TypeText},
		{"label", connectors.TypeText},
		{"budget", connectors.TypeNumber},
		{"units", connectors.TypeNumber},
		{"rebate", connectors.TypeNumber},
		{"probability_text", connectors.TypeText},
		{"is_closed", connectors.TypeBool},
		{"urgent", connectors.TypeBool},
		{"end_date", connectors.TypeDate},
		{"begin_date", connectors.TypeDate},
		{"total", connectors.TypeNumber},
		{"created_on", connectors.TypeDate},
		{"signed_at", connectors.TypeInstant},
		{"status", connectors.TypeOption},
	}
)

// options are the choices of the two option fields.
var options = map[string][]connectors.Option{
	"stage": {
		{ID: "open", Label: "Open"}, {ID: "won", Label: "Won"}, {ID: "delivery", Label: "In delivery"}, {ID: "done", Label: "Done"},
	},
	"status": {
		{ID: "todo", Label: "To do"}, {ID: "ready", Label: "Ready"}, {ID: "progress", Label: "In progress"}, {ID: "finished", Label: "Finished"},
	},
}

// tenonMapping is the flow of 20 fields as Tenon runs it. Plain fields go both
// ways, so that both sides are read and compared.
const tenonMapping = `
mapping: deal-to-epic
between:
  deal: {connection: crm, object: deal}
  epic: {connection: pm, object: epic}
create:
  epic:
    when: deal.amount >= 0
fields:
  - {deal: name, epic: summary}
  - {deal: description, epic: details}
  - {deal: company, epic: customer}
  - {deal: region, epic: area}
  - {deal: contact, epic: contact_name}
  - {deal: phone, epic: telephone}
  - {deal: city, epic: town}
  - {deal: amount, epic: budget}
  - {deal: quantity, epic: units}
  - {deal: discount, epic: rebate}
  - {deal: closed, epic: is_closed}
  - {deal: urgent, epic: urgent}
  - {deal: closedate, epic: end_date}
  - {deal: startdate, epic: begin_date}
  - {deal: signed_at, epic: signed_at}
  - {deal: probability, epic: probability_text, flow: deal -> epic}
  - {deal: created_at, epic: created_on, flow: deal -> epic}
  - deal: stage
    epic: status
    values: {open: todo, won: ready, delivery: progress, done: finished}
  - {epic: label, set: 'lower(deal.region) + ": " + trim(deal.name)'}
  - {epic: total, set: deal.amount * deal.quantity}
conflict: deal wins
first_sync: deal wins
`

// benthosMapping is the same flow in Bloblang: the same 20 fields with the same
// conversions, without the comparison, since Benthos keeps no baseline.
const benthosMapping = `
let p = this.properties
root.properties.summary = $p.name
root.properties.details = $p.description
root.properties.customer = $p.company
root.properties.area = $p.region
root.properties.contact_name = $p.contact
root.properties.telephone = $p.phone
root.properties.town = $p.city
root.properties.budget = $p.amount
root.properties.units = $p.quantity
root.properties.rebate = $p.discount
root.properties.is_closed = $p.closed
root.properties.urgent = $p.urgent
root.properties.end_date = $p.closedate
root.properties.begin_date = $p.startdate
root.properties.signed_at = $p.signed_at
root.properties.probability_text = $p.probability.string()
root.properties.created_on = $p.created_at.ts_parse("2006-01-02T15:04:05Z07:00").ts_format("2006-01-02", "UTC")
root.properties.status = match $p.stage {
  this == "open" => "todo"
  this == "won" => "ready"
  this == "delivery" => "progress"
  this == "done" => "finished"
}
root.properties.label = $p.region.lowercase() + ": " + $p.name.trim()
root.properties.total = $p.amount * $p.quantity
`

// benthosConfig is Benthos's stream: webhook with HMAC check, GET of the
// record, mapping, PATCH. The webhook is answered after the write.
func benthosConfig(listen, systems, secret string) string {
	indent := func(text string) string {
		return strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n        ")
	}
	return strings.NewReplacer("LISTEN", listen, "SYSTEMS", systems, "SECRET", secret, "MAPPING", indent(benthosMapping)).Replace(`
http: {enabled: false}
logger: {level: ERROR}
metrics: {json_api: {}}
input:
  http_server:
    address: LISTEN
    path: /hooks/crm
    allowed_verbs: [POST]
    timeout: 60s
pipeline:
  threads: 64
  processors:
    - mapping: |
        let sum = content().hash("hmac_sha256", "SECRET").encode("hex")
        root = if $sum != meta("X-Signature") { throw("bad signature") }
        meta id = this.id
        root = this
    - http:
        url: SYSTEMS/crm/records/${! meta("id") }
        verb: GET
    - mapping: |
        MAPPING
output:
  http_client:
    url: SYSTEMS/pm/records/p${! meta("id") }
    verb: PATCH
    headers: {Content-Type: application/json}
    max_in_flight: 64
`)
}
