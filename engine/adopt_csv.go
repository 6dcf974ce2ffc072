package engine

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/mapping"
)

// maxPairs bounds the pairs of one file.
const maxPairs = 200_000

// MappingSides names the two sides of a mapping: the columns of a file of
// pairs.
type MappingSides struct {
	Mapping   string    `json:"mapping"`
	Sides     [2]string `json:"sides"`     // left and right
	Objects   [2]string `json:"objects"`   // connection/object
	FirstSync string    `json:"firstSync"` // how a new link starts, in the mapping's words
	Source    string    `json:"source"`    // a hash of the mapping's file: mapping.File.Hash
}

// MappingSides returns the sides of a mapping.
func (e *Engine) MappingSides(_ context.Context, name string) (*MappingSides, error) {
	m, err := e.mapping(name)
	if err != nil {
		return nil, err
	}
	s := &MappingSides{Mapping: name, Sides: m.sideNames(), Objects: [2]string{m.object(mapping.Left), m.object(mapping.Right)}, Source: fmt.Sprintf("%016x", m.Source())}
	switch m.FirstSync() {
	case mapping.FirstLeftWins:
		s.FirstSync = s.Sides[mapping.Left] + " wins"
	case mapping.FirstRightWins:
		s.FirstSync = s.Sides[mapping.Right] + " wins"
	case mapping.FirstFillBlanks:
		s.FirstSync = "fill blanks"
	default:
		s.FirstSync = "newest"
	}
	return s, nil
}

func (m *worked) sideNames() [2]string {
	return [2]string{m.Side(mapping.Left).Name, m.Side(mapping.Right).Name}
}

// ReadPairs reads a CSV file of pairs: its first row names the two sides, in any
// order, and other columns are left alone. Rows that name only one of the two
// records are skipped, and counted; they are what a report says of records
// without a counterpart. A file that cannot be read is an error of kind Invalid
// that names the line.
func ReadPairs(r io.Reader, sides [2]string) (pairs []LinkPair, skipped int, err error) {
	in := csv.NewReader(r)
	in.FieldsPerRecord, in.TrimLeadingSpace, in.ReuseRecord = -1, true, true
	invalid := func(line int, format string, args ...any) error {
		return &connectors.Error{
			Op: "read pairs", Kind: connectors.Invalid, Err: fmt.Errorf("line %d: %w", line, fmt.Errorf(format, args...)),
			Help: fmt.Sprintf("the first line is %s,%s; each further line names one record of each", sides[0], sides[1]),
		}
	}
	head, err := in.Read()
	if err != nil {
		return nil, 0, invalid(1, "the file has no first line that names the sides")
	}
	var at [2]int
	for side, name := range sides {
		at[side] = slices.IndexFunc(head, func(cell string) bool {
			return strings.EqualFold(strings.TrimSpace(strings.TrimPrefix(cell, "\ufeff")), name)
		})
		if at[side] < 0 {
			return nil, 0, invalid(1, "there is no column %q", name)
		}
	}
	for {
		row, err := in.Read()
		if errors.Is(err, io.EOF) {
			return pairs, skipped, nil
		}
		if p, ok := errors.AsType[*csv.ParseError](err); ok {
			return nil, 0, invalid(p.Line, "%v", p.Err)
		}
		if err != nil {
			return nil, 0, err
		}
		line, _ := in.FieldPos(0)
		p := LinkPair{Line: line}
		for side := range p.Records {
			if at[side] < len(row) {
				p.Records[side] = strings.Clone(plainCell(row[at[side]]))
			}
		}
		switch {
		case p.Records[0] == "" || p.Records[1] == "":
			skipped++
			continue
		case len(pairs) == maxPairs:
			return nil, 0, invalid(line, "the file names more than %d pairs; split it", maxPairs)
		}
		pairs = append(pairs, p)
	}
}

// PairWriter writes a file that ReadPairs reads, with a comment on each row.
type PairWriter struct {
	w    *csv.Writer
	err  error
	rows int
}

// NewPairWriter writes the first line, which names the sides.
func NewPairWriter(w io.Writer, sides [2]string) *PairWriter {
	p := &PairWriter{w: csv.NewWriter(w)}
	p.err = p.w.Write([]string{sides[0], sides[1], "comment"})
	return p
}

// Write adds a row. A cell that a spreadsheet would take for a formula gets an
// apostrophe in front, which ReadPairs takes off.
func (p *PairWriter) Write(ids [2]string, comment string) error {
	if p.err == nil {
		p.rows++
		p.err = p.w.Write([]string{safeCell(ids[0]), safeCell(ids[1]), safeCell(comment)})
	}
	return p.err
}

// Rows returns how many rows were written.
func (p *PairWriter) Rows() int { return p.rows }

// Flush writes what is not written yet.
func (p *PairWriter) Flush() error {
	p.w.Flush()
	return errors.Join(p.err, p.w.Error())
}

const formulaStarts = "=+-@\t\r"

func safeCell(s string) string {
	if s != "" && strings.ContainsRune(formulaStarts, rune(s[0])) {
		return "'" + s
	}
	return s
}

func plainCell(s string) string {
	s = strings.TrimSpace(s)
	if len(s) > 1 && s[0] == '\'' && bytes.IndexByte([]byte(formulaStarts), s[1]) >= 0 {
		return s[1:]
	}
	return s
}
