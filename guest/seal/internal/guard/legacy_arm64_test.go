package guard_test

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

func legacy(uintptr, bool) (unix.Errno, bool) { return 0, false }

func addressOf(b *byte) uintptr { return uintptr(unsafe.Pointer(b)) }
