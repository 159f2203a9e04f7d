package probe

import "golang.org/x/sys/unix"

// oldWays are calls that newer architectures were never given.
func oldWays() []modeWay {
	return []modeWay{
		{name: "chmod", file: true, do: func(path string) error { return call(unix.SYS_CHMOD, text(path), setUser) }},
		{name: "creat", do: func(path string) error { return closed(unix.SYS_CREAT, text(path), setUser) }},
		{name: "open", do: func(path string) error {
			return closed(unix.SYS_OPEN, text(path), unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY, setUser)
		}},
		{name: "mknod", do: func(path string) error { return call(unix.SYS_MKNOD, text(path), unix.S_IFREG|setGroup, 0) }},
		{name: "mknod-whiteout", do: func(path string) error { return call(unix.SYS_MKNOD, text(path), unix.S_IFCHR, 0) }},
		{name: "mkdir", do: func(path string) error { return call(unix.SYS_MKDIR, text(path), setBoth) }},
	}
}

// closed makes a call that opens a descriptor, and closes it.
func closed(number uintptr, arguments ...uintptr) error {
	var a [3]uintptr
	copy(a[:], arguments)
	fd, _, errno := unix.Syscall(number, a[0], a[1], a[2])
	if errno == 0 {
		_ = unix.Close(int(fd))
	}
	return numbered(errno)
}
