package kit

import (
	"bufio"
	"net"
	"net/http"
	"sync"
	"time"
)

// An Entry is one answered request. Headers and bodies are not kept.
type Entry struct {
	Seq    int       `json:"seq"` // ascending from 1
	Time   time.Time `json:"time"`
	Method string    `json:"method"`
	Path   string    `json:"path"`
	Query  string    `json:"query,omitempty"`
	Status int       `json:"status"` // 0: the connection was dropped without an answer
	Fault  string    `json:"fault,omitempty"`
}

// RequestLog keeps the latest requests of a system. It is safe for concurrent use.
type RequestLog struct {
	clock Clock

	mu      sync.Mutex
	seq     int
	entries []Entry
}

// maxLogged bounds the entries of a RequestLog.
const maxLogged = 5_000

// NewRequestLog returns an empty log.
func NewRequestLog(clock Clock) *RequestLog { return &RequestLog{clock: clock} }

// Since returns the entries whose Seq is above seq, oldest first.
func (l *RequestLog) Since(seq int) []Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := []Entry{}
	for _, e := range l.entries {
		if e.Seq > seq {
			out = append(out, e)
		}
	}
	return out
}

// Clear empties the log; sequence numbers go on.
func (l *RequestLog) Clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = nil
}

func (l *RequestLog) add(e Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seq++
	e.Seq = l.seq
	if len(l.entries) >= maxLogged {
		l.entries = append(l.entries[:0], l.entries[maxLogged/10:]...)
	}
	l.entries = append(l.entries, e)
}

// Wrap logs each request that next answers.
func (l *RequestLog) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e := Entry{Time: l.clock.Now(), Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery}
		sw := &statusWriter{ResponseWriter: w}
		defer func() {
			e.Status, e.Fault = sw.status, sw.fault
			l.add(e)
		}()
		next.ServeHTTP(sw, r)
		if sw.status == 0 && !sw.hijacked {
			sw.status = http.StatusOK
		}
	})
}

// statusWriter notes the status and the fault of an answer.
type statusWriter struct {
	http.ResponseWriter
	status   int
	fault    string
	hijacked bool
}

func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

func (w *statusWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	w.hijacked = w.hijacked || err == nil
	return conn, rw, err
}

func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
