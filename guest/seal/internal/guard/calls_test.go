package guard_test

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// calls is a command that makes calls of every kind in its working directory, each about an entry of its own, and prints
// what the kernel answered. The tree is oracleTree's.
type calls struct{ here string }

func makeCalls([]string) {
	// The process's first thread stays as it is: "self" is what that has.
	runtime.LockOSThread()
	here, err := os.Getwd()
	if err != nil {
		die(err)
	}
	c := calls{here}
	c.byPath()
	c.byAddress()
	c.byDescriptor()
	c.byProc()
	c.byThread()
}

func (calls) say(name string, errno unix.Errno) {
	fmt.Printf("%s\t%s\n", name, nameOf(errno))
}

func nameOf(errno unix.Errno) string {
	if errno == 0 {
		return "ok"
	}
	return unix.ErrnoName(errno)
}

func unlinkat(dir int, address uintptr, flags int) unix.Errno {
	_, _, errno := unix.Syscall(unix.SYS_UNLINKAT, uintptr(dir), address, uintptr(flags))
	return errno
}

// delete tries the oldest call that there is.
func (calls) delete(path string, rmdir bool) unix.Errno {
	b := append([]byte(path), 0)
	defer runtime.KeepAlive(b)
	if errno, ok := legacy(addressOf(&b[0]), rmdir); ok {
		return errno
	}
	flags := 0
	if rmdir {
		flags = unix.AT_REMOVEDIR
	}
	return unlinkat(unix.AT_FDCWD, addressOf(&b[0]), flags)
}

func (calls) deleteAt(dir int, path string, flags int) unix.Errno {
	b := append([]byte(path), 0)
	defer runtime.KeepAlive(b)
	return unlinkat(dir, addressOf(&b[0]), flags)
}

func (c calls) byPath() {
	long := strings.Repeat("n", 255)
	paths := []string{
		"", "/", "//", ".", "..", "./", "../", "d0/.", "d0/..", "none", "none/", "none/none", "none/.", "file0/none", "file0/.", "file0/..",
		"file1", "./file2", "d0/file", "d0//file1", "d0/../file3", "file4/", "file4//", "empty1", "empty2/", "./empty3//", "full", "full/", "d0/empty4",
		"link-file", "link-file2/", "link-dir", "link-dir2/", "link-dir3/file2", "link-none", "link-none2/", "link-none3/x", "link-loop", "loop1/x", "link-abs/file3",
		"link-d40/linked40", "link-d41/linked41", "link-d39/linked39",
		"fifo", "unwritable/file", "unwritable/none", "unwritable/empty", "unsearchable/file", "unsearchable/none", "unsearchable/../file5", "sticky/file", "sticky/empty", "sticky/own",
		"mount", "mount/", "mount/.", "mount/file", "mount/none", "mount/empty", "filemount", "filemount/", "readonly/file", "readonly/none", "readonly/empty", "readonly", "readonly/full",
		"immutable", long, long + "n", long + "n/x", "none/" + long + "n", "no-mode", "no-mode-full", "bytes-\xff\xfe\n", c.here + "/absolute", "/none-at-all", "/proc", "/proc/1", "/proc/sys/kernel/ostype", "/dev/null", "/sys/kernel",
		strings.Repeat("./", 2000) + "dotted", strings.Repeat("./", 2045) + "fits", strings.Repeat("./", 2046) + "long", strings.Repeat("x/", 2048),
		"deep/" + strings.Repeat("d/", 60) + "file", "deep2/" + strings.Repeat("d/", 60), "setgid/file", "hard1",
	}
	for _, path := range paths {
		name := path
		if len(name) > 60 {
			name = fmt.Sprintf("%s...(%d)", name[:60], len(name))
		}
		name = strings.ReplaceAll(name, c.here, "HERE")
		// The call of the other kind fails for what is of its own kind, so it goes first.
		var status unix.Stat_t
		folder := unix.Lstat(strings.TrimRight(path, "/"), &status) == nil && status.Mode&unix.S_IFMT == unix.S_IFDIR
		for _, rmdir := range []bool{!folder, folder} {
			kind := map[bool]string{false: "unlink", true: "rmdir"}[rmdir]
			c.say(fmt.Sprintf("%s %q", kind, name), c.delete(path, rmdir))
		}
	}
}

func (c calls) byAddress() {
	for _, address := range []uintptr{0, 1, 4095, 1 << 46, ^uintptr(0), ^uintptr(0) - 100, 1 << 63} {
		c.say(fmt.Sprintf("address %x", address), unlinkat(unix.AT_FDCWD, address, 0))
	}
	pages, err := unix.Mmap(-1, 0, 4*4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		die(err)
	}
	if err := unix.Mprotect(pages[2*4096:3*4096], unix.PROT_NONE); err != nil {
		die(err)
	}
	put := func(end int, content string) uintptr {
		copy(pages[end-len(content):end], content)
		return addressOf(&pages[end-len(content)])
	}
	c.say("ends with its page", unlinkat(unix.AT_FDCWD, put(2*4096, "edge1\x00"), 0))
	c.say("has no end", unlinkat(unix.AT_FDCWD, put(2*4096, "edge2"), 0))
	c.say("crosses pages", unlinkat(unix.AT_FDCWD, put(4096+2, "edge3\x00"), 0))
	c.say("is in no readable page", unlinkat(unix.AT_FDCWD, addressOf(&pages[0])+2*4096+10, 0))
	for i := range pages[:2*4096] {
		pages[i] = '/'
	}
	c.say("4096 bytes and more", unlinkat(unix.AT_FDCWD, addressOf(&pages[0])+17, 0))
	c.say("4095 slashes and no end", unlinkat(unix.AT_FDCWD, addressOf(&pages[0])+4097, 0))
}

func open(path string, flags int) int {
	fd, err := unix.Open(path, flags|unix.O_CLOEXEC, 0)
	if err != nil {
		die(fmt.Errorf("%s: %w", path, err))
	}
	return fd
}

func (c calls) byDescriptor() {
	folder, handle, file := open("d1", unix.O_RDONLY), open("d1", unix.O_PATH), open("file0", unix.O_RDONLY)
	c.say("fd", c.deleteAt(folder, "a", 0))
	c.say("O_PATH fd", c.deleteAt(handle, "b", 0))
	c.say("fd, rmdir", c.deleteAt(folder, "empty", unix.AT_REMOVEDIR))
	c.say("fd, ..", c.deleteAt(folder, "../file6", 0))
	c.say("fd of a file", c.deleteAt(file, "a", 0))
	c.say("fd of a file, absolute", c.deleteAt(file, c.here+"/file7", 0))
	c.say("fd of a file, empty", c.deleteAt(file, "", 0))
	c.say("no fd", c.deleteAt(987, "a", 0))
	c.say("no fd, empty", c.deleteAt(987, "", 0))
	c.say("no fd, absolute", c.deleteAt(987, c.here+"/file8", 0))
	c.say("negative", c.deleteAt(-5, "a", 0))
	c.say("upper half", c.deleteAt(folder|0x7eadbeef<<32, "c", 0))
	c.say("flags", c.deleteAt(folder, "d", 1))
	c.say("flags and no fd", c.deleteAt(987, "d", 0x4000))
	c.say("upper half of flags", c.deleteAt(folder, "d", 1<<40))
	c.say("flags and empty", c.deleteAt(folder, "", 0x1000))
	gone := open("gone", unix.O_RDONLY)
	_ = syscall.Rename("gone", "gone-elsewhere")
	c.say("fd of a folder that moved", c.deleteAt(gone, "file", 0))
}

func (c calls) byProc() {
	folder := open("d2", unix.O_RDONLY)
	for _, path := range []string{
		"/proc/self/cwd/proc1", "/proc/thread-self/cwd/proc2", fmt.Sprintf("/proc/%d/cwd/proc3", os.Getpid()),
		fmt.Sprintf("/proc/self/fd/%d/a", folder), fmt.Sprintf("/dev/fd/%d/b", folder), fmt.Sprintf("/proc/thread-self/fd/%d/../proc4", folder),
		"/proc/self/root" + c.here + "/proc5", "/proc/../proc/self/./cwd/proc6", "link-proc/proc7", "/proc/self/cwd/../tree/proc8",
		"/proc/self", "/proc/self/", "/proc/self/cwd", "/proc/self/none/x", "/proc/self/fd/986/x", "/proc/mounts/x", "/proc/self/cwd/none", "/proc/self/exe/x", "/proc/net/x",
		"/proc/self/cwd/d0/none/x", "/proc/self/cwd/loop1/x", "/proc/self/cwd/unsearchable/x", "/proc/none/x",
	} {
		name := strings.ReplaceAll(strings.ReplaceAll(path, c.here, "HERE"), fmt.Sprint(os.Getpid()), "PID")
		name = strings.ReplaceAll(name, fmt.Sprintf("/%d/", folder), "/FD/")
		c.say(fmt.Sprintf("%q", name), c.deleteAt(unix.AT_FDCWD, path, 0))
	}
}

// byThread: working directory and descriptors may be a thread's own.
func (c calls) byThread() {
	done := make(chan bool)
	go func() {
		// Never unlocked: the thread ends with it.
		runtime.LockOSThread()
		if err := unix.Unshare(unix.CLONE_FS | unix.CLONE_FILES); err != nil {
			die(err)
		}
		_ = unix.Chdir("d3")
		c.say("thread's own working directory", c.deleteAt(unix.AT_FDCWD, "a", 0))
		c.say("thread's own by self", c.deleteAt(unix.AT_FDCWD, "/proc/self/cwd/thread1", 0))
		c.say("thread's own by thread-self", c.deleteAt(unix.AT_FDCWD, "/proc/thread-self/cwd/b", 0))
		fd := open("../d4", unix.O_RDONLY)
		if err := unix.Dup3(fd, 900, 0); err != nil {
			die(err)
		}
		c.say("thread's own descriptor", c.deleteAt(900, "a", 0))
		close(done)
	}()
	<-done
	c.say("another thread's descriptor", c.deleteAt(900, "b", 0))
	c.say("the process's own working directory", c.deleteAt(unix.AT_FDCWD, "thread2", 0))
	// A working directory that was deleted. It was made after the session's start, so it can be.
	if unix.Mkdir("left", 0o755) != nil || unix.Chdir("left") != nil {
		die(unix.ENOENT)
	}
	c.say("its own working directory", c.deleteAt(unix.AT_FDCWD, "../left", unix.AT_REMOVEDIR))
	c.say("in it", c.deleteAt(unix.AT_FDCWD, "x", 0))
	c.say("above it", c.deleteAt(unix.AT_FDCWD, "../file9", 0))
	c.say("it", c.deleteAt(unix.AT_FDCWD, ".", unix.AT_REMOVEDIR))
}
