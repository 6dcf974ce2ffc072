package config_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/tenonsync/tenon/config"
	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/mapping"
)

var update = flag.Bool("update", false, "rewrite the goldens")

// crm is a connector that only has settings.
type crm struct{}

func (crm) Info() connectors.Info {
	return connectors.Info{Kind: "crm", Label: "CRM", Settings: []connectors.Setting{
		{Name: "url", Help: "Where the CRM is.", Required: true},
		{Name: "token", Help: "The access token.", Required: true, Secret: true},
		{Name: "region", Help: "Where the data is.", Default: "eu", Choices: []string{"eu", "us"}},
	}}
}

func (crm) Open(connectors.Config, connectors.Options) (connectors.Connection, error) {
	return nil, fmt.Errorf("this connector has no systems")
}

func registry(t *testing.T) *connectors.Registry {
	t.Helper()
	r, err := connectors.NewRegistry(crm{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func lookup(env map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		v, ok := env[name]
		return v, ok
	}
}

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const whole = `
connections:
  main:
    kind: crm
    url: https://crm.example
    token: ${CRM_TOKEN}
  second:
    kind: crm
    url: https://crm.example/${TENANT}/$${x}
    token_file: secret
    region: us
server:
  listen: 127.0.0.1:0
  public_url: https://tenon.example/
  max_body: 1MiB
mappings: [one, /two/*.yaml]
time_zone: Europe/Berlin
engine:
  poll_interval: 5s
  keep_history: 30d
  guards: {deletes: 3}
log: {level: debug}
`

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	path := write(t, dir, "tenon.yaml", whole)
	write(t, dir, "secret", "s3cret-from-a-file\n")
	c, problems := config.Load(path, registry(t), config.Options{Lookup: lookup(map[string]string{
		"CRM_TOKEN": "t0ken", "TENANT": "acme", "TENON_LOG_FORMAT": "json", "TENON_ENGINE_BATCH": "7",
	})})
	if len(problems) > 0 {
		t.Fatalf("problems:\n%s", problems)
	}
	got := map[string]any{
		"listen": c.Server.Listen, "public": c.Server.PublicURL, "body": c.Server.MaxBody, "zone": c.TimeZone.String(),
		"mappings": c.Mappings, "poll": c.Engine.PollInterval, "history": c.Engine.KeepHistory,
		"deletes": c.Engine.GuardDeletes, "clears": c.Engine.GuardClears, "batch": c.Engine.Batch, "log": c.Log,
		"state": c.State.Path, "key": c.State.KeyFile,
	}
	want := map[string]any{
		"listen": "127.0.0.1:0", "public": "https://tenon.example", "body": int64(1 << 20), "zone": "Europe/Berlin",
		"mappings": []string{filepath.Join(dir, "one"), "/two/*.yaml"}, "poll": 5 * time.Second, "history": 720 * time.Hour,
		"deletes": 3, "clears": 50, "batch": 7, "log": config.Log{Level: "debug", Format: "json"},
		"state": filepath.Join(dir, "tenon.db"), "key": filepath.Join(dir, "tenon.key"),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("configuration (-want +got):\n%s", diff)
	}
	var conns []string
	for _, conn := range c.Connections {
		conns = append(conns, fmt.Sprintf("%s %s %s %s", conn.Name, conn.Settings.Get("url"), conn.Settings.Get("token"), conn.Settings.Get("region")))
	}
	if diff := cmp.Diff([]string{
		"main https://crm.example t0ken eu",
		"second https://crm.example/acme/${x} s3cret-from-a-file us",
	}, conns); diff != "" {
		t.Errorf("connections (-want +got):\n%s", diff)
	}
	if shown := fmt.Sprintf("%v %+v", c.Connections[0].Settings, c.Connections[0].Settings); strings.Contains(shown, "t0ken") {
		t.Errorf("the settings show their secret: %s", shown)
	}
}

func TestDefaultsStand(t *testing.T) {
	path := write(t, t.TempDir(), "tenon.yaml", "connections: {a: {kind: crm, url: x, token: '${T}'}}\n")
	c, problems := config.Load(path, registry(t), config.Options{Lookup: lookup(map[string]string{"T": "t"})})
	if len(problems) > 0 {
		t.Fatalf("problems:\n%s", problems)
	}
	if got, want := c.Server.PublicURL, "http://127.0.0.1:8484"; got != want {
		t.Errorf("public URL: got %q, want %q", got, want)
	}
	if got, want := c.Engine.SweepInterval, 6*time.Hour; got != want {
		t.Errorf("sweep interval: got %v, want %v", got, want)
	}
}

func TestSecretsMayBeMissingForAnOfflineCheck(t *testing.T) {
	path := write(t, t.TempDir(), "tenon.yaml", "connections: {a: {kind: crm, url: x, token_file: nowhere}, b: {kind: crm, url: x, token: '${NOT_SET}'}}\n")
	_, problems := config.Load(path, registry(t), config.Options{Lookup: lookup(nil), NoSecrets: true})
	if len(problems) > 0 {
		t.Errorf("problems:\n%s", problems)
	}
	_, problems = config.Load(path, registry(t), config.Options{Lookup: lookup(nil)})
	if got, want := len(problems), 2; got != want {
		t.Errorf("problems without secrets: got %d, want %d:\n%s", got, want, problems)
	}
}

// TestProblems runs each case in testdata: an archive of tenon.yaml, env (lines
// NAME=VALUE) and want, all that is told about it.
func TestProblems(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			env := map[string]string{}
			want := -1
			for i, f := range archive.Files {
				switch f.Name {
				case "env":
					for line := range strings.Lines(string(f.Data)) {
						name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
						env[name] = value
					}
				case "want":
					want = i
				default:
					write(t, dir, f.Name, string(f.Data))
				}
			}
			_, problems := config.Load(filepath.Join(dir, "tenon.yaml"), registry(t), config.Options{Lookup: lookup(env)})
			for _, p := range problems {
				if p.Severity == mapping.Error && p.Hint == "" {
					t.Errorf("nothing says what to do:\n%s", p)
				}
			}
			got := strings.ReplaceAll(problems.String(), dir+string(filepath.Separator), "") + "\n"
			if *update {
				if want < 0 {
					archive.Files = append(archive.Files, txtar.File{Name: "want"})
					want = len(archive.Files) - 1
				}
				archive.Files[want].Data = []byte(got)
				if err := os.WriteFile(file, txtar.Format(archive), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(archive.Files[want].Data), got); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

// TestSecretsFromElsewhere takes the same secret from each place that may hold
// one.
func TestSecretsFromElsewhere(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("there is no sh")
	}
	for name, given := range map[string]string{
		"variable":        "'${CRM_TOKEN}'",
		"part":            "'${CRM_TO}${KEN}'",
		"env":             "{env: CRM_TOKEN}",
		"env from .env":   "{env: FROM_DOTENV}",
		"file":            "{file: secret}",
		"file by name":    `{file: "${NAME}"}`,
		"command":         "{command: [sh, -c, 'cat secret; echo; echo quiet >&2']}",
		"command, argued": `{command: [printf, "%s\n", "${CRM_TOKEN}"]}`,
		"plain":           "{plain: t0ken}",
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := write(t, dir, "tenon.yaml", "connections: {a: {kind: crm, url: x, token: "+given+"}}\n")
			write(t, dir, "secret", "t0ken\n")
			write(t, dir, ".env", "# of the CRM\nexport FROM_DOTENV='t0ken' # here\nCRM_TOKEN=another\n\nEMPTY=\n")
			c, problems := config.Load(path, registry(t), config.Options{Lookup: lookup(map[string]string{
				"CRM_TOKEN": "t0ken", "CRM_TO": "t0k", "KEN": "en", "NAME": "secret",
			})})
			if len(problems) > 0 {
				t.Fatalf("problems:\n%s", problems)
			}
			if got := c.Connections[0].Settings.Get("token"); got != "t0ken" {
				t.Errorf("token: got %q, want %q", got, "t0ken")
			}
		})
	}
}

// TestOthersSecretsMayBeMissing loads what one connection needs.
func TestOthersSecretsMayBeMissing(t *testing.T) {
	path := write(t, t.TempDir(), "tenon.yaml", `connections:
  a: {kind: crm, url: x, token: "${A}"}
  b: {kind: crm, url: x, token: {command: [/nowhere/at/all]}}
`)
	c, problems := config.Load(path, registry(t), config.Options{Lookup: lookup(map[string]string{"A": "of a"}), SecretsOf: []string{"a"}})
	if len(problems) > 0 {
		t.Fatalf("problems:\n%s", problems)
	}
	if got := c.Connections[0].Settings.Get("token"); got != "of a" {
		t.Errorf("token: got %q", got)
	}
	if _, problems = config.Load(path, registry(t), config.Options{Lookup: lookup(nil), SecretsOf: []string{"b"}}); problems.Err() == nil {
		t.Error("the command of b was not missed")
	}
}

func TestDotEnvOverridesNothing(t *testing.T) {
	dir := t.TempDir()
	path := write(t, dir, "tenon.yaml", "connections: {a: {kind: crm, url: x, token: '${T}'}}\nstate: {key_env: SEALING}\n")
	write(t, dir, ".env", "T=of the file\nTENON_ENGINE_BATCH=9\nTENON_LOG_LEVEL=debug\nSEALING=a key\n")
	if err := os.Chmod(filepath.Join(dir, ".env"), 0o644); err != nil {
		t.Fatal(err)
	}
	c, problems := config.Load(path, registry(t), config.Options{Lookup: lookup(map[string]string{"TENON_ENGINE_BATCH": "7", "T": ""})})
	if len(problems) != 1 || problems.Err() != nil || !strings.Contains(problems.String(), "mode 0644") {
		t.Fatalf("problems:\n%s", problems)
	}
	if c.Engine.Batch != 7 || c.Log.Level != "debug" || c.Connections[0].Settings.Get("token") != "of the file" || c.State.Key.Reveal() != "a key" {
		t.Errorf("batch %d, level %s", c.Engine.Batch, c.Log.Level)
	}
	if shown := fmt.Sprintf("%v %+v %#v", *c, c.State, c.State); strings.Contains(shown, "a key") || strings.Contains(shown, "of the file") {
		t.Errorf("the configuration shows a secret: %s", shown)
	}
}

// TestDotEnvOfAnAdversary reads what editors, shells and adversaries leave in
// .env: a value is taken whole or refused, and no problem shows one.
func TestDotEnvOfAnAdversary(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"as Windows writes it", "\ufeffT=hush\r\n\r\n# more\r\n", "hush"},
		{"quotes", "T='hu\"sh' # words\n", `hu"sh`},
		{"an export", "export T=hush", "hush"},
		{"the last one counts", "T=x\nT=hush\n", "hush"},
		{"no reference", "T=$HOME/${T}\n", "$HOME/${T}"},
		{"a hash within", "T=hu#sh\n", "hu#sh"},
		{"a zero byte", "T=hush\x00\n", ""},
		{"a header break", "T=hush\rX-Evil: 1\n", ""},
		{"an escape", "T=hush\x1b[2J\n", ""},
		{"UTF-16", "\xff\xfeT\x00=\x00h\x00u\x00s\x00h\x00\n\x00", ""},
		{"an open quote", "T=\"hush\n", ""},
		{"words behind the quote", "T='hush' hush\n", ""},
		{"no name", "=hush\n", ""},
		{"a name that is none", "T T=hush\n", ""},
		{"far too much", strings.Repeat("A=hush\n", 1_000_000), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			path := write(t, dir, "tenon.yaml", "connections: {a: {kind: crm, url: x, token: '${T}'}}\n")
			write(t, dir, ".env", c.text)
			if err := os.Chmod(filepath.Join(dir, ".env"), 0o600); err != nil {
				t.Fatal(err)
			}
			cfg, problems := config.Load(path, registry(t), config.Options{Lookup: lookup(nil)})
			if strings.Contains(problems.String(), "hush") {
				t.Errorf("a problem shows the secret:\n%s", problems)
			}
			if c.want == "" {
				if problems.Err() == nil {
					t.Error("it was taken")
				}
				return
			}
			if problems.Err() != nil {
				t.Fatalf("problems:\n%s", problems)
			}
			if got := cfg.Connections[0].Settings.Get("token"); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestReferenceNamesEverySetting(t *testing.T) {
	var b strings.Builder
	if err := config.WriteReference(&b, registry(t)); err != nil {
		t.Fatal(err)
	}
	for _, s := range config.Catalog() {
		if !strings.Contains(b.String(), "| `"+s.Key+"` |") {
			t.Errorf("the reference page lacks %s", s.Key)
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add([]byte(whole))
	f.Add([]byte("connections: {a: {kind: crm, url: &x 1, token: *x}}"))
	f.Add([]byte("a: [\n- {b: }"))
	f.Add([]byte("? x\n: y\n<<: *a"))
	path := filepath.Join(f.TempDir(), "tenon.yaml")
	r, err := connectors.NewRegistry(crm{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		c, problems := config.Load(path, r, config.Options{Lookup: lookup(nil)})
		if c == nil && problems.Err() == nil {
			t.Error("neither a configuration nor an error")
		}
	})
}
