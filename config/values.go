package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/viper"
)

// reader turns the texts of settings into values. The first bad setting of each
// key is told to fail; reading goes on.
type reader struct {
	viper *viper.Viper
	fail  func(key, hint, format string, args ...any)
}

func (r *reader) read(c *Config, dir string) {
	c.TimeZone = r.zone("time_zone")
	for _, m := range r.viper.GetStringSlice("mappings") {
		c.Mappings = append(c.Mappings, absolute(dir, m))
	}
	c.Server = Server{
		Listen: r.address("server.listen"), PublicURL: r.origin("server.public_url"),
		MaxBody: r.size("server.max_body"), MaxRequests: r.atLeast("server.max_requests", 1),
		ReadTimeout: r.span("server.read_timeout"), WriteTimeout: r.span("server.write_timeout"),
		ShutdownTimeout: r.span("server.shutdown_timeout"), PressWait: r.span("server.press_wait"),
		SessionIdle: r.span("server.session_idle"), SessionLife: r.span("server.session_life"), OIDC: r.oidc(),
		TrustedProxies: r.networks("server.trusted_proxies"),
	}
	if c.Server.PublicURL == "" {
		c.Server.PublicURL = "http://" + c.Server.Listen
	}
	c.State = State{
		Path: absolute(dir, r.text("state.path")), KeyFile: absolute(dir, r.text("state.key_file")),
		KeyEnv: r.text("state.key_env"),
	}
	for _, path := range r.viper.GetStringSlice("state.older_key_files") {
		if path != "" {
			c.State.OlderKeyFiles = append(c.State.OlderKeyFiles, absolute(dir, path))
		}
	}
	c.Engine = Engine{
		ReadOnly: r.flag("engine.read_only"), ReportDrift: r.text("engine.sweep") == "report",
		Batch: r.atLeast("engine.batch", 1), QueueFull: r.atLeast("engine.queue_full", 1),
		Coalesce: r.span("engine.coalesce"), PollInterval: r.span("engine.poll_interval"), SweepInterval: r.span("engine.sweep_interval"),
		MissingAfter: r.span("engine.missing_after"), RetryMin: r.span("engine.retry_min"), RetryMax: r.span("engine.retry_max"),
		ProbeInterval: r.span("engine.probe_interval"),
		KeepReplaced:  r.span("engine.keep_replaced"), KeepHistory: r.span("engine.keep_history"), KeepDeliveries: r.span("engine.keep_deliveries"),
		GuardWindow: r.span("engine.guards.window"), FlipWindow: r.span("engine.guards.flip_window"),
		GuardClears: r.atLeast("engine.guards.clears", 1), GuardOverwrites: r.atLeast("engine.guards.overwrites", 1),
		GuardDeletes: r.atLeast("engine.guards.deletes", 1), Flips: r.atLeast("engine.guards.flips", 1),
		GuardCreates: r.atLeast("engine.guards.creates", 1), GuardShare: r.atLeast("engine.guards.share", 0),
		GuardMissing: r.atLeast("engine.guards.missing", 1), DeleteWait: r.span("engine.delete_wait"),
		FieldsInterval: r.span("engine.fields_interval"),
	}
	for _, key := range []string{
		"engine.poll_interval", "engine.sweep_interval", "engine.retry_min", "engine.retry_max", "engine.probe_interval",
		"engine.guards.window", "engine.guards.flip_window", "engine.keep_history", "engine.keep_deliveries",
		"server.read_timeout", "server.write_timeout", "server.shutdown_timeout", "server.press_wait",
		"server.session_idle", "server.session_life",
	} {
		if d, err := parseSpan(r.text(key)); r.text(key) != "" && err == nil && d == 0 {
			r.fail(key, "write for instance \"30s\" or \"15m\"", "must be longer than nothing")
		}
	}
	c.Log = Log{Level: r.text("log.level"), Format: r.text("log.format")}
	for _, s := range Catalog() {
		if v := r.text(s.Key); len(s.Choices) > 0 && !slices.Contains(s.Choices, v) {
			r.fail(s.Key, "write one of "+strings.Join(s.Choices, ", "), "%q is not known", v)
		}
	}
}

// oidc reads the login through an identity provider: whole or not at all.
func (r *reader) oidc() OIDC {
	o := OIDC{
		Issuer: r.text("server.oidc.issuer"), ClientID: r.text("server.oidc.client_id"), ClientSecret: r.hidden("server.oidc.client_secret"),
		Read: r.people("server.oidc.read"), Operate: r.people("server.oidc.operate"), GroupsClaim: r.text("server.oidc.groups_claim"),
	}
	u, err := url.Parse(o.Issuer)
	local := err == nil && (u.Hostname() == "localhost" || u.Hostname() == "127.0.0.1" || u.Hostname() == "::1")
	switch {
	case o.Issuer == "" && (o.ClientID != "" || o.ClientSecret != "" || len(o.Read)+len(o.Operate) > 0):
		r.fail("server.oidc", "write `issuer:`, the provider's address", "the login through a provider names no provider")
	case o.Issuer == "":
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || (u.Scheme != "https" && (u.Scheme != "http" || !local)):
		r.fail("server.oidc.issuer", `write for instance "https://login.example.com"`, "%q is not an https address", o.Issuer)
	case o.ClientID == "":
		r.fail("server.oidc", "register Tenon at the provider, and write `client_id:`", "the login through a provider has no client")
	case len(o.Read)+len(o.Operate) == 0:
		r.fail("server.oidc", "write `read:` or `operate:`, for instance \"@example.com\"", "nobody may log in through the provider")
	}
	return o
}

// networks reads a list of addresses and networks.
func (r *reader) networks(key string) []netip.Prefix {
	var list []netip.Prefix
	for _, text := range r.viper.GetStringSlice(key) {
		text = strings.TrimSpace(text)
		if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
			addr = addr.Unmap()
			list = append(list, netip.PrefixFrom(addr, addr.BitLen()))
			continue
		}
		network, err := netip.ParsePrefix(text)
		if err != nil {
			r.fail(key, "write an address such as 10.0.0.5, or a network such as 10.0.0.0/24", "%q is neither an address nor a network", text)
			continue
		}
		list = append(list, network)
	}
	return list
}

// people reads a list of e-mail addresses, domains and groups.
func (r *reader) people(key string) []string {
	var list []string
	for _, text := range r.viper.GetStringSlice(key) {
		text = strings.TrimSpace(text)
		group, isGroup := strings.CutPrefix(text, "group:")
		switch {
		case text == "":
			continue
		case isGroup && group == "", !isGroup && (strings.Count(text, "@") != 1 || strings.HasSuffix(text, "@") || strings.ContainsAny(text, " \t,")):
			r.fail(key, "write an e-mail address, a domain such as @example.com, or group:NAME", "%q names nobody", text)
		}
		list = append(list, text)
	}
	return list
}

func absolute(dir, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(dir, path)
}

func (r *reader) text(key string) string { return strings.TrimSpace(r.viper.GetString(key)) }

// hidden reads a setting of the type Secret.
func (r *reader) hidden(key string) Hidden { return Hidden(r.viper.GetString(key)) }

func (r *reader) zone(key string) *time.Location {
	name := r.text(key)
	loc, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		r.fail(key, `write an IANA name such as "Europe/Berlin"`, "there is no time zone %q", name)
		return time.UTC
	}
	return loc
}

func (r *reader) atLeast(key string, least int) int {
	n, err := strconv.Atoi(r.text(key))
	if err != nil || n < least {
		r.fail(key, "write digits alone", "%q is not a whole number of at least %d", r.text(key), least)
	}
	return n
}

func (r *reader) flag(key string) bool {
	switch v := r.text(key); v {
	case "true":
		return true
	case "false":
	default:
		r.fail(key, "write true or false", "%q is neither true nor false", v)
	}
	return false
}

func (r *reader) span(key string) time.Duration {
	d, err := parseSpan(r.text(key))
	if err != nil {
		r.fail(key, `write for instance "30s", "15m", "6h" or "30d"`, "%v", err)
	}
	return d
}

// parseSpan reads a duration as Go writes it, and whole days as "30d".
func parseSpan(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n >= 0 && n <= 36500 {
			return time.Duration(n) * 24 * time.Hour, nil
		}
		return 0, fmt.Errorf("%q is not a number of days", text)
	}
	if text == "" || text == "0" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is not a duration", text)
	}
	return d, nil
}

func (r *reader) size(key string) int64 {
	text := r.text(key)
	factor := int64(1)
	number := text
	for suffix, f := range map[string]int64{"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30} {
		if n, ok := strings.CutSuffix(text, suffix); ok {
			number, factor = strings.TrimSpace(n), f
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n <= 0 || n > (1<<40)/factor {
		r.fail(key, `write for instance "512KiB" or "4MiB"`, "%q is not a size", text)
		return 0
	}
	return n * factor
}

func (r *reader) address(key string) string {
	text := r.text(key)
	_, port, err := net.SplitHostPort(text)
	if n, bad := strconv.Atoi(port); err != nil || bad != nil || n < 0 || n > 65535 {
		r.fail(key, `write host:port, for instance "127.0.0.1:8484"`, "%q is not an address", text)
	}
	return text
}

func (r *reader) origin(key string) string {
	text := strings.TrimRight(r.text(key), "/")
	if text == "" {
		return ""
	}
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		r.fail(key, `write for instance "https://tenon.example.com"`, "%q is not an http address", text)
	}
	return text
}
