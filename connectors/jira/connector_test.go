package jira_test

import (
	"testing"

	"github.com/tenonsync/tenon/connectors/connectortest"
	sandbox "github.com/tenonsync/tenon/sandbox/jira"
)

func TestCloud(t *testing.T) {
	connectortest.Run(t, harness(sandbox.Options{Empty: true}, nil))
}

func TestCloudWithLabels(t *testing.T) {
	connectortest.Run(t, harness(sandbox.Options{Empty: true}, map[string]string{"create_key": "label"}))
}

func TestDataCenter(t *testing.T) {
	connectortest.Run(t, harness(sandbox.Options{Empty: true, Flavour: sandbox.DataCenter, BasePath: "/jira"}, nil))
}
