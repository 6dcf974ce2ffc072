package pubsub_test

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/connectors/salesforce/internal/pubsub"
)

const plainSchema = `{"type":"record","name":"AccountChangeEvent","namespace":"com.sforce.eventbus","fields":[{"name":"ChangeEventHeader","type":{"type":"record","name":"ChangeEventHeader","fields":[` +
	`{"name":"entityName","type":"string"},{"name":"recordIds","type":{"type":"array","items":"string"}},` +
	`{"name":"changeType","type":{"type":"enum","name":"ChangeType","symbols":["CREATE","UPDATE","DELETE","UNDELETE","GAP_CREATE","GAP_UPDATE","GAP_DELETE","GAP_UNDELETE","GAP_OVERFLOW","SNAPSHOT"]}},` +
	`{"name":"changeOrigin","type":"string"},{"name":"commitTimestamp","type":"long"}]}},{"name":"Name","type":["null","string"]}]}`

// FuzzEvent reads events of any bytes under any schema: an event, or an error,
// in bounded time and memory.
func FuzzEvent(f *testing.F) {
	f.Add(plainSchema, []byte("\x0eAccount\x02\x240014H00002LbR7QQAV\x00\x02\x00\xd0\xeb\xc7\xbf\xdfb\x00"))
	f.Add(plainSchema, []byte("\x0eAccount\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	f.Add(plainSchema, []byte("\x0eAccount\x01\x7f"))
	f.Add(strings.Replace(plainSchema, `"items":"string"`, `"items":"null"`, 1), []byte{})
	f.Add(strings.Repeat(`{"type":`, 100), []byte{})
	f.Add(`{"type":"record","name":"a","fields":[{"name":"ChangeEventHeader","type":{"type":"record","name":"b","fields":[{"name":"c","type":"b"}]}}]}`, []byte{})
	f.Fuzz(func(t *testing.T, text string, payload []byte) {
		if len(text) > 1<<16 || len(payload) > 1<<16 {
			t.Skip("larger ones say nothing new")
		}
		for _, schema := range []string{text, plainSchema} {
			s, err := pubsub.ParseSchema(schema)
			if err != nil {
				if len(err.Error()) > 200 {
					t.Errorf("the error is %d bytes long", len(err.Error()))
				}
				continue
			}
			e, err := s.Decode(payload)
			if err == nil && (e.Entity == "" || len(e.Records) > len(payload)) {
				t.Errorf("the event %+v out of %d bytes", e, len(payload))
			}
			e.Whole() // never panics
		}
	})
}

// TestRecordedEvent reads an event under the vendor's schema, where the samples
// are at hand.
func TestRecordedEvent(t *testing.T) {
	samples := filepath.Join("..", "..", "..", "..", "..", "shared", "samples", "salesforce")
	schema, err := os.ReadFile(filepath.Join(samples, "cdc.AccountChangeEvent.reconstructed.avsc"))
	if err != nil {
		t.Skip("the samples are not here")
	}
	raw, err := os.ReadFile(filepath.Join(samples, "cdc.account.update.constructed_wire.json"))
	if err != nil {
		t.Skip("the samples are not here")
	}
	var sample struct {
		Payload []byte `json:"payload_base64"`
	}
	if err := json.Unmarshal(raw, &sample); err != nil {
		t.Fatal(err)
	}
	s, err := pubsub.ParseSchema(string(schema))
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Decode(sample.Payload)
	if err != nil {
		t.Fatalf("%v: %s", err, base64.StdEncoding.EncodeToString(sample.Payload))
	}
	if diff := cmp.Diff([]string{"Account", "UPDATE", "0014H00002LbR7QQAV", "2023-10-04T18:35:13Z"}, []string{got.Entity, got.Type, strings.Join(got.Records, " "), got.At.Format("2006-01-02T15:04:05Z07:00")}); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
}

func TestSchemasThatAreNone(t *testing.T) {
	for name, schema := range map[string]string{
		"nothing": "", "text": `"string"`, "no header": `{"type":"record","name":"a","fields":[]}`,
		"header of another form": strings.Replace(plainSchema, `"commitTimestamp","type":"long"`, `"commitTimestamp","type":"string"`, 1),
		"header without ids":     strings.Replace(plainSchema, `recordIds`, `recordIdentities`, 1),
		"free work":              strings.Replace(plainSchema, `"changeOrigin","type":"string"`, `"changeOrigin","type":{"type":"array","items":"null"}`, 1),
		"itself":                 `{"type":"record","name":"a","fields":[{"name":"ChangeEventHeader","type":"a"}]}`,
		"deep":                   strings.Repeat("[", 100_000), "large": strings.Repeat(" ", 5<<20),
	} {
		if _, err := pubsub.ParseSchema(schema); err == nil {
			t.Errorf("%s: passes", name)
		}
	}
}
