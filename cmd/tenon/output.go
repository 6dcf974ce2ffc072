package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/tenonsync/tenon/connectors"
)

// printJSON writes v as indented JSON.
func (c *cli) printJSON(v any) error {
	enc := json.NewEncoder(c.stdout)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// table writes rows under headings, in columns.
type table struct {
	w *tabwriter.Writer
}

func newTable(w io.Writer, headings ...string) *table {
	t := &table{tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)}
	t.row(headings...)
	return t
}

func (t *table) row(cells ...string) {
	for i, c := range cells {
		cells[i] = oneLine(c)
	}
	fmt.Fprintln(t.w, strings.Join(cells, "\t"))
}

func (t *table) flush() error { return t.w.Flush() }

// listed ends the table of a list. Where that is empty, people are told what it
// means.
func (c *cli) listed(t *table, rows int, empty string) error {
	if err := t.flush(); err != nil || rows > 0 {
		return err
	}
	_, err := fmt.Fprintln(c.stderr, empty)
	return err
}

// oneLine keeps foreign text from breaking a table, steering a terminal, or
// turning round what stands behind it: line ends, control characters, and the
// marks that embed or override a direction become blanks. Text that runs from
// right to left by itself stays.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' {
			return ' '
		}
		return harmless(r)
	}, s)
}

// manyLines is oneLine for text that may have several lines.
func manyLines(s string) string { return strings.Map(harmless, s) }

func harmless(r rune) rune {
	if r != '\n' && (unicode.IsControl(r) || r >= 0x2028 && r <= 0x202e || r >= 0x2066 && r <= 0x2069) {
		return ' '
	}
	return r
}

func showTime(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}

func showRef(r connectors.Ref) string {
	if r.ID == "" {
		return "-"
	}
	return r.String()
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
