package guard_test

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// legacy makes the calls that only older architectures have.
func legacy(address uintptr, rmdir bool) (unix.Errno, bool) {
	number := uintptr(unix.SYS_UNLINK)
	if rmdir {
		number = unix.SYS_RMDIR
	}
	_, _, errno := unix.Syscall(number, address, 0, 0)
	return errno, true
}

func addressOf(b *byte) uintptr { return uintptr(unsafe.Pointer(b)) }
