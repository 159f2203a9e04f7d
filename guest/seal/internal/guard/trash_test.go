package guard_test

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// trashOf runs the operator's command, which has to succeed.
func trashOf(t testing.TB, dir string, arguments ...string) string {
	t.Helper()
	out, code := trashCommand(dir, arguments...)
	if code != 0 {
		t.Fatalf("trash %v: %d %s", arguments, code, out)
	}
	return out
}

func trashCommand(dir string, arguments ...string) (string, int) {
	all := append([]string{arguments[0], dir}, arguments[1:]...)
	command := exec.Command(filepath.Join(programs, "trash"), all...)
	out, _ := command.CombinedOutput()
	return string(out), command.ProcessState.ExitCode()
}
