package github_test

import (
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors/connectortest"
	sandbox "github.com/tenonsync/tenon/sandbox/github"
)

var lagging = sandbox.Options{NoSeed: true, Lag: 20 * time.Second}

func TestToken(t *testing.T) { connectortest.Run(t, harness(lagging, nil, "")) }

func TestApp(t *testing.T) {
	connectortest.Run(t, harness(sandbox.Options{NoSeed: true}, map[string]string{
		"app_id": "4711", "private_key": sandbox.DefaultPrivateKey,
	}, "crm"))
}

func TestEnterprise(t *testing.T) {
	connectortest.Run(t, harness(sandbox.Options{NoSeed: true, Enterprise: true}, map[string]string{"token": sandbox.DefaultFineToken}, ""))
}
