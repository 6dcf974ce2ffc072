package pubsub

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/salesforce/internal/pubsub/eventbus"
)

// DefaultEndpoint is where Salesforce takes clients of all orgs.
const DefaultEndpoint = "https://api.pubsub.salesforce.com:7443"

// Login is what every call shows of who calls.
type Login struct {
	Token    string
	Instance string // "https://acme.my.salesforce.com"
	Org      string // 18 characters
}

// Config is what a client works with. Login and Renew are required.
type Config struct {
	Endpoint string // an address; http:// speaks in clear text, for sandboxes on this machine
	// Login returns who calls; Renew gets another token in place of one that was
	// refused.
	Login func(context.Context) (Login, error)
	Renew func(ctx context.Context, stale string) error

	UserAgent string
	Observe   func(method string, ok bool, took time.Duration) // told of each call; may be nil

	// Silence is how long a stream may say nothing before it counts as broken;
	// default five minutes, the service speaks every 270 seconds.
	Silence time.Duration
}

// Client speaks to the Pub/Sub API of one org. It is safe for concurrent use.
type Client struct {
	config Config
	conn   *grpc.ClientConn
	api    eventbus.PubSubClient

	mu      sync.Mutex
	schemas map[string]*Schema
}

// Bounds of messages and of what is remembered.
const (
	maxMessage = 16 << 20 // bytes; an event has one megabyte at most
	maxSchemas = 256
)

// CheckEndpoint says what is wrong with an address, nil if nothing is.
func CheckEndpoint(endpoint string) error {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http" {
		return fmt.Errorf("%q is no address such as %s", endpoint, DefaultEndpoint)
	}
	return nil
}

// New returns a client. It connects when it is used.
func New(c Config) (*Client, error) {
	if c.Endpoint == "" {
		c.Endpoint = DefaultEndpoint
	}
	if err := CheckEndpoint(c.Endpoint); err != nil {
		return nil, err
	}
	if c.Silence <= 0 {
		c.Silence = 5 * time.Minute
	}
	u, err := url.Parse(c.Endpoint)
	if err != nil {
		return nil, err
	}
	port, security := "7443", credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS12})
	if u.Scheme == "http" {
		port, security = "80", insecure.NewCredentials()
	}
	if u.Port() != "" {
		port = u.Port()
	}
	conn, err := grpc.NewClient("dns:///"+u.Hostname()+":"+port,
		grpc.WithTransportCredentials(security),
		grpc.WithUserAgent(c.UserAgent),
		grpc.WithDisableServiceConfig(), // nobody but this client decides on retries
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage), grpc.WaitForReady(false)))
	if err != nil {
		return nil, err
	}
	return &Client{config: c, conn: conn, api: eventbus.NewPubSubClient(conn), schemas: map[string]*Schema{}}, nil
}

// Close ends all calls.
func (c *Client) Close() error { return c.conn.Close() }

// callTime bounds a call that has one answer.
const callTime = time.Minute

// login returns a context that shows who calls, and the token that it shows.
func (c *Client) login(ctx context.Context) (context.Context, string, error) {
	who, err := c.config.Login(ctx)
	if err != nil {
		return nil, "", err
	}
	return metadata.AppendToOutgoingContext(ctx, "accesstoken", who.Token, "instanceurl", who.Instance, "tenantid", who.Org), who.Token, nil
}

// call makes a call with one answer; a session that was refused is renewed once.
func call[A any](ctx context.Context, c *Client, method string, send func(context.Context, ...grpc.CallOption) (A, error)) (A, error) {
	var none A
	for renewed := false; ; renewed = true {
		out, token, err := c.login(ctx)
		if err != nil {
			return none, err
		}
		out, cancel := context.WithTimeout(out, callTime)
		var trailer metadata.MD
		began := time.Now()
		answer, err := send(out, grpc.Trailer(&trailer))
		cancel()
		c.observe(method, err, began)
		if err == nil {
			return answer, nil
		}
		r := refused(err, trailer)
		if !r.session() || renewed {
			return none, r.err(ctx)
		}
		if err := c.config.Renew(ctx, token); err != nil {
			return none, err
		}
	}
}

func (c *Client) observe(method string, err error, began time.Time) {
	if c.config.Observe != nil {
		_, answered := status.FromError(err)
		c.config.Observe(method, err == nil || answered && status.Code(err) != codes.Unavailable, time.Since(began))
	}
}

// topic asks whether a topic may be listened to.
func (c *Client) topic(ctx context.Context, name string) error {
	info, err := call(ctx, c, "GetTopic", func(ctx context.Context, opts ...grpc.CallOption) (*eventbus.TopicInfo, error) {
		return c.api.GetTopic(ctx, &eventbus.TopicRequest{TopicName: name}, opts...)
	})
	if err != nil {
		return err
	}
	if !info.GetCanSubscribe() {
		return &connectors.Error{
			Kind: connectors.Permission, Err: fmt.Errorf("the user may not subscribe to %s", name),
			Help: "give the integration user View All on the object",
		}
	}
	return nil
}

// schema returns a schema by its id; it never changes.
func (c *Client) schema(ctx context.Context, id string) (*Schema, error) {
	c.mu.Lock()
	s := c.schemas[id]
	c.mu.Unlock()
	if s != nil {
		return s, nil
	}
	info, err := call(ctx, c, "GetSchema", func(ctx context.Context, opts ...grpc.CallOption) (*eventbus.SchemaInfo, error) {
		return c.api.GetSchema(ctx, &eventbus.SchemaRequest{SchemaId: id}, opts...)
	})
	if err != nil {
		return nil, err
	}
	if s, err = ParseSchema(info.GetSchemaJson()); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.schemas) >= maxSchemas {
		clear(c.schemas)
	}
	c.schemas[id] = s
	return s, nil
}

// passing reports whether an error of reading events may be gone later, so that
// the events have to be asked for again.
func passing(err error) bool {
	e, ok := errors.AsType[*connectors.Error](err)
	return ok && (e.Kind == connectors.Auth || e.Kind == connectors.RateLimited || e.Kind == connectors.Unavailable)
}
