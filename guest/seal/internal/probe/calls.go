package probe

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	none = ^uintptr(0) // -1: a descriptor or process that does not exist

	keyctlGetKeyringID = 0
	sessionKeyring     = ^uintptr(2) // KEY_SPEC_SESSION_KEYRING, -3

	badFlags = 0x80000000

	fsSetAttributes = 0x401c5820 // FS_IOC_FSSETXATTR
	readNoCache     = 0x80       // RWF_DONTCACHE

	ipv6FlowLabels   = 32  // IPV6_FLOWLABEL_MGR
	udpEncapsulation = 100 // UDP_ENCAP

	// A call of another architecture. A container's own profile ends the thread that makes it, and no other.
	foreignCall = "x32-getpid"
	threadEnds  = 2 * time.Second
)

// attempts makes the calls that the first filter refuses. None of them can change anything: where the kernel would do
// it, an argument is one that it must reject.
func attempts() any {
	return attempt(func(string) bool { return true })
}

// engine makes those of the calls that tell the profile of a container's engine from others, and those that it has for bubblewrap. A call of another architecture is not
// among them: a profile may end the thread that makes it.
func engine() any {
	return attempt(func(name string) bool {
		switch name {
		case "io_uring_setup", "keyctl", "ptrace", "vmsplice",
			"chroot", "clone-user", "mount", "pivot_root", "setns", "umount", "unshare-user":
			return true
		}
		return false
	})
}

func attempt(wanted func(name string) bool) map[string]Outcome {
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

		"openat2":         {unix.SYS_OPENAT2, none, address, 0, 0},
		"memfd_secret":    {unix.SYS_MEMFD_SECRET, badFlags},
		"cachestat":       {unix.SYS_CACHESTAT, none, 0, 0, 0},
		"cached-read":     {unix.SYS_PREADV2, none, 0, 0, 0, 0, unix.RWF_NOWAIT},
		"uncached-read":   {unix.SYS_PREADV2, none, 0, 0, 0, 0, readNoCache},
		"whiteout":        {unix.SYS_RENAMEAT2, none, address, none, address, unix.RENAME_WHITEOUT},
		"core-scheduling": {unix.SYS_PRCTL, unix.PR_SCHED_CORE, badFlags, 0, 0, 0},

		"personality-query": {unix.SYS_PERSONALITY, 0xffffffff},
		"personality":       {unix.SYS_PERSONALITY, 0x0400000},
		"tiocsti":           {unix.SYS_IOCTL, none, unix.TIOCSTI, 0},
		"encryption-policy": {unix.SYS_IOCTL, none, unix.FS_IOC_SET_ENCRYPTION_POLICY, 0},
		"encryption-key":    {unix.SYS_IOCTL, none, unix.FS_IOC_ADD_ENCRYPTION_KEY, 0},
		"verity":            {unix.SYS_IOCTL, none, unix.FS_IOC_ENABLE_VERITY, 0},
		"project":           {unix.SYS_IOCTL, none, fsSetAttributes, 0},
		"lease":             {unix.SYS_FCNTL, none, unix.F_SETLEASE, unix.F_RDLCK},
		"io_setup":          {unix.SYS_IO_SETUP, 0, 0},
		"out-of-band":       {unix.SYS_SENDTO, none, address, 1, unix.MSG_OOB, 0, 0},
		"socket-filter":     {unix.SYS_SETSOCKOPT, none, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, 0, 0},
		"flow-label":        {unix.SYS_SETSOCKOPT, none, unix.SOL_IPV6, ipv6FlowLabels, 0, 0},
		"signed-segments":   {unix.SYS_SETSOCKOPT, none, unix.SOL_TCP, unix.TCP_MD5SIG, 0, 0},
		"esp-in-udp":        {unix.SYS_SETSOCKOPT, none, unix.SOL_UDP, udpEncapsulation, 0, 0},
		"esp-in-udp-lite":   {unix.SYS_SETSOCKOPT, none, unix.IPPROTO_UDPLITE, udpEncapsulation, 0, 0},
		// No call has this number, nor is one likely to get it soon.
		"unknown-call": {2000},
		// One of those that belong to no call of any architecture.
		"free-number": {400},
		"seccomp":     {unix.SYS_SECCOMP, badFlags, 0, 0},
		// EFAULT: the kernel looks at the flags before it reads the filter.
		"seccomp-listener": {unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_NEW_LISTENER, 0},
		"landlock":         {unix.SYS_LANDLOCK_RESTRICT_SELF, none, badFlags},
	}
	if runtime.GOARCH == "amd64" {
		calls[foreignCall] = []uintptr{0x40000000 | unix.SYS_GETPID}
		calls["modify_ldt"] = []uintptr{154, 0, 0, 0} // reads no bytes of the table
		calls["iopl"] = []uintptr{172, 0}
	}
	found := map[string]Outcome{}
	for name, call := range calls {
		if !wanted(name) {
			continue
		}
		var a [7]uintptr
		copy(a[:], call)
		if name == foreignCall {
			found[name] = inThread(threadEnds, func() unix.Errno {
				_, _, errno := unix.Syscall6(a[0], a[1], a[2], a[3], a[4], a[5], a[6])
				return errno
			})
			continue
		}
		_, _, errno := unix.RawSyscall6(a[0], a[1], a[2], a[3], a[4], a[5], a[6])
		found[name] = outcome(errno)
	}
	// What was let through outside a session must not stay.
	_, _, _ = unix.RawSyscall(unix.SYS_PERSONALITY, 0, 0, 0)
	runtime.KeepAlive(text)
	return found
}

// inThread makes a call in a thread of its own, which may not come back from it. It is refused where the thread is gone,
// and not where there is only no answer.
func inThread(within time.Duration, call func() unix.Errno) Outcome {
	// This thread is another one then, and is there for as long as it is looked at.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	begun := make(chan int, 1)
	ended := make(chan unix.Errno, 1)
	go func() {
		runtime.LockOSThread()
		begun <- unix.Gettid()
		ended <- call()
	}()
	thread := <-begun
	// Where /proc shows another namespace's processes, each thread would seem to be gone.
	seen := running(unix.Gettid())
	for until := time.Now().Add(within); time.Now().Before(until); {
		// Looked at before the answer is: a thread ends after it has answered, too.
		gone := seen && !running(thread)
		select {
		case errno := <-ended:
			return outcome(errno)
		case <-time.After(10 * time.Millisecond):
			if gone {
				return Outcome{Errno: "SIGSYS"}
			}
		}
	}
	return Outcome{OK: true, Errno: "no answer"}
}

// running tells if this process has a thread that has not ended. The first thread of a process stays as a zombie.
func running(thread int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/stat", thread))
	if err != nil {
		return false
	}
	// The name before it may hold any character.
	at := bytes.LastIndex(text, []byte(") "))
	return at >= 0 && at+2 < len(text) && text[at+2] != 'Z' && text[at+2] != 'X'
}
