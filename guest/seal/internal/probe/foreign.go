package probe

import (
	"errors"
	"os"
	"os/exec"

	"golang.org/x/sys/unix"
)

// foreign makes a call of the 32-bit ABI in a child process. Inside a session the child must be killed by SIGSYS.
func foreign() any {
	if !canMakeForeignCall {
		return map[string]any{"ok": false, "errno": "ENOSYS", "reason": "this processor's 32-bit calls cannot be made from a 64-bit program"}
	}
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
	return map[string]any{"ok": false, "errno": "ENOSYS", "exitCode": exit.ExitCode()}
}

// makeForeignCall is what the child does: getpid by the 32-bit ABI. It exits with 0 when the kernel answered with this
// process's number.
func makeForeignCall() {
	if foreignGetpid() == os.Getpid() {
		os.Exit(0)
	}
	os.Exit(1)
}
