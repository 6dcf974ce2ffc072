package salesforce

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/salesforce/internal/pubsub"
)

// streamSettings are the settings of all that tells of changes at once.
var streamSettings = slices.Concat(eventSettings, outboundSettings)

// eventSettings are the settings of the stream of changes.
var eventSettings = []connectors.Setting{
	{Name: "stream", Default: "off", Choices: []string{"on", "off"}, Help: "Whether Tenon listens to Change Data Capture over the Pub/Sub API; select the objects in Salesforce's setup first."},
	{Name: "channel", Help: "One channel to listen to in place of one for each object, such as /data/ChangeEvents or /data/Tenon__chn."},
	{Name: "pubsub_url", Default: pubsub.DefaultEndpoint, Help: "Where the Pub/Sub API is; orgs in a region of their own have another address."},
}

var _ connectors.AbilityTeller = (*connection)(nil)

var channelForm = regexp.MustCompile(`^/(data|event)/[A-Za-z][A-Za-z0-9_]{0,120}$`)

// streamProblems says what is wrong with these settings.
func streamProblems(s connectors.Settings) []string {
	var problems []string
	if channel := s.Get("channel"); channel != "" && !channelForm.MatchString(channel) {
		problems = append(problems, fmt.Sprintf(`setting "channel": %q is no channel such as /data/ChangeEvents`, channel))
	}
	if err := pubsub.CheckEndpoint(cmp.Or(s.Get("pubsub_url"), pubsub.DefaultEndpoint)); err != nil {
		problems = append(problems, fmt.Sprintf(`setting "pubsub_url": %v`, err))
	}
	return append(problems, outboundProblems(s)...)
}

// Abilities implements connectors.AbilityTeller: whether there is a stream, and
// whether Outbound Messages are taken, is the admin's to say.
func (c *connection) Abilities() connectors.Abilities {
	a := connectors.Implemented(c)
	if c.settings.Get("stream") != "on" {
		a.Streamer = nil
	}
	if c.settings.Get("organization") == "" {
		a.WebhookSource = nil
	}
	return a
}

// refusedAgain is how long after a refusal a topic is asked for anew, while
// others stream.
const refusedAgain = 10 * time.Minute

// Stream implements connectors.Streamer over Change Data Capture.
func (c *connection) Stream(ctx context.Context, sels []connectors.Selection, cursor string, tell func(context.Context, connectors.StreamBatch) error) error {
	const op = "stream"
	l := &listening{c: c, tell: tell, names: map[string][]string{}, topics: map[string][]string{}, places: placesIn(cursor), refused: map[string]error{}}
	if err := l.plan(ctx, sels); err != nil {
		return err
	}
	client, err := pubsub.New(pubsub.Config{
		Endpoint: c.settings.Get("pubsub_url"), UserAgent: c.options.UserAgent, Observe: c.observeCall,
		Login: func(ctx context.Context) (pubsub.Login, error) {
			token, instance, org, err := c.session(ctx)
			return pubsub.Login{Token: token, Instance: instance, Org: org}, err
		},
		Renew: c.renewSession,
	})
	if err != nil {
		return c.fail(op, "", connectors.Invalid, "%w", err)
	}
	defer func() { _ = client.Close() }()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	l.stop = cancel
	var wg sync.WaitGroup
	for _, topic := range slices.Sorted(maps.Keys(l.topics)) {
		wg.Go(func() { cancel(l.follow(ctx, client, topic)) })
	}
	wg.Wait()
	return l.ended(ctx, op)
}

func (c *connection) observeCall(method string, ok bool, took time.Duration) {
	if c.options.Observe == nil {
		return
	}
	status := 0
	if ok {
		status = 200
	}
	c.options.Observe(connectors.Call{Connection: c.name, Method: "GRPC", Path: "/eventbus.v1.PubSub/" + method, Status: status, Duration: took})
}

// listening is what one Stream keeps.
type listening struct {
	c      *connection
	names  map[string][]string // what mappings call an object, by describe's name in lower case
	topics map[string][]string // the objects of each topic, as mappings call them
	tell   func(context.Context, connectors.StreamBatch) error
	stop   context.CancelCauseFunc

	mu      sync.Mutex
	places  map[string][]byte // behind what is safe, by topic
	refused map[string]error  // topics that are not ours to listen to
	silent  map[string]string // to be told with the next batch
	err     error             // of tell: nothing is told any more
}

// plan finds the topics of the objects. An object that is not there is silent.
func (l *listening) plan(ctx context.Context, sels []connectors.Selection) error {
	channel := l.c.settings.Get("channel")
	var missing error
	for _, sel := range sels {
		m, err := l.c.metaOf(ctx, "stream", sel.Object, time.Hour)
		if k := connectors.KindOf(err); err != nil && (k == connectors.NotFound || k == connectors.Permission || k == connectors.Invalid) {
			missing = err
			l.keepSilent([]string{sel.Object}, "there is no such object, or it may not be seen")
			continue
		}
		if err != nil {
			return err
		}
		name := strings.ToLower(m.name)
		l.names[name] = append(l.names[name], sel.Object)
		topic := cmp.Or(channel, topicOf(m.name))
		l.topics[topic] = append(l.topics[topic], sel.Object)
	}
	if len(l.topics) == 0 && missing != nil {
		return missing
	}
	for topic := range l.places {
		if l.topics[topic] == nil {
			delete(l.places, topic)
		}
	}
	return nil
}

// topicOf returns the topic of an object's change events: those of a custom
// object My__c are My__ChangeEvent.
func topicOf(object string) string {
	if custom, ok := strings.CutSuffix(object, "__c"); ok {
		return "/data/" + custom + "__ChangeEvent"
	}
	return "/data/" + object + "ChangeEvent"
}

// follow listens to a topic; one that is refused is tried again now and then,
// unless all are.
func (l *listening) follow(ctx context.Context, client *pubsub.Client, topic string) error {
	for {
		l.mu.Lock()
		place := l.places[topic]
		l.mu.Unlock()
		err := client.Subscribe(ctx, topic, place, func(ctx context.Context, b pubsub.Batch) error { return l.heard(ctx, topic, b) })
		if k := connectors.KindOf(err); k != connectors.NotFound && k != connectors.Permission {
			return err
		}
		if l.refuse(topic, err) {
			return err
		}
		if err := l.hand(ctx, connectors.StreamBatch{}); err != nil {
			return err
		}
		t := time.NewTimer(refusedAgain)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return context.Cause(ctx)
		}
	}
}

// refuse notes that a topic is not to be had, and reports whether none is.
func (l *listening) refuse(topic string, err error) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refused[topic] = err
	l.keepSilent(l.topics[topic], cause(err)+"; select it in Setup, Change Data Capture, and give the integration user View All on it")
	return len(l.refused) == len(l.topics)
}

// cause returns what a system said, without the names that errors carry.
func cause(err error) string {
	if e, ok := errors.AsType[*connectors.Error](err); ok && e.Err != nil {
		err = e.Err
	}
	return err.Error()
}

func (l *listening) keepSilent(objects []string, why string) {
	if l.silent == nil {
		l.silent = map[string]string{}
	}
	for _, object := range objects {
		l.silent[object] = why
	}
}

// heard hands on what a topic told.
func (l *listening) heard(ctx context.Context, topic string, b pubsub.Batch) error {
	out := connectors.StreamBatch{Gap: b.Gap}
	for _, e := range b.Events {
		if e.Whole() {
			out.Gap = "Salesforce told of more changes of " + e.Entity + " than it names"
			continue
		}
		state := connectors.Live
		if e.Deleted() {
			state = connectors.Deleted
		}
		for _, object := range l.names[strings.ToLower(e.Entity)] {
			for _, record := range e.Records {
				if id, ok := id18(record); ok {
					out.Hints = append(out.Hints, connectors.Change{Object: object, ID: id, State: state})
				}
			}
		}
	}
	l.mu.Lock()
	if l.refused[topic] != nil {
		delete(l.refused, topic)
		l.keepSilent(l.topics[topic], "")
	}
	l.mu.Unlock()
	return l.handWith(ctx, out, func() {
		if b.Place != nil {
			l.places[topic] = b.Place
		} else {
			delete(l.places, topic)
		}
	})
}

func (l *listening) hand(ctx context.Context, b connectors.StreamBatch) error {
	return l.handWith(ctx, b, func() {})
}

// handWith tells a batch with the cursor behind it, which move brings up to it.
// Batches go one at a time; after one that was not taken none goes.
func (l *listening) handWith(ctx context.Context, b connectors.StreamBatch, move func()) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return l.err
	}
	move()
	b.Cursor, b.Silent = cursorOf(l.places), l.silent
	if err := l.tell(ctx, b); err != nil {
		l.err = err
		l.stop(err)
		return err
	}
	l.silent = nil
	return nil
}

// ended returns why the stream ended.
func (l *listening) ended(ctx context.Context, op string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return l.err
	}
	err := context.Cause(ctx)
	if err == nil {
		return l.c.fail(op, "", connectors.Unavailable, "the stream ended")
	}
	return l.c.named(op, err)
}

// places are the places of a cursor, by topic.
type places struct {
	Version int               `json:"v"`
	Places  map[string][]byte `json:"places"`
}

// Bounds of a cursor.
const (
	placesVersion = 1
	maxCursor     = 1 << 16
	maxPlace      = 64
)

func cursorOf(p map[string][]byte) string {
	text, err := json.Marshal(places{Version: placesVersion, Places: p})
	if err != nil {
		return "{}" // no map of texts and bytes fails
	}
	return string(text)
}

// placesIn reads a cursor. One that is none of ours knows no places, so that
// every topic begins anew, with a gap.
func placesIn(cursor string) map[string][]byte {
	var p places
	if len(cursor) > maxCursor || json.Unmarshal([]byte(cursor), &p) != nil || p.Version != placesVersion {
		return map[string][]byte{}
	}
	for topic, place := range p.Places {
		if len(place) == 0 || len(place) > maxPlace {
			delete(p.Places, topic)
		}
	}
	if p.Places == nil {
		p.Places = map[string][]byte{}
	}
	return p.Places
}
