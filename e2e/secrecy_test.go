package e2e

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/tenonsync/tenon/engine/state/bolt"
	hubspotbox "github.com/tenonsync/tenon/sandbox/hubspot"
	jirabox "github.com/tenonsync/tenon/sandbox/jira"
)

// marks are texts that people write into the systems. They are long, so that
// none stands in a state file or a log by chance.
var marks = []string{
	"vermilion-otter-first-name", "vermilion-otter-second-name", "vermilion-otter-third-name",
	"cobalt-heron-first-words", "cobalt-heron-second-words", "ochre-lynx-comment-in-jira", "77123456789.25",
}

// logBuffer is a log that several goroutines write.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// TestStateAndLogTellNoValues: after creates, edits both ways, a conflict and
// comments, neither the state file nor the log, at its most talkative, holds
// what people wrote or what opens the systems.
func TestStateAndLogTellNoValues(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tenon.db")
	file, err := bolt.Open(t.Context(), path, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	log := &logBuffer{}
	w := newWorldOver(t, 1, file, slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})))

	id := w.deals()[0].ID
	w.editDealTo(id, map[string]string{"dealname": marks[0], "description": marks[3], "amount": marks[6], "dealstage": "closedwon"})
	w.settle(true)
	epics := w.epics()[id]
	if len(epics) != 1 || epics[0].Fields["summary"] != marks[0] {
		t.Fatalf("the deal has the epics %+v", epics)
	}
	key := epics[0].Key
	if err := w.jira.As(ada).Edit(key, map[string]any{"summary": marks[1]}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.jira.As(ada).Comment(key, marks[5]); err != nil {
		t.Fatal(err)
	}
	w.settle(false)
	if err := w.jira.As(ada).Edit(key, map[string]any{"summary": marks[2]}); err != nil {
		t.Fatal(err)
	}
	w.editDealTo(id, map[string]string{"dealname": marks[0], "description": marks[4]})
	w.settle(true)
	if got := w.epics()[id][0].Fields["summary"]; got != marks[0] && got != marks[2] {
		t.Fatalf("the summary is %v", got)
	}

	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	stored, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if there := "won-deal-to-epic"; !bytes.Contains(stored, []byte(there)) {
		t.Errorf("the search is blind: the state holds no %q", there)
	}
	if !strings.Contains(log.b.String(), "msg=request") {
		t.Error("the log tells of no request: it is not at its most talkative")
	}
	for _, secret := range append(marks[:len(marks):len(marks)], hubspotbox.DefaultToken, hubspotbox.DefaultClientSecret, jirabox.DefaultToken, webhookSecret) {
		if bytes.Contains(stored, []byte(secret)) {
			t.Errorf("the state file holds %q", secret)
		}
		if i := strings.Index(log.b.String(), secret); i >= 0 {
			t.Errorf("the log tells %q: …%s", secret, log.b.String()[max(i-200, 0):min(i+100, log.b.Len())])
		}
	}
}

func (w *world) editDealTo(id string, values map[string]string) {
	w.t.Helper()
	if err := w.hub.As(ada).Edit("deals", id, values); err != nil {
		w.t.Fatal(err)
	}
}
