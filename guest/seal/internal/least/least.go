// Package least takes from the calling thread what a supervisor has no use for, before it becomes the program.
package least

import (
	"errors"

	"golang.org/x/sys/unix"
)

// Kept are the capabilities that a supervisor and the programs it starts need; why, for each.
var Kept = []struct {
	Capability uintptr
	Name, Why  string
}{
	{unix.CAP_CHOWN, "CHOWN", "homes, sockets and scratch folders are given to the session's user"},
	{unix.CAP_DAC_OVERRIDE, "DAC_OVERRIDE", "homes are the session's, and are removed"},
	{unix.CAP_FOWNER, "FOWNER", "modes and flags of files that are the session's"},
	{unix.CAP_FSETID, "FSETID", "modes of folders that are given away"},
	{unix.CAP_LINUX_IMMUTABLE, "LINUX_IMMUTABLE", "flags that keep a home from being removed"},
	{unix.CAP_KILL, "KILL", "processes of sessions"},
	{unix.CAP_SETUID, "SETUID", "the launcher becomes the session's user"},
	{unix.CAP_SETGID, "SETGID", "the same"},
	{unix.CAP_SETPCAP, "SETPCAP", "the launcher drops everything"},
	{unix.CAP_SETFCAP, "SETFCAP", "user namespaces that map root, the owner of a folder that is mounted"},
	{unix.CAP_SYS_ADMIN, "SYS_ADMIN", "namespaces and mounts of sessions"},
	{unix.CAP_SYS_CHROOT, "SYS_CHROOT", "the session's root"},
	{unix.CAP_SYS_RESOURCE, "SYS_RESOURCE", "limits of open files, and room that ext4 keeps for root"},
	{unix.CAP_AUDIT_WRITE, "AUDIT_WRITE", "useradd and userdel say what they did"},
}

// Drop keeps only Kept, in every set, and no way back: bounding set, no_new_privs.
func Drop() error {
	var kept [2]uint32
	for _, one := range Kept {
		kept[one.Capability/32] |= 1 << (one.Capability % 32)
	}
	for capability := uintptr(0); ; capability++ {
		if capability < 64 && kept[capability/32]&(1<<(capability%32)) != 0 {
			continue
		}
		err := unix.Prctl(unix.PR_CAPBSET_DROP, capability, 0, 0, 0)
		if err == unix.EINVAL {
			// One more than the kernel knows.
			break
		}
		if err != nil {
			return errors.New("bounding set: " + err.Error())
		}
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return errors.New("ambient capabilities: " + err.Error())
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var now [2]unix.CapUserData
	if err := unix.Capget(&header, &now[0]); err != nil {
		return errors.New("capabilities: " + err.Error())
	}
	for i := range now {
		now[i].Permitted &= kept[i]
		now[i].Effective = now[i].Permitted
		now[i].Inheritable = 0
	}
	if err := unix.Capset(&header, &now[0]); err != nil {
		return errors.New("capabilities: " + err.Error())
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return errors.New("no_new_privs: " + err.Error())
	}
	return nil
}
