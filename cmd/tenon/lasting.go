package main

import (
	"net"
	"sync/atomic"
	"time"
)

// lasting is a listener for services that run one after the other: the port
// stays taken between them. What connects meanwhile waits.
type lasting struct{ tcp *net.TCPListener }

// listenLasting listens on an address until close.
func listenLasting(address string) (*lasting, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	return &lasting{l.(*net.TCPListener)}, nil
}

func (l *lasting) close() { _ = l.tcp.Close() } // nothing was to be kept

// lease returns a listener for one service; the one before must have ended.
func (l *lasting) lease() (net.Listener, error) {
	return &leased{tcp: l.tcp}, l.tcp.SetDeadline(time.Time{})
}

type leased struct {
	tcp   *net.TCPListener
	ended atomic.Bool
}

// Accept implements net.Listener.
func (l *leased) Accept() (net.Conn, error) {
	conn, err := l.tcp.Accept()
	if err != nil && l.ended.Load() {
		return nil, net.ErrClosed
	}
	return conn, err
}

// Close implements net.Listener: it ends this lease only.
func (l *leased) Close() error {
	l.ended.Store(true)
	return l.tcp.SetDeadline(time.Unix(1, 0))
}

// Addr implements net.Listener.
func (l *leased) Addr() net.Addr { return l.tcp.Addr() }
