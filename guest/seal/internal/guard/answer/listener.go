// Package answer is the guard's side outside the sandbox: it takes the calls that delete, decides, and carries them out
// itself. It never lets the kernel go on with a call (SECCOMP_USER_NOTIF_FLAG_CONTINUE): what the kernel would then read is
// not what was decided on.
package answer

import (
	"errors"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Requests of ioctl(2) to a listener (linux/seccomp.h). The same on both architectures.
const (
	ioctlReceive  = 0xc0502100
	ioctlSend     = 0xc0182101
	ioctlIsValid  = 0x40082102
	ioctlSetFlags = 0x40082104
)

// notification is struct seccomp_notif with struct seccomp_data in it.
type notification struct {
	id        uint64
	pid       uint32
	flags     uint32
	number    uint32
	arch      uint32
	_         uint64 // instruction pointer
	arguments [6]uint64
	// Kernels may write more than this one knows.
	_ [128]byte
}

// response is struct seccomp_notif_resp.
type response struct {
	id    uint64
	value int64
	errno int32
	flags uint32
	_     [128]byte
}

// checkSizes holds the kernel's structures against the buffers here (SECCOMP_GET_NOTIF_SIZES).
func checkSizes() error {
	var sizes struct{ notification, response, data uint16 }
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_GET_NOTIF_SIZES, 0, uintptr(unsafe.Pointer(&sizes)))
	if errno != 0 {
		return errno
	}
	if uintptr(sizes.notification) > unsafe.Sizeof(notification{}) || uintptr(sizes.response) > unsafe.Sizeof(response{}) {
		return errors.New("this kernel's notifications are larger than cloister knows")
	}
	return nil
}

type listener int

func (l listener) request(number uintptr, argument unsafe.Pointer) unix.Errno {
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(l), number, uintptr(argument))
	return errno
}

// receive waits for the next call. ENOENT: its caller was killed meanwhile. EINTR: a signal of Go's own.
func (l listener) receive(into *notification) unix.Errno {
	// The kernel insists on zeroes.
	*into = notification{}
	return l.request(ioctlReceive, unsafe.Pointer(into))
}

// send answers a call. ENOENT: nobody waits for this answer any more.
func (l listener) send(id uint64, errno unix.Errno) unix.Errno {
	answer := response{id: id, errno: -int32(errno)}
	return l.request(ioctlSend, unsafe.Pointer(&answer))
}

// waiting tells whether the caller is still in this call: then what was read through its process number was its own.
func (l listener) waiting(id uint64) bool {
	return l.request(ioctlIsValid, unsafe.Pointer(&id)) == 0
}

// isListener tells whether the descriptor is one. No call has the id 0 for long enough to matter.
func (l listener) isListener() bool {
	id := uint64(0)
	errno := l.request(ioctlIsValid, unsafe.Pointer(&id))
	return errno == 0 || errno == unix.ENOENT
}

// stayClose has callers woken on the processor that answered (Linux 6.6): older kernels are slower, not wrong.
func (l listener) stayClose() {
	_, _, _ = unix.Syscall(unix.SYS_IOCTL, uintptr(l), ioctlSetFlags, unix.SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP)
}

// awaitEnd returns when no process with the filter is left. Receiving would not tell: before Linux 6.11 it sleeps on.
func (l listener) awaitEnd() error {
	for {
		fds := []unix.PollFd{{Fd: int32(l)}}
		_, err := unix.Poll(fds, -1)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		if fds[0].Revents != 0 {
			return nil
		}
	}
}
