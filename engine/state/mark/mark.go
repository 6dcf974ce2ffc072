// Package mark notices that the state which is opened is not the one that was
// last in use at its place: an older copy of the file, or another file.
//
// A small file beside the state, its mark, names the state's line and the last
// commit that was confirmed. A line is a random name that the state itself holds
// too; it gets a new one whenever the state is found to be older or another, so
// that the states of two lines are never taken for each other. Noting a commit
// overwrites the mark in place and is not synced: a kill leaves it behind by one
// commit at most, a power cut by more. A mark that is behind its state is in
// order, so neither gives a false alarm; only what was lost in the mark cannot
// be noticed.
package mark

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/tenonsync/tenon/engine/state"
)

// Line names one unbroken history of a state.
type Line [16]byte

// The line is kept in the state as a document.
const (
	lineDocs = "line"
	lineKey  = "line"
)

// Suffix is added to the path of a state to get the path of its mark.
const Suffix = ".mark"

// Note is what a mark says.
type Note struct {
	Line   Line
	Commit uint64
}

// A mark is one line of text: its kind and version, the line of the state, the
// commit, both in hexadecimal, and their checksum.
const (
	head     = "tenon-mark 1 "
	lineEnd  = len(head) + 2*len(Line{})
	noteSize = lineEnd + 1 + 16 + 1 + 8 + 1
)

func (n Note) bytes() []byte {
	text := fmt.Appendf(make([]byte, 0, noteSize), "%s%x %016x", head, n.Line[:], n.Commit)
	return fmt.Appendf(text, " %08x\n", crc32.ChecksumIEEE(text))
}

// errDamaged says that a mark is not readable.
var errDamaged = errors.New("its mark is damaged")

func parse(text []byte) (n Note, err error) {
	if len(text) != noteSize {
		return n, errDamaged
	}
	_, lineErr := hex.Decode(n.Line[:], text[len(head):lineEnd])
	n.Commit, err = strconv.ParseUint(string(text[lineEnd+1:lineEnd+17]), 16, 64)
	if lineErr != nil || err != nil || !bytes.Equal(n.bytes(), text) {
		return Note{}, errDamaged
	}
	return n, nil
}

// Compare returns why a state is not the one that was last in use at path, ""
// if it is. have is what the state says of itself; a zero line says that it was
// never marked.
func Compare(path string, have Note) string {
	text, err := os.ReadFile(path + Suffix)
	if errors.Is(err, fs.ErrNotExist) {
		if have.Line == (Line{}) {
			return "" // written by a program that knew no marks
		}
		return "its mark is not beside it"
	}
	want := Note{}
	if err == nil {
		want, err = parse(text)
	}
	switch {
	case err != nil:
		return err.Error()
	case want.Line != have.Line:
		return "it is not the state that was last in use here"
	case want.Commit > have.Commit:
		return fmt.Sprintf("it is older than the state that was last in use here: commit %d of %d", have.Commit, want.Commit)
	}
	return ""
}

// Read returns what a state says of itself, given its last commit.
func Read(ctx context.Context, s state.Store, commit uint64) (Note, error) {
	n := Note{Commit: commit}
	err := s.View(ctx, func(tx state.Tx) error {
		doc, err := tx.Doc(lineDocs, lineKey)
		if err == nil && doc != nil && len(doc) != len(n.Line) {
			err = fmt.Errorf("%w: the name of its line has %d bytes", state.ErrCorrupt, len(doc))
		}
		copy(n.Line[:], doc)
		return err
	})
	return n, err
}

// Begin gives the state a new line, within the caller's update. A line is drawn
// anew for every call.
func Begin(tx state.Tx) (Line, error) {
	var l Line
	rand.Read(l[:]) //nolint:errcheck // never fails
	return l, tx.SetDoc(lineDocs, lineKey, l[:])
}

// Mark is the mark of an open state. The zero Mark notes nothing.
type Mark struct {
	mu   sync.Mutex
	file *os.File
	line Line
	log  *slog.Logger
	told bool // that it cannot be written
}

// Write puts a mark beside the state at path and goes on noting there.
func (m *Mark) Write(path string, n Note, log *slog.Logger) error {
	fresh, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+Suffix+"-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = fresh.Write(n.bytes())
	if err == nil {
		err = os.Rename(fresh.Name(), path+Suffix)
	}
	if err != nil {
		return errors.Join(err, fresh.Close(), os.Remove(fresh.Name()))
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.file, m.line, m.log = fresh, n.Line, log
	return nil
}

// Commit notes a commit that is durable. A failure is told once and left alone:
// a mark that is behind is in order.
func (m *Mark) Commit(commit uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.file == nil {
		return
	}
	_, err := m.file.WriteAt(Note{Line: m.line, Commit: commit}.bytes(), 0)
	if err != nil && !m.told {
		m.told = true
		m.log.Warn("the state's mark cannot be written; an older copy of the state may go unnoticed", "path", m.file.Name(), "err", err)
	}
}

// Close ends the noting. A repeat is harmless.
func (m *Mark) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.file == nil {
		return nil
	}
	f := m.file
	m.file = nil
	return f.Close()
}
