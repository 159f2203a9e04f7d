// Package guard makes calls that delete (unlink, unlinkat, rmdir) ask a process outside the sandbox: the guard of the
// mount modes `rw` and `trash` (cmd/guard). It is a guard against accidents, not a wall: see
// docs/decisions/0001-deletion-guard.md.
package guard

import (
	"errors"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Install loads the filter into this thread and hands its listener, and the root folder, to the guard at the other end of
// the socket pair. It returns once the guard answers calls, and closes the socket.
//
// The calling goroutine stays on its thread: the filter is on that thread alone, so further filters and execve must come
// from the same goroutine.
func Install(socketFD int) error {
	return install(socketFD, unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)
}

func install(socketFD int, wanted uintptr) error {
	runtime.LockOSThread()
	defer unix.Close(socketFD)
	root, err := unix.Open("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return errors.New("the deletion guard: opening /: " + err.Error())
	}
	defer unix.Close(root)
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return errors.New("the deletion guard: no_new_privs: " + err.Error())
	}
	listener, held, err := listen(wanted)
	if err != nil {
		return err
	}
	defer unix.Close(listener)
	if err := send(socketFD, handover{listener: listener, root: root, held: held}); err != nil {
		return errors.New("the deletion guard cannot be reached: " + err.Error())
	}
	if err := awaitReady(socketFD); err != nil {
		return errors.New("the deletion guard did not start: " + err.Error())
	}
	return nil
}

// listen loads the filter. It tells whether a call that the guard has taken waits for its answer whatever signal arrives
// but a deadly one (Linux 5.19): with older kernels a signal starts the call anew.
func listen(wanted uintptr) (int, bool, error) {
	code := program()
	header := unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]}
	load := func(flags uintptr) (int, unix.Errno) {
		fd, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER,
			unix.SECCOMP_FILTER_FLAG_NEW_LISTENER|flags, uintptr(unsafe.Pointer(&header)))
		return int(fd), errno
	}
	fd, errno := load(wanted)
	held := wanted != 0
	if errno == unix.EINVAL && held {
		held = false
		fd, errno = load(0)
	}
	switch errno {
	case 0:
		return fd, held, nil
	case unix.EINVAL, unix.ENOSYS:
		return -1, false, errors.New("the modes rw and trash need seccomp user notifications, which this kernel (" + release() +
			") does not have (Linux 5.9 or newer): use ro or rwd")
	case unix.EBUSY:
		return -1, false, errors.New("the modes rw and trash need seccomp user notifications, and a filter of this process " +
			"has a listener already: use ro or rwd")
	}
	return -1, false, errors.New("the deletion guard's filter was refused: " + errno.Error())
}

func release() string {
	text, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil || len(text) == 0 {
		return "unknown"
	}
	return string(text[:len(text)-1])
}
