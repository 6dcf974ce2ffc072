package github_test

import (
	"flag"
	"testing"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/connectortest"
	sandbox "github.com/tenonsync/tenon/sandbox/github"
)

var (
	record  = flag.Bool("record", false, "rewrite the corpora of the fuzz targets from the sandbox")
	bendAll = flag.Bool("bend-all", false, "bend each part of each answer in all ways")
)

// answers fuzzes what a connection with these settings makes of GitHub's answers.
func answers(settings map[string]string) connectortest.Answers {
	return connectortest.Answers{
		Harness: harness(sandbox.Options{NoSeed: true}, settings, ""), Secrets: []string{sandbox.DefaultToken},
		Dial: func(t testing.TB, base string, o connectors.Options) connectors.Connection {
			return open(t, base, settings, o)
		},
		Base: func(w connectortest.World) (string, connectors.Clock) { return w.(*world).url, w.(*world).clock },
		IDs:  []string{"186853001-1", "186853001-2", "186853001-3"},
	}
}

func FuzzAnswers(f *testing.F) { answers(nil).Fuzz(f) }

func TestBentAnswers(t *testing.T) { answers(nil).Bend(t, "FuzzAnswers", *bendAll) }

func TestRecordAnswers(t *testing.T) {
	if !*record {
		t.Skip("rewrites the corpora with -record only")
	}
	answers(nil).Record(t, "FuzzAnswers")
}
