//go:build unix && !solaris && !aix

package store

import (
	"os"
	"syscall"
)

// lockFolder waits until no other process opens a database in this folder, and
// returns how to let the next one in. Two that make the same file at once would
// each find the other's tables half made.
func lockFolder(folder string) (unlock func(), err error) {
	f, err := os.Open(folder)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		_ = f.Close()
		return nil, err
	}
	return func() { _ = f.Close() }, nil
}
