//go:build !unix || aix || solaris

package bolt

import "os"

// unlock does nothing: closing the file lets go of bbolt's lock.
func unlock(*os.File) {}
