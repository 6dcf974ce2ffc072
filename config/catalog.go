package config

import (
	"net/netip"
	"strings"
	"time"
)

// Type says how a setting is written.
type Type uint8

// The types of settings.
const (
	Text     Type = iota
	List          // one text or a list of texts
	Number        // a whole number, not negative
	Size          // bytes: "4MiB", "512KiB", "100"
	Span          // a duration: "30s", "6h", "30d"
	Flag          // true or false
	Address       // host:port
	Location      // an IANA time zone: "Europe/Berlin"
	Origin        // http(s)://host[:port][/path]
	Secret        // as a secret of a connection: ${NAME}, {file: PATH}, {command: [PROGRAM, …]}
)

var typeWords = [...]string{
	"text", "text or list", "number", "size", "duration", "true or false", "host:port", "time zone", "URL", "secret",
}

// String returns the words that the reference page uses.
func (t Type) String() string { return typeWords[t] }

// Setting is one key of tenon.yaml outside of connections.
type Setting struct {
	Key     string // with dots: "server.listen"
	Type    Type
	Default string
	Choices []string // the values allowed; empty: any of the type
	Help    string   // one or two sentences
}

// Env returns the variable that overrides the setting.
func (s Setting) Env() string { return "TENON_" + strings.ToUpper(strings.ReplaceAll(s.Key, ".", "_")) }

// Catalog lists the settings in the order of the reference page.
func Catalog() []Setting {
	return []Setting{
		{Key: "time_zone", Type: Location, Default: "UTC", Help: "In which instants become days and days instants, where a mapping names no time zone of its own."},
		{Key: "mappings", Type: List, Default: "mappings", Help: "Folders or patterns of mapping files, relative to this file. In a folder, every *.yaml counts but *_test.yaml."},

		{Key: "server.listen", Type: Address, Default: "127.0.0.1:8484", Help: "Where the service listens. On an address other than loopback, the pages need a token."},
		{Key: "server.public_url", Type: Origin, Help: "Where the systems and people reach the service; webhooks and the convert button point there. Empty: http:// and the listen address."},
		{Key: "server.max_body", Type: Size, Default: "4MiB", Help: "The largest webhook or form taken in; a larger one is answered 413."},
		{Key: "server.max_requests", Type: Number, Default: "256", Help: "Requests worked at the same time; further ones are answered 503 with Retry-After."},
		{Key: "server.read_timeout", Type: Span, Default: "30s", Help: "How long a client may take to send a request."},
		{Key: "server.write_timeout", Type: Span, Default: "2m", Help: "How long an answer may take, a pressed button included."},
		{Key: "server.shutdown_timeout", Type: Span, Default: "30s", Help: "How long open requests and the work under way may go on after a stop was asked for."},
		{Key: "server.press_wait", Type: Span, Default: "20s", Help: "How long a pressed button waits for the project before it answers that it is under way."},

		{Key: "server.session_idle", Type: Span, Default: "1h", Help: "How long somebody who logged in to the pages may be quiet before the session ends."},
		{Key: "server.session_life", Type: Span, Default: "12h", Help: "How long such a session lasts at most."},
		{Key: "server.trusted_proxies", Type: List, Help: "Addresses or networks (10.0.0.0/8) of the proxies in front of the service, each of which must write into X-Forwarded-For from whom it got a request: logins are then counted, and told in the log, by the client's own address. Empty: by the address that the connection comes from."},
		{Key: "server.oidc.issuer", Type: Text, Help: "An OpenID Connect provider through which people may log in to the pages, as it names itself: https://login.example.com. Its client needs the redirect address server.public_url + /login/oidc/callback. Empty: people log in with an API token."},
		{Key: "server.oidc.client_id", Type: Text, Help: "The id of Tenon's client at the provider."},
		{Key: "server.oidc.client_secret", Type: Secret, Help: "The secret of that client. Empty for a public client; PKCE is used in any case."},
		{Key: "server.oidc.read", Type: List, Help: "Who may look at the pages: e-mail addresses, domains (@example.com) or groups (group:NAME). An address counts only if the provider says that it was verified."},
		{Key: "server.oidc.operate", Type: List, Help: "Who may also act on the pages, in the same form: resolve, retry, pause, undo."},
		{Key: "server.oidc.groups_claim", Type: Text, Default: "groups", Help: "The claim of the ID token that lists a person's groups."},

		{Key: "state.path", Type: Text, Default: "tenon.db", Help: "The state file, relative to this file. One process may open it at a time."},
		{Key: "state.key_file", Type: Text, Default: "tenon.key", Help: "The file with the key that seals the state, relative to this file; made at the first start, readable by its owner only. Keep it apart from backups of the state."},
		{Key: "state.older_key_files", Type: List, Help: "Files with keys that were in use before; they open what they sealed, and nothing new is sealed with them."},
		{Key: "state.key_env", Type: Text, Help: "The name of an environment variable with that key; then no file is used."},

		{Key: "engine.read_only", Type: Flag, Default: "false", Help: "Take webhooks in and list changes, and show in the queue what is due, but write to no system."},
		{Key: "engine.batch", Type: Number, Default: "100", Help: "Entries of the queue worked at once."},
		{Key: "engine.coalesce", Type: Span, Default: "100ms", Help: "How long the hint of a webhook waits for more about the same record."},
		{Key: "engine.poll_interval", Type: Span, Help: "Between two looks for changes. Empty: as the connector advises for its system."},
		{Key: "engine.sweep_interval", Type: Span, Default: "6h", Help: "Between two comparisons of everything, which find what webhooks and lists missed."},
		{Key: "engine.sweep", Type: Text, Default: "repair", Choices: []string{"repair", "report"}, Help: "What a comparison does with differences that nobody told of: repair them, or report them in the history (tenon history --action drift) and leave them until one of the records changes."},
		{Key: "engine.fields_interval", Type: Span, Default: "1h", Help: "Between two looks whether a system has other fields or options than before; the service then starts anew by itself, with the same mappings, and tries again what was held back. 0: never."},
		{Key: "engine.missing_after", Type: Span, Default: "1m", Help: "How long a record must be missing before that counts as a deletion."},
		{Key: "engine.delete_wait", Type: Span, Default: "10m", Help: "How long a deletion waits before on_delete: archive or delete carries it to the other side; a record that comes back meanwhile ends it. 0: not at all."},
		{Key: "engine.retry_min", Type: Span, Default: "1s", Help: "The first wait after a passing error."},
		{Key: "engine.retry_max", Type: Span, Default: "10m", Help: "The longest wait after a passing error."},
		{Key: "engine.probe_interval", Type: Span, Default: "5s", Help: "The first wait between two probes of a paused connection; it grows to five minutes."},
		{Key: "engine.queue_full", Type: Number, Default: "1000000", Help: "Entries of one mapping's queue, beyond one for each link, above which webhooks are answered 503."},
		{Key: "engine.keep_replaced", Type: Span, Default: "30d", Help: "How long values that a write replaced are kept, sealed. 0 keeps none."},
		{Key: "engine.keep_history", Type: Span, Default: "90d", Help: "How long the history is kept."},
		{Key: "engine.keep_deliveries", Type: Span, Default: "7d", Help: "How long the id of a webhook delivery is remembered, to know its repeats."},

		{Key: "engine.guards.window", Type: Span, Default: "1h", Help: "The time over which the guards count, for each mapping."},
		{Key: "engine.guards.clears", Type: Number, Default: "50", Help: "Fields emptied within the window before the mapping stops and asks."},
		{Key: "engine.guards.overwrites", Type: Number, Default: "20000", Help: "Values replaced within the window before the mapping stops and asks."},
		{Key: "engine.guards.deletes", Type: Number, Default: "20", Help: "Records deleted, archived or unlinked within the window before the mapping stops and asks."},
		{Key: "engine.guards.creates", Type: Number, Default: "5000", Help: "Records made within the window before the mapping stops and asks. Those that a pressed button asks for do not count. tenon resume lets all through that are in the queue then, so a first import asks once."},
		{Key: "engine.guards.share", Type: Number, Default: "25", Help: "The same for small mappings, in percent of a mapping's links: no more than so many fields emptied (10 at least), records deleted (5) and values replaced because the mapping was changed (50). 0: no share counts."},
		{Key: "engine.guards.missing", Type: Number, Default: "5", Help: "Linked records of one side that may turn up missing within ten minutes; more of them, and more than a tenth of those read, are taken for a lost right, and the mapping stops."},
		{Key: "engine.guards.flips", Type: Number, Default: "8", Help: "Writes of one field of one link within flip_window before the field is set aside as oscillating."},
		{Key: "engine.guards.flip_window", Type: Span, Default: "10m", Help: "The time over which flips are counted."},

		{Key: "log.level", Type: Text, Default: "info", Choices: []string{"debug", "info", "warn", "error"}, Help: "The least level that is logged."},
		{Key: "log.format", Type: Text, Default: "text", Choices: []string{"text", "json"}, Help: "How log lines are written, to standard error."},
	}
}

// Config is a whole, checked configuration.
type Config struct {
	Path        string // of tenon.yaml, absolute
	TimeZone    *time.Location
	Mappings    []string // absolute folders and patterns
	Server      Server
	State       State
	Engine      Engine
	Log         Log
	Connections []Connection // by name
	People      []Person     // in the order of the file
}

// Server says how the service is reached. Sizes are in bytes.
type Server struct {
	Listen          string
	PublicURL       string // without a slash at the end; never empty
	MaxBody         int64
	MaxRequests     int
	ReadTimeout     time.Duration
	WriteTimeout    time.Duration
	ShutdownTimeout time.Duration
	PressWait       time.Duration
	SessionIdle     time.Duration
	SessionLife     time.Duration
	TrustedProxies  []netip.Prefix
	OIDC            OIDC
}

// OIDC says how people log in to the pages through an identity provider. An
// empty Issuer means not at all.
type OIDC struct {
	Issuer, ClientID string
	ClientSecret     Hidden
	Read, Operate    []string // addresses, "@domain", "group:NAME"
	GroupsClaim      string
}

// State says where the state and its key are. Paths are absolute. KeyEnv, when
// set, goes before KeyFile.
type State struct {
	Path    string
	KeyFile string
	KeyEnv  string
	Key     Hidden // what KeyEnv names holds, "" where it is not set

	OlderKeyFiles []string
}

// Engine holds the engine's limits as configured.
type Engine struct {
	ReadOnly, ReportDrift                             bool
	Batch, QueueFull                                  int
	Coalesce, PollInterval, SweepInterval             time.Duration
	MissingAfter, RetryMin, RetryMax, ProbeInterval   time.Duration
	KeepReplaced, KeepHistory, KeepDeliveries         time.Duration
	GuardWindow, FlipWindow                           time.Duration
	GuardClears, GuardOverwrites, GuardDeletes, Flips int
	GuardCreates, GuardShare, GuardMissing            int
	DeleteWait, FieldsInterval                        time.Duration
}

// Log says what is logged and how.
type Log struct{ Level, Format string }
