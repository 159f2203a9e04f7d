// Package rights leaves behind what a program need not be able to do, on all of its threads.
package rights

import (
	"errors"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Drop leaves no capability in any set that programs use, and none to get by executing another one.
func Drop() error {
	if _, _, errno := syscall.AllThreadsSyscall6(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0); errno != 0 {
		return errors.New("no_new_privs: " + errno.Error())
	}
	_, _, errno := syscall.AllThreadsSyscall6(unix.SYS_PRCTL, unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0, 0)
	if errno != 0 {
		return errors.New("ambient capabilities: " + errno.Error())
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	_, _, errno = syscall.AllThreadsSyscall(unix.SYS_CAPSET,
		uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&none)), 0)
	if errno != 0 {
		return errors.New("capabilities: " + errno.Error())
	}
	return nil
}

// Become makes this process a user's, with one group and no capability, even where the user is root.
func Become(uid, gid int) error {
	if err := syscall.Setgroups(nil); err != nil {
		return errors.New("setgroups: " + err.Error())
	}
	if err := syscall.Setresgid(gid, gid, gid); err != nil {
		return errors.New("setresgid: " + err.Error())
	}
	if err := syscall.Setresuid(uid, uid, uid); err != nil {
		return errors.New("setresuid: " + err.Error())
	}
	return Drop()
}
