package probe

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sockets tries to make one socket of each family that matters.
func sockets() any {
	found := map[string]Outcome{}
	for name, s := range map[string][3]int{
		"unix":           {unix.AF_UNIX, unix.SOCK_STREAM, 0},
		"unix-dgram":     {unix.AF_UNIX, unix.SOCK_DGRAM, 0},
		"inet":           {unix.AF_INET, unix.SOCK_STREAM, 0},
		"inet-udp":       {unix.AF_INET, unix.SOCK_DGRAM, 0},
		"inet-raw":       {unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP},
		"inet6":          {unix.AF_INET6, unix.SOCK_STREAM, 0},
		"netlink-route":  {unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_ROUTE},
		"netlink-nf":     {unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_NETFILTER},
		"netlink-audit":  {unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_AUDIT},
		"netlink-uevent": {unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_KOBJECT_UEVENT},
		"vsock":          {unix.AF_VSOCK, unix.SOCK_STREAM, 0},
		"packet":         {unix.AF_PACKET, unix.SOCK_RAW, 0},
		"alg":            {unix.AF_ALG, unix.SOCK_SEQPACKET, 0},
		"bluetooth":      {unix.AF_BLUETOOTH, unix.SOCK_RAW, 0},
		"can":            {unix.AF_CAN, unix.SOCK_RAW, 1},
		"xdp":            {unix.AF_XDP, unix.SOCK_RAW, 0},
	} {
		fd, err := unix.Socket(s[0], s[1]|unix.SOCK_CLOEXEC, s[2])
		if err == nil {
			_ = unix.Close(fd)
		}
		found[name] = outcome(err)
	}
	for name, kind := range map[string]int{
		"pair-stream": unix.SOCK_STREAM, "pair-seqpacket": unix.SOCK_SEQPACKET, "pair-dgram": unix.SOCK_DGRAM,
	} {
		pair, err := unix.Socketpair(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC, 0)
		if err == nil {
			_ = unix.Close(pair[0])
			_ = unix.Close(pair[1])
		}
		found[name] = outcome(err)
	}
	return found
}

const (
	none = ^uintptr(0) // -1: a descriptor or process that does not exist

	keyctlGetKeyringID = 0
	sessionKeyring     = ^uintptr(2) // KEY_SPEC_SESSION_KEYRING, -3

	badFlags = 0x80000000
)

// attempts makes the calls that the first filter refuses. None of them can change anything: where the kernel would do
// it, an argument is one that it must reject.
func attempts() any {
	text := []byte("x\x00")
	address := uintptr(unsafe.Pointer(&text[0]))
	calls := map[string][]uintptr{
		// A multi-threaded process (every Go program) may not leave its user namespace, and a new one may not share its
		// file system view: EINVAL where these calls exist.
		"unshare-user":  {unix.SYS_UNSHARE, unix.CLONE_NEWUSER},
		"unshare-files": {unix.SYS_UNSHARE, 0},
		"clone-user":    {unix.SYS_CLONE, unix.CLONE_NEWUSER | unix.CLONE_FS, 0, 0, 0, 0},
		"clone3":        {unix.SYS_CLONE3, 0, 0},
		"setns":         {unix.SYS_SETNS, none, 0},

		"mount":             {unix.SYS_MOUNT, 0, 0, 0, 0, 0},
		"umount":            {unix.SYS_UMOUNT2, 0, 0},
		"pivot_root":        {unix.SYS_PIVOT_ROOT, 0, 0},
		"chroot":            {unix.SYS_CHROOT, 0},
		"open_tree":         {unix.SYS_OPEN_TREE, none, address, badFlags},
		"move_mount":        {unix.SYS_MOVE_MOUNT, none, 0, none, 0, badFlags},
		"fsopen":            {unix.SYS_FSOPEN, 0, badFlags},
		"mount_setattr":     {unix.SYS_MOUNT_SETATTR, none, 0, badFlags, 0, 0},
		"open_by_handle_at": {unix.SYS_OPEN_BY_HANDLE_AT, none, 0, 0},

		"keyctl":      {unix.SYS_KEYCTL, keyctlGetKeyringID, sessionKeyring, 0, 0, 0},
		"add_key":     {unix.SYS_ADD_KEY, 0, 0, 0, 0, 0},
		"request_key": {unix.SYS_REQUEST_KEY, 0, 0, 0, 0},

		"ptrace":           {unix.SYS_PTRACE, unix.PTRACE_PEEKDATA, none, 0, 0},
		"process_vm_readv": {unix.SYS_PROCESS_VM_READV, uintptr(unix.Getpid()), 0, 0, 0, 0, 0},
		"pidfd_getfd":      {unix.SYS_PIDFD_GETFD, none, 0, 0},
		"kcmp":             {unix.SYS_KCMP, none, none, 0, 0, 0},

		"bpf":             {unix.SYS_BPF, 0xffff, 0, 0},
		"perf_event_open": {unix.SYS_PERF_EVENT_OPEN, 0, 0, none, none, 0},
		"userfaultfd":     {unix.SYS_USERFAULTFD, 1 | 0x40000000},
		"fanotify_init":   {unix.SYS_FANOTIFY_INIT, 0x200 | 0x40000000, 0},
		"io_uring_setup":  {unix.SYS_IO_URING_SETUP, 0, 0},
		"vmsplice":        {unix.SYS_VMSPLICE, none, 0, 0, 0},
		"syslog":          {unix.SYS_SYSLOG, 10, 0, 0},

		"kexec_load":    {unix.SYS_KEXEC_LOAD, 0, 1000, 0, 0},
		"init_module":   {unix.SYS_INIT_MODULE, 0, 0, 0},
		"delete_module": {unix.SYS_DELETE_MODULE, 0, 0},
		"swapon":        {unix.SYS_SWAPON, 0, 0},
		"reboot":        {unix.SYS_REBOOT, 0, 0, 0, 0},

		"personality-query": {unix.SYS_PERSONALITY, 0xffffffff},
		"personality":       {unix.SYS_PERSONALITY, 0x0400000},
		"tiocsti":           {unix.SYS_IOCTL, none, unix.TIOCSTI, 0},
		// No call has this number, nor is one likely to get it soon.
		"unknown-call": {2000},
		"seccomp":      {unix.SYS_SECCOMP, badFlags, 0, 0},
	}
	if runtime.GOARCH == "amd64" {
		calls["x32-getpid"] = []uintptr{0x40000000 | unix.SYS_GETPID}
		calls["modify_ldt"] = []uintptr{154, 0, 0, 0} // reads no bytes of the table
		calls["iopl"] = []uintptr{172, 0}
	}
	found := map[string]Outcome{}
	for name, call := range calls {
		var a [7]uintptr
		copy(a[:], call)
		_, _, errno := unix.RawSyscall6(a[0], a[1], a[2], a[3], a[4], a[5], a[6])
		found[name] = outcome(errno)
	}
	// What was let through outside a session must not stay.
	_, _, _ = unix.RawSyscall(unix.SYS_PERSONALITY, 0, 0, 0)
	runtime.KeepAlive(text)
	return found
}
