package config

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Hidden is a secret's text. It prints as "***"; only Reveal shows it.
type Hidden string

// Reveal returns the secret.
func (h Hidden) Reveal() string { return string(h) }

// String keeps the secret out of what is printed.
func (h Hidden) String() string {
	if h == "" {
		return ""
	}
	return "***"
}

// GoString keeps the secret out of %#v.
func (h Hidden) GoString() string { return `"` + h.String() + `"` }

// LogValue keeps the secret out of logs.
func (h Hidden) LogValue() slog.Value { return slog.StringValue(h.String()) }

// MarshalText keeps the secret out of JSON.
func (h Hidden) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// The bounds of what gives a secret.
const (
	maxSecret   = 64 << 10 // bytes, of a file and of what a command prints
	maxComplain = 1 << 10  // bytes of a failed command's words that are shown
	commandTime = 30 * time.Second
)

// sourceKeys are the places that a value may be taken from.
var sourceKeys = []string{"env", "file", "command", "plain"}

const sourceHint = "write ${NAME}, {env: NAME}, {file: PATH} or {command: [PROGRAM, ARGUMENT]}"

// taken returns a value that is a text with references, or says where it comes
// from: {env: NAME}, {file: PATH}, {command: [PROGRAM, …]}, {plain: TEXT}. A
// secret that stands in the file is refused unless it is marked as plain.
func (l *loader) taken(key string, n node, secret bool) (string, bool) {
	switch n.kind {
	case mapNode:
		return l.from(key, n)
	case scalarNode:
		if secret && n.scalar != "" && !strings.Contains(n.scalar, "${") {
			l.fail(n, "write `"+key+": ${NAME}`, `"+key+": {file: PATH}` or `"+key+": {command: [PROGRAM, ARGUMENT]}`; `"+key+": {plain: …}` if it must stand here",
				"`%s` is a secret and stands here in clear", key)
			l.hide(n)
			return "", false
		}
		return l.expand(n)
	}
	l.fail(n, sourceHint, "`%s` is a text, not %s", key, n.kind)
	return "", false
}

// hide keeps a secret that stands in the file out of the lines that problems
// show.
func (l *loader) hide(n node) {
	if n.scalar == "" || n.line < 1 || n.line > len(l.lines) {
		return
	}
	stars := strings.Repeat("*", utf8.RuneCountInString(n.scalar))
	l.lines[n.line-1] = strings.ReplaceAll(l.lines[n.line-1], n.scalar, stars)
	for i := range l.problems {
		if p := &l.problems[i]; p.Line == n.line && p.File == l.path {
			p.Source = strings.ReplaceAll(p.Source, n.scalar, stars)
		}
	}
}

// from takes a value from the one place that a group of keys names.
func (l *loader) from(key string, n node) (string, bool) {
	if len(n.keys) != 1 || !slices.Contains(sourceKeys, n.keys[0].key.scalar) {
		l.fail(n, sourceHint, "`%s` names one place to take it from: %s", key, strings.Join(sourceKeys, ", "))
		return "", false
	}
	place, at := n.keys[0].key.scalar, n.keys[0].value
	if place == "command" {
		return l.command(key, at)
	}
	if at.kind != scalarNode || at.scalar == "" {
		l.fail(at, sourceHint, "`%s` of `%s` is a text, not %s", place, key, at.kind)
		return "", false
	}
	switch place {
	case "env":
		if !isVariable(at.scalar) {
			l.fail(at, "write its name alone: {env: HUBSPOT_TOKEN}", "this is not the name of an environment variable")
			return "", false
		}
		return l.variable(at, at.scalar)
	case "file":
		path, ok := l.expand(at)
		if !ok {
			return "", false
		}
		return l.secretFile(at, path)
	}
	l.hide(at)
	return at.scalar, true // plain
}

// secretFile reads a secret; a line break at its end does not count.
func (l *loader) secretFile(at node, path string) (string, bool) {
	if l.noSecrets {
		return unset, true
	}
	path = absolute(l.dir, path)
	text, err := readSome(path)
	if errors.Is(err, errTooLarge) {
		l.fail(at, "name a file that holds the secret alone", "the file %s is larger than %d bytes", path, maxSecret)
		return "", false
	}
	if err != nil {
		l.fail(at, "paths are relative to tenon.yaml; the user of the service must be able to read it", "the file %s cannot be read: %s", path, cause(err))
		return "", false
	}
	secret := strings.TrimRight(string(text), "\r\n")
	if secret == "" {
		l.fail(at, "write the secret into it", "the file %s is empty", path)
		return "", false
	}
	return secret, true
}

var errTooLarge = errors.New("larger than a secret may be")

func readSome(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err == nil && len(text) > maxSecret {
		err = errTooLarge
	}
	return text, err
}

// command runs a program, without a shell, in the folder of tenon.yaml, and
// takes what it prints. What it says on standard error is shown when it fails.
func (l *loader) command(key string, n node) (string, bool) {
	if n.kind == scalarNode && strings.TrimSpace(n.scalar) != "" {
		l.fail(n, "write `"+key+": {command: ["+strings.Join(strings.Fields(n.scalar), ", ")+"]}`", "no shell takes a command apart: it is a list")
		return "", false
	}
	if n.kind != listNode || len(n.list) == 0 {
		l.fail(n, "write `"+key+": {command: [PROGRAM, ARGUMENT]}`", "`command` is a list that begins with a program")
		return "", false
	}
	var args []string
	for _, item := range n.list {
		if item.kind != scalarNode {
			l.fail(item, "write `"+key+": {command: [PROGRAM, ARGUMENT]}`", "`command` is a list of texts")
			return "", false
		}
		text, ok := l.expand(item)
		if !ok {
			return "", false
		}
		args = append(args, text)
	}
	if l.noSecrets {
		return unset, true
	}
	secret, err := runFor(args, l.dir)
	if err != nil {
		l.fail(n.list[0], "run it yourself as the user of the service", "the command for `%s` gave no secret: %v", key, err)
		return "", false
	}
	return secret, true
}

// runFor returns what a command prints, without line breaks at its end.
func runFor(args []string, dir string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), commandTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir, cmd.WaitDelay = dir, time.Second
	out, complaint := &bounded{max: maxSecret}, &bounded{max: maxComplain}
	cmd.Stdout, cmd.Stderr = out, complaint
	err := cmd.Run()
	secret := strings.TrimRight(out.String(), "\r\n")
	words := strings.Join(strings.Fields(strings.ToValidUTF8(complaint.String(), "")), " ")
	if words != "" {
		words = ": " + words
	}
	switch {
	case ctx.Err() != nil:
		return "", fmt.Errorf("it took longer than %v%s", commandTime, words)
	case err != nil:
		return "", fmt.Errorf("%w%s", err, words)
	case out.over:
		return "", fmt.Errorf("it prints more than %d bytes", maxSecret)
	case secret == "":
		return "", errors.New("it prints nothing" + words)
	}
	return secret, nil
}

// bounded keeps the first bytes that are written to it.
type bounded struct {
	bytes.Buffer
	max  int
	over bool
}

// Write never fails, so that the command can end by itself.
func (b *bounded) Write(p []byte) (int, error) {
	room := b.max - b.Len()
	if len(p) > room {
		b.over = true
		_, _ = b.Buffer.Write(p[:max(room, 0)]) // to memory
		return len(p), nil
	}
	return b.Buffer.Write(p)
}
