package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/all"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

// The exit codes, as docs/cli.md lists them.
const (
	exitDone    = 0
	exitFound   = 1 // the command ran, and what it looked at is not in order
	exitUsage   = 2 // the command line is wrong
	exitConfig  = 3 // tenon.yaml or a mapping has errors
	exitState   = 4 // the state is in use, damaged or full
	exitSystem  = 5 // a system is unreachable or refuses
	exitProgram = 6 // anything else
)

// failure is an error with its exit code and what to do next.
type failure struct {
	code int
	err  error
	hint string
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

func fail(code int, hint, format string, args ...any) error {
	return &failure{code: code, err: fmt.Errorf(format, args...), hint: hint}
}

// cli is what the commands share.
type cli struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	registry       *connectors.Registry
	configPath     string
	output         string
	person         bool // stdin is a person's, although it is no terminal; for tests
}

func (c *cli) json() bool { return c.output == "json" }

// run carries out one command line and returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	registry, err := all.Registry()
	if err != nil {
		fmt.Fprintf(stderr, "tenon: %v\n", err)
		return exitProgram
	}
	c := &cli{stdin: stdin, stdout: stdout, stderr: stderr, registry: registry}
	root := c.root()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err = root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	return c.report(ctx, err)
}

// report tells an error to people and returns its exit code. A command that a
// signal ended blames no system for it.
func (c *cli) report(ctx context.Context, err error) int {
	code, hint := classify(err)
	text := err.Error()
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		code, hint, text = exitProgram, "what was done until then stands; the same command goes on from there", "interrupted"
	}
	if text != "" {
		fmt.Fprintf(c.stderr, "tenon: %s\n", manyLines(text)) // it may quote a system
	}
	if hint != "" {
		fmt.Fprintf(c.stderr, "hint: %s\n", manyLines(hint))
	}
	return code
}

func classify(err error) (code int, hint string) {
	if f, ok := errors.AsType[*failure](err); ok {
		return f.code, f.hint
	}
	switch {
	case errors.Is(err, state.ErrLocked):
		return exitState, "another process has the state open: stop `tenon serve`, or ask it by the commands that speak to it"
	case errors.Is(err, state.ErrNewer):
		return exitState, "run the version of Tenon that wrote it, or a later one"
	case errors.Is(err, state.ErrCorrupt):
		return exitState, "restore a backup with `tenon restore`; `tenon check` says what is damaged"
	case errors.Is(err, state.ErrFull):
		return exitState, "make room on the disk"
	}
	if errors.Is(err, syscall.ENOSPC) {
		return exitState, "make room on the disk, or name a file elsewhere"
	}
	e, ok := errors.AsType[*connectors.Error](err)
	if !ok {
		return exitProgram, ""
	}
	switch e.Kind {
	case connectors.Auth, connectors.Permission, connectors.RateLimited, connectors.Unavailable:
		if _, unreached := errors.AsType[*net.OpError](err); unreached && e.Help == "" {
			return exitSystem, "is the address in tenon.yaml right, and may this machine reach it?"
		}
		return exitSystem, e.Help
	case connectors.NotFound, connectors.Invalid, connectors.Conflict:
		return exitFound, e.Help
	}
	return exitProgram, cmp.Or(e.Help, "try again; if it stays so, see whether the system, or something before it, answers as it should")
}

func (c *cli) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "tenon",
		Short: "Keep the records of CRM and project tools in step",
		Long: `Tenon joins a company's CRM to its project tools, both ways, without
duplicates, loops or lost edits.

Begin with:  tenon demo, or tenon sandbox --init try, without any account;
             tenon init, tenon connect, tenon plan and tenon serve with yours.`,
		SilenceUsage:      true,
		SilenceErrors:     true,
		DisableAutoGenTag: true,
		Args:              cobra.NoArgs,
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if c.output != "table" && c.output != "json" {
				return fail(exitUsage, "write --output table or --output json", "there is no output %q", c.output)
			}
			return nil
		},
	}
	root.PersistentFlags().StringVarP(&c.configPath, "config", "c", "tenon.yaml", "the configuration `file`")
	root.PersistentFlags().StringVarP(&c.output, "output", "o", "table", "table for people, json for programs")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fail(exitUsage, "see `"+cmd.CommandPath()+" --help`", "%w", err)
	})
	root.AddCommand(
		c.initCommand(), c.connectCommand(), c.fieldsCommand(), c.validateCommand(), c.testCommand(), c.schemaCommand(), c.prepareCommand(), c.planCommand(), c.applyCommand(), c.syncCommand(), c.serveCommand(), c.reloadCommand(),
		c.linksCommand(), c.linkCommand(), c.unlinkCommand(), c.conflictsCommand(), c.queueCommand(), c.historyCommand(), c.undoCommand(), c.verifyCommand(), c.explainCommand(), c.statusCommand(), c.hooksCommand(), c.pauseCommand(), c.resumeCommand(), c.replayCommand(),
		c.checkCommand(), c.backupCommand(), c.restoreCommand(), c.tokenCommand(), c.healthcheckCommand(),
		c.sandboxCommand(), c.demoCommand(), c.versionCommand(),
	)
	sortCommands(root)
	usage(root)
	return root
}

// usage makes wrong arguments of every command usage errors.
func usage(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				hint := "see `" + cmd.CommandPath() + " --help`"
				if _, wants, some := strings.Cut(cmd.Use, " "); some {
					hint += ": it takes " + wants
				}
				return fail(exitUsage, hint, "%w", err)
			}
			return nil
		}
	}
	for _, sub := range cmd.Commands() {
		usage(sub)
	}
}

// logger returns the program's logger, to standard error.
func (c *cli) logger(level, format string) *slog.Logger {
	var l slog.Level
	if err := l.UnmarshalText([]byte(strings.ToUpper(level))); err != nil {
		l = slog.LevelInfo // the configuration has checked it
	}
	options := &slog.HandlerOptions{Level: l}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(c.stderr, options))
	}
	return slog.New(slog.NewTextHandler(c.stderr, options))
}

// problems prints what is wrong with files, and returns an error when something
// among it is.
func (c *cli) problems(ps mapping.Problems) error {
	if len(ps) > 0 {
		fmt.Fprintf(c.stderr, "%s\n\n", ps)
	}
	if ps.Err() == nil {
		return nil
	}
	n := 0
	for _, p := range ps {
		if p.Severity == mapping.Error {
			n++
		}
	}
	return fail(exitConfig, "correct what is shown above; docs/configuration.md and docs/mapping.md describe the files", "%s", count(n, "error", "errors"))
}

func count(n int, singular, plural string) string {
	if n == 1 {
		return "1 " + singular
	}
	return fmt.Sprintf("%d %s", n, plural)
}
