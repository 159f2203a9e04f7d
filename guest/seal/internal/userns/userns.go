// Package userns makes user namespaces on somebody's behalf: nothing runs in them but a process that waits, and they live on
// by the descriptor that is returned.
package userns

import (
	"errors"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Map is one user id and one group id of the namespace: Inside there, Outside here.
type Map struct {
	InsideUID, OutsideUID int
	InsideGID, OutsideGID int
}

// Pause is the argument that makes a program call Wait instead of its work: the process a namespace begins with is this program.
const Pause = "pause"

// Wait is what the process of a new namespace does: nothing, until its input ends.
func Wait() {
	_, _ = os.Stdin.Read(make([]byte, 1))
}

// New makes a user namespace with these ids, and no others. It belongs to root: what it is for is the mapping of a mount.
func New(ids Map) (*os.File, error) {
	return start(ids)
}

// NewOwned makes a user namespace that belongs to a user, as if the user had made it: whoever has this id may enter it. Root does
// it, so that a machine need not let every user make namespaces (kernel.unprivileged_userns_clone).
//
// The calling thread's own user is changed for a moment, and no other thread's.
func NewOwned(uid, gid int) (*os.File, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	// -1 leaves an id as it is. The owner of a namespace is the effective user of the thread that makes it (user_namespaces(7)).
	if err := setEffective(uid); err != nil {
		return nil, err
	}
	made, err := start(Map{InsideUID: uid, OutsideUID: uid, InsideGID: gid, OutsideGID: gid})
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

// start runs this program once more, in a new user namespace, until the namespace has been opened.
func start(ids Map) (*os.File, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer write.Close()
	process, err := os.StartProcess("/proc/self/exe", []string{"apply-seccomp", Pause}, &os.ProcAttr{
		Env:   []string{},
		Files: []*os.File{read},
		Sys: &syscall.SysProcAttr{
			Cloneflags:                 syscall.CLONE_NEWUSER,
			UidMappings:                []syscall.SysProcIDMap{{ContainerID: ids.InsideUID, HostID: ids.OutsideUID, Size: 1}},
			GidMappings:                []syscall.SysProcIDMap{{ContainerID: ids.InsideGID, HostID: ids.OutsideGID, Size: 1}},
			GidMappingsEnableSetgroups: true,
		},
	})
	_ = read.Close()
	if err != nil {
		return nil, errors.New("a user namespace could not be made: " + err.Error())
	}
	namespace, err := os.Open("/proc/" + strconv.Itoa(process.Pid) + "/ns/user")
	_ = process.Kill()
	_, _ = process.Wait()
	return namespace, err
}
