package server

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine"
)

// Metrics counts what the service does, in a registry of its own. Labels hold
// configured names and templates only, never ids.
type Metrics struct {
	registry *prometheus.Registry
	webhooks *prometheus.CounterVec
	calls    *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	left     *prometheus.GaugeVec
	requests *prometheus.HistogramVec
}

// NewMetrics returns metrics that have counted nothing.
func NewMetrics() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		webhooks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tenon_webhooks_total", Help: "Webhook deliveries by connection and outcome.",
		}, []string{"connection", "outcome"}),
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tenon_calls_total", Help: "Requests sent to a system, by connection, method, path template and status (0: no answer).",
		}, []string{"connection", "method", "path", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "tenon_call_seconds", Help: "How long requests to a system took.",
			Buckets: []float64{.01, .03, .1, .3, 1, 3, 10, 30},
		}, []string{"connection"}),
		left: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "tenon_daily_calls_left", Help: "What the system last told is left of the daily allowance.",
		}, []string{"connection"}),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "tenon_http_seconds", Help: "How long the service took to answer, by route and status.",
			Buckets: []float64{.001, .003, .01, .03, .1, .3, 1, 3, 10, 30},
		}, []string{"route", "status"}),
	}
	m.registry.MustRegister(m.webhooks, m.calls, m.seconds, m.left, m.requests,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Observe counts a request to a system; it fits connectors.Options.Observe.
func (m *Metrics) Observe(c connectors.Call) {
	m.calls.WithLabelValues(c.Connection, c.Method, c.Path, strconv.Itoa(c.Status)).Inc()
	m.seconds.WithLabelValues(c.Connection).Observe(c.Duration.Seconds())
	if c.Limit.Known && c.Limit.Daily > 0 {
		m.left.WithLabelValues(c.Connection).Set(float64(c.Limit.DailyLeft))
	}
}

func (m *Metrics) request(route string, status int, took time.Duration) {
	m.requests.WithLabelValues(route, strconv.Itoa(status)).Observe(took.Seconds())
}

func (m *Metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}

// watch adds figures that the engine knows, read when they are asked for.
func (m *Metrics) watch(e Operator) error {
	return m.registry.Register(&statusCollector{engine: e})
}

// statusCollector turns the engine's status into figures.
type statusCollector struct{ engine Operator }

var (
	linksDesc     = prometheus.NewDesc("tenon_links", "Links of a mapping.", []string{"mapping"}, nil)
	queueDesc     = prometheus.NewDesc("tenon_queue_entries", "Entries of a mapping's queue by status.", []string{"mapping", "status"}, nil)
	conflictsDesc = prometheus.NewDesc("tenon_conflicts", "Conflicts that wait for a person.", []string{"mapping"}, nil)
	asideDesc     = prometheus.NewDesc("tenon_fields_set_aside", "Fields that are held back for another reason.", []string{"mapping"}, nil)
	stoppedDesc   = prometheus.NewDesc("tenon_mapping_stopped", "1 while a guard has stopped the mapping.", []string{"mapping"}, nil)
	heldDesc      = prometheus.NewDesc("tenon_mapping_paused", "1 while a person has paused the mapping, or a connection of it.", []string{"mapping"}, nil)
	heldConnDesc  = prometheus.NewDesc("tenon_connection_paused", "1 while a person has paused the connection.", []string{"connection"}, nil)
	inboxDesc     = prometheus.NewDesc("tenon_inbox_deliveries", "Deliveries that are safe and not sorted into the queues yet.", nil, nil)
	budgetDesc    = prometheus.NewDesc("tenon_budget_allowance", "What the system gives, by allowance (day: requests; window: the system's units).", []string{"connection", "allowance"}, nil)
	oursDesc      = prometheus.NewDesc("tenon_budget_share", "How much of an allowance Tenon may use.", []string{"connection", "allowance"}, nil)
	leftDesc      = prometheus.NewDesc("tenon_budget_left", "What Tenon may use still of an allowance.", []string{"connection", "allowance"}, nil)
	usedDesc      = prometheus.NewDesc("tenon_budget_used", "Requests of the system's day that Tenon has sent, by priority.", []string{"connection", "priority"}, nil)
	waitingDesc   = prometheus.NewDesc("tenon_budget_waiting", "Calls that wait for their turn, by priority.", []string{"connection", "priority"}, nil)
	refusedDesc   = prometheus.NewDesc("tenon_budget_refused_total", "Calls put off for want of an allowance, by priority.", []string{"connection", "priority"}, nil)
	paceDesc      = prometheus.NewDesc("tenon_budget_requests_per_second", "The pace that is kept, learnt or configured; 0: none.", []string{"connection"}, nil)
	pauseDesc     = prometheus.NewDesc("tenon_budget_paused_until_seconds", "Until when the system asked for a pause, as Unix time; 0: no pause.", []string{"connection"}, nil)

	upDesc          = prometheus.NewDesc("tenon_connection_up", "1 while the connection is in use, 0 while it is paused.", []string{"connection"}, nil)
	lastWebhookDesc = prometheus.NewDesc("tenon_last_webhook_seconds", "When the last webhook was taken in, as Unix time.", []string{"connection"}, nil)
	streamUpDesc    = prometheus.NewDesc("tenon_stream_up", "1 while the stream of changes stands, 0 while it does not.", []string{"connection"}, nil)
	streamLastDesc  = prometheus.NewDesc("tenon_last_stream_seconds", "When the stream of changes told something last, as Unix time.", []string{"connection"}, nil)
	streamHintsDesc = prometheus.NewDesc("tenon_stream_hints_total", "Hints that the stream of changes told.", []string{"connection"}, nil)
	streamBreakDesc = prometheus.NewDesc("tenon_stream_breaks_total", "How often the stream of changes broke or could not be opened.", []string{"connection"}, nil)
	streamGapsDesc  = prometheus.NewDesc("tenon_stream_gaps_total", "How often the stream of changes may have missed something, so that the lists were asked.", []string{"connection"}, nil)
	lastPollDesc    = prometheus.NewDesc("tenon_last_poll_seconds", "When the lists of changes were last asked for, as Unix time.", []string{"connection"}, nil)
)

// Describe implements prometheus.Collector.
func (s *statusCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{linksDesc, queueDesc, conflictsDesc, asideDesc, stoppedDesc, heldDesc, inboxDesc, upDesc, heldConnDesc, lastWebhookDesc, lastPollDesc, budgetDesc, oursDesc, leftDesc, usedDesc, waitingDesc, refusedDesc, paceDesc, pauseDesc, streamUpDesc, streamLastDesc, streamHintsDesc, streamBreakDesc, streamGapsDesc} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (s *statusCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	status, err := s.engine.Status(ctx)
	if err != nil {
		ch <- prometheus.NewInvalidMetric(linksDesc, err)
		return
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for _, m := range status.Mappings {
		gauge(linksDesc, float64(m.Links), m.Name)
		gauge(queueDesc, float64(m.Queued), m.Name, "ready")
		gauge(queueDesc, float64(m.Waiting), m.Name, "waiting")
		gauge(queueDesc, float64(m.Failed), m.Name, "failed")
		gauge(conflictsDesc, float64(m.Conflicts), m.Name)
		gauge(asideDesc, float64(m.SetAside), m.Name)
		gauge(stoppedDesc, one(m.State == "stopped"), m.Name)
		gauge(heldDesc, one(m.Paused != nil), m.Name)
	}
	gauge(inboxDesc, float64(status.Inbox))
	for _, c := range status.Connections {
		gauge(upDesc, one(c.State == "up"), c.Name)
		gauge(heldConnDesc, one(c.Paused != nil), c.Name)
		if !c.LastWebhook.IsZero() {
			gauge(lastWebhookDesc, float64(c.LastWebhook.Unix()), c.Name)
		}
		if !c.LastPoll.IsZero() {
			gauge(lastPollDesc, float64(c.LastPoll.Unix()), c.Name)
		}
		if c.Stream != nil {
			collectStream(ch, gauge, c.Name, c.Stream)
		}
		if c.Budget != nil {
			collectBudget(ch, gauge, c.Name, c.Budget)
		}
	}
}

// collectStream turns how a connection's stream stands into figures.
func collectStream(ch chan<- prometheus.Metric, gauge func(*prometheus.Desc, float64, ...string), connection string, s *engine.StreamStatus) {
	gauge(streamUpDesc, one(s.State == "up"), connection)
	if !s.Last.IsZero() {
		gauge(streamLastDesc, float64(s.Last.Unix()), connection)
	}
	for desc, n := range map[*prometheus.Desc]int64{streamHintsDesc: s.Hints, streamBreakDesc: s.Breaks, streamGapsDesc: s.Gaps} {
		ch <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(n), connection)
	}
}

// collectBudget turns a connection's budget into figures.
func collectBudget(ch chan<- prometheus.Metric, gauge func(*prometheus.Desc, float64, ...string), connection string, b *engine.BudgetStatus) {
	for name, a := range map[string]*engine.AllowanceStatus{"day": b.Day, "window": b.Window} {
		if a != nil {
			gauge(budgetDesc, float64(a.Total), connection, name)
			gauge(oursDesc, float64(a.Ours), connection, name)
			gauge(leftDesc, float64(a.Left), connection, name)
		}
	}
	for priority, n := range b.Used {
		gauge(usedDesc, float64(n), connection, priority)
	}
	for priority, n := range b.Waiting {
		gauge(waitingDesc, float64(n), connection, priority)
	}
	for priority, n := range b.Refused {
		ch <- prometheus.MustNewConstMetric(refusedDesc, prometheus.CounterValue, float64(n), connection, priority)
	}
	gauge(paceDesc, b.PerSecond, connection)
	paused := 0.0
	if !b.PausedUntil.IsZero() {
		paused = float64(b.PausedUntil.Unix())
	}
	gauge(pauseDesc, paused, connection)
}

func one(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
