package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
)

// isTerminal reports whether a person sits at the other end.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}

// asker puts questions to a person, on standard error, so that standard output
// holds results only. Without a person each question has its default answer.
type asker struct {
	in     *bufio.Reader // nil: nobody is there
	out    io.Writer
	assent bool // what confirm answers where nobody is asked
}

func (c *cli) asker(yes bool) *asker {
	a := &asker{out: c.stderr, assent: yes}
	if !yes && (isTerminal(c.stdin) || c.person) {
		a.in = bufio.NewReader(c.stdin)
	}
	return a
}

// alone reports whether nobody is asked.
func (a *asker) alone() bool { return a.in == nil }

// line asks for a text; an empty answer, or none, is the default.
func (a *asker) line(question, fallback string) string {
	if a.in == nil {
		return fallback
	}
	if fallback != "" {
		question += " [" + fallback + "]"
	}
	fmt.Fprintf(a.out, "%s: ", question)
	text, err := a.in.ReadString('\n')
	if err != nil && text == "" {
		fmt.Fprintln(a.out)
		return fallback
	}
	if text = strings.TrimSpace(text); text == "" {
		return fallback
	}
	return text
}

// confirm asks for a yes or a no. Where nobody is asked, it is a no, unless
// --yes was given.
func (a *asker) confirm(question string) bool {
	if a.in == nil {
		return a.assent
	}
	for range 3 {
		switch strings.ToLower(a.line(question+" (y/n)", "")) {
		case "y", "yes":
			return true
		case "n", "no", "":
			return false
		}
	}
	return false
}

// choose asks for one of several, by its number or name.
func (a *asker) choose(question string, names, words []string, fallback int) int {
	if a.in == nil {
		return fallback
	}
	fmt.Fprintf(a.out, "%s\n", question)
	for i, n := range names {
		fmt.Fprintf(a.out, "  %d  %-24s %s\n", i+1, n, words[i])
	}
	for range 3 {
		answer := a.line("Number or name", names[fallback])
		for i, n := range names {
			if answer == n || answer == fmt.Sprint(i+1) {
				return i
			}
		}
	}
	return fallback
}
