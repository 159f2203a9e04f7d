// Package userns makes user namespaces on somebody's behalf: nothing runs in them but a process that waits, and they live on
// by the descriptor that is returned.
package userns

import (
	"errors"
	"os"
	"runtime"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Map is one user id and one group id of the namespace: Inside there, Outside here.
type Map struct {
	InsideUID, OutsideUID int
	InsideGID, OutsideGID int
}

// New makes a user namespace with these ids, and no others. It belongs to root: what it is for is the mapping of a mount.
func New(ids Map) (*os.File, error) {
	return start(ids)
}

// NewOwned makes a user namespace that belongs to a user, as if the user had made it: whoever has this id may enter it. Root does
// it, so that a machine need not let every user make namespaces (kernel.unprivileged_userns_clone).
//
// The calling thread's own user is changed for a moment, and no other thread's.
//
// An ordinary user owns what it makes anyhow: then uid and gid must be its own.
func NewOwned(uid, gid int) (*os.File, error) {
	ids := Map{InsideUID: uid, OutsideUID: uid, InsideGID: gid, OutsideGID: gid}
	if os.Geteuid() != 0 {
		return start(ids)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	// -1 leaves an id as it is. The owner of a namespace is the effective user of the thread that makes it (user_namespaces(7)).
	if err := setEffective(uid); err != nil {
		return nil, err
	}
	// A change of the effective user makes the whole process one that only CAP_SYS_PTRACE looks into, which a supervisor does not have,
	// and so is a process that is forked then: its namespace could not be opened. Nobody else gains by this: this process's real
	// user is root. The next change of the user, which comes at once, takes it back.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0); err != nil {
		return nil, errors.New("dumpable: " + err.Error())
	}
	made, err := start(ids)
	if back := setEffective(0); back != nil {
		return nil, back
	}
	return made, err
}

// setEffective changes this thread's effective user, and keeps the capabilities that root has.
func setEffective(uid int) error {
	keep := ^uintptr(0)
	if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, keep, uintptr(uid), keep); errno != 0 {
		return errors.New("setresuid: " + errno.Error())
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if _, _, errno := unix.RawSyscall(unix.SYS_CAPGET, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&data[0])), 0); errno != 0 {
		return errors.New("capget: " + errno.Error())
	}
	for i := range data {
		data[i].Effective = data[i].Permitted
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&data[0])), 0); errno != 0 {
		return errors.New("capset: " + errno.Error())
	}
	return nil
}

// start forks a process into a new user namespace, which waits until the namespace has been opened.
func start(ids Map) (*os.File, error) {
	pid, errno := fork()
	if errno != 0 {
		return nil, errors.New("a user namespace could not be made: " + errno.Error())
	}
	defer func() {
		_ = unix.Kill(pid, unix.SIGKILL)
		_, _ = unix.Wait4(pid, nil, 0, nil)
	}()
	folder := "/proc/" + strconv.Itoa(pid)
	for _, one := range []struct {
		file            string
		inside, outside int
	}{
		{"/uid_map", ids.InsideUID, ids.OutsideUID},
		{"/gid_map", ids.InsideGID, ids.OutsideGID},
	} {
		// "inside outside count" (user_namespaces(7)).
		line := strconv.Itoa(one.inside) + " " + strconv.Itoa(one.outside) + " 1"
		if err := write(folder+one.file, line); err != nil {
			return nil, errors.New("the ids of a user namespace: " + err.Error())
		}
	}
	return os.Open(folder + "/ns/user")
}

func write(path, text string) error {
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	_, err = unix.Write(fd, []byte(text))
	return err
}

// fork starts a process that does nothing. It is a copy of this one, and only of this thread: so it makes raw system calls alone, and
// executes no program, which would take longer than all the rest of a session's start.
//
//go:norace
func fork() (int, unix.Errno) {
	pid, _, errno := unix.RawSyscall6(unix.SYS_CLONE, unix.CLONE_NEWUSER|uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if errno != 0 || pid != 0 {
		return int(pid), errno
	}
	_, _, _ = unix.RawSyscall(unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0)
	for {
		// Without descriptors and without a time it waits for ever; the parent kills it.
		_, _, _ = unix.RawSyscall6(unix.SYS_PPOLL, 0, 0, 0, 0, 0, 0)
	}
}
