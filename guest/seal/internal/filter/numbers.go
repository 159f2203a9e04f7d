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
)

// Socket types (asm-generic/socket.h, linux/net.h). The kernel takes the lowest four bits as the type and the rest as
// flags such as SOCK_CLOEXEC.
const (
	sockStream    = 1
	sockDatagram  = 2
	sockRaw       = 3
	sockSeqpacket = 5
	sockTypeMask  = 0xf
)

// messageOutOfBand is a flag of send(2) (linux/socket.h).
const messageOutOfBand = 0x1

// Protocols of socket(2) (linux/in.h, linux/netlink.h). Zero is the one that belongs to the type.
const (
	protocolOfType = 0
	protocolTCP    = 6
	protocolUDP    = 17
	netlinkRoute   = 0
)

// Levels and names of setsockopt(2) and getsockopt(2) (asm-generic/socket.h, linux/tcp.h, linux/udp.h, linux/in6.h,
// linux/bpfilter.h).
const (
	levelIP      = 0
	levelSocket  = 1
	levelTCP     = 6
	levelUDP     = 17
	levelIPv6    = 41
	levelUDPLite = 136

	attachFilter        = 26
	attachBPF           = 50
	attachReuseportCBPF = 51
	attachReuseportEBPF = 52

	tcpMD5         = 14
	tcpULP         = 31
	tcpMD5Extended = 32
	tcpAOAddKey    = 38
	tcpAODeleteKey = 39
	tcpAOInfo      = 40
	tcpAOGetKeys   = 41
	tcpAORepair    = 42

	udpEncapsulation = 100

	flowLabels = 32

	bpfilterReplace  = 64
	bpfilterCounters = 65
)

// Requests of ioctl(2) (asm-generic/ioctls.h, linux/sockios.h, linux/fscrypt.h, linux/fsverity.h).
const (
	tiocsti   = 0x5412
	tioclinux = 0x541c
	tiocsetd  = 0x5423

	siocgifbr   = 0x8940
	siocsifbr   = 0x8941
	siocaddDLCI = 0x8980
	siocdelDLCI = 0x8981
	siocgifvlan = 0x8982
	siocsifvlan = 0x8983
	siocbraddbr = 0x89a0
	siocbrdelbr = 0x89a1
	siocbraddif = 0x89a2
	siocbrdelif = 0x89a3

	fsSetEncryptionPolicy    = 0x800c6613
	fsAddEncryptionKey       = 0xc0506617
	fsRemoveEncryptionKey    = 0xc0406618
	fsRemoveEncryptionKeyAll = 0xc0406619
	fsEnableVerity           = 0x40806685
	fsSetAttributes          = 0x401c5820
)

// Commands of fcntl(2) (linux/fcntl.h). Delegations are leases of folders, from Linux 6.19 on.
const (
	setLease      = 1024
	setDelegation = 1040
)

// Arguments of personality(2): the query, and the plain personality that every process here already has.
const (
	personalityQuery = 0xffffffff
	personalityLinux = 0
)

// Flags of preadv2(2) (linux/fs.h, RWF_NOWAIT and RWF_DONTCACHE).
const (
	readNoWait  = 0x8
	readNoCache = 0x80
)

// adviceNotNeeded is an advice of fadvise64(2) (linux/fadvise.h, POSIX_FADV_DONTNEED).
const adviceNotNeeded = 4

// limitCore is a resource of setrlimit(2) (asm-generic/resource.h).
const limitCore = 4

// prSchedCore is an option of prctl(2) (linux/prctl.h).
const prSchedCore = 62

// seccompNewListener is a flag of seccomp(2) (linux/seccomp.h).
const seccompNewListener = 0x8

// Modes and file types (linux/stat.h), flags of open(2) and renameat2(2) (asm-generic/fcntl.h, linux/fs.h). The flags
// that make files are the same on both architectures; O_DIRECTORY, which O_TMPFILE has in it too, is not.
const (
	setID          = 0o6000
	typeMask       = 0o170000
	charDevice     = 0o020000
	blockDevice    = 0o060000
	openCreate     = 0o100
	openTemporary  = 0o20000000
	openMakes      = openCreate | openTemporary
	renameWhiteout = 0x4
)

// lastKnownSyscall is mseal, Linux 6.10: the newest call that was looked at when these rules were written.
const lastKnownSyscall = 462
