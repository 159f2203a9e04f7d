package guard

import "golang.org/x/sys/unix"

const auditArch = unix.AUDIT_ARCH_AARCH64

// deletions are the numbers of the calls that ask the guard: this architecture has one.
var deletions = []uint32{unix.SYS_UNLINKAT}

// Decode tells what a call of one of these numbers would delete.
func Decode(number uint32, arguments [6]uint64) (Call, bool) {
	if number == unix.SYS_UNLINKAT {
		return unlinkat(arguments), true
	}
	return Call{}, false
}
