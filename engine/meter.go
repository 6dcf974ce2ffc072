package engine

import (
	"sync"

	"github.com/tenonsync/tenon/connectors"
)

// Meter counts the calls to each connection and remembers what the systems told
// about their allowances. Give its Observe to every connection and the Meter to
// the engine, whose Status shows it. The zero Meter is ready to use.
type Meter struct {
	mu    sync.Mutex
	conns map[string]*metered
}

type metered struct {
	calls       int64
	daily, left int
}

// Observe takes in one call; it is a connectors.Options.Observe.
func (m *Meter) Observe(c connectors.Call) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.conns == nil {
		m.conns = map[string]*metered{}
	}
	row := m.conns[c.Connection]
	if row == nil {
		row = &metered{}
		m.conns[c.Connection] = row
	}
	row.calls++
	if c.Limit.Known && c.Limit.Daily > 0 {
		row.daily, row.left = c.Limit.Daily, c.Limit.DailyLeft
	}
}

func (m *Meter) of(connection string) (calls int64, daily, left int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if row := m.conns[connection]; row != nil {
		return row.calls, row.daily, row.left
	}
	return 0, 0, 0
}
