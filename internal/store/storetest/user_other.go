//go:build !unix

package storetest

import "os/exec"

func asUnprivileged(cmd *exec.Cmd, folder string) error {
	cmd.Dir = folder
	return nil
}
