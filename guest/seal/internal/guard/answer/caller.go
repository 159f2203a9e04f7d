package answer

import (
	"bytes"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// pathMax is PATH_MAX: the longest path with its end.
	pathMax = 4096
	// chunk divides every page size: a read that does not cross a multiple of it touches one page.
	chunk = 4096
)

// caller is the thread that waits for an answer. Its process number may be another's by the time it is used: what was
// read counts only while the call is still waiting.
type caller struct {
	pid int
	// proc is /proc of the machine: the caller's own may show other numbers, or nothing.
	proc int
}

// path reads a path from the caller's memory, as getname() does for the kernel.
func (c caller) path(address uint64, buffer *[pathMax]byte) (string, unix.Errno) {
	have := 0
	for have < pathMax {
		want := min(pathMax-have, int(chunk-(address%chunk)))
		n, errno := readMemory(c.pid, address, buffer[have:have+want])
		if errno != 0 {
			return "", errno
		}
		if end := bytes.IndexByte(buffer[have:have+n], 0); end >= 0 {
			if have+end == 0 {
				return "", unix.ENOENT
			}
			return string(buffer[:have+end]), 0
		}
		if n < want {
			return "", unix.EFAULT
		}
		have += n
		address += uint64(n)
	}
	return "", unix.ENAMETOOLONG
}

// readMemory reads what does not cross a page. A process may read the memory of those that it may trace: the guard has
// the session's user, and owns the session's user namespace.
func readMemory(pid int, address uint64, into []byte) (int, unix.Errno) {
	local := unix.Iovec{Base: &into[0]}
	local.SetLen(len(into))
	remote := unix.RemoteIovec{Base: uintptr(address), Len: len(into)}
	n, _, errno := unix.Syscall6(unix.SYS_PROCESS_VM_READV, uintptr(pid),
		uintptr(unsafe.Pointer(&local)), 1, uintptr(unsafe.Pointer(&remote)), 1, 0)
	return int(n), errno
}

// folder opens the folder that the caller's relative paths start from: its working directory, or one of its descriptors.
func (c caller) folder(descriptor int) (int, unix.Errno) {
	process := strconv.Itoa(c.pid)
	if descriptor == unix.AT_FDCWD {
		return openFolder(c.proc, process+"/cwd")
	}
	if descriptor < 0 {
		return -1, unix.EBADF
	}
	fd, errno := openFolder(c.proc, process+"/fd/"+strconv.Itoa(descriptor))
	switch errno {
	case unix.ENOENT:
		return -1, unix.EBADF
	case unix.EACCES, unix.EPERM:
		// The list of descriptors is root's where a process has made itself untraceable for others of its user.
		return c.fetch(descriptor)
	}
	return fd, errno
}

// beneath opens a folder by a path that starts from the caller's working directory or descriptor.
func (c caller) beneath(descriptor int, path string) (int, unix.Errno) {
	start := "/cwd/"
	if descriptor != unix.AT_FDCWD {
		if descriptor < 0 {
			return -1, unix.EBADF
		}
		start = "/fd/" + strconv.Itoa(descriptor) + "/"
	}
	return openFolder(c.proc, strconv.Itoa(c.pid)+start+path)
}

// fetch takes a copy of a descriptor out of the caller's process.
func (c caller) fetch(descriptor int) (int, unix.Errno) {
	process, _, errno := unix.Syscall(unix.SYS_PIDFD_OPEN, uintptr(c.pid), 0, 0)
	if errno != 0 {
		// EINVAL, ENOENT: a thread, which has no such handle before Linux 6.9.
		return -1, unix.EACCES
	}
	defer unix.Close(int(process))
	taken, _, errno := unix.Syscall(unix.SYS_PIDFD_GETFD, process, uintptr(descriptor), 0)
	if errno != 0 {
		return -1, errno
	}
	defer unix.Close(int(taken))
	return openFolder(int(taken), ".")
}

// inside is the caller's process and thread number as its own /proc shows them, and how many process namespaces deep it is.
func (c caller) inside() (process, thread string, depth int) {
	text, err := readFile(c.proc, strconv.Itoa(c.pid)+"/status")
	if err != nil {
		return "", "", 0
	}
	last := func(line string) (string, int) {
		for _, found := range bytes.Split(text, []byte("\n")) {
			if rest, ok := bytes.CutPrefix(found, []byte(line)); ok {
				if numbers := bytes.Fields(rest); len(numbers) > 0 {
					return string(numbers[len(numbers)-1]), len(numbers)
				}
			}
		}
		return "", 0
	}
	process, _ = last("NStgid:")
	thread, depth = last("NSpid:")
	return process, thread, depth
}

// openFolder gives a handle on a folder, following links.
func openFolder(at int, path string) (int, unix.Errno) {
	fd, err := openat(at, path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC)
	return fd, errnoOf(err)
}

// readFile reads at most 16 KiB of a file of /proc.
func readFile(at int, path string) ([]byte, error) {
	fd, err := openat(at, path, unix.O_RDONLY|unix.O_CLOEXEC)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	text := make([]byte, 16<<10)
	n, err := unix.Read(fd, text)
	if err != nil {
		return nil, err
	}
	return text[:n], nil
}

// openat tries again after a signal: Go sends some to itself.
func openat(at int, path string, flags int) (int, error) {
	for {
		fd, err := unix.Openat(at, path, flags, 0)
		if err != unix.EINTR {
			return fd, err
		}
	}
}

func errnoOf(err error) unix.Errno {
	if err == nil {
		return 0
	}
	if errno, ok := err.(unix.Errno); ok {
		return errno
	}
	return unix.EIO
}
