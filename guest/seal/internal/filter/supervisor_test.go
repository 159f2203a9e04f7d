package filter

import "testing"

func TestSupervisor(t *testing.T) {
	check(t, []call{
		{"reading", Supervisor, "read", nil, retAllow},
		{"a module", Supervisor, "finit_module", nil, refused(ePERM)},
		{"a kernel", Supervisor, "kexec_file_load", nil, refused(ePERM)},
		{"a program in the kernel", Supervisor, "bpf", nil, refused(ePERM)},
		{"another process", Supervisor, "ptrace", nil, refused(ePERM)},
		{"another process's memory", Supervisor, "process_vm_writev", nil, refused(ePERM)},
		{"a call's arguments, for the guard", Supervisor, "process_vm_readv", nil, retAllow},
		{"the clock", Supervisor, "clock_settime", nil, refused(ePERM)},
		{"reading the clock", Supervisor, "clock_gettime", nil, retAllow},
		{"past all folders", Supervisor, "open_by_handle_at", nil, refused(ePERM)},
		{"a keyring for a session", Supervisor, "keyctl", []uint64{1, 0}, retAllow},
		{"a keyring that is read", Supervisor, "keyctl", []uint64{11, 1}, refused(ePERM)},
		{"a user namespace", Supervisor, "setns", []uint64{5, cloneNewUser}, retAllow},
		{"a mount namespace", Supervisor, "setns", []uint64{5, cloneNewNS}, refused(ePERM)},
		{"whatever it is", Supervisor, "setns", []uint64{5, 0}, refused(ePERM)},
		{"a disk", Supervisor, "mknodat", []uint64{5, 0, modeBlock | 0o600, 1}, refused(ePERM)},
		{"a character device", Supervisor, "mknod", []uint64{0, modeCharacter | 0o600, 1}, refused(ePERM)},
		{"a pipe", Supervisor, "mknodat", []uint64{5, 0, 0o010000 | 0o600, 0}, retAllow},
		{"packets", Supervisor, "socket", []uint64{17, 3, 0}, refused(eAFNOSUPPORT)},
		{"the host of the machine", Supervisor, "socket", []uint64{40, 1, 0}, refused(eAFNOSUPPORT)},
		{"a proxy", Supervisor, "socket", []uint64{afUnix, 1, 0}, retAllow},
		// What launching a session takes.
		{"all namespaces", Supervisor, "clone", []uint64{namespaces}, retAllow},
		{"a mount", Supervisor, "move_mount", nil, retAllow},
		{"a quota", Supervisor, "quotactl_fd", nil, retAllow},
		{"a filter", Supervisor, "seccomp", nil, retAllow},
	})
}
