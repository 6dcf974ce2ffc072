package pubsub

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/tenonsync/tenon/sandbox/kit"
	"github.com/tenonsync/tenon/sandbox/salesforce/pubsub/wire"
)

// client is a plain gRPC client of a server.
type client struct {
	t    *testing.T
	s    *Server
	conn *grpc.ClientConn
}

func newClient(t *testing.T) *client {
	t.Helper()
	s := New(Options{
		Clock: kit.NewManualClock(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)),
		Org:   func() string { return "00D5g000004dPEEEA2" },
		Login: func(token string) bool { return token == "good" },
		Object: func(name string) (Object, bool) {
			return accounts(), name == "Account"
		},
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Serve(l)
	}()
	conn, err := grpc.NewClient("passthrough:///"+l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = conn.Close()
		s.Close()
		<-done
	})
	if err := s.Select("Account"); err != nil {
		t.Fatal(err)
	}
	return &client{t: t, s: s, conn: conn}
}

func as(ctx context.Context, headers ...string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, headers...)
}

func (c *client) good() context.Context {
	return as(c.t.Context(), "accesstoken", "good", "instanceurl", "https://acme.my.salesforce.com", "tenantid", "00D5g000004dPEE")
}

// subscribe sends requests on one stream, and returns it.
func (c *client) subscribe(ctx context.Context, requests ...*wire.FetchRequest) grpc.ClientStream {
	c.t.Helper()
	stream, err := c.conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, "/"+wire.Service+"/Subscribe")
	if err != nil {
		c.t.Fatal(err)
	}
	for _, r := range requests {
		if err := stream.SendMsg(r); err != nil {
			c.t.Fatal(err)
		}
	}
	return stream
}

// refused returns the code and the vendor's code with which a stream ends.
func (c *client) refused(stream grpc.ClientStream) (codes.Code, string) {
	c.t.Helper()
	for {
		if err := stream.RecvMsg(&wire.FetchResponse{}); err != nil {
			name := strings.Join(stream.Trailer().Get("error-code"), ",")
			return status.Code(err), strings.TrimPrefix(name, codePrefix)
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	const topic = "/data/AccountChangeEvent"
	for name, test := range map[string]struct {
		headers  []string
		requests []*wire.FetchRequest
		code     codes.Code
		want     string
	}{
		"no headers":           {[]string{}, []*wire.FetchRequest{{TopicName: topic, NumRequested: 1}}, codes.Unauthenticated, "service.auth.headers.invalid"},
		"another token":        {[]string{"accesstoken", "bad", "instanceurl", "x", "tenantid", "00D5g000004dPEEEA2"}, []*wire.FetchRequest{{TopicName: topic, NumRequested: 1}}, codes.Unauthenticated, "service.auth.error"},
		"another org":          {[]string{"accesstoken", "good", "instanceurl", "x", "tenantid", "00D000000000000EAA"}, []*wire.FetchRequest{{TopicName: topic, NumRequested: 1}}, codes.Unauthenticated, "service.auth.error"},
		"another topic":        {nil, []*wire.FetchRequest{{TopicName: "/data/LeadChangeEvent", NumRequested: 1}}, codes.NotFound, "topic.not.found"},
		"no events":            {nil, []*wire.FetchRequest{{TopicName: topic}}, codes.InvalidArgument, "subscription.fetch.requested.events.invalid"},
		"too many":             {nil, []*wire.FetchRequest{{TopicName: topic, NumRequested: 101}}, codes.InvalidArgument, "subscription.fetch.requested.events.overflow"},
		"too many together":    {nil, []*wire.FetchRequest{{TopicName: topic, NumRequested: 60}, {NumRequested: 60}}, codes.InvalidArgument, "subscription.fetch.requested.events.overflow"},
		"a corrupt place":      {nil, []*wire.FetchRequest{{TopicName: topic, NumRequested: 1, ReplayPreset: wire.ReplayPreset_CUSTOM, ReplayId: []byte{1}}}, codes.InvalidArgument, "subscription.fetch.replayid.corrupted"},
		"a foreign place":      {nil, []*wire.FetchRequest{{TopicName: topic, NumRequested: 1, ReplayPreset: wire.ReplayPreset_CUSTOM, ReplayId: replayID(7)}}, codes.InvalidArgument, "subscription.fetch.replayid.validation.failed"},
		"a topic that changes": {nil, []*wire.FetchRequest{{TopicName: topic, NumRequested: 1}, {TopicName: "/data/ChangeEvents", NumRequested: 1}}, codes.InvalidArgument, "subscription.topic.mismatch"},
		"a place that changes": {nil, []*wire.FetchRequest{{TopicName: topic, NumRequested: 1}, {NumRequested: 1, ReplayId: replayID(7)}}, codes.InvalidArgument, "subscription.fetch.replay.repeated"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClient(t)
			ctx := c.good()
			if test.headers != nil {
				ctx = as(t.Context(), test.headers...)
			}
			stream, err := c.conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, "/"+wire.Service+"/Subscribe")
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range test.requests {
				_ = stream.SendMsg(r) // the stream may have ended already
			}
			if code, got := c.refused(stream); code != test.code || got != test.want {
				t.Errorf("got %v, %q, want %v, %q", code, got, test.code, test.want)
			}
		})
	}
}

// TestFlowControl asks for a few events at a time.
func TestFlowControl(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	for i := range 5 {
		c.s.Publish(Transaction{Key: "t", At: time.Unix(int64(i), 0), Changes: []Change{{Object: "Account", ID: string(rune('A' + i)), Type: "CREATE", Values: map[string]any{"Type": "x"}}}})
	}
	c.s.Flush()
	stream := c.subscribe(c.good(), &wire.FetchRequest{TopicName: "/data/ChangeEvents", ReplayPreset: wire.ReplayPreset_EARLIEST, NumRequested: 3})
	recv := func() *wire.FetchResponse {
		t.Helper()
		r := &wire.FetchResponse{}
		if err := stream.RecvMsg(r); err != nil {
			t.Fatal(err)
		}
		return r
	}
	first := recv()
	if len(first.Events) != 3 || first.PendingNumRequested != 0 || string(first.LatestReplayId) != string(first.Events[2].ReplayId) {
		t.Fatalf("%d events, %d pending, want 3 and 0", len(first.Events), first.PendingNumRequested)
	}
	if err := stream.SendMsg(&wire.FetchRequest{NumRequested: 10}); err != nil {
		t.Fatal(err)
	}
	rest := recv()
	if len(rest.Events) != 2 || rest.PendingNumRequested != 8 {
		t.Fatalf("%d events, %d pending, want 2 and 8", len(rest.Events), rest.PendingNumRequested)
	}
	again := c.subscribe(c.good(), &wire.FetchRequest{TopicName: "/data/ChangeEvents", ReplayPreset: wire.ReplayPreset_CUSTOM, ReplayId: first.Events[1].ReplayId, NumRequested: 100})
	r := &wire.FetchResponse{}
	if err := again.RecvMsg(r); err != nil || len(r.Events) != 3 {
		t.Errorf("from the second event on: %d events, %v, want 3", len(r.Events), err)
	}
}

// TestTopicsAndSchemas asks for what is there and what is not.
func TestTopicsAndSchemas(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	topic := &wire.TopicInfo{}
	if err := c.conn.Invoke(c.good(), "/"+wire.Service+"/GetTopic", &wire.TopicRequest{TopicName: "/data/AccountChangeEvent"}, topic); err != nil {
		t.Fatal(err)
	}
	if !topic.CanSubscribe || topic.SchemaId == "" {
		t.Fatalf("the topic %+v", topic)
	}
	schema := &wire.SchemaInfo{}
	if err := c.conn.Invoke(c.good(), "/"+wire.Service+"/GetSchema", &wire.SchemaRequest{SchemaId: topic.SchemaId}, schema); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(schema.SchemaJson, `"name":"AccountChangeEvent"`) || !strings.Contains(schema.SchemaJson, `"uuid":"`+topic.SchemaId+`"`) {
		t.Errorf("the schema is %s", schema.SchemaJson)
	}
	var trailer metadata.MD
	err := c.conn.Invoke(c.good(), "/"+wire.Service+"/GetSchema", &wire.SchemaRequest{SchemaId: "none"}, schema, grpc.Trailer(&trailer))
	if status.Code(err) != codes.NotFound || len(trailer.Get("error-code")) != 1 {
		t.Errorf("a schema that is not there: %v, trailer %v", err, trailer)
	}
	if err := c.conn.Invoke(c.good(), "/"+wire.Service+"/Publish", &wire.TopicRequest{}, topic); status.Code(err) != codes.Unimplemented {
		t.Errorf("a call that is not emulated: %v, want UNIMPLEMENTED", err)
	}
	if err := c.s.Select("Account", "Lead"); err == nil {
		t.Error("an object that is not there was selected")
	}
}
