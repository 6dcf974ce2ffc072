package asana_test

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/tenonsync/tenon/sandbox/asana"
	"github.com/tenonsync/tenon/sandbox/kit"
)

// TestClientLibrary needs node and `npm ci` in this folder.
func TestClientLibrary(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed")
	}
	if _, err := os.Stat("node_modules/asana"); err != nil {
		t.Skip("the client library is not installed: run npm ci in sandbox/clients/asana")
	}
	sys := asana.New(asana.Options{Seed: 1})
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
		"ASANA_URL="+srv.URL(),
		"ASANA_TOKEN="+asana.DefaultToken,
		"ASANA_APP_TOKEN="+sys.IssueToken("oauth", asana.DefaultUser, nil),
		"ASANA_PROJECT="+asana.DefaultProject,
	)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("node check.mjs: %v\n%s", err, out)
	}
	t.Logf("%s", out)
}
