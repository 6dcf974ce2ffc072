// Package github_test runs GitHub's own client library against the sandbox.
package github_test

import (
	"context"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/tenonsync/tenon/sandbox/github"
	"github.com/tenonsync/tenon/sandbox/kit"
)

// TestClientLibrary needs node and `npm ci` in this folder.
func TestClientLibrary(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed")
	}
	if _, err := os.Stat("node_modules/@octokit/rest"); err != nil {
		t.Skip("the client library is not installed: run npm ci in sandbox/clients/github")
	}
	sys := github.New(github.Options{Seed: 1})
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
		"GITHUB_URL="+srv.URL(),
		"GITHUB_TOKEN="+github.DefaultToken,
		"GITHUB_APP_ID="+strconv.Itoa(github.DefaultAppID),
		"GITHUB_PRIVATE_KEY="+github.DefaultPrivateKey,
	)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("node check.mjs: %v\n%s", err, out)
	}
	t.Logf("%s", out)
}
