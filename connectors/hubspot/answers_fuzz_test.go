package hubspot_test

import (
	"flag"
	"testing"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/connectortest"
	sandbox "github.com/tenonsync/tenon/sandbox/hubspot"
)

var (
	record  = flag.Bool("record", false, "rewrite the corpora of the fuzz targets from the sandbox")
	bendAll = flag.Bool("bend-all", false, "bend each part of each answer in all ways")
)

func dealAnswers() connectortest.Answers {
	secrets := []string{sandbox.DefaultToken, sandbox.DefaultClientSecret}
	return connectortest.Answers{
		Harness: dealHarness(), Secrets: secrets[:1],
		Dial: func(t testing.TB, base string, o connectors.Options) connectors.Connection {
			return open(t, map[string]string{"token": secrets[0], "client_secret": secrets[1], "base_url": base}, o)
		},
		Base: func(w connectortest.World) (string, connectors.Clock) { return w.(*world).base, w.(*world).clock },
	}
}

func FuzzAnswers(f *testing.F) { dealAnswers().Fuzz(f) }

func TestBentAnswers(t *testing.T) {
	dealAnswers().Bend(t, "FuzzAnswers", *bendAll)
}

func TestRecordAnswers(t *testing.T) {
	if !*record {
		t.Skip("rewrites the corpus with -record only")
	}
	dealAnswers().Record(t, "FuzzAnswers")
}
