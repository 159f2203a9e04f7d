package guard

import "golang.org/x/sys/unix"

const auditArch = unix.AUDIT_ARCH_X86_64

// deletions are the numbers of the calls that ask the guard.
var deletions = []uint32{unix.SYS_UNLINK, unix.SYS_RMDIR, unix.SYS_UNLINKAT}

// Decode tells what a call of one of these numbers would delete.
func Decode(number uint32, arguments [6]uint64) (Call, bool) {
	switch number {
	case unix.SYS_UNLINK:
		return Call{Dir: unix.AT_FDCWD, Path: arguments[0]}, true
	case unix.SYS_RMDIR:
		return Call{Dir: unix.AT_FDCWD, Path: arguments[0], Flags: unix.AT_REMOVEDIR}, true
	case unix.SYS_UNLINKAT:
		return unlinkat(arguments), true
	}
	return Call{}, false
}
