package probe

import (
	"errors"
	"os"
	"os/exec"

	"golang.org/x/sys/unix"
)

// noForeignPrograms is the child's exit code where there is no 32-bit ABI at all.
const noForeignPrograms = 3

// foreign makes a call of the 32-bit ABI in a child process. Inside a session the child must be killed by SIGSYS.
func foreign() any {
	child := exec.Command("/proc/self/exe", foreignChild)
	// Several commands may be one program, which looks at its name.
	child.Args[0] = os.Args[0]
	err := child.Run()
	if err == nil {
		return map[string]any{"ok": true}
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return map[string]any{"ok": false, "errno": err.Error()}
	}
	if status, ok := exit.Sys().(interface{ Signal() unix.Signal }); ok && exit.ExitCode() == -1 {
		return map[string]any{"ok": false, "signal": unix.SignalName(status.Signal())}
	}
	if exit.ExitCode() == noForeignPrograms {
		return map[string]any{"ok": false, "errno": "ENOEXEC", "reason": "this processor or kernel runs no 32-bit programs"}
	}
	return map[string]any{"ok": false, "errno": "ENOSYS", "exitCode": exit.ExitCode()}
}
