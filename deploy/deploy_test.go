// Package deploy_test holds the deployment files against the program: its
// commands, settings, routes and metrics.
package deploy_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/tenonsync/tenon/config"
)

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.FromSlash(path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// decode reads one YAML document into v. Keys that v does not have are errors.
func decode(t *testing.T, path, text string, v any) {
	t.Helper()
	err := yaml.NewDecoder(strings.NewReader(text), yaml.Strict(), yaml.DisallowUnknownField()).Decode(v)
	if err != nil && !errors.Is(err, io.EOF) {
		t.Errorf("%s: %v", path, err)
	}
}

// defaultOf returns a setting's default.
func defaultOf(t *testing.T, key string) string {
	t.Helper()
	for _, s := range config.Catalog() {
		if s.Key == key {
			return s.Default
		}
	}
	t.Fatalf("there is no setting %s", key)
	return ""
}

// port returns the port of server.listen's default.
func port(t *testing.T) string {
	t.Helper()
	listen := defaultOf(t, "server.listen")
	return listen[strings.LastIndexByte(listen, ':')+1:]
}

var variable = regexp.MustCompile(`\bTENON_[A-Z][A-Z_]*[A-Z]\b`)

// notSettings are variables of the deployment files themselves.
var notSettings = []string{"TENON_HOST", "TENON_UPSTREAM", "TENON_VERSION"}

// files returns all deployment files, but for tests, by their path.
func files(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	paths, err := filepath.Glob("*/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range paths {
		all[filepath.ToSlash(p)] = read(t, p)
	}
	all["../Dockerfile"] = read(t, "../Dockerfile")
	return all
}

// TestVariables checks that each variable of Tenon in the files overrides a
// setting that there is.
func TestVariables(t *testing.T) {
	known := slices.Clone(notSettings)
	for _, s := range config.Catalog() {
		known = append(known, s.Env())
	}
	seen := 0
	for path, text := range files(t) {
		for _, name := range variable.FindAllString(text, -1) {
			seen++
			if !slices.Contains(known, name) {
				t.Errorf("%s sets %s, which overrides no setting", path, name)
			}
		}
	}
	if seen < 10 {
		t.Errorf("only %d variables were found; are they written in another form now?", seen)
	}
}

var (
	longFlag = regexp.MustCompile(`--[a-z][a-z-]+`)
	called   = regexp.MustCompile(`/usr/local/bin/tenon"?,? "?([a-z]+)`)
)

// TestCommandLines checks that the commands and flags in the files are in the
// generated reference.
func TestCommandLines(t *testing.T) {
	reference := read(t, "../docs/cli.md")
	seen := 0
	check := func(path, command, line string) {
		seen++
		_, section, ok := strings.Cut(reference, "\n## tenon "+command+"\n")
		if !ok {
			t.Errorf("%s: docs/cli.md has no command %q", path, "tenon "+command)
			return
		}
		section, _, _ = strings.Cut(section, "\n## ")
		common, _, _ := strings.Cut(reference, "\n## tenon ")
		for _, flag := range longFlag.FindAllString(line, -1) {
			if !strings.Contains(section, "`"+flag) && !strings.Contains(common, "`"+flag) {
				t.Errorf("%s: `tenon %s` has no flag %s", path, command, flag)
			}
		}
	}
	for path, text := range files(t) {
		for line := range strings.Lines(text) {
			for _, part := range strings.Split(line, ";") { // the commands of a shell's line
				if m := called.FindStringSubmatch(part); m != nil {
					check(path, m[1], part)
				}
			}
		}
	}
	check("kubernetes/tenon.yaml", "serve", "--config")
	if !strings.Contains(read(t, "kubernetes/tenon.yaml"), "args: [serve, --config, /etc/tenon/tenon.yaml]") {
		t.Error("kubernetes/tenon.yaml starts the service in another form now: check it here")
	}
	if seen < 5 {
		t.Errorf("only %d command lines were found; are they written in another form now?", seen)
	}
}

// sections reads a unit: section, key, values.
func sections(t *testing.T, path string) map[string]map[string][]string {
	t.Helper()
	unit := map[string]map[string][]string{}
	section := ""
	for line := range strings.Lines(read(t, path)) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "["):
			section = strings.Trim(line, "[]")
			unit[section] = map[string][]string{}
		default:
			key, value, ok := strings.Cut(line, "=")
			if !ok || section == "" {
				t.Errorf("%s: %q is no setting", path, line)
				continue
			}
			unit[section][key] = append(unit[section][key], value)
		}
	}
	return unit
}

// directives are those of systemd that the units may use.
var directives = map[string]string{
	"Unit":  "Description Documentation Wants After StartLimitIntervalSec",
	"Timer": "OnCalendar RandomizedDelaySec Persistent", "Install": "WantedBy",
	"Service": "Type ExecStart ExecReload EnvironmentFile Environment User Group StateDirectory StateDirectoryMode UMask Restart RestartSec " +
		"RestartPreventExitStatus TimeoutStopSec MemoryMax TasksMax LimitNOFILE NoNewPrivileges CapabilityBoundingSet AmbientCapabilities " +
		"ProtectSystem ProtectHome PrivateTmp PrivateDevices PrivateUsers ProtectClock ProtectControlGroups ProtectHostname ProtectKernelLogs " +
		"ProtectKernelModules ProtectKernelTunables ProtectProc ProcSubset RemoveIPC RestrictAddressFamilies RestrictNamespaces RestrictRealtime " +
		"RestrictSUIDSGID LockPersonality MemoryDenyWriteExecute SystemCallArchitectures SystemCallFilter ReadWritePaths",
}

func TestSystemd(t *testing.T) {
	units, err := filepath.Glob("systemd/*")
	if err != nil || len(units) < 3 {
		t.Fatalf("units: %v, %v", units, err)
	}
	for _, path := range units {
		for section, settings := range sections(t, path) {
			for key := range settings {
				if !slices.Contains(strings.Fields(directives[section]), key) {
					t.Errorf("%s: [%s] %s is not among the directives that are known here", path, section, key)
				}
			}
		}
	}
	service := sections(t, "systemd/tenon.service")["Service"]
	if got, want := service["RestartPreventExitStatus"], []string{"2 3"}; !slices.Equal(got, want) {
		t.Errorf("starting is given up after exit codes %q, want %q", got, want)
	}
	reference := read(t, "../docs/cli.md")
	for _, row := range []string{"| 2 | the command line is wrong", "| 3 | tenon.yaml or a mapping has errors"} {
		if !strings.Contains(reference, row) {
			t.Errorf("docs/cli.md has no row %q: what does the unit not start again?", row)
		}
	}
	for _, key := range []string{"NoNewPrivileges", "ProtectSystem", "MemoryDenyWriteExecute", "StateDirectoryMode"} {
		if len(service[key]) != 1 {
			t.Errorf("%s stands %d times in the service", key, len(service[key]))
		}
	}
	// The only folder that the service may write to.
	folder := "/var/lib/" + service["StateDirectory"][0] + "/"
	if want := "state: {path: " + folder + "tenon.db, key_file: " + folder + "tenon.key}"; !strings.Contains(read(t, "../docs/operations.md"), want) {
		t.Errorf("docs/operations.md does not say %q", want)
	}
}

// TestProxies checks ports, bounds and routes of the reverse proxies.
func TestProxies(t *testing.T) {
	if got := defaultOf(t, "server.max_body"); got != "4MiB" {
		t.Errorf("server.max_body is %s by default; the proxies allow 4 MiB", got)
	}
	if got := defaultOf(t, "server.write_timeout"); got != "2m" {
		t.Errorf("server.write_timeout is %s by default; the proxies wait for 130 s", got)
	}
	routes := read(t, "../docs/http.md")
	for path, wants := range map[string][]string{
		"proxy/nginx.conf":      {"client_max_body_size 4m;", "proxy_read_timeout 130s;", "server 127.0.0.1:" + port(t) + ";"},
		"proxy/Caddyfile":       {"max_size 4MiB", "127.0.0.1:" + port(t)},
		"kubernetes/tenon.yaml": {"proxy-body-size: 4m ", `proxy-read-timeout: "130"`},
	} {
		text := read(t, path)
		for _, want := range wants {
			if !strings.Contains(text, want) {
				t.Errorf("%s does not say %q", path, want)
			}
		}
		for _, route := range []string{"/hooks/", "/convert/"} {
			if !strings.Contains(text, route) || !strings.Contains(routes, "`"+route) && !strings.Contains(routes, " "+route) {
				t.Errorf("%s: route %s is missing there or in docs/http.md", path, route)
			}
		}
	}
	nginx := read(t, "proxy/nginx.conf")
	if open, closed := strings.Count(nginx, "{"), strings.Count(nginx, "}"); open != closed {
		t.Errorf("nginx.conf opens %d blocks and closes %d", open, closed)
	}
	if regexp.MustCompile(`proxy_pass http://tenon/`).MatchString(nginx) {
		t.Error("nginx.conf rewrites the path, which signatures are made for")
	}
}

// TestDockerfile checks what the container files say of the image.
func TestDockerfile(t *testing.T) {
	image := read(t, "../Dockerfile")
	for _, want := range []string{"USER 65532:65532", "EXPOSE " + port(t), `CMD ["serve", "--config", "/etc/tenon/tenon.yaml"]`, "VOLUME /data"} {
		if !strings.Contains(image, want) {
			t.Errorf("Dockerfile does not say %q", want)
		}
	}
	mod := read(t, "../go.mod")
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(mod)
	if version == nil || !bytes.Contains([]byte(image), []byte("FROM golang:"+version[1])) {
		t.Errorf("Dockerfile builds with another Go than go.mod names: %v", version)
	}
}
