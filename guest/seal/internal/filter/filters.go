package filter

// Namespace flags of clone(2), unshare(2) and setns(2) (linux/sched.h). CLONE_NEWTIME is only a flag of unshare and
// clone3: in clone its bit belongs to the exit signal.
const (
	cloneNewTime   = 0x00000080
	cloneNewNS     = 0x00020000
	cloneNewCgroup = 0x02000000
	cloneNewUTS    = 0x04000000
	cloneNewIPC    = 0x08000000
	cloneNewUser   = 0x10000000
	cloneNewPID    = 0x20000000
	cloneNewNet    = 0x40000000

	namespaces = cloneNewNS | cloneNewCgroup | cloneNewUTS | cloneNewIPC | cloneNewUser | cloneNewPID | cloneNewNet
)

// Address families of socket(2) (linux/socket.h).
const (
	afUnix    = 1
	afInet    = 2
	afInet6   = 10
	afNetlink = 16

	netlinkRoute = 0
)

// Socket types (asm-generic/socket.h); flags such as SOCK_CLOEXEC are above them.
const (
	sockStream    = 1
	sockSeqpacket = 5
	sockTypeMask  = 0xf
)

// Requests of ioctl(2) that put input into a terminal (asm-generic/ioctls.h).
const (
	tiocsti   = 0x5412
	tioclinux = 0x541c
)

// Arguments of personality(2): the query, and the plain personality that every process here already has.
const (
	personalityQuery = 0xffffffff
	personalityLinux = 0
)

// lastKnownSyscall is mseal, Linux 6.10: the newest call that was looked at when these rules were written.
const lastKnownSyscall = 462

// Base is the first filter: bubblewrap loads it into itself and hands it down right before it starts the session's
// first process, so bash and the bridges run under it too. It takes away what a session has no use for and what makes
// the kernel's attack surface large: further namespaces and mounts, other processes' memory, keyrings, kernel
// tracing and programming, sockets of families that a network namespace does not confine.
var Base = Filter{
	HighestSyscall: lastKnownSyscall,
	Rules: []Rule{
		// clone3 passes its flags in memory, where no filter can look. ENOSYS makes every C library fall back to clone.
		{Syscalls: []string{"clone3"}, Errno: eNOSYS},
		{Syscalls: []string{"clone"}, Errno: ePERM, When: []Condition{{Argument: 0, AnyBit: namespaces}}},
		{Syscalls: []string{"unshare"}, Errno: ePERM, When: []Condition{{Argument: 0, AnyBit: namespaces | cloneNewTime}}},
		{Syscalls: []string{"setns"}, Errno: ePERM},

		// AF_VSOCK, AF_ALG, AF_PACKET, AF_BLUETOOTH and forty more are not there; AF_UNIX is the second filter's.
		{Syscalls: []string{"socket"}, Errno: eAFNOSUPPORT, When: []Condition{
			{Argument: 0, NotIn: []uint32{afUnix, afInet, afInet6, afNetlink}},
		}},
		// Interfaces and routes are what getifaddrs asks for; the other netlink families reach into nftables and more.
		{Syscalls: []string{"socket"}, Errno: ePROTONOSUPPORT, When: []Condition{
			{Argument: 0, In: []uint32{afNetlink}},
			{Argument: 2, NotIn: []uint32{netlinkRoute}},
		}},
		{Syscalls: []string{"socketpair"}, Errno: eAFNOSUPPORT, When: []Condition{
			{Argument: 0, NotIn: []uint32{afUnix}},
		}},

		{Syscalls: []string{
			"mount", "umount2", "pivot_root", "chroot", "mount_setattr", "open_tree", "open_tree_attr", "move_mount",
			"fsopen", "fsconfig", "fsmount", "fspick", "quotactl", "quotactl_fd", "acct", "swapon", "swapoff",
			"open_by_handle_at", "statmount", "listmount",
		}, Errno: ePERM},
		{Syscalls: []string{"keyctl", "add_key", "request_key"}, Errno: ePERM},
		{Syscalls: []string{
			"ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd", "kcmp", "process_madvise",
			"migrate_pages", "move_pages",
		}, Errno: ePERM},
		{Syscalls: []string{
			"bpf", "perf_event_open", "userfaultfd", "fanotify_init", "fanotify_mark", "syslog", "lookup_dcookie",
			"io_uring_setup", "io_uring_enter", "io_uring_register", "vmsplice", "uretprobe",
		}, Errno: ePERM},
		{Syscalls: []string{
			"kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module", "create_module",
			"get_kernel_syms", "query_module", "reboot", "iopl", "ioperm", "modify_ldt", "vhangup", "nfsservctl",
			"_sysctl", "uselib", "settimeofday", "clock_settime", "clock_adjtime", "adjtimex",
		}, Errno: ePERM},
		{Syscalls: []string{"personality"}, Errno: ePERM, When: []Condition{
			{Argument: 0, NotIn: []uint32{personalityQuery, personalityLinux}},
		}},
		{Syscalls: []string{"ioctl"}, Errno: ePERM, When: []Condition{
			{Argument: 1, In: []uint32{tiocsti, tioclinux}},
		}},
	},
}

// Unix is the second filter, loaded by apply-seccomp once the bridges listen: no AF_UNIX socket can be made, so none of
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
	},
}
