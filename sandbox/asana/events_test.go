package asana_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/tenonsync/tenon/sandbox/asana"
)

// sync returns a token of the project's stream.
func (a *account) sync() string {
	a.t.Helper()
	status, out := a.call("GET", "/events?resource="+a.project(), nil)
	if status != 412 {
		a.t.Fatalf("first look: status %d, want 412", status)
	}
	return out["sync"].(string)
}

func TestStream(t *testing.T) {
	a := newAccount(t, asana.Options{})
	id := a.task(object{"name": "A"})
	sub := a.must(201, "POST", "/tasks/"+id+"/subtasks", object{"name": "Sub"})["gid"].(string)
	token := a.sync()
	path := "/events?resource=" + a.project() + "&sync="
	a.must(200, "PUT", "/tasks/"+id, object{"completed": true})
	a.must(200, "PUT", "/tasks/"+sub, object{"name": "Changed"})
	if rows := a.list(path + token); len(rows) != 0 {
		t.Errorf("the stream does not lag: %v", rows)
	}
	a.clock.Advance(3 * time.Second)
	seen := map[string]bool{}
	for _, e := range a.list(path + token) {
		change, _ := e["change"].(object)
		field, _ := change["field"].(string)
		seen[e["resource"].(object)["gid"].(string)+" "+e["action"].(string)+" "+field] = true
	}
	for _, want := range []string{id + " changed completed", id + " changed completed_at", sub + " changed name"} {
		if !seen[want] {
			t.Errorf("the stream lacks %q: %v", want, seen)
		}
	}
	a.clock.Advance(25 * time.Hour)
	status, out := a.call("GET", path+token, nil)
	if status != 412 || out["sync"] == nil {
		t.Errorf("an old token: %d, %v; want 412 with a new one", status, out)
	}
	token = a.sync()
	for range 60 {
		a.must(200, "PUT", "/tasks/"+id, object{"completed": false})
		a.must(200, "PUT", "/tasks/"+id, object{"completed": true})
	}
	a.clock.Advance(3 * time.Second)
	if _, out := a.call("GET", path+token, nil); out["has_more"] != true || len(out["data"].([]any)) != 100 {
		t.Errorf("a page of %d events, more %v; want 100, true", len(out["data"].([]any)), out["has_more"])
	}
}

func TestHandshake(t *testing.T) {
	a := newAccount(t, asana.Options{})
	r := newReceiver(t)
	ask := object{"resource": a.project(), "target": r.URL + "/x"}
	r.deaf = true
	a.refused(400, "did not respond with the handshake secret", "POST", "/webhooks", ask)
	r.deaf = false
	status, out := a.call("POST", "/webhooks", ask)
	if status != 201 || out["X-Hook-Secret"] != r.secret || out["data"].(object)["active"] != false {
		t.Errorf("webhook: %d %v", status, out)
	}
	a.refused(403, "Duplicated webhook", "POST", "/webhooks", ask)
	a.refused(400, "handshake", "POST", "/webhooks", object{"resource": a.project(), "target": "http://127.0.0.1:1/"})
	a.refused(403, "not allowed", "POST", "/webhooks", object{"resource": a.project(), "target": "http://tenon.example/"})
	a.refused(400, "filters", "POST", "/webhooks", object{"resource": a.workspace(), "target": r.URL + "/y"})
	a.refused(400, "fields", "POST", "/webhooks", object{"resource": a.project(), "target": r.URL + "/y", "filters": []any{object{"resource_type": "task", "action": "added", "fields": []any{"name"}}}})
	public := newAccount(t, asana.Options{PublicTargets: true})
	public.refused(403, "not allowed", "POST", "/webhooks", object{"resource": public.project(), "target": r.URL})
}

func (a *account) flush() {
	a.t.Helper()
	if err := a.sys.Flush(a.t.Context()); err != nil {
		a.t.Fatal(err)
	}
}

func TestDeliveries(t *testing.T) {
	a := newAccount(t, asana.Options{})
	r := newReceiver(t)
	hook := a.must(201, "POST", "/webhooks", object{"resource": a.project(), "target": r.URL, "filters": []any{object{"resource_type": "task", "action": "changed"}}})["gid"].(string)
	a.flush()
	if got := r.take(); len(got) != 1 || got[0].body != `{"events":[]}` {
		t.Errorf("at first %v, want an empty heartbeat", got)
	}
	id := a.task(object{"name": "A"})
	a.must(200, "PUT", "/tasks/"+id, object{"completed": true})
	a.flush()
	events := 0
	for _, d := range r.take() {
		m := hmac.New(sha256.New, []byte(r.secret))
		_, _ = m.Write([]byte(d.body))
		if d.signature != hex.EncodeToString(m.Sum(nil)) {
			t.Errorf("the signature of %s is wrong", d.body)
		}
		var body struct{ Events []object }
		if err := json.Unmarshal([]byte(d.body), &body); err != nil {
			t.Fatal(err)
		}
		events += len(body.Events)
		if strings.Contains(d.body, `"added"`) || strings.Contains(d.body, `"story"`) {
			t.Errorf("an event passed the filter: %s", d.body)
		}
	}
	if events != 2 {
		t.Errorf("%d events of one edit, want completed and completed_at", events)
	}
	if got := a.must(200, "GET", "/webhooks/"+hook, nil); got["active"] != true || got["last_success_at"] == nil {
		t.Errorf("the webhook is %v", got)
	}
	r.status = 500
	a.must(200, "PUT", "/tasks/"+id, object{"completed": false})
	a.flush()
	if got := a.must(200, "GET", "/webhooks/"+hook, nil); got["delivery_retry_count"] == 0.0 || got["failure_deletion_timestamp"] == nil {
		t.Errorf("after a failure: %v", got)
	}
	a.clock.Advance(25 * time.Hour)
	a.refused(404, "Unknown object", "GET", "/webhooks/"+hook, nil)
}
