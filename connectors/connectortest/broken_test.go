package connectortest_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/connectortest"
	"github.com/tenonsync/tenon/connectors/memory"
)

// breakage is a way to be wrong, and the group of the suite that must see it.
type breakage struct {
	name  string
	group string
	do    func(f *fake)
}

// rich is a system with every ability and habit that the breakages need.
var rich = memory.Options{
	ListsRecords: true, IndexLag: 10 * time.Second, KeyLag: 5 * time.Second, Precision: time.Second, PageSize: 7,
	SetEdits: true, ShowsDeleted: true, ConditionalWrites: true, WebhookVersions: true,
	ReadBatch: 5, CreateBatch: 3, UpdateBatch: 4, NeedsPrepare: true, FileLimit: 1 << 20, Streams: true,
}

func TestSuitePassesTheSoundFake(t *testing.T) {
	t.Parallel()
	got := judge(t, time.Minute, func(*fake) {})
	if len(got.failures) > 0 {
		t.Errorf("the sound connection fails:\n%s", strings.Join(got.failures, "\n"))
	}
	if len(got.skips) > 0 {
		t.Errorf("skipped, so that no breakage can show there:\n%s", strings.Join(got.skips, "\n"))
	}
}

// judge runs the suite over a connection that is broken, and waits for what its
// streams fail to tell no longer than the patience.
func judge(t *testing.T, patience time.Duration, breakIt func(*fake)) *record {
	t.Helper()
	r := newRecorder(t.Context())
	h := harness(rich, func(c connectors.Connection, w *world) connectors.Connection {
		f := &fake{Connection: c.(*memory.Connection), w: w}
		breakIt(f)
		return f
	})
	h.Patience = patience
	connectortest.RunTB(r, h)
	return r.root
}

func TestSuiteRejectsBrokenConnections(t *testing.T) {
	t.Parallel()
	all := slices.Concat(brokenBasics, brokenReads, brokenChanges, brokenWrites, brokenKeys, brokenChildren, brokenExtras, brokenFiles, brokenFaults, brokenCost, brokenStreams, brokenMishaps)
	names := map[string]bool{}
	for _, b := range all {
		if names[b.name] {
			t.Fatalf("two breakages %q", b.name)
		}
		names[b.name] = true
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			got := judge(t, 200*time.Millisecond, b.do)
			if len(got.failures) == 0 {
				t.Fatalf("the suite passes it")
			}
			if !slices.ContainsFunc(got.failures, func(f string) bool { return strings.HasPrefix(f, b.group+"/") }) {
				t.Errorf("the group %q does not see it; these do:\n%s", b.group, strings.Join(got.failures, "\n"))
			}
		})
	}
	t.Logf("%d breakages", len(all))
}
