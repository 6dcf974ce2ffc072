package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// planMark begins every plan's file.
var planMark = []byte(`{"tenon":"plan"`)

// writePlanFile writes a file that only its owner may read: whole, or not at
// all. A plan that is there is replaced, anything else is left alone.
func writePlanFile(path string, write func(io.Writer) error) error {
	if err := replaceable(path); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // mode 0600
	if err != nil {
		return fail(exitUsage, "name a file in a folder that may be written", "the plan cannot be kept: %w", err)
	}
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // the error says enough
	}
	return err
}

// replaceable refuses a file that is no plan.
func replaceable(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fail(exitUsage, "name another file", "the plan cannot be kept: %w", err)
	}
	defer f.Close()
	head := make([]byte, len(planMark))
	n, err := io.ReadFull(f, head)
	switch {
	case errors.Is(err, io.EOF) || bytes.Equal(head[:n], planMark):
		return nil
	case err != nil && !errors.Is(err, io.ErrUnexpectedEOF):
		return fail(exitUsage, "name another file", "the plan cannot be kept: %w", err)
	}
	return fail(exitUsage, "name another file", "%s is there, and is no plan", path)
}

// openFile opens a file that a command was given; its error says what to do.
func openFile(path, hint string) (*os.File, error) {
	f, err := os.Open(path)
	if err == nil {
		if info, statErr := f.Stat(); statErr != nil || info.IsDir() {
			err = errors.Join(statErr, f.Close())
			if err == nil {
				err = fmt.Errorf("%s is a folder", path)
			}
		}
	}
	if err != nil {
		return nil, fail(exitUsage, hint, "%w", err)
	}
	return f, nil
}
