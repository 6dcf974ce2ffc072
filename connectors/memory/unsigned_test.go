package memory_test

import (
	"testing"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/memory"
)

// TestUnsigned takes the deliveries of a system that signs nothing.
func TestUnsigned(t *testing.T) {
	s := memory.NewSystem(memory.Options{Unsigned: true})
	c := s.Connect("crm")
	if !c.Facts().WebhookUnsigned {
		t.Error("the connection does not say that nothing is signed")
	}
	w := c.Create(t.Context(), []connectors.Create{{Object: "record", Fields: map[string]connectors.Value{"title": connectors.Text("A")}}})
	if w[0].Err != nil {
		t.Fatal(w[0].Err)
	}
	sent := s.Webhooks()
	if len(sent) != 1 || sent[0].Header.Get(memory.SignatureHeader) != "" {
		t.Fatalf("deliveries %+v, want one without a signature", sent)
	}
	if d, err := c.ParseWebhook(sent[0]); err != nil || len(d.Hints) != 1 || d.Hints[0].ID != w[0].ID {
		t.Errorf("got %+v, %v, want a hint at %s", d, err, w[0].ID)
	}
}
