// Package bytecode takes seccomp filters from files, as `filters` wrote them, and puts them on this process.
package bytecode

import (
	"encoding/binary"
	"errors"
	"os"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// instructionSize is sizeof(struct sock_filter).
const instructionSize = 8

// Read takes a filter's bytecode from a file.
func Read(path string) ([]unix.SockFilter, error) {
	bytes, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if len(bytes) == 0 || len(bytes)%instructionSize != 0 || len(bytes)/instructionSize > unix.BPF_MAXINSNS {
		return nil, errors.New(path + ": " + strconv.Itoa(len(bytes)) + " bytes are no BPF program")
	}
	program := make([]unix.SockFilter, len(bytes)/instructionSize)
	for i := range program {
		part := bytes[i*instructionSize:]
		program[i] = unix.SockFilter{
			Code: binary.LittleEndian.Uint16(part),
			Jt:   part[2],
			Jf:   part[3],
			K:    binary.LittleEndian.Uint32(part[4:]),
		}
	}
	return program, nil
}

// Load puts a filter on every thread of this process (seccomp(2), SECCOMP_FILTER_FLAG_TSYNC): which of them will call
// execve is not known.
func Load(program []unix.SockFilter) error {
	header := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	thread, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER,
		unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&header)))
	if errno != 0 {
		return errno
	}
	if thread != 0 {
		return errors.New("thread " + strconv.Itoa(int(thread)) + " has other filters")
	}
	return nil
}
