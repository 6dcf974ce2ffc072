// Package hubspot_test runs HubSpot's own client library against the sandbox.
package hubspot_test

import (
	"context"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/tenonsync/tenon/sandbox/hubspot"
	"github.com/tenonsync/tenon/sandbox/kit"
)

// TestClientLibrary needs node and `npm ci` in this folder.
func TestClientLibrary(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed")
	}
	if _, err := os.Stat("node_modules/@hubspot/api-client"); err != nil {
		t.Skip("the client library is not installed: run npm ci in sandbox/clients/hubspot")
	}
	sys := hubspot.New(hubspot.Options{Seed: 1})
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
		"HUBSPOT_URL="+srv.URL(),
		"HUBSPOT_TOKEN="+hubspot.DefaultToken,
		"HUBSPOT_CLIENT_ID="+hubspot.DefaultClientID,
		"HUBSPOT_CLIENT_SECRET="+hubspot.DefaultClientSecret,
		"HUBSPOT_DEVELOPER_KEY="+hubspot.DefaultDeveloperKey,
		"HUBSPOT_APP_ID="+strconv.Itoa(sys.AppID()),
	)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("node check.mjs: %v\n%s", err, out)
	}
	t.Logf("%s", out)
}
