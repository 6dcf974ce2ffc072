package main

import (
	"net/netip"
	"net/url"

	"github.com/tenonsync/tenon/mapping"
)

func sideID(n int) mapping.SideID { return mapping.SideID(n) } //nolint:gosec // 0 or 1

// isLocalAddress reports whether a URL points to this machine.
func isLocalAddress(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	if u.Hostname() == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return err == nil && ip.IsLoopback()
}

// allLocal reports whether every system is on this machine too, as the sandbox
// is.
func (s *service) allLocal() bool {
	for _, conn := range s.config.Connections {
		local := false
		for _, key := range []string{"base_url", "url", "login_url"} {
			local = local || isLocalAddress(conn.Settings.Get(key))
		}
		if !local {
			return false
		}
	}
	return true
}
