package salesforce_test

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/tenonsync/tenon/sandbox/kit"
	"github.com/tenonsync/tenon/sandbox/salesforce"
)

// TestClientLibrary needs node and `npm ci` in this folder.
func TestClientLibrary(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed")
	}
	if _, err := os.Stat("node_modules/jsforce"); err != nil {
		t.Skip("the client library is not installed: run npm ci in sandbox/clients/salesforce")
	}
	sys := salesforce.New(salesforce.Options{Seed: 1})
	t.Cleanup(sys.Close)
	srv, err := kit.Listen("127.0.0.1:0", sys)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = srv.Close(context.WithoutCancel(t.Context())) })

	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, node, "check.mjs")
	cmd.Env = append(os.Environ(),
		"SALESFORCE_URL="+srv.URL(),
		"SALESFORCE_CLIENT_ID="+salesforce.DefaultClientID,
		"SALESFORCE_CLIENT_SECRET="+salesforce.DefaultClientSecret,
		"SALESFORCE_REFRESH_TOKEN="+salesforce.DefaultRefreshToken,
		"SALESFORCE_USERNAME="+salesforce.DefaultUsername,
		"SALESFORCE_PRIVATE_KEY="+salesforce.DefaultPrivateKey(),
	)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("node check.mjs: %v\n%s", err, out)
	}
	t.Logf("%s", out)
}
