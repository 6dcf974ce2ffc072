package main

import (
	"bytes"
	"context"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/tenonsync/tenon/connectors/all"
	"github.com/tenonsync/tenon/engine/state/bolt"
)

// usual is how a command is called, and what it does where it is not like the others.
type usual struct {
	args []string
	// other holds exit codes of cases in which the command does not end as most
	// do; -1: the case says nothing of this command.
	other map[string]int
}

// Names of cases.
const (
	noConfig  = "tenon.yaml is missing"
	badConfig = "tenon.yaml has an unknown key"
	noSecrets = "the secrets are missing"
	damaged   = "the state is damaged"
	otherKey  = "the state was sealed with another key"
	inUse     = "the state is in use and no service answers"
	refused   = "the service refuses the token"
)

// free are commands that read no configuration.
var free = map[string]int{noConfig: -1, badConfig: -1, noSecrets: -1, damaged: -1, otherKey: -1, inUse: -1, refused: -1}

// with returns other with more cases.
func with(cases map[string]int, more ...any) map[string]int {
	all := map[string]int{}
	for name, code := range cases {
		all[name] = code
	}
	for i := 0; i < len(more); i += 2 {
		all[more[i].(string)] = more[i+1].(int)
	}
	return all
}

var (
	// stateless commands do not look at the state.
	stateless = map[string]int{damaged: -1, otherKey: -1, inUse: -1, refused: -1}
	// local commands look at the state without the systems' secrets.
	local = map[string]int{noSecrets: exitDone}
	// alone commands need the systems, and the state for themselves.
	alone = map[string]int{refused: exitState}
)

// invocations are all commands. A command without a row fails TestBadInput.
var invocations = map[string]usual{
	"backup":            {args: []string{"copy.db"}, other: with(local, otherKey, exitDone)},
	"apply":             {args: []string{"changes.plan"}},
	"check":             {other: with(local, otherKey, exitDone, refused, exitState)},
	"conflicts":         {other: local},
	"conflicts resolve": {args: []string{"1", "1", "deal"}, other: with(local, noSecrets, exitFound)},
	"conflicts show":    {args: []string{"1", "1"}},
	"connect":           {args: []string{"hubspot", "--check"}, other: map[string]int{inUse: exitDone, refused: exitDone}},
	"demo":              {args: []string{"--check"}, other: free},
	"explain":           {args: []string{"hubspot/deals/1"}},
	"fields":            {args: []string{"hubspot", "deals"}, other: stateless},
	"healthcheck":       {other: map[string]int{noSecrets: exitState, damaged: exitState, otherKey: exitState, refused: -1}},
	"history":           {other: local},
	"hooks":             {other: with(local, inUse, exitDone, refused, exitDone)},
	"init":              {args: []string{"."}, other: free},
	"link":              {args: []string{"won-deal-to-epic", "1", "DELIV-1"}},
	"links":             {other: local},
	"pause":             {args: []string{"won-deal-to-epic"}, other: local},
	"plan":              {},
	"prepare":           {other: alone},
	"queue":             {other: local},
	"queue retry":       {other: local},
	"reload":            {other: map[string]int{noSecrets: exitState, damaged: exitState, otherKey: exitState}},
	"replay":            {args: []string{"hubspot/deals/1"}},
	"restore":           {args: []string{"sound.db"}, other: with(local, damaged, exitDone, otherKey, exitDone, refused, exitState)},
	"resume":            {args: []string{"won-deal-to-epic"}, other: with(local, noSecrets, exitFound)},
	"sandbox":           {other: free},
	"schema":            {args: []string{"mapping"}, other: free},
	"serve":             {other: alone},
	"status":            {other: local},
	"sync":              {other: alone},
	"test":              {other: with(stateless, noSecrets, exitDone)},
	"token":             {other: free}, // shows its help
	"token create":      {args: []string{"laptop"}, other: local},
	"token list":        {other: local},
	"token revoke":      {args: []string{"0000"}, other: with(local, noSecrets, exitFound)},
	"undo":              {args: []string{"1"}},
	"unlink":            {args: []string{"1"}, other: with(local, noSecrets, exitFound)},
	"validate":          {other: stateless},
	"verify":            {other: local},
	"version":           {other: free},
}

// commandsOf returns all commands with their path, without tenon itself.
func commandsOf(root *cobra.Command) map[string]*cobra.Command {
	found := map[string]*cobra.Command{}
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		for _, sub := range cmd.Commands() {
			if sub.Hidden || sub.Name() == "help" || sub.Name() == "completion" {
				continue
			}
			if sub.Runnable() {
				found[strings.TrimPrefix(sub.CommandPath(), "tenon ")] = sub
			}
			walk(sub)
		}
	}
	walk(root)
	return found
}

func theCommands(t *testing.T) map[string]*cobra.Command {
	t.Helper()
	registry, err := all.Registry()
	if err != nil {
		t.Fatal(err)
	}
	return commandsOf((&cli{registry: registry}).root())
}

// says runs a command line in this process.
func says(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute) // a command that should fail must not serve for ever
	defer cancel()
	code = run(ctx, args, strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

// notForPeople is what no message may hold.
var notForPeople = regexp.MustCompile(`%!|<nil>|goroutine |panic|0x[0-9a-f]{4}|&\{|map\[|failed to|error:.*error:`)

// wantMessage checks the form of what a failed command says: one line that
// says what is wrong, one that says what to do.
func wantMessage(t *testing.T, stderr string) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(stderr), "\n")
	last := lines[len(lines)-1]
	if len(lines) < 2 || !strings.HasPrefix(lines[len(lines)-2], "tenon: ") || !strings.HasPrefix(last, "hint: ") || len(last) < 12 {
		t.Errorf("it does not end in a line that says what is wrong and one that says what to do:\n%s", stderr)
	}
	if n := strings.Count("\n"+stderr, "\ntenon: "); n != 1 {
		t.Errorf("%d messages, want 1:\n%s", n, stderr)
	}
	if bad := notForPeople.FindString(stderr); bad != "" {
		t.Errorf("it says %q, which is not for people:\n%s", bad, stderr)
	}
}

// TestBadInput gives each command what goes wrong around it.
func TestBadInput(t *testing.T) {
	d := newTestDemo(t, 1, "")
	for name, value := range d.variables() {
		t.Setenv(name, value)
	}
	t.Chdir(d.dir)
	nobody, release, err := reserve()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	t.Setenv("TENON_ADDRESS", nobody)
	if code, _, stderr := says(t, "prepare"); code != exitDone {
		t.Fatalf("prepare: %d\n%s", code, stderr)
	}
	if code, _, stderr := says(t, "backup", "sound.db"); code != exitDone {
		t.Fatalf("backup: %d\n%s", code, stderr)
	}
	if code, _, stderr := says(t, "plan", "--out", "changes.plan"); code != exitFound {
		t.Fatalf("plan: %d\n%s", code, stderr)
	}
	commands := theCommands(t)
	paths := slices.Sorted(maps.Keys(commands))
	for _, path := range paths {
		if _, ok := invocations[path]; !ok {
			t.Errorf("`tenon %s` has no row in invocations: say how it is called, and with which code it ends when things are wrong", path)
		}
	}
	t.Run("usage", func(t *testing.T) { badUsage(t, commands) })
	for _, c := range []struct {
		name    string
		code    int
		arrange func(*testing.T) // anew for each command
		once    func(*testing.T)
		args    []string
		want    string // in the message of each command that ends with code
	}{
		{name: noConfig, code: exitConfig, args: []string{"--config", "nowhere.yaml"}, want: "nowhere.yaml"},
		{name: badConfig, code: exitConfig, args: []string{"--config", "bad.yaml"}, want: "bad.yaml:1:1: unknown key `servr`", arrange: func(t *testing.T) {
			put(t, "bad.yaml", "servr: {}\n"+string(get(t, "tenon.yaml")))
		}},
		{name: noSecrets, code: exitConfig, want: "HUBSPOT_TOKEN is not set", arrange: func(t *testing.T) {
			t.Setenv("HUBSPOT_TOKEN", "")
			path := filepath.Join(t.TempDir(), "own.db")
			t.Setenv("TENON_STATE_PATH", path)
			put(t, path, string(get(t, "sound.db")))
		}},
		{name: damaged, code: exitState, want: "the state is damaged", arrange: func(t *testing.T) {
			t.Setenv("TENON_STATE_PATH", "damaged.db")
			put(t, "damaged.db", "This is no state.")
		}},
		{name: otherKey, code: exitConfig, want: "state.key_file", arrange: func(t *testing.T) {
			t.Setenv("TENON_STATE_KEY_FILE", "other.key")
			t.Setenv("TENON_STATE_PATH", "sealed.db")
			put(t, "sealed.db", string(get(t, "sound.db")))
			put(t, "other.key", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n")
		}},
		{name: inUse, code: exitState, want: "", arrange: func(t *testing.T) {
			db, err := bolt.Open(t.Context(), "tenon.db", bolt.Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := db.Close(); err != nil {
					t.Error(err)
				}
			})
		}},
		{name: refused, code: exitUsage, want: "token", once: func(t *testing.T) {
			if err := d.start(interrupted(t)); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := d.stop(); err != nil {
					t.Error(err)
				}
			})
			t.Setenv("TENON_ADDRESS", d.address)
			t.Setenv("TENON_TOKEN", "tenon.0000000000000000.00")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.once != nil {
				c.once(t)
			}
			for _, path := range paths {
				row := invocations[path]
				want, other := row.other[c.name]
				if !other {
					want = c.code
				}
				if want < 0 {
					continue
				}
				t.Run(path, func(t *testing.T) {
					if c.arrange != nil {
						c.arrange(t)
					}
					args := slices.Concat(strings.Fields(path), row.args, c.args)
					code, stdout, stderr := says(t, args...)
					if code != want {
						t.Fatalf("exit code %d, want %d\n%s%s", code, want, stdout, stderr)
					}
					if code == exitDone {
						return
					}
					wantMessage(t, stderr)
					if !other && !strings.Contains(stderr, c.want) {
						t.Errorf("it does not say %q:\n%s", c.want, stderr)
					}
				})
			}
		})
	}
}

// badUsage gives each command a flag and arguments that it does not have.
func badUsage(t *testing.T, commands map[string]*cobra.Command) {
	for path, cmd := range commands {
		lines := map[string][]string{"flag": {"--no-such-flag"}, "output": append(slices.Clone(invocations[path].args), "--output", "xml")}
		if many := []string{"1", "2", "3", "4", "5", "6"}; cmd.Args != nil && cmd.Args(cmd, many) != nil {
			lines["arguments"] = many
		}
		if len(invocations[path].args) > 0 && cmd.Args != nil && cmd.Args(cmd, nil) != nil {
			lines["nothing"] = nil
		}
		for name, line := range lines {
			t.Run(path+"/"+name, func(t *testing.T) {
				code, stdout, stderr := says(t, append(strings.Fields(path), line...)...)
				if code != exitUsage || stdout != "" {
					t.Errorf("exit code %d, want %d\n%s%s", code, exitUsage, stdout, stderr)
				}
				wantMessage(t, stderr)
			})
		}
	}
}

func get(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestScriptsRunEachCommand checks that a script runs each command.
func TestScriptsRunEachCommand(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	scripts := ""
	for _, path := range paths {
		script, _, _ := strings.Cut(string(get(t, path)), "\n-- ")
		scripts += "\n" + script
	}
	for path, cmd := range theCommands(t) {
		if cmd.HasSubCommands() && len(invocations[path].args) == 0 && cmd.Args != nil && cmd.RunE != nil && path == "token" {
			continue // shows its help
		}
		ran := regexp.MustCompile(`(?m)^(?:! )?(?:code \d )?(?:exec )?(?:env \S+ )?tenon ` + strings.ReplaceAll(path, " ", " +") + `( |$)`)
		if !ran.MatchString(scripts) {
			t.Errorf("no script in testdata/script runs `tenon %s`", path)
		}
	}
}

// wrongNames are things that are not there, by command line, with the exit code
// and what the message says.
var wrongNames = []struct {
	line string
	code int
	want string
}{
	{"plan nothing", exitUsage, `there is no sound mapping "nothing"`},
	{"sync nothing", exitUsage, `there is no sound mapping "nothing"`},
	{"pause nothing", exitFound, `no mapping and no connection is named "nothing"`},
	{"resume nothing", exitFound, `no mapping and no connection is named "nothing"`},
	{"link nothing 1 2", exitUsage, `there is no sound mapping "nothing"`},
	{"link won-deal-to-epic --from nothing.csv", exitUsage, "open nothing.csv: no such file"},
	{"unlink 999", exitFound, "there is no link 999"},
	{"unlink x", exitUsage, `"x" is no link`},
	{"explain link:99", exitFound, "there is no link 99"},
	{"fields nothing deals", exitUsage, `there is no connection "nothing"`},
	{"connect nothing", exitUsage, `there is no connection "nothing"`},
	{"undo 9999", exitFound, "there is no event 9999"},
	{"undo x", exitUsage, `"x" is not an event's number`},
	{"undo --run 999", exitFound, "there is no event 999"},
	{"undo", exitUsage, "an undo is of one event"},
	{"undo --mapping nothing --since 1h", exitFound, `no mapping is named "nothing"`},
	{"replay nothing", exitFound, `no mapping takes a record "nothing"`},
	{"history --mapping nothing", exitFound, `no mapping is named "nothing"`},
	{"history --since yesterday", exitUsage, `"yesterday" is no time`},
	{"links --mapping nothing", exitFound, `no mapping is named "nothing"`},
	{"queue --mapping nothing", exitFound, `no mapping is named "nothing"`},
	{"queue --status nothing", exitUsage, `there is no status "nothing"`},
	{"queue retry --mapping nothing", exitFound, `no mapping is named "nothing"`},
	{"conflicts --mapping nothing", exitFound, `no mapping is named "nothing"`},
	{"conflicts show 99 1", exitFound, "99"},
	{"conflicts resolve 99 1 deal", exitFound, "link 99 has no conflict"},
	{"conflicts resolve x 1 deal", exitUsage, `"x" is not a link's number`},
	{"apply nothing.plan", exitUsage, "open nothing.plan: no such file"},
	{"apply tenon.yaml", exitFound, "read the plan: line 1"},
	{"backup nowhere/copy.db", exitUsage, "nowhere: no such file"},
	{"restore nothing.db", exitUsage, "open nothing.db: no such file"},
	{"restore tenon.yaml", exitState, "the state is damaged"},
	{"test nothing_test.yaml", exitConfig, "nothing_test.yaml: no such file"},
	{"test --run no-such-case", exitFound, "no case matches"},
	{"token create x --scopes nothing", exitUsage, `there is no scope "nothing"`},
	{"token revoke nothing", exitFound, "there is no token nothing"},
	{"verify --expect nothing", exitUsage, `"nothing" is no mark of the journal`},
	{"init --template nothing fresh", exitUsage, `there is no template "nothing"`},
	{"init --project 1 fresh", exitUsage, "is not the key of a Jira project"},
	{"init --crm nothing fresh", exitUsage, `no templates for the CRM "nothing"`},
	{"init --crm hubspot --tool github --project nothing fresh", exitUsage, `"nothing" is not a GitHub repository`},
	{"demo --example nothing", exitUsage, `there is no example "nothing"`},
	{"sandbox --only nothing", exitUsage, `there is no emulated system "nothing"`},
	{"schema nothing", exitUsage, `there is no schema of "nothing"`},
	{"sandbox --template nothing --init fresh --hubspot 127.0.0.1:0 --jira 127.0.0.1:0", exitUsage, `there is no template "nothing"`},
}

// TestWrongNames asks each command for something that is not there.
func TestWrongNames(t *testing.T) {
	d := newTestDemo(t, 1, "")
	for name, value := range d.variables() {
		t.Setenv(name, value)
	}
	t.Chdir(d.dir)
	if code, _, stderr := says(t, "prepare"); code != exitDone {
		t.Fatalf("prepare: %d\n%s", code, stderr)
	}
	for _, c := range wrongNames {
		t.Run(c.line, func(t *testing.T) {
			code, stdout, stderr := says(t, strings.Fields(c.line)...)
			if code != c.code || !strings.Contains(stderr, c.want) {
				t.Errorf("exit code %d, want %d and %q\n%s%s", code, c.code, c.want, stdout, stderr)
			}
			wantMessage(t, stderr)
		})
	}
}
