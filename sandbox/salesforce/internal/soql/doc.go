// Package soql reads Salesforce's query language as its REST API takes it. It
// knows the grammar and no schema: whether a field exists is for who runs the
// query. Facts come from the SOQL reference, read in November 2026.
package soql

import (
	"fmt"
	"strings"
)

// MaxLength is the longest statement that is taken, in characters.
const MaxLength = 100_000

// MaxString is the longest text in a condition, in characters.
const MaxString = 4_000

// An Error is a statement that cannot be read, in the vendor's words.
type Error struct {
	Code string // "MALFORMED_QUERY" or a more special one
	Text string // with the line that points at the place
}

func (e *Error) Error() string { return e.Code + ": " + e.Text }

// Pointed renders a message as Salesforce does: a piece of the statement, a line
// with a caret below its fault, row and column, and the message.
func Pointed(query string, pos int, message string) string {
	pos = min(max(pos, 0), len(query))
	from, to := max(0, pos-32), min(len(query), pos+32)
	row := 1 + strings.Count(query[:pos], "\n")
	column := pos - strings.LastIndexByte(query[:pos], '\n')
	piece := strings.NewReplacer("\n", " ", "\r", " ", "\t", " ").Replace(query[from:to])
	return fmt.Sprintf("\n%s\n%s^\nERROR at Row:%d:Column:%d\n%s", piece, strings.Repeat(" ", pos-from), row, column, message)
}
