package filter

import (
	"encoding/binary"
	"testing"

	"golang.org/x/net/bpf"
)

// run evaluates a filter as the kernel would. bpf.VM reads big-endian, so the data is laid out that way: what is tested
// is the program, not the byte order.
func run(t *testing.T, f Filter, a Arch, archID uint32, number uint32, arguments ...uint64) uint32 {
	t.Helper()
	program, err := f.Assemble(a)
	if err != nil {
		t.Fatal(err)
	}
	vm, err := bpf.NewVM(program)
	if err != nil {
		t.Fatal(err)
	}
	data := make([]byte, 64)
	binary.BigEndian.PutUint32(data[offsetNumber:], number)
	binary.BigEndian.PutUint32(data[offsetArch:], archID)
	for i, value := range arguments {
		binary.BigEndian.PutUint32(data[offsetArguments+8*i:], uint32(value))
		binary.BigEndian.PutUint32(data[offsetArguments+8*i+4:], uint32(value>>32))
	}
	verdict, err := vm.Run(data)
	if err != nil {
		t.Fatal(err)
	}
	return uint32(verdict)
}

const high = 0xdead << 32

// call is one call and what a filter must say to it. Calls that an architecture does not have are left out there.
type call struct {
	name      string
	filter    Filter
	syscall   string
	arguments []uint64
	want      uint32
}

func refused(errno uint32) uint32 { return retErrno | errno }

func check(t *testing.T, calls []call) {
	t.Helper()
	for _, a := range Arches {
		for _, c := range calls {
			t.Run(a.Name+"/"+c.syscall+"/"+c.name, func(t *testing.T) {
				number, ok := a.info.SyscallNames[c.syscall]
				if !ok {
					if !knownAnywhere(c.syscall) {
						t.Fatalf("no syscall %s", c.syscall)
					}
					return
				}
				if got := run(t, c.filter, a, uint32(a.info.ID), uint32(number), c.arguments...); got != c.want {
					t.Errorf("%s%#o: %#x, want %#x", c.syscall, c.arguments, got, c.want)
				}
			})
		}
	}
}

func TestVerdicts(t *testing.T) {
	check(t, []call{
		{"reading", Base, "read", nil, retAllow},
		{"a thread", Base, "clone", []uint64{0x3d0f00}, retAllow},
		{"a fork", Base, "clone", []uint64{0x1200011}, retAllow},
		{"a child that signals 0x80 and up", Base, "clone", []uint64{0x80}, retAllow},
		{"a user namespace", Base, "clone", []uint64{cloneNewUser | 17}, refused(ePERM)},
		{"a mount namespace among others", Base, "unshare", []uint64{cloneNewNS | cloneNewPID}, refused(ePERM)},
		{"a time namespace", Base, "unshare", []uint64{cloneNewTime}, refused(ePERM)},
		{"a file table of its own", Base, "unshare", []uint64{0x400}, retAllow},
		{"any", Base, "clone3", nil, refused(eNOSYS)},
		{"any", Base, "setns", nil, refused(ePERM)},
		{"any", Base, "mount", nil, refused(ePERM)},
		{"the query", Base, "personality", []uint64{personalityQuery}, retAllow},
		{"the plain one", Base, "personality", []uint64{0}, retAllow},
		{"READ_IMPLIES_EXEC", Base, "personality", []uint64{0x0400000}, refused(ePERM)},
		{"any", Base, "keyctl", nil, refused(ePERM)},
		{"any", Base, "process_vm_readv", nil, refused(ePERM)},
		{"any", Base, "io_uring_setup", nil, refused(ePERM)},
		{"any", Base, "memfd_secret", nil, refused(eNOSYS)},
		{"any", Base, "cachestat", nil, refused(eNOSYS)},
		{"no flag", Base, "preadv2", nil, retAllow},
		{"high priority", Base, "preadv2", []uint64{3, 0, 0, 8, 8, 1}, retAllow},
		{"not waiting", Base, "preadv2", []uint64{3, 0, 0, 0, 0, 9}, refused(eOPNOTSUPP)},
		{"not waiting, with a set high half", Base, "preadv2", []uint64{3, 0, 0, 0, 0, high | 8}, refused(eOPNOTSUPP)},
		{"leaving nothing behind", Base, "preadv2", []uint64{3, 0, 0, 0, 0, 0x80}, refused(eOPNOTSUPP)},
		{"reading ahead", Base, "fadvise64", []uint64{3, 0, 0, 3}, retAllow},
		{"dropping from memory", Base, "fadvise64", []uint64{3, 0, 0, 4}, refused(0)},
		{"dropping from memory, with a set high half", Base, "fadvise64", []uint64{3, 4, 4, high | 4}, refused(0)},
		{"a limit of files", Base, "setrlimit", []uint64{7, 0x7000}, retAllow},
		{"a limit of core dumps", Base, "setrlimit", []uint64{4, 0x7000}, refused(0)},
		{"a limit of files", Base, "prlimit64", []uint64{0, 7, 0x7000}, retAllow},
		{"asking for the limit of core dumps", Base, "prlimit64", []uint64{0, 4, 0, 0x7000}, retAllow},
		{"a limit of core dumps", Base, "prlimit64", []uint64{0, 4, 0x7000}, refused(0)},
		{"a limit of core dumps, and the old one", Base, "prlimit64", []uint64{0, 4, 0x7000, 0x7000}, refused(ePERM)},
		{"the old one at a round address", Base, "prlimit64", []uint64{0, 4, 0x7000, 0x100000000}, refused(ePERM)},
		{"both at round addresses", Base, "prlimit64", []uint64{0, 4, 0x100000000, 0x100000000}, refused(ePERM)},
		{"the new one at a round address", Base, "prlimit64", []uint64{0, 4, 0x100000000, 0x7000}, refused(ePERM)},
		{"a limit of files, and the old one", Base, "prlimit64", []uint64{0, 7, 0x7000, 0x7000}, retAllow},
		{"a limit of core dumps at a round address", Base, "prlimit64", []uint64{0, high | 4, 0x100000000}, refused(0)},
		{"a name for a thread", Base, "prctl", []uint64{15}, retAllow},
		{"a core for oneself", Base, "prctl", []uint64{prSchedCore, 1}, refused(ePERM)},
		{"a core for oneself, with a set high half", Base, "prctl", []uint64{high | prSchedCore, 1}, refused(ePERM)},

		// What programs confine themselves with stays.
		{"a filter of one's own", Base, "seccomp", []uint64{1}, retAllow},
		{"a filter of one's own", Unix, "seccomp", []uint64{1, 1}, retAllow},
		{"a filter that asks", Base, "seccomp", []uint64{1, seccompNewListener}, retAllow},
		{"a filter that asks, after the last one", Unix, "seccomp", []uint64{1, seccompNewListener}, refused(ePERM)},
		{"a filter that asks, with a set high half", Unix, "seccomp", []uint64{1, high | seccompNewListener | 1}, refused(ePERM)},
		{"any", Base, "landlock_create_ruleset", nil, retAllow},
		{"any", Base, "landlock_add_rule", nil, retAllow},
		{"any", Base, "landlock_restrict_self", nil, retAllow},
		{"any", Base, "mseal", nil, retAllow},
		{"any", Base, "pidfd_send_signal", nil, retAllow},
	})
}

func TestRequests(t *testing.T) {
	calls := []call{
		{"window size", Base, "ioctl", []uint64{0, 0x5413}, retAllow},
		{"a terminal of one's own", Base, "ioctl", []uint64{0, 0x80045430}, retAllow},
		{"bytes to read", Base, "ioctl", []uint64{0, 0x541b}, retAllow},
		{"a clone of a file", Base, "ioctl", []uint64{0, 0x40049409}, retAllow},
		{"flags of a file", Base, "ioctl", []uint64{0, 0x40086602}, retAllow},
		{"a lock", Base, "fcntl", []uint64{0, 6}, retAllow},
		{"notices of a folder", Base, "fcntl", []uint64{0, 1026}, retAllow},
		{"a lease", Base, "fcntl", []uint64{0, 1024}, refused(eINVAL)},
		{"a lease, with a set high half", Base, "fcntl", []uint64{0, high | 1024}, refused(eINVAL)},
		{"a delegation", Base, "fcntl", []uint64{0, 1040}, refused(eINVAL)},
		{"any", Base, "io_setup", nil, refused(eNOSYS)},
	}
	for name, request := range map[string]uint64{
		"TIOCSTI": 0x5412, "TIOCLINUX": 0x541c, "TIOCSETD": 0x5423,
		"SIOCGIFBR": 0x8940, "SIOCSIFBR": 0x8941, "SIOCBRADDBR": 0x89a0, "SIOCBRDELBR": 0x89a1, "SIOCBRADDIF": 0x89a2,
		"SIOCBRDELIF": 0x89a3, "SIOCGIFVLAN": 0x8982, "SIOCSIFVLAN": 0x8983, "SIOCADDDLCI": 0x8980, "SIOCDELDLCI": 0x8981,
		"FS_IOC_SET_ENCRYPTION_POLICY": 0x800c6613, "FS_IOC_ADD_ENCRYPTION_KEY": 0xc0506617,
		"FS_IOC_REMOVE_ENCRYPTION_KEY": 0xc0406618, "FS_IOC_REMOVE_ENCRYPTION_KEY_ALL_USERS": 0xc0406619,
		"FS_IOC_ENABLE_VERITY": 0x40806685, "FS_IOC_FSSETXATTR": 0x401c5820,
	} {
		calls = append(calls,
			call{name, Base, "ioctl", []uint64{0, request}, refused(ePERM)},
			call{name + " with a set high half", Base, "ioctl", []uint64{0, high | request}, refused(ePERM)})
	}
	check(t, calls)
}

func TestSockets(t *testing.T) {
	const (
		flags  = 0x80800 // SOCK_CLOEXEC | SOCK_NONBLOCK
		raw    = 3
		packet = 10
	)
	check(t, []call{
		{"TCP", Base, "socket", []uint64{afInet, 1}, retAllow},
		{"with no signal", Base, "sendto", []uint64{0, 0, 0, 0x4000}, retAllow},
		{"out of band", Base, "sendto", []uint64{0, 0, 1, 0x4001}, refused(eOPNOTSUPP)},
		{"with no signal", Base, "sendmsg", []uint64{0, 1, 0x4000}, retAllow},
		{"out of band", Base, "sendmsg", []uint64{0, 1, high | 1}, refused(eOPNOTSUPP)},
		{"out of band", Base, "sendmmsg", []uint64{0, 0, 1, 1}, refused(eOPNOTSUPP)},
		{"TCP by number", Base, "socket", []uint64{afInet, 1 | flags, 6}, retAllow},
		{"TCP of IPv6", Base, "socket", []uint64{afInet6, 1 | flags, 6}, retAllow},
		{"UDP", Base, "socket", []uint64{afInet, 2 | flags}, retAllow},
		{"UDP by number", Base, "socket", []uint64{afInet6, 2, 17}, retAllow},
		{"TCP under the last filter", Unix, "socket", []uint64{afInet, 1}, retAllow},
		{"AF_UNIX is the last filter's", Base, "socket", []uint64{afUnix, 1}, retAllow},
		{"AF_UNSPEC", Base, "socket", []uint64{0, 2}, refused(eAFNOSUPPORT)},
		{"AF_VSOCK", Base, "socket", []uint64{40, 1}, refused(eAFNOSUPPORT)},
		{"AF_VSOCK with a set high half", Base, "socket", []uint64{high | 40, 1}, refused(eAFNOSUPPORT)},
		{"AF_PACKET", Base, "socket", []uint64{17, raw}, refused(eAFNOSUPPORT)},
		{"AF_ALG", Base, "socket", []uint64{38, 5}, refused(eAFNOSUPPORT)},
		{"AF_SMC", Base, "socket", []uint64{43, 1}, refused(eAFNOSUPPORT)},
		{"SOCK_PACKET", Base, "socket", []uint64{afInet, packet, 3}, refused(eSOCKTNOSUPPORT)},
		{"SOCK_PACKET with flags", Base, "socket", []uint64{afInet, packet | flags, 3}, refused(eSOCKTNOSUPPORT)},
		{"SCTP", Base, "socket", []uint64{afInet, 1, 132}, refused(ePROTONOSUPPORT)},
		{"SCTP with a set high half", Base, "socket", []uint64{high | afInet, high | 1, high | 132}, refused(ePROTONOSUPPORT)},
		{"SCTP of IPv6", Base, "socket", []uint64{afInet6, 1, 132}, refused(ePROTONOSUPPORT)},
		{"SCTP's packets", Base, "socket", []uint64{afInet, 5, 132}, refused(eSOCKTNOSUPPORT)},
		{"SCTP's packets with flags", Base, "socket", []uint64{afInet, 5 | flags, 132}, refused(eSOCKTNOSUPPORT)},
		{"DCCP", Base, "socket", []uint64{afInet, 6, 33}, refused(eSOCKTNOSUPPORT)},
		{"MPTCP", Base, "socket", []uint64{afInet, 1, 262}, refused(ePROTONOSUPPORT)},
		{"SMC by number", Base, "socket", []uint64{afInet, 1, 256}, refused(ePROTONOSUPPORT)},
		{"UDP-Lite", Base, "socket", []uint64{afInet6, 2, 136}, refused(ePROTONOSUPPORT)},
		{"L2TP", Base, "socket", []uint64{afInet, 2, 115}, refused(ePROTONOSUPPORT)},
		{"a ping socket", Base, "socket", []uint64{afInet, 2, 1}, refused(ePROTONOSUPPORT)},
		{"a ping socket of IPv6", Base, "socket", []uint64{afInet6, 2, 58}, refused(ePROTONOSUPPORT)},
		{"TCP's number for datagrams", Base, "socket", []uint64{afInet, 2, 6}, refused(ePROTONOSUPPORT)},
		{"UDP's number for streams", Base, "socket", []uint64{afInet, 1, 17}, refused(ePROTONOSUPPORT)},
		{"raw", Base, "socket", []uint64{afInet, raw, 1}, refused(ePERM)},
		{"raw, of a protocol with a module", Base, "socket", []uint64{afInet6, raw | flags, 132}, refused(ePERM)},
		{"routes", Base, "socket", []uint64{afNetlink, raw, netlinkRoute}, retAllow},
		{"routes in datagrams", Base, "socket", []uint64{afNetlink, 2 | flags, netlinkRoute}, retAllow},
		{"routes in streams", Base, "socket", []uint64{afNetlink, 1, netlinkRoute}, refused(eSOCKTNOSUPPORT)},
		{"nftables", Base, "socket", []uint64{afNetlink, raw, 12}, refused(ePROTONOSUPPORT)},
		{"nftables with a set high half", Base, "socket", []uint64{high | afNetlink, raw, high | 12}, refused(ePROTONOSUPPORT)},
		{"a pair", Base, "socketpair", []uint64{afUnix, 1}, retAllow},
		{"a pair of another family", Base, "socketpair", []uint64{30, 1}, refused(eAFNOSUPPORT)},
		{"a pair of the internet's", Base, "socketpair", []uint64{afInet, 5, 132}, refused(eAFNOSUPPORT)},

		{"no delay", Base, "setsockopt", []uint64{3, 6, 1}, retAllow},
		{"an address used again", Base, "setsockopt", []uint64{3, 1, 2}, retAllow},
		{"the kernel's TLS", Base, "setsockopt", []uint64{3, 6, 31}, refused(ePERM)},
		{"the kernel's TLS with a set high half", Base, "setsockopt", []uint64{3, high | 6, high | 31}, refused(ePERM)},
		{"the same number at another level", Base, "setsockopt", []uint64{3, 1, 31}, retAllow},
		{"a program for packets", Base, "setsockopt", []uint64{3, 1, 26}, refused(ePERM)},
		{"a program for packets, with a set high half", Base, "setsockopt", []uint64{3, high | 1, high | 26}, refused(ePERM)},
		{"a program of bpf(2)", Base, "setsockopt", []uint64{3, 1, 50}, refused(ePERM)},
		{"a program that chooses among sockets", Base, "setsockopt", []uint64{3, 1, 51}, refused(ePERM)},
		{"a program of bpf(2) that chooses", Base, "setsockopt", []uint64{3, 1, 52}, refused(ePERM)},
		{"a port for several sockets", Base, "setsockopt", []uint64{3, 1, 15}, retAllow},
		{"TCP-MD5", Base, "setsockopt", []uint64{3, 6, 14}, refused(ePERM)},
		{"TCP-MD5 of a network", Base, "setsockopt", []uint64{3, 6, 32}, refused(ePERM)},
		{"TCP-AO", Base, "setsockopt", []uint64{3, 6, 38}, refused(ePERM)},
		{"fast open", Base, "setsockopt", []uint64{3, 6, 23}, retAllow},
		{"ESP in UDP", Base, "setsockopt", []uint64{3, 17, 100}, refused(ePERM)},
		{"ESP in UDP by the level of UDP-Lite", Base, "setsockopt", []uint64{3, 136, 100}, refused(ePERM)},
		{"the same, with a set high half", Base, "setsockopt", []uint64{3, high | 136, high | 100}, refused(ePERM)},
		{"what is covered of UDP-Lite", Base, "setsockopt", []uint64{3, 136, 10}, retAllow},
		{"segments of UDP", Base, "setsockopt", []uint64{3, 17, 103}, retAllow},
		{"a flow label", Base, "setsockopt", []uint64{3, 41, 32}, refused(ePERM)},
		{"IPv6 only", Base, "setsockopt", []uint64{3, 41, 26}, retAllow},
		{"iptables", Base, "setsockopt", []uint64{3, 0, 64}, refused(ePERM)},
		{"iptables", Base, "getsockopt", []uint64{3, 0, 65}, refused(ePERM)},
		{"the same number at another level", Base, "getsockopt", []uint64{3, 41, 64}, retAllow},
		{"an error", Base, "getsockopt", []uint64{3, 1, 4}, retAllow},

		{"AF_UNIX", Unix, "socket", []uint64{afUnix, 1}, refused(ePERM)},
		{"AF_UNIX with a set high half", Unix, "socket", []uint64{high | afUnix, 1}, refused(ePERM)},
		{"a pair of streams", Unix, "socketpair", []uint64{afUnix, 1 | 0x80000}, retAllow},
		{"a pair of sequential packets", Unix, "socketpair", []uint64{afUnix, 5}, retAllow},
		{"a pair of datagrams", Unix, "socketpair", []uint64{afUnix, 2}, refused(ePERM)},
		{"a pair of datagrams, close-on-exec", Unix, "socketpair", []uint64{afUnix, 2 | 0x80000}, refused(ePERM)},
		{"a raw pair, which is one of datagrams", Unix, "socketpair", []uint64{afUnix, 3}, refused(ePERM)},
		{"any", Unix, "io_uring_setup", nil, refused(ePERM)},
	})
}

func TestModes(t *testing.T) {
	const (
		create    = 0o100
		write     = 0o1
		temporary = 0o20000000
		regular   = 0o100000
		fifo      = 0o010000
		anything  = 0xffff0000 // the kernel reads 16 bits of a mode
	)
	calls := []call{
		{"reading, with anything as a mode", Base, "openat", []uint64{3, 0, 0, 0o7777}, retAllow},
		{"writing, with anything as a mode", Base, "openat", []uint64{3, 0, 0o2 | 0o1000, 0o6755}, retAllow},
		{"making", Base, "openat", []uint64{3, 0, create | write, 0o1777}, retAllow},
		{"making without a name", Base, "openat", []uint64{3, 0, temporary | 0o200000 | write, 0o600}, retAllow},
		{"making", Base, "open", []uint64{0, create, 0o644}, retAllow},
		{"reading, with anything as a mode", Base, "open", []uint64{0, 0, 0o4755}, retAllow},
		{"mode as flags", Base, "openat", []uint64{3, 0, 0o4000, 0}, retAllow},
		{"any", Base, "openat2", []uint64{3, 0, 0, 24}, refused(eNOSYS)},
		{"sticky", Base, "chmod", []uint64{0, 0o1777}, retAllow},
		{"plain", Base, "fchmod", []uint64{0o4000, 0o755}, retAllow},
		{"plain", Base, "fchmodat", []uint64{0o6000, 0o6000, 0o755}, retAllow},
		{"plain, flags as a mode", Base, "fchmodat2", []uint64{3, 0, 0o755, 0o6000}, retAllow},
		{"a pipe", Base, "mknodat", []uint64{3, 0, fifo | 0o644, 0}, retAllow},
		{"a file", Base, "mknodat", []uint64{3, 0, regular | 0o644, 0}, retAllow},
		{"a file of no type", Base, "mknod", []uint64{0, 0o644, 0}, retAllow},
		{"a folder, of which the kernel masks the mode", Base, "mkdirat", []uint64{3, 0, 0o6755}, retAllow},
		{"replacing", Base, "renameat2", []uint64{3, 0, 3, 0, 0}, retAllow},
		{"exchanging", Base, "renameat2", []uint64{3, 0, 3, 0, 3}, retAllow},
		{"leaving a whiteout", Base, "renameat2", []uint64{3, 0, 3, 0, 4}, refused(ePERM)},
		{"leaving a whiteout, with a set high half", Base, "renameat2", []uint64{3, 0, 3, 0, high | 5}, refused(ePERM)},
	}
	for _, mode := range []uint64{0o4755, 0o2755, 0o6000, 0o7777, high | 0o4711, anything | 0o2000} {
		calls = append(calls,
			call{"set-id", Base, "openat", []uint64{3, 0, create | write, mode}, refused(ePERM)},
			call{"set-id, flags with a set high half", Base, "openat", []uint64{3, 0, high | create, mode}, refused(ePERM)},
			call{"set-id, on amd64 without a name", Base, "openat", []uint64{3, 0, temporary | 0o200000 | 2, mode}, refused(ePERM)},
			call{"set-id, on arm64 without a name", Base, "openat", []uint64{3, 0, temporary | 0o40000 | 2, mode}, refused(ePERM)},
			call{"set-id", Base, "open", []uint64{0, create, mode}, refused(ePERM)},
			call{"set-id, without a name", Base, "open", []uint64{0, temporary | 0o200000 | 2, mode}, refused(ePERM)},
			call{"set-id", Base, "mq_open", []uint64{0, create | 2, mode}, refused(ePERM)},
			call{"set-id", Base, "creat", []uint64{0, mode}, refused(ePERM)},
			call{"set-id", Base, "chmod", []uint64{0, mode}, refused(ePERM)},
			call{"set-id", Base, "fchmod", []uint64{3, mode}, refused(ePERM)},
			call{"set-id", Base, "fchmodat", []uint64{3, 0, mode}, refused(ePERM)},
			call{"set-id", Base, "fchmodat2", []uint64{3, 0, mode, 0}, refused(ePERM)},
			call{"set-id", Base, "mknod", []uint64{0, regular | mode, 0}, refused(ePERM)},
			call{"set-id", Base, "mknodat", []uint64{3, 0, regular | mode, 0}, refused(ePERM)})
	}
	for _, device := range []uint64{charDevice, blockDevice, high | charDevice | 0o666, anything | blockDevice} {
		calls = append(calls,
			call{"a device", Base, "mknod", []uint64{0, device, 0}, refused(ePERM)},
			call{"a device", Base, "mknodat", []uint64{3, 0, device, 0x103}, refused(ePERM)})
	}
	check(t, calls)
}

func TestForeignCalls(t *testing.T) {
	const i386, arm = 0x40000003, 0x40000028
	for _, f := range []Filter{Base, Unix} {
		if got := run(t, f, Arches["amd64"], i386, 20); got != retKillProcess {
			t.Errorf("an i386 call on amd64: %#x", got)
		}
		if got := run(t, f, Arches["arm64"], arm, 20); got != retKillProcess {
			t.Errorf("an AArch32 call on arm64: %#x", got)
		}
		amd64 := Arches["amd64"]
		if got := run(t, f, amd64, uint32(amd64.info.ID), x32Bit|39); got != retErrno|eNOSYS {
			t.Errorf("an x32 call: %#x", got)
		}
	}
}

func TestUnknownCallsAnswerENOSYS(t *testing.T) {
	for _, a := range Arches {
		if got := run(t, Base, a, uint32(a.info.ID), lastKnownSyscall); got != retAllow {
			t.Errorf("%s: the last known call: %#x", a.Name, got)
		}
		if got := run(t, Base, a, uint32(a.info.ID), lastKnownSyscall+1); got != retErrno|eNOSYS {
			t.Errorf("%s: the first unknown call: %#x", a.Name, got)
		}
	}
}

func TestMisspelledNamesAreErrors(t *testing.T) {
	f := Filter{Rules: []Rule{{Syscalls: []string{"mout"}, Errno: ePERM}}}
	if _, err := f.Assemble(Arches["amd64"]); err == nil {
		t.Error("no error")
	}
}

// Numbers between an architecture's own table and the common one are free today, and another kernel may have given one
// of them away.
func TestFreeNumbersAnswerENOSYS(t *testing.T) {
	for _, a := range Arches {
		for number := a.lastOwn + 1; number < firstCommon; number++ {
			if got := run(t, Base, a, uint32(a.info.ID), number); got != refused(eNOSYS) {
				t.Errorf("%s: %d: %#x", a.Name, number, got)
			}
		}
		if got := run(t, Base, a, uint32(a.info.ID), firstCommon); got != retAllow {
			t.Errorf("%s: the first common call: %#x", a.Name, got)
		}
		if got := run(t, Base, a, uint32(a.info.ID), uint32(a.info.SyscallNames["rseq"])); got != retAllow {
			t.Errorf("%s: rseq: %#x", a.Name, got)
		}
	}
}

// A call with many rules is jumped over as well as one with few.
func TestLongBlocksAreSkipped(t *testing.T) {
	f := Filter{}
	for value := uint32(0); value < 100; value++ {
		f.Rules = append(f.Rules, Rule{Syscalls: []string{"prctl"}, Errno: ePERM, When: []Condition{{In: []uint32{value}}}})
	}
	f.Rules = append(f.Rules, Rule{Syscalls: []string{"setns"}, Errno: eNOSYS})
	check(t, []call{
		{"the first", f, "prctl", []uint64{0}, refused(ePERM)},
		{"the last", f, "prctl", []uint64{99}, refused(ePERM)},
		{"none", f, "prctl", []uint64{100}, retAllow},
		{"another call", f, "setns", nil, refused(eNOSYS)},
		{"a third call", f, "read", nil, retAllow},
	})
	many := Filter{Rules: []Rule{{Syscalls: []string{"prctl"}, When: []Condition{{NotIn: make([]uint32, 300)}}}}}
	if _, err := many.Assemble(Arches["amd64"]); err == nil {
		t.Error("300 values in one condition: no error")
	}
}

// The kernel takes at most 4096 instructions (BPF_MAXINSNS).
func TestProgramsFit(t *testing.T) {
	for _, a := range Arches {
		for _, f := range []Filter{Base, Unix} {
			program, err := f.Assemble(a)
			if err != nil || len(program) > 4096 {
				t.Errorf("%s: %d instructions, %v", a.Name, len(program), err)
			}
		}
	}
}
