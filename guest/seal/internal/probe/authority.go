package probe

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// userNamespace really makes one, in a child, and tells which capabilities the child has in it.
func userNamespace() any {
	child := exec.Command("/proc/self/exe", namespaceChild)
	// Several commands may be one program, which looks at its name.
	child.Args[0] = os.Args[0]
	child.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	output, err := child.Output()
	result := map[string]any{"ok": err == nil}
	var errno syscall.Errno
	switch {
	case err == nil:
		result["capabilities"] = strings.TrimSpace(string(output))
	case errors.As(err, &errno):
		result["errno"] = unix.ErrnoName(errno)
	default:
		result["errno"] = err.Error()
	}
	return result
}

func tellCapabilities() {
	fields, _ := status().(map[string]string)
	_, _ = os.Stdout.WriteString(fields["CapEff"] + "\n")
	os.Exit(0)
}

// Operations and keyrings of keyctl(2) (linux/keyctl.h).
const (
	keyctlRead     = 11
	keyctlSearch   = 10
	keyctlJoin     = 1
	processKeyring = ^uintptr(1) // -2: ends with this process
	userKeyring    = ^uintptr(3) // -4: of everybody with this user id
	keyName        = "cloister-probe"
)

// keyring really adds a key, to a keyring that ends with this process, and looks for others'.
func keyring() any {
	kind, name, secret := []byte("user\x00"), []byte(keyName+"\x00"), []byte("x")
	key, _, added := unix.Syscall6(unix.SYS_ADD_KEY, uintptr(unsafe.Pointer(&kind[0])), uintptr(unsafe.Pointer(&name[0])),
		uintptr(unsafe.Pointer(&secret[0])), 1, processKeyring, 0)
	found := map[string]Outcome{"add": outcome(added)}
	buffer := make([]byte, 8)
	keyctl := func(call string, operation, first, second, third uintptr) {
		_, _, errno := unix.Syscall6(unix.SYS_KEYCTL, operation, first, second, third, 0, 0)
		found[call] = outcome(errno)
	}
	keyctl("read", keyctlRead, key, uintptr(unsafe.Pointer(&buffer[0])), uintptr(len(buffer)))
	keyctl("user-keyring", keyctlGetKeyringID, userKeyring, 0, 0)
	keyctl("search", keyctlSearch, processKeyring, uintptr(unsafe.Pointer(&kind[0])), uintptr(unsafe.Pointer(&name[0])))
	keyctl("join", keyctlJoin, 0, 0, 0)
	_, _, errno := unix.Syscall6(unix.SYS_REQUEST_KEY, uintptr(unsafe.Pointer(&kind[0])),
		uintptr(unsafe.Pointer(&name[0])), 0, 0, 0, 0)
	found["request"] = outcome(errno)
	return found
}
