package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tenonsync/tenon/config"
	"github.com/tenonsync/tenon/connectors/all"
)

const cliHead = `# The command line

This page is generated from the commands: ` + "`go test ./cmd/tenon -run Reference -update`" + `.

- ` + "`--output json`" + ` writes one JSON value to standard output; progress, warnings and errors go to standard error.
- Lists ask the running service when it has the state open, with a token that the sealing key signs; on another machine set ` + "`TENON_SERVICE_URL`" + ` and ` + "`TENON_TOKEN`" + `.
- Errors end with a line ` + "`hint: …`" + ` that says what to do next.

## Exit codes

| code | meaning |
|---|---|
| 0 | done |
| 1 | the command ran, and what it looked at is not in order: a plan has changes, something failed or waits for a person, a thing is not there |
| 2 | the command line is wrong, or a token lacks a right |
| 3 | tenon.yaml or a mapping has errors, or the key does not fit the state |
| 4 | the state is in use, damaged, newer or has no room; or no service answers |
| 5 | a system is unreachable or refuses the credentials |
| 6 | anything else, such as an end by Ctrl-C |
`

// writeCLIReference writes the reference page of the commands as Markdown.
func writeCLIReference(w io.Writer, root *cobra.Command) error {
	var b strings.Builder
	b.WriteString(cliHead)
	b.WriteString("\n## By what you want\n\n| | commands |\n|---|---|\n")
	for _, g := range groups {
		var links []string
		for _, name := range g.commands {
			if cmd, _, err := root.Find([]string{name}); err == nil && cmd != root {
				links = append(links, fmt.Sprintf("[%s](#tenon-%s)", name, name))
			}
		}
		fmt.Fprintf(&b, "| %s | %s |\n", strings.TrimSuffix(g.title, ":"), strings.Join(links, ", "))
	}
	b.WriteString("\n## Flags of every command\n\n")
	writeFlags(&b, root.PersistentFlags())
	var walk func(cmd *cobra.Command) error
	walk = func(cmd *cobra.Command) error {
		for _, sub := range cmd.Commands() {
			if sub.Hidden || sub.Name() == "help" || sub.Name() == "completion" {
				continue
			}
			if cmd == root && sub.GroupID == "" {
				return fmt.Errorf("`tenon %s` has no heading in groups.go", sub.Name())
			}
			fmt.Fprintf(&b, "\n## %s\n\n", sub.CommandPath())
			text := sub.Long
			if text == "" {
				text = sub.Short + "."
			}
			fmt.Fprintf(&b, "```\n%s\n```\n\n%s\n", sub.UseLine(), strings.TrimSpace(text))
			if sub.LocalNonPersistentFlags().HasAvailableFlags() {
				b.WriteString("\n")
				writeFlags(&b, sub.LocalNonPersistentFlags())
			}
			if sub.Example != "" {
				fmt.Fprintf(&b, "\nFor example:\n\n```\n%s\n```\n", unindent(sub.Example))
			}
			if err := walk(sub); err != nil {
				return err
			}
		}
		return nil
	}
	if err := walk(root); err != nil {
		return err
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// unindent takes off the two spaces that cobra wants before each line.
func unindent(text string) string {
	return strings.ReplaceAll(strings.TrimPrefix(text, "  "), "\n  ", "\n")
}

func writeFlags(b *strings.Builder, flags *pflag.FlagSet) {
	b.WriteString("| flag | meaning | default |\n|---|---|---|\n")
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		kind, help := pflag.UnquoteUsage(f)
		name := "`--" + f.Name
		if kind != "" {
			name += " " + strings.ToUpper(kind)
		}
		name += "`"
		if f.Shorthand != "" {
			name += ", `-" + f.Shorthand + "`"
		}
		value := ""
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0s" {
			value = "`" + f.DefValue + "`"
		}
		fmt.Fprintf(b, "| %s | %s | %s |\n", name, strings.ReplaceAll(help, "|", "\\|"), value)
	})
}

// TestReference holds the generated pages against the program.
func TestReference(t *testing.T) {
	registry, err := all.Registry()
	if err != nil {
		t.Fatal(err)
	}
	c := &cli{stdout: io.Discard, stderr: io.Discard, registry: registry}
	for page, write := range map[string]func(io.Writer) error{
		"configuration.md": func(w io.Writer) error { return config.WriteReference(w, registry) },
		"cli.md":           func(w io.Writer) error { return writeCLIReference(w, c.root()) },
	} {
		var want bytes.Buffer
		if err := write(&want); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("..", "..", "docs", page)
		if *update {
			if err := os.WriteFile(path, want.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want.String(), string(got)); diff != "" {
			t.Errorf("docs/%s is stale; run go test ./cmd/tenon -run Reference -update (-want +got):\n%s", page, diff)
		}
	}
}

// TestExample checks the example as a newcomer would, without its secrets.
func TestExample(t *testing.T) {
	var out, errs bytes.Buffer
	code := run(t.Context(), []string{"validate", "--offline", "--config", "../../examples/hubspot-jira/tenon.yaml"}, nil, &out, &errs)
	if code != exitDone {
		t.Errorf("exit code %d\n%s%s", code, out.String(), errs.String())
	}
}
