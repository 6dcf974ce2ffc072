package trello_test

import (
	"flag"
	"testing"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/connectortest"
	sandbox "github.com/tenonsync/tenon/sandbox/trello"
)

var (
	record  = flag.Bool("record", false, "rewrite the corpora of the fuzz targets from the sandbox")
	bendAll = flag.Bool("bend-all", false, "bend each part of each answer in all ways")
)

func cardAnswers() connectortest.Answers {
	return connectortest.Answers{
		Harness: harness(), Secrets: []string{sandbox.DefaultToken},
		IDs: []string{"69b28000aaaaaaaaaaaaaaa1", "69b28000aaaaaaaaaaaaaaa2", "69b28000aaaaaaaaaaaaaaa3"},
		Dial: func(t testing.TB, base string, o connectors.Options) connectors.Connection {
			return open(t, map[string]string{
				"key": sandbox.DefaultKey, "token": sandbox.DefaultToken, "api_secret": sandbox.DefaultSecret, "base_url": base,
			}, o)
		},
		Base: func(w connectortest.World) (string, connectors.Clock) { return w.(*world).base, w.(*world).clock },
	}
}

func FuzzAnswers(f *testing.F) { cardAnswers().Fuzz(f) }

func TestBentAnswers(t *testing.T) { cardAnswers().Bend(t, "FuzzAnswers", *bendAll) }

func TestRecordAnswers(t *testing.T) {
	if !*record {
		t.Skip("rewrites the corpora with -record only")
	}
	cardAnswers().Record(t, "FuzzAnswers")
}
