package filter

// Of keyctl(2), mknod(2) and setns(2).
const (
	keyctlJoinSession = 1
	modeType          = 0o170000
	modeCharacter     = 0o020000
	modeBlock         = 0o060000
)

// Supervisor is what `confine` loads into itself before it becomes the supervisor of a session: root's ways into the kernel and
// into other processes that neither the supervisor nor a program that it starts ever takes. Sessions inherit it, below
// their own two filters.
var Supervisor = Filter{
	Rules: []Rule{
		{Syscalls: []string{
			"init_module", "finit_module", "delete_module", "create_module", "query_module", "get_kernel_syms",
			"kexec_load", "kexec_file_load", "reboot", "bpf", "perf_event_open", "iopl", "ioperm", "modify_ldt",
			"syslog", "lookup_dcookie", "uretprobe", "_sysctl", "nfsservctl", "vhangup", "uselib",
		}, Errno: ePERM},
		// The clock, swap and accounting are the machine's.
		{Syscalls: []string{
			"settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "swapon", "swapoff", "acct",
		}, Errno: ePERM},
		// Other processes. process_vm_readv and pidfd_getfd are the deletion guard's, which runs as the session's user.
		{Syscalls: []string{
			"ptrace", "process_vm_writev", "kcmp", "process_madvise", "migrate_pages", "move_pages",
		}, Errno: ePERM},
		{Syscalls: []string{
			"userfaultfd", "fanotify_init", "open_by_handle_at",
			"io_uring_setup", "io_uring_enter", "io_uring_register",
		}, Errno: ePERM},
		// The launcher gives a session a keyring of its own; nobody looks into one.
		{Syscalls: []string{"add_key", "request_key"}, Errno: ePERM},
		{Syscalls: []string{"keyctl"}, Errno: ePERM, When: []Condition{{Argument: 0, NotIn: []uint32{keyctlJoinSession}}}},
		// bubblewrap enters the user namespace that the launcher made; nobody enters one of the machine's.
		{Syscalls: []string{"setns"}, Errno: ePERM, When: []Condition{{Argument: 1, NotIn: []uint32{cloneNewUser}}}},
		// No device is made, whatever capability is left.
		{Syscalls: []string{"mknod"}, Errno: ePERM, When: []Condition{
			{Argument: 1, Mask: modeType, In: []uint32{modeCharacter, modeBlock}},
		}},
		{Syscalls: []string{"mknodat"}, Errno: ePERM, When: []Condition{
			{Argument: 2, Mask: modeType, In: []uint32{modeCharacter, modeBlock}},
		}},
		// Packets, virtual machines' sockets and the kernel's ciphers are nobody's business here.
		{Syscalls: []string{"socket"}, Errno: eAFNOSUPPORT, When: []Condition{
			{Argument: 0, NotIn: []uint32{afUnix, afInet, afInet6, afNetlink}},
		}},
	},
}
