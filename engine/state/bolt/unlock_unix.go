//go:build unix && !aix && !solaris

package bolt

import (
	"os"
	"syscall"
)

// unlock lets go of bbolt's lock on a file. Closing the file is not enough
// while bbolt has it mapped.
func unlock(f *os.File) { syscall.Flock(int(f.Fd()), syscall.LOCK_UN) } //nolint:errcheck // closed next
