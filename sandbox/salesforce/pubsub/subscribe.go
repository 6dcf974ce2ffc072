package pubsub

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/tenonsync/tenon/sandbox/salesforce/pubsub/wire"
)

// maxRequested is how many events a client may have asked for at a time.
const maxRequested = 100

// codePrefix stands before all error codes.
const codePrefix = "sfdc.platform.eventbus.grpc."

// fault is an answer that is an error.
type fault struct {
	code codes.Code
	name string // without the prefix
	text string
}

func (f *fault) trailer() metadata.MD {
	return metadata.Pairs("error-code", codePrefix+f.name, "rpc-id", "00000000-0000-4000-8000-000000000000")
}

func (f *fault) err() error { return status.Error(f.code, f.text) }

var (
	errHeaders  = &fault{codes.Unauthenticated, "service.auth.headers.invalid", "Required authentication headers accesstoken, instanceurl and tenantid are missing or invalid."}
	errSession  = &fault{codes.Unauthenticated, "service.auth.error", "An authentication exception occurred. rpcId: 00000000-0000-4000-8000-000000000000"}
	errTopic    = &fault{codes.NotFound, "topic.not.found", "The specified topic does not exist or you do not have access to it."}
	errBarred   = &fault{codes.PermissionDenied, "subscription.topic.cannot.subscribe", "You do not have permission to subscribe to this topic."}
	errSchema   = &fault{codes.NotFound, "schema.not.found", "The specified schema does not exist."}
	errNumber   = &fault{codes.InvalidArgument, "subscription.fetch.requested.events.invalid", "The number of requested events must be greater than 0."}
	errTooMany  = &fault{codes.InvalidArgument, "subscription.fetch.requested.events.overflow", "The number of requested events exceeds the maximum of 100."}
	errMismatch = &fault{codes.InvalidArgument, "subscription.topic.mismatch", "The topic name cannot change within a subscription."}
	errRepeated = &fault{codes.InvalidArgument, "subscription.fetch.replay.repeated", "A replay id can be given in the first request only."}
	errCorrupt  = &fault{codes.InvalidArgument, "subscription.fetch.replayid.corrupted", "The replay id is corrupted."}
	errReplay   = &fault{codes.InvalidArgument, "subscription.fetch.replayid.validation.failed", "The Replay ID validation failed. Ensure that the Replay ID is valid."}
	errCut      = &fault{codes.Unavailable, "service.unavailable", "The service is temporarily unavailable."}
)

// who checks whose call it is.
func (s *Server) who(ctx context.Context) (token string, f *fault) {
	md, _ := metadata.FromIncomingContext(ctx)
	one := func(name string) string {
		if v := md.Get(name); len(v) == 1 {
			return v[0]
		}
		return ""
	}
	token = one("accesstoken")
	if token == "" || one("instanceurl") == "" || one("tenantid") == "" {
		return "", errHeaders
	}
	if tenant := one("tenantid"); len(tenant) < 15 || !strings.HasPrefix(s.opts.Org(), tenant[:15]) || !s.opts.Login(token) {
		return "", errSession
	}
	return token, nil
}

// entitiesOf returns the objects that a topic tells of.
func (s *Server) entitiesOf(topic string) ([]string, *fault) {
	name, ok := strings.CutPrefix(topic, "/data/")
	if !ok {
		return nil, errTopic
	}
	selected := s.Selected()
	members, custom := s.channels()[name]
	visible := func(object string) bool { return s.opts.Hidden == nil || !s.opts.Hidden(object, "") }
	switch {
	case name == "ChangeEvents":
		return slices.DeleteFunc(selected, func(o string) bool { return !visible(o) }), nil
	case custom:
		return slices.DeleteFunc(slices.Clone(members), func(o string) bool { return !visible(o) }), nil
	}
	for _, object := range selected {
		if eventName(object) == name {
			if !visible(object) {
				return nil, errBarred
			}
			return []string{object}, nil
		}
	}
	return nil, errTopic
}

func refuse[A any](ctx context.Context, f *fault) (*A, error) {
	if err := grpc.SetTrailer(ctx, f.trailer()); err != nil {
		return nil, err
	}
	return nil, f.err()
}

// GetTopic implements wire.PubSub.
func (s *Server) GetTopic(ctx context.Context, req *wire.TopicRequest) (*wire.TopicInfo, error) {
	if _, f := s.who(ctx); f != nil {
		return refuse[wire.TopicInfo](ctx, f)
	}
	entities, f := s.entitiesOf(req.GetTopicName())
	if f == errTopic {
		return refuse[wire.TopicInfo](ctx, f)
	}
	info := &wire.TopicInfo{TopicName: req.GetTopicName(), TenantGuid: "core/prod/" + s.opts.Org(), CanSubscribe: f == nil, RpcId: "00000000-0000-4000-8000-000000000000"}
	if len(entities) == 1 {
		if o, ok := s.opts.Object(entities[0]); ok {
			sch, err := schemaOf(o)
			if err != nil {
				return nil, status.Error(codes.Internal, err.Error())
			}
			s.mu.Lock()
			s.schemas[sch.id] = sch
			s.mu.Unlock()
			info.SchemaId = sch.id
		}
	}
	return info, nil
}

// GetSchema implements wire.PubSub.
func (s *Server) GetSchema(ctx context.Context, req *wire.SchemaRequest) (*wire.SchemaInfo, error) {
	if _, f := s.who(ctx); f != nil {
		return refuse[wire.SchemaInfo](ctx, f)
	}
	s.mu.Lock()
	sch := s.schemas[req.GetSchemaId()]
	s.mu.Unlock()
	if sch == nil {
		return refuse[wire.SchemaInfo](ctx, errSchema)
	}
	return &wire.SchemaInfo{SchemaJson: sch.json, SchemaId: sch.id, RpcId: "00000000-0000-4000-8000-000000000000"}, nil
}

// subscription is one open stream.
type subscription struct {
	s        *Server
	stream   grpc.ServerStream
	token    string
	topic    string
	entities []string
	pending  int32
	place    uint64 // events behind it are to be told
	cut      int
}

// Subscribe implements wire.PubSub.
func (s *Server) Subscribe(stream grpc.ServerStream) error {
	sub := &subscription{s: s, stream: stream}
	f, err := sub.run()
	if f != nil {
		stream.SetTrailer(f.trailer())
		return f.err()
	}
	return err
}

func (sub *subscription) run() (*fault, error) {
	ctx := sub.stream.Context()
	var f *fault
	if sub.token, f = sub.s.who(ctx); f != nil {
		return f, nil
	}
	first := &wire.FetchRequest{}
	if err := sub.stream.RecvMsg(first); err != nil {
		return nil, ended(err)
	}
	sub.topic = first.GetTopicName()
	if sub.entities, f = sub.s.entitiesOf(sub.topic); f != nil {
		return f, nil
	}
	if f := sub.begin(first); f != nil {
		return f, nil
	}
	if err := sub.stream.SendHeader(nil); err != nil {
		return nil, err
	}
	requests, failed := make(chan *wire.FetchRequest), make(chan error, 1)
	go func() {
		for {
			req := &wire.FetchRequest{}
			if err := sub.stream.RecvMsg(req); err != nil {
				failed <- ended(err)
				return
			}
			select {
			case requests <- req:
			case <-ctx.Done():
				return
			}
		}
	}()
	for {
		if !sub.s.opts.Login(sub.token) {
			return errSession, nil
		}
		sent, moved, f, err := sub.send()
		if f != nil || err != nil {
			return f, err
		}
		if sent {
			continue
		}
		alive := sub.s.opts.Clock.TimerAt(sub.s.opts.Clock.Now().Add(sub.s.opts.KeepAlive))
		select {
		case <-moved:
			alive.Stop()
		case req := <-requests:
			alive.Stop()
			if f := sub.more(req); f != nil {
				return f, nil
			}
		case err := <-failed:
			alive.Stop()
			return nil, err
		case <-alive.C():
			if err := sub.keepAlive(); err != nil {
				return nil, err
			}
		case <-ctx.Done():
			alive.Stop()
			return nil, status.FromContextError(ctx.Err()).Err()
		}
	}
}

// ended is how a stream ends whose client has gone: well, if it said so.
func ended(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// begin finds the place to start from.
func (sub *subscription) begin(first *wire.FetchRequest) *fault {
	if f := sub.ask(first.GetNumRequested()); f != nil {
		return f
	}
	s := sub.s
	s.mu.Lock()
	defer s.mu.Unlock()
	s.purge()
	sub.cut = s.cut
	switch first.GetReplayPreset() {
	case wire.ReplayPreset_EARLIEST:
		sub.place = 0
	case wire.ReplayPreset_CUSTOM:
		id := first.GetReplayId()
		if len(id) != 8 {
			return errCorrupt
		}
		sub.place = binary.BigEndian.Uint64(id)
		if _, known := slices.BinarySearchFunc(s.log, sub.place, func(e stored, n uint64) int {
			switch {
			case e.replay < n:
				return -1
			case e.replay > n:
				return 1
			}
			return 0
		}); !known {
			return errReplay
		}
	default:
		sub.place = s.last
	}
	return nil
}

func (sub *subscription) ask(n int32) *fault {
	switch {
	case n <= 0:
		return errNumber
	case n > maxRequested || sub.pending+n > maxRequested:
		return errTooMany
	}
	sub.pending += n
	return nil
}

// more takes a further request.
func (sub *subscription) more(req *wire.FetchRequest) *fault {
	switch {
	case req.GetTopicName() != "" && req.GetTopicName() != sub.topic:
		return errMismatch
	case len(req.GetReplayId()) > 0:
		return errRepeated
	}
	return sub.ask(req.GetNumRequested())
}

// send tells what there is and was asked for; if nothing, moved says when to
// look again.
func (sub *subscription) send() (sent bool, moved <-chan struct{}, f *fault, err error) {
	s := sub.s
	s.mu.Lock()
	if s.cut != sub.cut {
		s.mu.Unlock()
		return false, nil, errCut, nil
	}
	out := &wire.FetchResponse{RpcId: "00000000-0000-4000-8000-000000000000"}
	size := 0
	at, _ := slices.BinarySearchFunc(s.log, sub.place+1, func(e stored, n uint64) int {
		if e.replay < n {
			return -1
		}
		return 1
	})
	place := sub.place
	for _, e := range s.log[at:] {
		if int32(len(out.Events)) >= sub.pending || size > 2<<20 {
			break
		}
		place = e.replay
		if slices.Contains(sub.entities, e.entity) {
			size += len(e.payload)
			out.Events = append(out.Events, &wire.ConsumerEvent{
				Event:    &wire.ProducerEvent{Id: e.id, SchemaId: e.schema, Payload: e.payload},
				ReplayId: replayID(e.replay),
			})
		}
	}
	moved = s.moved
	s.mu.Unlock()
	sub.place = place
	if len(out.Events) == 0 {
		return false, moved, nil, nil
	}
	sub.pending -= int32(len(out.Events))
	out.PendingNumRequested = sub.pending
	out.LatestReplayId = out.Events[len(out.Events)-1].ReplayId
	return true, nil, nil, sub.stream.SendMsg(out)
}

// keepAlive sends an answer without events.
func (sub *subscription) keepAlive() error {
	s := sub.s
	s.mu.Lock()
	s.mark()
	behind := slices.ContainsFunc(s.log, func(e stored) bool { return e.replay > sub.place && slices.Contains(sub.entities, e.entity) })
	if !behind { // all has been told: the newest place is this stream's too
		sub.place = s.last
	}
	place := sub.place
	s.mu.Unlock()
	return sub.stream.SendMsg(&wire.FetchResponse{LatestReplayId: replayID(place), PendingNumRequested: sub.pending, RpcId: "00000000-0000-4000-8000-000000000000"})
}
