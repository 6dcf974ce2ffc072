package jira_test

import (
	"flag"
	"testing"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/connectortest"
	"github.com/tenonsync/tenon/connectors/jira"
	sandbox "github.com/tenonsync/tenon/sandbox/jira"
)

var (
	record  = flag.Bool("record", false, "rewrite the corpora of the fuzz targets from the sandbox")
	bendAll = flag.Bool("bend-all", false, "bend each part of each answer in all ways")
)

var (
	cloudSite      = sandbox.Options{Empty: true}
	dataCenterSite = sandbox.Options{Empty: true, Flavour: sandbox.DataCenter, BasePath: "/jira"}
)

func issueAnswers(options sandbox.Options) connectortest.Answers {
	secrets := []string{sandbox.DefaultToken, webhookSecret}
	return connectortest.Answers{
		Harness: harness(options, nil), Secrets: secrets[:1],
		Dial: func(t testing.TB, base string, o connectors.Options) connectors.Connection {
			settings := map[string]string{"base_url": base, "webhook_secret": secrets[1], "email": sandbox.DefaultEmail, "token": secrets[0]}
			if options.Flavour == sandbox.DataCenter {
				settings = map[string]string{"base_url": base, "webhook_secret": secrets[1], "deployment": "datacenter", "pat": secrets[0]}
			}
			set, err := connectors.NewSettings(jira.New().Info().Settings, settings)
			if err != nil {
				t.Fatal(err)
			}
			conn, err := jira.New().Open(connectors.Config{Name: "jira-test", Settings: set}, o)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = conn.Close() })
			return conn
		},
		Base: func(w connectortest.World) (string, connectors.Clock) { return w.(*world).url, w.(*world).clock },
	}
}

func FuzzAnswers(f *testing.F) { issueAnswers(cloudSite).Fuzz(f) }

func FuzzDataCenterAnswers(f *testing.F) { issueAnswers(dataCenterSite).Fuzz(f) }

func TestBentAnswers(t *testing.T) {
	issueAnswers(cloudSite).Bend(t, "FuzzAnswers", *bendAll)
	issueAnswers(dataCenterSite).Bend(t, "FuzzDataCenterAnswers", *bendAll)
}

func TestRecordAnswers(t *testing.T) {
	if !*record {
		t.Skip("rewrites the corpora with -record only")
	}
	issueAnswers(cloudSite).Record(t, "FuzzAnswers")
	issueAnswers(dataCenterSite).Record(t, "FuzzDataCenterAnswers")
}
