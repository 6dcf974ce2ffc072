package server

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine"
)

// overviewPage is the front page.
type overviewPage struct {
	At             time.Time
	Verdict, Class string // the key of one sentence about everything, and its colour
	Mappings       []mappingCard
	Connections    []connectionCard
	Failed         []engine.QueueRow
	Asides         []engine.AsideRow
	Recent         []engine.EventRow
	Every          int // seconds between two loads; 0: only on demand
}

func (p overviewPage) refresh() (int, string) { return p.Every, "" }

// overviewRows is how many rows of each list the overview shows.
const overviewRows = 10

// mappingCard shows how a mapping stands.
type mappingCard struct {
	engine.MappingStatus
	Tally   engine.Tally
	Class   string
	Resumes string // what has to be resumed for it to go on, "" while it runs
	Bar     bar
	Figures []figure
}

// figure is a number that leads to the records that it counts.
type figure struct {
	N                int
	Key, Path, Class string
}

// bar is a picture of shares.
type bar struct {
	Label string
	Parts []barPart
}

// barPart is one piece of a bar, in percent of its width.
type barPart struct {
	Class    string
	X, Width float64
}

// connectionCard shows how a connection stands.
type connectionCard struct {
	engine.ConnectionStatus
	Class string
	Quota *quota
}

// quota is an allowance of a connection.
type quota struct {
	Key         string // of the sentence with Used and Total
	Used, Total int
	All         int     // what the system gives to all apps, where that is more
	Spent       []spent // by what was asked for, the most urgent first
	Ends        time.Time
	Bar         bar
}

// spent is how many requests work of one priority used.
type spent struct {
	Name string
	N    int64
}

// refreshEvery is how often the overview may load itself, in seconds.
const refreshEvery = 30

func (p *pages) overview(w http.ResponseWriter, r *http.Request) {
	ctx, l := r.Context(), p.languageOf(r)
	var page overviewPage
	q := queryOf(r, "every")
	if q.number("every") > 0 {
		page.Every = refreshEvery
	}
	err := q.err
	var status *engine.Status
	if err == nil {
		status, err = p.Engine.Status(ctx)
	}
	if err == nil {
		err = p.fillOverview(ctx, l, status, &page)
	}
	p.finish(w, r, "overview", "overview.title", page, err)
}

func (p *pages) fillOverview(ctx context.Context, l language, s *engine.Status, page *overviewPage) (err error) {
	page.At = s.At
	for _, m := range s.Mappings {
		card, err := p.mappingCard(ctx, l, m)
		if err != nil {
			return err
		}
		page.Mappings = append(page.Mappings, card)
	}
	for _, c := range s.Connections {
		page.Connections = append(page.Connections, connectionCardOf(l, c))
	}
	page.Verdict, page.Class = verdictOf(page)
	if page.Recent, err = p.Engine.History(ctx, engine.HistoryFilter{Limit: overviewRows}); err != nil {
		return err
	}
	if page.Failed, err = p.Engine.Queue(ctx, engine.QueueFilter{Status: "failed", Limit: overviewRows}); err != nil {
		return err
	}
	page.Asides, err = p.Engine.Asides(ctx, "", false, 0, overviewRows)
	return err
}

// verdictOf sums up in one sentence.
func verdictOf(p *overviewPage) (key, class string) {
	var t engine.Tally
	stopped := false
	for _, m := range p.Mappings {
		t.InSync += m.Tally.InSync
		t.Due += m.Tally.Due + m.Tally.Waiting
		t.Failed += m.Tally.Failed + m.Tally.Conflicts + m.Tally.SetAside
		stopped = stopped || m.State != "running"
	}
	for _, c := range p.Connections {
		stopped = stopped || c.Class == "bad"
	}
	switch {
	case stopped:
		return "verdict.bad", "bad"
	case t.Failed > 0:
		return "verdict.warn", "warn"
	case t.Due > 0:
		return "verdict.wait", "wait"
	case t.InSync == 0:
		return "verdict.empty", "wait"
	}
	return "verdict.good", "good"
}

func (p *pages) mappingCard(ctx context.Context, l language, m engine.MappingStatus) (mappingCard, error) {
	c := mappingCard{MappingStatus: m, Class: "good"}
	switch {
	case m.Paused != nil && m.Paused.Connection != "":
		c.Class, c.Resumes = "warn", "connection:"+m.Paused.Connection
	case m.Paused != nil:
		c.Class, c.Resumes = "warn", "mapping:"+m.Name
	case m.State != "running":
		c.Class, c.Resumes = "bad", "mapping:"+m.Name
	}
	tally, err := p.Engine.Tally(ctx, m.Name)
	if err != nil {
		return c, err
	}
	c.Tally = *tally
	c.Figures = figuresOf(m.Name, c.Tally)
	c.Bar.Label = l.text("mapping.bar", number(tally.InSync), number(tally.Total()))
	var ns []int
	for _, f := range c.Figures {
		ns = append(ns, f.N)
	}
	c.Bar.Parts = partsOf(ns, []string{"good", "wait", "soft", "warn", "warn", "bad"})
	return c, nil
}

func figuresOf(mapping string, t engine.Tally) []figure {
	to := func(path string, pairs ...string) string {
		q := url.Values{"mapping": {mapping}}
		for i := 0; i+1 < len(pairs); i += 2 {
			q.Set(pairs[i], pairs[i+1])
		}
		return path + "?" + q.Encode()
	}
	list := []figure{
		{t.InSync, "figure.sync", to("/links"), "good"},
		{t.Due, "figure.due", to("/queue", "status", "ready"), "wait"},
		{t.Waiting, "figure.waiting", to("/queue", "status", "waiting"), ""},
		{t.SetAside, "figure.aside", to("/conflicts"), "warn"},
		{t.Conflicts, "figure.conflict", to("/conflicts", "kind", "conflict"), "warn"},
		{t.Failed, "figure.failed", to("/queue", "status", "failed"), "bad"},
	}
	for i := range list {
		if list[i].N == 0 {
			list[i].Class = "zero"
		}
	}
	return list
}

// partsOf divides a bar by numbers. What is there is to be seen, however small
// its share is.
func partsOf(ns []int, classes []string) []barPart {
	const least = 1.5
	total := 0
	for _, n := range ns {
		total += n
	}
	if total == 0 {
		return nil
	}
	var parts []barPart
	sum := 0.0
	for i, n := range ns {
		if n > 0 {
			width := max(least, 100*float64(n)/float64(total))
			parts = append(parts, barPart{Class: classes[i], Width: width})
			sum += width
		}
	}
	x := 0.0
	for i := range parts {
		parts[i].Width *= 100 / sum
		parts[i].X = x
		x += parts[i].Width
	}
	return parts
}

func connectionCardOf(l language, c engine.ConnectionStatus) connectionCard {
	card := connectionCard{ConnectionStatus: c, Class: "good"}
	switch {
	case c.State != "up" && (c.Code == "auth" || c.Code == "unavailable"):
		card.Class = "bad"
	case c.State != "up", c.Code != "":
		card.Class = "warn"
	}
	switch b := c.Budget; {
	case b != nil && b.Day != nil:
		card.Quota = quotaOf(l, "connection.day", *b.Day)
	case b != nil && b.Window != nil:
		card.Quota = quotaOf(l, "connection.window", *b.Window)
	case c.Daily > 0:
		card.Quota = quotaOf(l, "connection.day", engine.AllowanceStatus{Ours: c.Daily, Left: c.DailyLeft})
	}
	if card.Quota != nil && c.Budget != nil {
		for p := range connectors.Priority(connectors.Priorities) {
			if n := c.Budget.Used[p.String()]; n > 0 {
				card.Quota.Spent = append(card.Quota.Spent, spent{p.String(), n})
			}
		}
	}
	return card
}

func quotaOf(l language, key string, a engine.AllowanceStatus) *quota {
	q := &quota{Key: key, Used: max(0, a.Ours-a.Left), Total: a.Ours, Ends: a.Ends}
	if q.Total <= 0 {
		return nil
	}
	if a.Total > a.Ours {
		q.All = a.Total
	}
	class := "good"
	switch left := float64(a.Left) / float64(a.Ours); {
	case left <= 0.05:
		class = "bad"
	case left <= 0.25:
		class = "warn"
	}
	share := min(100, 100*float64(q.Used)/float64(q.Total))
	q.Bar = bar{Label: l.text("connection.quotabar", q.Used, q.Total), Parts: []barPart{{Class: class, Width: share}}}
	return q
}

// mappingPage is the drill-down of one mapping.
type mappingPage struct {
	Card            mappingCard
	Failed, Waiting []engine.QueueRow
	Asides          []engine.AsideRow
	Recent          []engine.EventRow
}

func (p mappingPage) title() string { return p.Card.Name }

func (p *pages) mapping(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("mapping")
	var page mappingPage
	err := queryOf(r).err
	if err == nil {
		err = p.fillMapping(r.Context(), p.languageOf(r), name, &page)
	}
	p.finish(w, r, "mapping", "filter.mapping", page, err)
}

func (p *pages) fillMapping(ctx context.Context, l language, name string, page *mappingPage) error {
	s, err := p.Engine.Status(ctx)
	if err != nil {
		return err
	}
	found := engine.MappingStatus{Name: name}
	for _, m := range s.Mappings {
		if m.Name == name {
			found = m
		}
	}
	if page.Card, err = p.mappingCard(ctx, l, found); err != nil {
		return err
	}
	if page.Failed, err = p.Engine.Queue(ctx, engine.QueueFilter{Mapping: name, Status: "failed", Limit: overviewRows}); err != nil {
		return err
	}
	if page.Waiting, err = p.Engine.Queue(ctx, engine.QueueFilter{Mapping: name, Status: "waiting", Limit: overviewRows}); err != nil {
		return err
	}
	if page.Asides, err = p.Engine.Asides(ctx, name, false, 0, overviewRows); err != nil {
		return err
	}
	page.Recent, err = p.Engine.History(ctx, engine.HistoryFilter{Mapping: name, Limit: overviewRows})
	return err
}
