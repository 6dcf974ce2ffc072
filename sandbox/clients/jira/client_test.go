package jira

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/tenonsync/tenon/sandbox/jira"
)

type received struct {
	Signature string `json:"signature"`
	Body      []byte `json:"body"` // base64 on the wire
}

// receiver keeps the webhooks it gets and shows them on GET.
func receiver(t *testing.T) *httptest.Server {
	t.Helper()
	var mu sync.Mutex
	var list []received
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if r.Method == http.MethodGet {
			_ = json.NewEncoder(w).Encode(list)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		list = append(list, received{r.Header.Get("X-Hub-Signature"), body})
	}))
	t.Cleanup(srv.Close)
	return srv
}

func TestJiraJS(t *testing.T) {
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("node is not installed")
	}
	if _, err := os.Stat("node_modules"); err != nil {
		t.Skip("jira.js is not installed: run npm ci in sandbox/clients/jira")
	}
	hooks := receiver(t)
	sys := jira.New(jira.Options{Seed: 1, WebhookTarget: hooks.URL, Lag: time.Hour})
	t.Cleanup(sys.Close)
	srv := httptest.NewServer(sys)
	t.Cleanup(srv.Close)
	tokens, ok := sys.Grant(jira.DefaultEmail, "read:jira-work", "write:jira-work", "read:jira-user", "manage:jira-webhook", "offline_access")
	if !ok {
		t.Fatalf("no account %s", jira.DefaultEmail)
	}
	cmd := exec.CommandContext(t.Context(), "node", "client.mjs")
	cmd.Env = append(os.Environ(),
		"JIRA_URL="+srv.URL, "JIRA_EMAIL="+jira.DefaultEmail, "JIRA_TOKEN="+jira.DefaultToken, "JIRA_ACCESS="+tokens.Access,
		"JIRA_CLOUD_ID="+sys.CloudID(), "JIRA_FLUSH="+srv.URL+"/_sandbox/flush", "JIRA_WEBHOOKS="+hooks.URL, "JIRA_SECRET="+jira.DefaultWebhookSecret)
	out, err := cmd.CombinedOutput()
	t.Logf("client.mjs:\n%s", out)
	if err != nil {
		t.Errorf("client.mjs: %v", err)
	}
}
