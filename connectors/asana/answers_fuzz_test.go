package asana_test

import (
	"flag"
	"testing"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/asana"
	"github.com/tenonsync/tenon/connectors/connectortest"
	sandbox "github.com/tenonsync/tenon/sandbox/asana"
)

var (
	record  = flag.Bool("record", false, "rewrite the corpus of the fuzz target from the sandbox")
	bendAll = flag.Bool("bend-all", false, "bend each part of each answer in all ways")
)

func answers() connectortest.Answers {
	return connectortest.Answers{
		Harness: harness(false, nil), Secrets: []string{sandbox.DefaultToken},
		Dial: func(t testing.TB, base string, o connectors.Options) connectors.Connection {
			set, err := connectors.NewSettings(asana.New().Info().Settings, map[string]string{
				"base_url": base, "token": sandbox.DefaultToken, "requests_per_minute": "1000000",
			})
			if err != nil {
				t.Fatal(err)
			}
			conn, err := asana.New().Open(connectors.Config{Name: "asana-test", Settings: set}, o)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = conn.Close() })
			return conn
		},
		Base: func(w connectortest.World) (string, connectors.Clock) { return w.(*world).url, w.(*world).clock },
	}
}

func FuzzAnswers(f *testing.F) { answers().Fuzz(f) }

func TestBentAnswers(t *testing.T) { answers().Bend(t, "FuzzAnswers", *bendAll) }

func TestRecordAnswers(t *testing.T) {
	if !*record {
		t.Skip("rewrites the corpus with -record only")
	}
	answers().Record(t, "FuzzAnswers")
}
