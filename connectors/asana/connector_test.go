package asana_test

import (
	"testing"

	"github.com/tenonsync/tenon/connectors/connectortest"
)

func TestToken(t *testing.T) { connectortest.Run(t, harness(false, nil)) }

func TestOAuth(t *testing.T) { connectortest.Run(t, harness(true, nil)) }

func TestKeysInNotes(t *testing.T) {
	connectortest.Run(t, harness(false, map[string]string{"create_key": "notes"}))
}
