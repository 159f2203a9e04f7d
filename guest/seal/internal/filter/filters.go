package filter

import "slices"

// Base is the first filter: bubblewrap loads it into itself and hands it down right before it starts the session's
// first process, so bash and the bridges run under it too. It takes away what a session has no use for and what makes
// the kernel's attack surface large: further namespaces and mounts, other processes' memory, keyrings, kernel
// tracing and programming, sockets of families that a network namespace does not confine, whatever makes the kernel
// load a module, and files that would be dangerous outside.
//
// Calls that every program makes often come first: those with a condition are walked through each time, while the
// kernel remembers that a number is always allowed.
var Base = Filter{
	HighestSyscall: lastKnownSyscall,
	Rules:          slices.Concat(modes, requests, sockets, processes, machine),
}

// requests are those of ioctl(2) that reach beyond the session.
var requests = []Rule{
	{Syscalls: []string{"ioctl"}, Errno: ePERM, When: []Condition{{Argument: 1, In: []uint32{
		// Input put into a terminal.
		tiocsti, tioclinux,
		// Another line discipline on a terminal of one's own: loads n_gsm, n_hdlc, slip, ppp and the like for anybody.
		tiocsetd,
		// Bridges, VLANs and frame relay: each loads its module before anybody's rights are looked at.
		siocgifbr, siocsifbr, siocbraddbr, siocbrdelbr, siocbraddif, siocbrdelif, siocgifvlan, siocsifvlan,
		siocaddDLCI, siocdelDLCI,
		// Encryption keys of a file system are keyrings by another name, and what they lock the operator cannot read.
		// Verity makes a file that nobody can write to any more.
		fsSetEncryptionPolicy, fsAddEncryptionKey, fsRemoveEncryptionKey, fsRemoveEncryptionKeyAll, fsEnableVerity,
		// The project that a file belongs to is what its quota is counted for.
		fsSetAttributes,
	}}}},
	// A lease makes whoever opens the file wait for its holder, up to 45 seconds each time: also the operator, and also by
	// a folder that is shown read-only. The answer is that of a file system without leases.
	{Syscalls: []string{"fcntl"}, Errno: eINVAL, When: []Condition{{Argument: 1, In: []uint32{setLease, setDelegation}}}},
}

// processes is about namespaces, and other processes' memory and files.
var processes = []Rule{
	// clone3 passes its flags in memory, where no filter can look. ENOSYS makes every C library fall back to clone.
	{Syscalls: []string{"clone3"}, Errno: eNOSYS},
	{Syscalls: []string{"clone"}, Errno: ePERM, When: []Condition{{Argument: 0, AnyBit: namespaces}}},
	{Syscalls: []string{"unshare"}, Errno: ePERM, When: []Condition{{Argument: 0, AnyBit: namespaces | cloneNewTime}}},
	{Syscalls: []string{"setns"}, Errno: ePERM},
	{Syscalls: []string{
		"ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd", "kcmp", "process_madvise",
		"migrate_pages", "move_pages",
	}, Errno: ePERM},
	{Syscalls: []string{"personality"}, Errno: ePERM, When: []Condition{
		{Argument: 0, NotIn: []uint32{personalityQuery, personalityLinux}},
	}},
	// The launcher's limit of core dumps stays: at any other, also at none, a crash starts the machine's handler, as root. To
	// set it succeeds and does nothing, because many programs do not go on without it. To ask for it passes no new limit. To
	// do both at once is refused, because nobody would fill the old limit in.
	{Syscalls: []string{"prlimit64"}, Errno: ePERM, When: []Condition{
		{Argument: 1, In: []uint32{limitCore}}, {Argument: 2, NotIn: []uint32{0}},
		{Argument: 3, NotIn: []uint32{0}},
	}},
	{Syscalls: []string{"prlimit64"}, Errno: ePERM, When: []Condition{
		{Argument: 1, In: []uint32{limitCore}}, {Argument: 2, NotIn: []uint32{0}},
		{Argument: 3, NotIn: []uint32{0}, High: true},
	}},
	{Syscalls: []string{"prlimit64"}, Errno: ePERM, When: []Condition{
		{Argument: 1, In: []uint32{limitCore}}, {Argument: 2, NotIn: []uint32{0}, High: true},
		{Argument: 3, NotIn: []uint32{0}},
	}},
	{Syscalls: []string{"prlimit64"}, Errno: ePERM, When: []Condition{
		{Argument: 1, In: []uint32{limitCore}}, {Argument: 2, NotIn: []uint32{0}, High: true},
		{Argument: 3, NotIn: []uint32{0}, High: true},
	}},
	{Syscalls: []string{"setrlimit"}, Errno: 0, When: []Condition{{Argument: 0, In: []uint32{limitCore}}}},
	{Syscalls: []string{"prlimit64"}, Errno: 0, When: []Condition{
		{Argument: 1, In: []uint32{limitCore}}, {Argument: 2, NotIn: []uint32{0}},
	}},
	{Syscalls: []string{"prlimit64"}, Errno: 0, When: []Condition{
		{Argument: 1, In: []uint32{limitCore}}, {Argument: 2, NotIn: []uint32{0}, High: true},
	}},
	// A cookie of its own keeps everybody else off the other half of the core that a process runs on.
	{Syscalls: []string{"prctl"}, Errno: ePERM, When: []Condition{{Argument: 0, In: []uint32{prSchedCore}}}},
}

// machine is what belongs to the machine as a whole.
var machine = []Rule{
	{Syscalls: []string{
		"mount", "umount2", "pivot_root", "chroot", "mount_setattr", "open_tree", "open_tree_attr", "move_mount",
		"fsopen", "fsconfig", "fsmount", "fspick", "quotactl", "quotactl_fd", "acct", "swapon", "swapoff",
		"open_by_handle_at", "statmount", "listmount",
	}, Errno: ePERM},
	{Syscalls: []string{"keyctl", "add_key", "request_key"}, Errno: ePERM},
	{Syscalls: []string{
		"bpf", "perf_event_open", "userfaultfd", "fanotify_init", "fanotify_mark", "syslog", "lookup_dcookie",
		"io_uring_setup", "io_uring_enter", "io_uring_register", "vmsplice", "uretprobe",
	}, Errno: ePERM},
	// Asynchronous input and output of the old kind: the machine has 65536 of its events, and one session could hold all of
	// them. Databases that ask for it do without.
	{Syscalls: []string{"io_setup"}, Errno: eNOSYS},
	// memfd_secret takes pages out of the kernel's own map, in pieces that stay small for everybody; cachestat tells
	// which pages of the machine's files others use. Both may be missing from a kernel, and say so in the same way.
	{Syscalls: []string{"memfd_secret", "cachestat"}, Errno: eNOSYS},
	// The same is told by a read that does not wait, and by the time of one that leaves nothing behind in memory. Not all
	// file systems have them.
	{Syscalls: []string{"preadv2"}, Errno: eOPNOTSUPP, When: []Condition{{Argument: 5, AnyBit: readNoWait | readNoCache}}},
	// Whoever may read a file could have it dropped from memory, and see by the time of a read whether somebody used it
	// since. It is an advice: nobody minds that it is not followed.
	{Syscalls: []string{"fadvise64"}, Errno: 0, When: []Condition{{Argument: 3, In: []uint32{adviceNotNeeded}}}},
	{Syscalls: []string{
		"kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module", "create_module",
		"get_kernel_syms", "query_module", "reboot", "iopl", "ioperm", "modify_ldt", "vhangup", "nfsservctl",
		"_sysctl", "uselib", "settimeofday", "clock_settime", "clock_adjtime", "adjtimex",
	}, Errno: ePERM},
}

// Unix is the last filter, loaded by apply-seccomp once the bridges listen: no AF_UNIX socket can be made, so none of
// the machine's services can be talked to, whatever the file system shows. Connected pairs stay, as programs use them
// to talk to their children; pairs of datagram sockets do not, because those can be sent to any named socket.
var Unix = Filter{
	Rules: []Rule{
		{Syscalls: []string{"socket"}, Errno: ePERM, When: []Condition{{Argument: 0, In: []uint32{afUnix}}}},
		{Syscalls: []string{"socketpair"}, Errno: ePERM, When: []Condition{
			{Argument: 0, In: []uint32{afUnix}},
			{Argument: 1, NotIn: []uint32{sockStream, sockSeqpacket}, Mask: sockTypeMask},
		}},
		// io_uring makes sockets without socket(2): refused here too, so that this filter is sound on its own.
		{Syscalls: []string{"io_uring_setup", "io_uring_enter", "io_uring_register"}, Errno: ePERM},
		// Of two filters that both ask somebody, the later one's answer counts. A session must not be the one who is
		// asked, or it could allow what an earlier filter asks the machine about. So this filter comes after that one.
		{Syscalls: []string{"seccomp"}, Errno: ePERM, When: []Condition{{Argument: 1, AnyBit: seccompNewListener}}},
	},
}
