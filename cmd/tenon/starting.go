package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/tenonsync/tenon/server"
)

// starting answers in the place of a service that does not serve yet: health
// checks learn why, and whoever sends a webhook sends it again.
type starting struct {
	http   *http.Server
	reason atomic.Pointer[string]
	served chan error
}

// startingRetry is when a caller should come again, in seconds.
const startingRetry = "5"

// answerStarting answers on l until end.
func answerStarting(l net.Listener, log *slog.Logger) *starting {
	s := &starting{served: make(chan error, 1)}
	s.because("the service is starting")
	s.http = &http.Server{
		Handler: s, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second,
		MaxHeaderBytes: 64 << 10, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	go func() { s.served <- s.http.Serve(l) }()
	return s
}

// because sets what is waited for.
func (s *starting) because(reason string) { s.reason.Store(&reason) }

// ServeHTTP implements http.Handler: the process is alive and not ready.
func (s *starting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p := server.Problem{Status: http.StatusServiceUnavailable, Title: "not ready: " + *s.reason.Load(), Detail: "ask again later"}
	if r.Method == http.MethodGet && r.URL.Path == "/healthz" {
		p = server.Problem{Status: http.StatusOK, Title: "starting"}
	} else {
		w.Header().Set("Retry-After", startingRetry)
	}
	text, err := json.Marshal(p)
	if err != nil { // texts and a number always marshal
		panic(err)
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	w.Write(append(text, '\n'))
}

// end stops answering and lets go of the listener.
func (s *starting) end() error {
	grace, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	err := s.http.Shutdown(grace)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.http.Close()
	}
	if served := <-s.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}
