package bolt_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/engine/state/bolt"
	"github.com/tenonsync/tenon/engine/state/statetest"
)

func TestSuite(t *testing.T) {
	statetest.Run(t, func(t *testing.T) statetest.Harness {
		return harness(filepath.Join(t.TempDir(), "tenon.db"))
	})
}

func harness(path string) statetest.Harness {
	var last *bolt.DB
	return statetest.Harness{
		Open: func(t *testing.T) (state.Backend, error) {
			d, err := bolt.Open(t.Context(), path, bolt.Options{})
			if err != nil {
				return nil, err
			}
			last = d
			return d, nil
		},
		Crash: func(t *testing.T) statetest.Harness {
			image := filepath.Join(t.TempDir(), "image.db")
			// While an update runs, the committer writes nothing.
			stop := errors.New("nothing to write")
			err := last.Update(t.Context(), func(state.Writer) error {
				return errors.Join(copyFile(path, image), stop)
			})
			if !errors.Is(err, stop) {
				t.Errorf("crash: %v", err)
			}
			return harness(image)
		},
		Restore: func(t *testing.T, r io.Reader) (state.Backend, error) {
			path := filepath.Join(t.TempDir(), "restored.db")
			if err := bolt.Restore(t.Context(), r, path); err != nil {
				return nil, err
			}
			d, err := bolt.Open(t.Context(), path, bolt.Options{})
			if err != nil {
				return nil, err
			}
			return d, nil
		},
	}
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // only read
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
