package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
)

// Pause is a person's word that nothing is to be read or written for a mapping,
// or for all mappings of a connection. It stands over restarts, until a person
// lifts it; no probe does. Hints are taken in all the while.
type Pause struct {
	Mapping    string    `json:"mapping,omitempty"`    // what is paused:
	Connection string    `json:"connection,omitempty"` // one of the two
	By         string    `json:"by"`
	Since      time.Time `json:"since"`
	Reason     string    `json:"reason,omitempty"` // in the person's words
}

// String tells who paused what, since when and why.
func (p *Pause) String() string {
	what := "mapping " + p.Mapping
	if p.Connection != "" {
		what = "connection " + p.Connection
	}
	text := fmt.Sprintf("%s is paused by %s since %s", what, p.By, p.Since.UTC().Format(time.RFC3339))
	if p.Reason != "" {
		text += ": " + p.Reason
	}
	return text
}

// command returns the command that lifts the pause.
func (p *Pause) command() string { return "tenon resume " + p.Mapping + p.Connection }

// ErrPaused is what steps return that a person's pause keeps from working; the
// error's text tells whose.
var ErrPaused = errors.New("paused by a person")

func (p *Pause) err(op string) error {
	return &connectors.Error{Op: op, Kind: connectors.Conflict, Err: fmt.Errorf("%s: %w", p, ErrPaused), Help: "lift it with `" + p.command() + "`"}
}

// pauseDocs holds the pauses, by "mapping/NAME" and "connection/NAME".
const (
	pauseDocs       = "pause"
	mappingPause    = "mapping/"
	connectionPause = "connection/"
)

// maxPauseReason bounds the words of a pause, in bytes.
const maxPauseReason = 500

// pausable returns the key of what a name stands for: a mapping or a connection.
// A name that is both has to say "mapping:NAME" or "connection:NAME".
func (e *Engine) pausable(op, name string) (string, error) {
	kind, bare, told := strings.Cut(name, ":")
	if !told {
		kind, bare = "", name
	}
	_, err := e.mapping(bare)
	isMapping, isConnection := err == nil && kind != "connection", e.conns[bare] != nil && kind != "mapping"
	switch {
	case kind != "" && kind != "mapping" && kind != "connection", !isMapping && !isConnection:
		return "", &connectors.Error{
			Op: op, Kind: connectors.NotFound, Err: fmt.Errorf("no mapping and no connection is named %q", name),
			Help: "`tenon status` lists both",
		}
	case isMapping && isConnection:
		return "", &connectors.Error{
			Op: op, Kind: connectors.Invalid, Err: fmt.Errorf("%q is a mapping and a connection", name),
			Help: "write mapping:" + name + " or connection:" + name,
		}
	case isMapping:
		return mappingPause + bare, nil
	}
	return connectionPause + bare, nil
}

// Pause stops all reading and writing for a mapping, or for a connection, until
// a person resumes it. When it returns, nothing is under way any more. What is
// paused already is an error of kind Conflict. by names who decided.
func (e *Engine) Pause(ctx context.Context, name, reason, by string) (*Pause, error) {
	key, err := e.pausable("pause", name)
	if err != nil {
		return nil, err
	}
	if len(reason) > maxPauseReason {
		return nil, &connectors.Error{Op: "pause", Kind: connectors.Invalid, Err: fmt.Errorf("the reason is longer than %d bytes", maxPauseReason)}
	}
	p := newPause(key)
	p.By, p.Reason, p.Since = by, reason, e.clock.Now().UTC()
	doc, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	concerned := e.pausedMappings(p)
	err = e.commit(ctx, func(tx state.Tx) error {
		old, err := pauseOf(tx, key)
		if err != nil {
			return err
		}
		if old != nil {
			return &connectors.Error{Op: "pause", Kind: connectors.Conflict, Err: fmt.Errorf("%s already", old), Help: "lift it with `" + old.command() + "`"}
		}
		if err := e.journalPause(tx, concerned, "paused", pauseDetail(p, by, reason)); err != nil {
			return err
		}
		return tx.SetDoc(pauseDocs, key, doc)
	})
	if err != nil {
		return nil, err
	}
	if p.Connection != "" {
		e.conns[p.Connection].stream.interrupt()
	}
	for _, m := range concerned { // the batches under way end
		m.mu.Lock()
		m.mu.Unlock() //nolint:staticcheck // to have waited is all
	}
	e.log.Info("paused by a person", "mapping", p.Mapping, "connection", p.Connection)
	return p, nil
}

// Resume lets a mapping or a connection go on that a person paused, or a
// mapping that a guard stopped: with what it was about to do and no more. Of a
// mapping that is both, the pause is lifted first. by names who decided. What is
// neither is an error of kind Invalid.
func (e *Engine) Resume(ctx context.Context, name, by string) error {
	key, err := e.pausable("resume", name)
	if err != nil {
		return err
	}
	p := newPause(key)
	lifted := false
	concerned := e.pausedMappings(p)
	err = e.commit(ctx, func(tx state.Tx) error {
		lifted = false
		old, err := pauseOf(tx, key)
		if err != nil || old == nil {
			return err
		}
		lifted = true
		if err := e.journalPause(tx, concerned, "resumed", pauseDetail(p, by, "")); err != nil {
			return err
		}
		return tx.SetDoc(pauseDocs, key, nil)
	})
	switch {
	case err != nil:
		return err
	case lifted:
		e.log.Info("resumed by a person", "mapping", p.Mapping, "connection", p.Connection)
		for _, m := range concerned {
			e.nudge(m.Name())
		}
		if p.Connection != "" {
			e.conns[p.Connection].stream.interrupt()
		}
		return nil
	case p.Connection != "":
		return &connectors.Error{
			Op: "resume", Kind: connectors.Invalid, Err: fmt.Errorf("no person has paused connection %s", p.Connection),
			Help: "a connection that is down, or refuses its token, is probed and goes on by itself",
		}
	}
	return e.letOn(ctx, p.Mapping, by)
}

func newPause(key string) *Pause {
	if name, ok := strings.CutPrefix(key, connectionPause); ok {
		return &Pause{Connection: name}
	}
	return &Pause{Mapping: strings.TrimPrefix(key, mappingPause)}
}

// pausedMappings returns the mappings that a pause concerns.
func (e *Engine) pausedMappings(p *Pause) []*worked {
	var concerned []*worked
	for _, m := range e.mappings {
		if m.Name() == p.Mapping || p.Connection != "" && (m.sides[0].name == p.Connection || m.sides[1].name == p.Connection) {
			concerned = append(concerned, m)
		}
	}
	return concerned
}

func pauseDetail(p *Pause, by, reason string) string {
	text := "by " + by
	if p.Connection != "" {
		text = "connection " + p.Connection + ", " + text
	}
	if reason != "" {
		text += ": " + reason
	}
	return text
}

func (e *Engine) journalPause(tx state.Tx, concerned []*worked, action, detail string) error {
	for _, m := range concerned {
		if err := e.journal(tx, &state.Event{
			At: e.clock.Now(), Mapping: m.Name(), Action: action, Source: "person", Detail: detail,
		}); err != nil {
			return err
		}
	}
	return nil
}

// pauseOf returns a pause, nil where there is none.
func pauseOf(tx state.Tx, key string) (*Pause, error) {
	doc, err := tx.Doc(pauseDocs, key)
	if err != nil || doc == nil {
		return nil, err
	}
	var p Pause
	if err := json.Unmarshal(doc, &p); err != nil {
		return nil, fmt.Errorf("the pause of %s: %w", key, err)
	}
	return &p, nil
}

func connectionPaused(tx state.Tx, connection string) (*Pause, error) {
	return pauseOf(tx, connectionPause+connection)
}

// pausedWork returns the pause that keeps a mapping from being worked: its own,
// or that of a connection; nil if none.
func pausedWork(tx state.Tx, m *worked) (*Pause, error) {
	if p, err := pauseOf(tx, mappingPause+m.Name()); p != nil || err != nil {
		return p, err
	}
	for _, c := range m.sides {
		if p, err := connectionPaused(tx, c.name); p != nil || err != nil {
			return p, err
		}
	}
	return nil, nil
}

// paused is pausedWork for steps outside of a transaction.
func (e *Engine) paused(ctx context.Context, m *worked) (p *Pause, err error) {
	err = e.store.View(ctx, func(tx state.Tx) error {
		p, err = pausedWork(tx, m)
		return err
	})
	return p, err
}

// inboxCounted is how many deliveries are counted one by one.
const inboxCounted = 1000

// statusInbox tells how many deliveries are safe and not sorted yet.
func (e *Engine) statusInbox(tx state.Tx, s *Status) error {
	keys, _, err := tx.ListDocs(inboxDocs, "", inboxCounted)
	s.Inbox = len(keys)
	if s.Inbox == inboxCounted {
		s.Inbox = max(s.Inbox, int(e.inbox.rows.Load()))
	}
	return err
}

// pausedCode is the reason code of what a person paused.
const pausedCode = "paused"

// statusPauses puts the pauses of connections into a status. They go before what
// the breaker says: nothing is probed meanwhile.
func (e *Engine) statusPauses(tx state.Tx, s *Status) error {
	for i := range s.Connections {
		c := &s.Connections[i]
		p, err := connectionPaused(tx, c.Name)
		if err != nil {
			return err
		}
		if c.Paused = p; p != nil {
			c.State, c.Code, c.Reason, c.Since, c.RetryAt = "paused", pausedCode, p.String(), p.Since, time.Time{}
		}
	}
	return nil
}

// pause puts a pause into the status of a mapping. It goes before what a guard
// says: to resume lifts the pause first.
func (s *MappingStatus) pause(tx state.Tx, m *worked) error {
	p, err := pausedWork(tx, m)
	if err == nil && p != nil {
		s.Paused, s.State, s.Code, s.Reason, s.Resume = p, "paused", pausedCode, p.String(), p.command()
	}
	return err
}
