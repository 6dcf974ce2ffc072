package server_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/server"
)

// streaming is a status with a stream that broke, and a system without one.
func streaming() engine.Status {
	return engine.Status{At: testNow, Connections: []engine.ConnectionStatus{
		{Name: "crm", State: "up", Stream: &engine.StreamStatus{
			State: "down", Reason: "the stream was cut", Last: testNow.Add(-time.Minute), Hints: 42, Breaks: 3, Gaps: 2, Gap: "the stream begins",
			Silent: map[string]string{"Contact": "it is not selected"},
		}},
		{Name: "pm", State: "up"},
	}}
}

func TestMetricsOfStreams(t *testing.T) {
	f := newFixture(t, nil)
	f.engine.rows.status = streaming()
	text := read(t, f.do("GET", "/metrics", "", "Authorization", "Bearer "+f.token(t, server.ScopeRead)))
	for _, want := range []string{
		`tenon_stream_up{connection="crm"} 0`, `tenon_stream_hints_total{connection="crm"} 42`, `tenon_stream_breaks_total{connection="crm"} 3`,
		`tenon_stream_gaps_total{connection="crm"} 2`, `tenon_last_stream_seconds{connection="crm"} `,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the metrics lack %s", want)
		}
	}
	if strings.Contains(text, `tenon_stream_up{connection="pm"}`) {
		t.Error("a stream is told of a system that has none")
	}
}

func TestOverviewShowsStreams(t *testing.T) {
	f := newFixture(t, nil)
	f.engine.rows.status = streaming()
	text := read(t, f.do("GET", "/", "", "Authorization", "Bearer "+f.token(t, server.ScopeRead)))
	for _, want := range []string{"Stream of changes", "broken", "the stream was cut", "gaps: 2", "does not tell of Contact: it is not selected"} {
		if !strings.Contains(text, want) {
			t.Errorf("the overview lacks %q in\n%s", want, text)
		}
	}
	if n := strings.Count(text, "Stream of changes"); n != 1 {
		t.Errorf("%d streams are shown, want one", n)
	}
}
