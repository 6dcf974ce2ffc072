package engine_test

import (
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine"
)

// A new process, as after a reload, still tells when the systems were last heard.
func TestStatusTellsWhatEarlierProcessesHeard(t *testing.T) {
	t.Parallel()
	w := newWorld(t, twoWay, nil)
	id := w.crm.Create("record", nil, "ada", map[string]connectors.Value{"title": connectors.Text("Alpha")})
	w.settle()
	w.crm.Edit(id, "ada", "notes", connectors.Text("by webhook"))
	for _, hook := range w.crm.Webhooks() {
		if _, err := w.eng.Receive(t.Context(), "crm", hook); err != nil {
			t.Fatal(err)
		}
	}
	w.settle()
	status := func() []engine.ConnectionStatus {
		st, err := w.eng.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return st.Connections
	}
	before := status()
	w.start()
	for i, now := range status() {
		if now.LastPoll.IsZero() || before[i].LastPoll.Sub(now.LastPoll).Abs() > time.Minute {
			t.Errorf("%s: the last poll is told as %v after a restart, before it as %v", now.Name, now.LastPoll, before[i].LastPoll)
		}
		if !now.LastWebhook.Equal(before[i].LastWebhook) || now.LastWebhook.IsZero() != (now.Name != "crm") {
			t.Errorf("%s: the last webhook is told as %v after a restart, before it as %v", now.Name, now.LastWebhook, before[i].LastWebhook)
		}
	}
}
