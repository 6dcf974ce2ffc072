package bolt

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/tenonsync/tenon/engine/state"
)

// full are the errors of a system that has no room for a file: the disk, the
// quota, the limit of a file's size.
var full = []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG}

// is reports whether err is one of the system's. Where bbolt grows its file it
// formats the cause instead of wrapping it; the system's text is then all
// there is.
func is(err error, causes ...syscall.Errno) bool {
	for _, c := range causes {
		if errors.Is(err, c) || strings.HasSuffix(err.Error(), ": "+c.Error()) {
			return true
		}
	}
	return false
}

func isNoMemory(err error) bool { return is(err, syscall.ENOMEM) }

// classify gives an error of a write one of the state's names.
func classify(err error) error {
	if err == nil || errors.Is(err, state.ErrFull) || errors.Is(err, state.ErrCorrupt) {
		return err
	}
	if is(err, full...) {
		return fmt.Errorf("%w: %w", state.ErrFull, err)
	}
	return err
}

// classifyOpen does so for an error of opening: what the system did not refuse
// is the file's fault.
func classifyOpen(err error) error {
	var path *fs.PathError
	var errno syscall.Errno
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return state.ErrLocked
	case errors.Is(err, state.ErrCorrupt), errors.As(err, &path), errors.As(err, &errno):
		return classify(err)
	}
	return fmt.Errorf("%w: %w", state.ErrCorrupt, err)
}
