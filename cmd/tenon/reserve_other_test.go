//go:build !linux

package main

import "net"

// reserve returns an address that was free a moment ago: other systems offer no
// way to keep it.
func reserve() (address string, release func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	return l.Addr().String(), func() {}, l.Close()
}
