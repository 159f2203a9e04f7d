// Package landlock puts a command into a Landlock domain of its own (landlock(7)), so that no process outside of it can
// be looked into or written to: bubblewrap, bash and the bridges have the session's user id, and without this only
// Yama, which not every kernel has on, keeps the command out of their memory.
//
// It takes nothing from the command: every access to files that it had it keeps. What a domain forbids by itself is
// tracing whoever is not in it, in every form (ptrace, /proc/PID/mem, environ, fd, root), whatever the user ids and
// capabilities.
package landlock

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ErrUnavailable says that this kernel cannot do it without taking something away: it has no Landlock, it was not asked
// for at boot, or it is the first version. It is not fatal: the launcher's programs are not dumpable either.
var ErrUnavailable = errors.New("landlock is not available")

// Versions of Landlock's interface (linux/landlock.h).
const (
	// leastABI is Linux 5.19: before it, no domain could link or rename files from one folder to another.
	leastABI = 2
	// scopesABI is Linux 6.12: a domain can be about other things than files and ports.
	scopesABI = 6
)

// Restrict puts the calling thread into a domain of its own, and with it whatever it executes or starts. The caller
// has locked the thread and set no_new_privs.
func Restrict() error {
	abi, err := ABI()
	if err != nil {
		return err
	}
	return restrict(abi)
}

// ABI asks the kernel for its version of Landlock's interface.
func ABI() (int, error) {
	version, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	switch errno {
	case 0:
		return int(version), nil
	case unix.ENOSYS:
		return 0, fmt.Errorf("%w: this kernel has none", ErrUnavailable)
	case unix.EOPNOTSUPP:
		return 0, fmt.Errorf("%w: this kernel has it, but was started without (lsm=)", ErrUnavailable)
	default:
		return 0, fmt.Errorf("asking for the version of landlock: %w", errno)
	}
}

func restrict(abi int) error {
	if abi < leastABI {
		return fmt.Errorf("%w: version %d would forbid to rename files from one folder to another", ErrUnavailable, abi)
	}
	// To link and rename across folders is the one right about files that every domain takes away. Named here and given
	// for everything, it stays. A domain about scopes alone would need no word of files, but it takes that right from a
	// program that enters a domain of its own later, even if that one gives it.
	rules := unix.LandlockRulesetAttr{Access_fs: unix.LANDLOCK_ACCESS_FS_REFER}
	if abi >= scopesABI {
		// Processes outside get no signals: a command cannot end its bridges, nor the session by killing bubblewrap. What
		// is outside still signals it.
		rules.Scoped = unix.LANDLOCK_SCOPE_SIGNAL | unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET
	}
	// Older kernels take the larger structure as long as what they do not know is zero.
	ruleset, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET,
		uintptr(unsafe.Pointer(&rules)), unsafe.Sizeof(rules), 0)
	if errno != 0 {
		return fmt.Errorf("landlock ruleset: %w", errno)
	}
	defer unix.Close(int(ruleset))
	if err := give(int(ruleset), rules.Access_fs); err != nil {
		return err
	}
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, ruleset, 0, 0); errno != 0 {
		return fmt.Errorf("entering a landlock domain: %w", errno)
	}
	return nil
}

// give allows an access to everything below the root, whatever is mounted there.
func give(ruleset int, access uint64) error {
	root, err := unix.Open("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("/: %w", err)
	}
	defer unix.Close(root)
	rule := unix.LandlockPathBeneathAttr{Allowed_access: access, Parent_fd: int32(root)}
	_, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(ruleset), unix.LANDLOCK_RULE_PATH_BENEATH,
		uintptr(unsafe.Pointer(&rule)), 0, 0, 0)
	if errno != 0 {
		return fmt.Errorf("landlock rule for /: %w", errno)
	}
	return nil
}
