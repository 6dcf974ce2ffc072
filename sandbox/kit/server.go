package kit

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// A Server serves one emulated system at an origin of its own.
type Server struct {
	url  string
	http *http.Server
	done chan error
}

// Listen serves h at addr ("127.0.0.1:0" picks a free port) until Close. Only
// loopback addresses are accepted: the sandbox has no secrets and is no server
// for a network; use ListenAnywhere inside a container.
func Listen(addr string, h http.Handler) (*Server, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("sandbox address %q: %w", addr, err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("sandbox address %q is not a loopback address", addr)
	}
	return ListenAnywhere(addr, h)
}

// ListenAnywhere is Listen without the check for a loopback address.
func ListenAnywhere(addr string, h http.Handler) (*Server, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	s := &Server{
		url: "http://" + l.Addr().String(),
		http: &http.Server{
			Handler:           h,
			ReadHeaderTimeout: 10 * time.Second,
			ReadTimeout:       2 * time.Minute,
			IdleTimeout:       2 * time.Minute,
			MaxHeaderBytes:    64 << 10,
		},
		done: make(chan error, 1),
	}
	go func() { s.done <- s.http.Serve(l) }()
	return s, nil
}

// URL returns the origin, such as "http://127.0.0.1:41234".
func (s *Server) URL() string { return s.url }

// Close stops listening and waits for open requests until ctx ends, then drops
// them. Closing twice is harmless.
func (s *Server) Close(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, s.http.Close())
	}
	served, ok := <-s.done
	if ok {
		close(s.done)
	}
	if served != nil && !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}
