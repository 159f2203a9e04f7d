package probe

import (
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// killed ends the thread that calls it, as a container's profile does.
func killed() unix.Errno {
	filter := []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_KILL_THREAD}}
	program := unix.SockFprog{Len: 1, Filter: &filter[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return unix.EINVAL
	}
	_, _, _ = unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&program)))
	_, _, errno := unix.Syscall(unix.SYS_GETPPID, 0, 0, 0)
	return errno
}

func TestACallIsRefusedWhereItsThreadIsGoneAndNotWhereItDoesNotAnswer(t *testing.T) {
	let := make(chan struct{})
	defer close(let)
	for name, one := range map[string]struct {
		call func() unix.Errno
		want Outcome
	}{
		"killed":   {killed, Outcome{Errno: "SIGSYS"}},
		"waits":    {func() unix.Errno { <-let; return 0 }, Outcome{OK: true, Errno: "no answer"}},
		"answered": {func() unix.Errno { return unix.ENOSYS }, Outcome{Errno: "ENOSYS"}},
		"let":      {func() unix.Errno { return 0 }, Outcome{OK: true}},
	} {
		if got := inThread(500*time.Millisecond, one.call); got != one.want {
			t.Errorf("%s: %+v, and not %+v", name, got, one.want)
		}
	}
}
