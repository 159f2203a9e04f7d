// Package socketwall keeps the user ids of sessions away from the machine's UNIX sockets: the message bus, the journal,
// resolved and whatever else listens, now or later, by a path or an abstract name.
//
// A session in its seal makes no such socket but those of its two bridges, which lead to its own proxies. What has got out of
// the seal is still that user, and nearly every service of a machine takes any user's connection. Permissions of
// their folders could not say "anybody but these 40,000 ids", and services make their folders anew. So it is a
// small program that the kernel runs at every connect(2) and sendto(2) to a UNIX socket (Linux 6.7 and newer), on the root of
// all control groups. It stays until the next boot.
package socketwall

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"unsafe"
)

// Users of sessions (guest/sessions/users.ts), and what their bridges connect to (guest/sandbox/paths.ts).
const (
	firstUser = 20_000
	lastUser  = 59_999
)

// Sockets are the only ones that a session's user may connect to.
var Sockets = []string{"/run/cloister/egress/http.sock", "/run/cloister/egress/socks.sock"}

// Of bpf(2) and linux/bpf.h.
const (
	commandLoad     = 5
	commandAttach   = 8
	typeSockAddress = 18
	unixConnect     = 49
	unixSend        = 50
	allowMulti      = 2
)

// license: the kernel lets only programs under the GPL read its memory, which is where the path is. program.go may be used
// under it, too; the kernel tests for the word alone (license_is_gpl_compatible, include/linux/license.h).
const license = "GPL v2\x00"

// Build puts it on a control group and all below it.
func Build(cgroup string) error {
	folder, err := os.Open(cgroup)
	if err != nil {
		return err
	}
	defer folder.Close()
	for _, path := range Sockets {
		if len(path) > longestPath {
			return errors.New(path + ": is too long")
		}
	}
	cookie, err := namespaceCookie()
	if err != nil {
		return fmt.Errorf("the network namespace: %w", err)
	}
	code := program(firstUser, lastUser, cookie, Sockets)
	for _, kind := range []uint32{unixConnect, unixSend} {
		loaded, err := load(code, kind)
		if err != nil {
			return err
		}
		err = attach(int(folder.Fd()), loaded, kind)
		_ = syscall.Close(loaded)
		if err != nil {
			return fmt.Errorf("attaching to %s: %w", cgroup, err)
		}
	}
	return nil
}

// namespaceCookie is the number of the network namespace that this process is in: the machine's.
func namespaceCookie() (uint64, error) {
	const optionCookie = 71
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer syscall.Close(fd)
	var cookie uint64
	size := uint32(unsafe.Sizeof(cookie))
	_, _, errno := syscall.Syscall6(syscall.SYS_GETSOCKOPT, uintptr(fd), syscall.SOL_SOCKET, optionCookie,
		uintptr(unsafe.Pointer(&cookie)), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return 0, errno
	}
	return cookie, nil
}

// loadArguments is the part of union bpf_attr that is needed.
type loadArguments struct {
	kind, instructions uint32
	code, license      uint64
	logLevel, logSize  uint32
	log                uint64
	kernel, flags      uint32
	name               [16]byte
	device, attach     uint32
}

func load(code []byte, attachType uint32) (int, error) {
	text := []byte(license)
	log := make([]byte, 64<<10)
	arguments := loadArguments{
		kind:         typeSockAddress,
		instructions: uint32(len(code) / 8),
		code:         uint64(uintptr(unsafe.Pointer(&code[0]))),
		license:      uint64(uintptr(unsafe.Pointer(&text[0]))),
		attach:       attachType,
	}
	copy(arguments.name[:], "cloister_wall")
	fd, err := bpf(commandLoad, unsafe.Pointer(&arguments), unsafe.Sizeof(arguments))
	if err != nil && !errors.Is(err, syscall.EPERM) {
		// Once more, for the reason.
		arguments.logLevel, arguments.logSize = 1, uint32(len(log))
		arguments.log = uint64(uintptr(unsafe.Pointer(&log[0])))
		if fd, err = bpf(commandLoad, unsafe.Pointer(&arguments), unsafe.Sizeof(arguments)); err != nil {
			said := strings.Split(strings.TrimSpace(strings.TrimRight(string(log), "\x00")), "\n")
			err = fmt.Errorf("this kernel does not take it (Linux 6.7 or newer is needed): %w: %s", err, said[len(said)-1])
		}
	}
	runtime.KeepAlive(code)
	runtime.KeepAlive(text)
	runtime.KeepAlive(log)
	return fd, err
}

func attach(cgroup, loaded int, attachType uint32) error {
	arguments := struct{ target, program, kind, flags uint32 }{uint32(cgroup), uint32(loaded), attachType, allowMulti}
	_, err := bpf(commandAttach, unsafe.Pointer(&arguments), unsafe.Sizeof(arguments))
	return err
}

func bpf(command uintptr, arguments unsafe.Pointer, size uintptr) (int, error) {
	result, _, errno := syscall.Syscall(numberOfBpf, command, uintptr(arguments), size)
	if errno != 0 {
		return -1, errno
	}
	return int(result), nil
}
