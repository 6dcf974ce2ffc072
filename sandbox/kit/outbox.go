package kit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"
)

// A Delivery is one webhook request that is to reach its target.
type Delivery struct {
	ID      int         `json:"id"`    // given by Send, ascending from 1
	Event   string      `json:"event"` // what fault rules match as path
	URL     string      `json:"url"`   //
	Header  http.Header `json:"-"`     // sent as they are, with Content-Type
	Body    []byte      `json:"-"`     // sent as it is unless Build makes another
	Attempt int         `json:"attempt"`
	Due     time.Time   `json:"due"`
	// Data is for the system's own Build and Policy functions.
	Data any `json:"-"`
}

// An Attempt is the outcome of one try.
type Attempt struct {
	Delivery int       `json:"delivery"`
	Event    string    `json:"event"`
	URL      string    `json:"url"`
	Attempt  int       `json:"attempt"` // from 0
	Time     time.Time `json:"time"`
	Status   int       `json:"status"` // 0: no answer
	Error    string    `json:"error,omitempty"`
	Again    string    `json:"again,omitempty"` // wait until the next try; empty: none will follow
}

// OutboxOptions configure an Outbox.
type OutboxOptions struct {
	Clock  Clock
	Faults *Faults // optional
	// Build makes the request of one try: it signs, and may change the body
	// (attempt numbers). Nil means a POST of Body with Header.
	Build func(ctx context.Context, d Delivery, now time.Time) (*http.Request, error)
	// Again says whether and when a try that did not end in 2xx is repeated.
	// Nil means never. resp is nil when there was no answer.
	Again func(d Delivery, resp *http.Response) (wait time.Duration, again bool)
	// Timeout of one try; 10 s unless set. It counts real time, so that on a
	// clock that is moved by hand a try has no timeout.
	Timeout time.Duration
	// InFlight bounds the concurrent tries; 10 unless set.
	InFlight int
	// MaxPending bounds the waiting deliveries, beyond which the oldest are
	// lost; 10 000 unless set.
	MaxPending int
	Transport  http.RoundTripper // optional
}

// An Outbox delivers webhooks asynchronously, with the retries of the vendor's
// policy. Deliveries are started in the order of their due time; with more than
// one in flight they may arrive in another. It is safe for concurrent use.
type Outbox struct {
	opts   OutboxOptions
	client *http.Client
	ctx    context.Context
	cancel context.CancelFunc
	wake   chan struct{}
	slots  chan struct{}
	wg     sync.WaitGroup

	mu       sync.Mutex
	closed   bool
	busy     int           // deliveries taken but not yet settled
	quiet    chan struct{} // closed when busy falls to 0
	next     int
	pending  []Delivery // by due time, then id
	held     []Delivery // reordered: wait for a follower
	attempts []Attempt
}

const maxAttemptsLogged = 2_000

// NewOutbox starts an outbox; Close stops it.
func NewOutbox(opts OutboxOptions) *Outbox {
	if opts.Timeout <= 0 {
		opts.Timeout = 10 * time.Second
	}
	if _, manual := opts.Clock.(*ManualClock); manual {
		opts.Timeout = 0
	}
	if opts.InFlight <= 0 {
		opts.InFlight = 10
	}
	if opts.MaxPending <= 0 {
		opts.MaxPending = 10_000
	}
	if opts.Build == nil {
		opts.Build = plainPost
	}
	transport := opts.Transport
	if transport == nil {
		transport = &http.Transport{MaxIdleConnsPerHost: opts.InFlight, IdleConnTimeout: 30 * time.Second}
	}
	ctx, cancel := context.WithCancel(context.Background())
	o := &Outbox{
		opts: opts, ctx: ctx, cancel: cancel,
		client: &http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		wake:  make(chan struct{}, 1),
		slots: make(chan struct{}, opts.InFlight),
	}
	o.wg.Add(1)
	go o.run()
	return o
}

func plainPost(ctx context.Context, d Delivery, _ time.Time) (*http.Request, error) {
	return NewJSONPost(ctx, d.URL, d.Header, d.Body)
}

// Send queues d for delivery at d.Due, or at once if that is zero, subject to
// the fault rules. A delivery without URL is dropped.
func (o *Outbox) Send(d Delivery) {
	if d.URL == "" {
		return
	}
	rule, struck := o.opts.Faults.strike(true, http.MethodPost, d.Event)
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return
	}
	now := o.opts.Clock.Now()
	if d.Due.IsZero() {
		d.Due = now
	}
	o.next++
	d.ID = o.next
	delay := time.Duration(rule.Delay)
	if delay == 0 {
		delay = 5 * time.Second
	}
	switch {
	case !struck:
		o.enqueue(d)
	case rule.Kind == WebhookLost:
		o.note(d, 0, errors.New("lost by a fault"), "")
	case rule.Kind == WebhookDoubled:
		o.enqueue(d)
		o.enqueue(d)
	case rule.Kind == WebhookDelayed:
		d.Due = d.Due.Add(delay)
		o.enqueue(d)
	case rule.Kind == WebhookReordered:
		d.Due = d.Due.Add(delay)
		o.held = append(o.held, d)
		o.poke()
		return
	}
	for _, h := range o.held {
		h.Due = d.Due
		o.enqueue(h)
	}
	o.held = nil
}

// enqueue is called with mu held.
func (o *Outbox) enqueue(d Delivery) {
	i := len(o.pending)
	for i > 0 && o.pending[i-1].Due.After(d.Due) {
		i--
	}
	o.pending = slices.Insert(o.pending, i, d)
	if len(o.pending) > o.opts.MaxPending {
		o.note(o.pending[0], 0, errors.New("lost: too many are waiting"), "")
		o.pending = slices.Delete(o.pending, 0, 1)
	}
	o.poke()
}

func (o *Outbox) poke() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

func (o *Outbox) run() {
	defer o.wg.Done()
	for {
		d, next, ok := o.take()
		if ok {
			select {
			case o.slots <- struct{}{}:
			case <-o.ctx.Done():
				return
			}
			o.wg.Add(1)
			go func() {
				defer o.wg.Done()
				defer func() { <-o.slots }()
				o.try(o.ctx, d)
				o.settled()
			}()
			continue
		}
		timer := o.opts.Clock.TimerAt(next)
		select {
		case <-o.wake:
		case <-timer.C():
		case <-o.ctx.Done():
			timer.Stop()
			return
		}
		timer.Stop()
	}
}

// take removes the delivery that is due, or says when to look again.
func (o *Outbox) take() (d Delivery, next time.Time, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.opts.Clock.Now()
	next = now.Add(time.Hour)
	for i, h := range o.held {
		if h.Due.After(now) {
			next = earlier(next, h.Due)
			continue
		}
		o.held = slices.Delete(o.held, i, i+1)
		o.taken()
		return h, now, true
	}
	if len(o.pending) == 0 {
		return Delivery{}, next, false
	}
	if o.pending[0].Due.After(now) {
		return Delivery{}, earlier(next, o.pending[0].Due), false
	}
	d = o.pending[0]
	o.pending = slices.Delete(o.pending, 0, 1)
	o.taken()
	return d, now, true
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func (o *Outbox) try(ctx context.Context, d Delivery) {
	resp, err := o.send(ctx, d) //nolint:bodyclose // send has read and closed it
	status, wait, again := 0, time.Duration(0), false
	if resp != nil {
		status = resp.StatusCode
	}
	if (status < 200 || status > 299) && o.opts.Again != nil {
		wait, again = o.opts.Again(d, resp)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if !again || o.closed {
		o.note(d, status, err, "")
		return
	}
	o.note(d, status, err, wait.Round(time.Millisecond).String())
	d.Attempt++
	d.Due = o.opts.Clock.Now().Add(wait)
	o.enqueue(d)
}

func (o *Outbox) send(ctx context.Context, d Delivery) (*http.Response, error) {
	if o.opts.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.opts.Timeout)
		defer cancel()
	}
	req, err := o.opts.Build(ctx, d, o.opts.Clock.Now())
	if err != nil {
		return nil, fmt.Errorf("build delivery: %w", err)
	}
	resp, err := o.client.Do(req)
	if err != nil {
		return nil, err
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
	_ = resp.Body.Close()
	return resp, nil
}

// note is called with mu held.
func (o *Outbox) note(d Delivery, status int, err error, again string) {
	a := Attempt{
		Delivery: d.ID, Event: d.Event, URL: d.URL, Attempt: d.Attempt, Time: o.opts.Clock.Now(), Status: status, Again: again,
	}
	if err != nil {
		a.Error = err.Error()
	}
	if len(o.attempts) >= maxAttemptsLogged {
		o.attempts = append(o.attempts[:0], o.attempts[maxAttemptsLogged/10:]...)
	}
	o.attempts = append(o.attempts, a)
}

// Flush tries everything that is pending now once, in order, without regard to
// due times, and waits for the tries that are under way. What fails is queued
// again by the policy.
func (o *Outbox) Flush(ctx context.Context) error {
	o.mu.Lock()
	work := slices.Concat(o.pending, o.held)
	o.pending, o.held = nil, nil
	o.mu.Unlock()
	for _, d := range work {
		if ctx.Err() != nil {
			o.mu.Lock()
			o.enqueue(d)
			o.mu.Unlock()
			continue
		}
		o.try(ctx, d)
	}
	return o.idle(ctx)
}

// idle waits until no try is under way.
func (o *Outbox) idle(ctx context.Context) error {
	o.mu.Lock()
	busy, quiet := o.busy, o.quiet
	o.mu.Unlock()
	if busy == 0 {
		return nil
	}
	select {
	case <-quiet:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-o.ctx.Done():
		return nil
	}
}

// taken is called with mu held.
func (o *Outbox) taken() {
	if o.busy == 0 {
		o.quiet = make(chan struct{})
	}
	o.busy++
}

func (o *Outbox) settled() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.busy--
	if o.busy == 0 {
		close(o.quiet)
	}
}

// Pending returns what waits for delivery, soonest first.
func (o *Outbox) Pending() []Delivery {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append(slices.Clone(o.pending), o.held...)
}

// Attempts returns the latest tries, oldest first.
func (o *Outbox) Attempts() []Attempt {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.attempts)
}

// Clear drops what is pending and forgets the tries.
func (o *Outbox) Clear() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.pending, o.held, o.attempts = nil, nil, nil
}

// Close drops what is pending, cancels the tries under way and waits for them.
// Closing twice is harmless.
func (o *Outbox) Close() {
	o.mu.Lock()
	o.closed = true
	o.mu.Unlock()
	o.cancel()
	o.wg.Wait()
	o.client.CloseIdleConnections()
}
