package pubsub

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/salesforce/internal/pubsub/eventbus"
)

// Batch is what one answer of a subscription told.
type Batch struct {
	Events []Event
	// Place is where the subscription goes on behind this batch; nil while it is
	// not known.
	Place []byte
	// Gap says why events may be missing before those of this batch; empty: none
	// is.
	Gap string
}

// Flow control: so many events are asked for, and more once so few are on their
// way. The service allows 100.
const (
	window   = 100
	refill   = 50
	maxPlace = 64 // bytes
)

// Subscribe listens to a topic from a place on, nil for from now on, until the
// context ends, the stream breaks or tell fails; it never returns nil. The first
// batch comes as soon as the topic is known to be ours to listen to. A place that
// the service does not know (any more) is told as a gap, and the subscription
// begins anew.
func (c *Client) Subscribe(ctx context.Context, topic string, place []byte, tell func(context.Context, Batch) error) error {
	if err := c.topic(ctx, topic); err != nil {
		return err
	}
	gap := "the stream begins"
	for renewed := false; ; {
		if place != nil {
			gap = ""
		}
		s := &subscription{c: c, topic: topic, place: place, tell: tell, gap: gap}
		token, err := s.run(ctx)
		place, gap = s.place, "the stream begins anew"
		var r *refusedError
		switch {
		case !errors.As(err, &r):
			return err
		case r.place() && s.place != nil && ctx.Err() == nil:
			place, gap = nil, "Salesforce does not know the place any more: "+r.words()
		case r.session() && (!renewed || s.told) && ctx.Err() == nil:
			renewed = true
			if err := c.config.Renew(ctx, token); err != nil {
				return err
			}
		default:
			return r.err(ctx)
		}
	}
}

// refusedError is a refusal on its way up.
type refusedError struct{ refusal }

func (e *refusedError) Error() string { return e.words() }

// subscription is one stream of one topic.
type subscription struct {
	c     *Client
	topic string
	place []byte
	gap   string // why the stream does not go on from a place; to be told first
	told  bool   // the service has sent something
	tell  func(context.Context, Batch) error
}

// errSilence is the cause of a stream that was given up.
var errSilence = errors.New("the stream has been silent for too long")

// run keeps one stream until it ends, and returns the token that it showed.
func (s *subscription) run(ctx context.Context) (token string, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	out, token, err := s.c.login(ctx)
	if err != nil {
		return token, err
	}
	began := time.Now()
	stream, err := s.c.api.Subscribe(out)
	s.c.observe("Subscribe", err, began)
	if err != nil {
		return token, s.failed(ctx, err, nil)
	}
	first := &eventbus.FetchRequest{TopicName: s.topic, NumRequested: window}
	if s.place != nil {
		first.ReplayPreset, first.ReplayId = eventbus.ReplayPreset_CUSTOM, s.place
	}
	if err := stream.Send(first); err != nil {
		_, err = stream.Recv() // tells why
		return token, s.failed(ctx, err, stream.Trailer())
	}
	fromNow := s.place == nil
	if fromNow {
		awaitHeader(stream)
	}
	if err := s.tell(ctx, Batch{Place: s.place, Gap: s.gap}); err != nil {
		return token, err
	}
	silence := time.AfterFunc(s.c.config.Silence, func() { cancel(errSilence) })
	defer silence.Stop()
	for {
		answer, err := stream.Recv()
		if err != nil {
			return token, s.failed(ctx, err, stream.Trailer())
		}
		silence.Stop()
		gap := ""
		if fromNow && !s.told {
			gap = "Salesforce does not say from when on the stream tells"
		}
		s.told = true
		if err := s.take(ctx, answer, gap); err != nil {
			return token, err
		}
		silence.Reset(s.c.config.Silence)
		if pending := answer.GetPendingNumRequested(); pending >= 0 && pending <= refill {
			if err := stream.Send(&eventbus.FetchRequest{TopicName: s.topic, NumRequested: window - pending}); err != nil {
				_, err = stream.Recv()
				return token, s.failed(ctx, err, stream.Trailer())
			}
		}
	}
}

func (s *subscription) failed(ctx context.Context, err error, trailer metadata.MD) error {
	if cause := context.Cause(ctx); cause != nil {
		return &connectors.Error{Kind: connectors.Unavailable, Err: cause}
	}
	if err == nil {
		err = errors.New("the stream ended")
	}
	return &refusedError{refused(err, trailer)}
}

// headerTime is how long to wait for a sign that a subscription stands. There
// need not be one before the first event.
const headerTime = 30 * time.Second

// awaitHeader waits until the service has taken a stream, so that what changes
// from now on is told, or until it cannot be waited for.
func awaitHeader(stream grpc.ClientStream) {
	came := make(chan struct{})
	go func() {
		defer close(came)
		_, _ = stream.Header() // Recv tells what is wrong
	}()
	t := time.NewTimer(headerTime)
	defer t.Stop()
	select {
	case <-came:
	case <-t.C:
	}
}

// take tells what an answer holds, and remembers the place behind it.
func (s *subscription) take(ctx context.Context, answer *eventbus.FetchResponse, gap string) error {
	b := Batch{Place: answer.GetLatestReplayId(), Gap: gap}
	for _, e := range answer.GetEvents() {
		b.Place = e.GetReplayId()
		event, err := s.decode(ctx, e.GetEvent())
		switch {
		case passing(err):
			return err
		case err != nil:
			b.Gap = fmt.Sprintf("an event of %s cannot be read: %v", s.topic, err)
		default:
			b.Events = append(b.Events, event)
		}
	}
	if len(b.Place) == 0 || len(b.Place) > maxPlace {
		b.Place = s.place
	}
	if err := s.tell(ctx, b); err != nil {
		return err
	}
	s.place = b.Place
	return nil
}

func (s *subscription) decode(ctx context.Context, e *eventbus.ProducerEvent) (Event, error) {
	schema, err := s.c.schema(ctx, e.GetSchemaId())
	if err != nil {
		return Event{}, err
	}
	return schema.Decode(e.GetPayload())
}
