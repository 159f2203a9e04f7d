package answer

import (
	"strings"

	"golang.org/x/sys/unix"
)

// maxLinks is how many links the kernel follows in one path (MAXSYMLINKS).
const maxLinks = 40

// procRoot is the number of the root folder of a /proc (linux/proc_ns.h, PROC_ROOT_INO).
const procRoot = 1

// split parts a path into the folder, the last name, and whether slashes follow it. The folder is empty where the path is
// a single name; the name is "/" where there is none.
func split(path string) (folder, name string, slashes bool) {
	trimmed := strings.TrimRight(path, "/")
	if trimmed == "" {
		return "", "/", false
	}
	at := strings.LastIndexByte(trimmed, '/') + 1
	return trimmed[:at], trimmed[at:], len(trimmed) < len(path)
}

// resolve opens a folder as the caller would find it. The guard's root is the session's.
func (s *Server) resolve(c caller, base int, path string) (int, unix.Errno) {
	if !s.sameProcesses {
		fd, errno := openFolder(base, path)
		if errno != unix.ENOENT {
			return fd, errno
		}
		// /proc/self of the session's own /proc is nothing for the guard, which has no number there. Everything else that
		// is not there is not there the second time either.
	}
	walk := walk{caller: c, left: path, links: maxLinks}
	return walk.from(base)
}

// walk follows a path step by step, with the caller in the place of the guard where a /proc says "self".
type walk struct {
	caller caller
	left   string
	links  int
}

func (w *walk) from(base int) (int, unix.Errno) {
	at, errno := openFolder(base, ".")
	for errno == 0 {
		if strings.HasPrefix(w.left, "/") {
			_ = unix.Close(at)
			if at, errno = openFolder(unix.AT_FDCWD, "/"); errno != 0 {
				break
			}
			w.left = strings.TrimLeft(w.left, "/")
		}
		if w.left == "" {
			return at, 0
		}
		var name string
		name, w.left, _ = strings.Cut(w.left, "/")
		w.left = strings.TrimLeft(w.left, "/")
		var next int
		next, errno = w.step(at, name)
		if errno == again {
			errno = 0
			continue
		}
		_ = unix.Close(at)
		at = next
	}
	return -1, errno
}

// again: the next step starts from the same folder, or from the root.
const again = unix.ERESTART

func (w *walk) step(at int, name string) (int, unix.Errno) {
	next, err := openat(at, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC)
	if err != nil && err != unix.ENOENT {
		return -1, errnoOf(err)
	}
	if isProcRoot(at) && (name == "self" || name == "thread-self") {
		if err == nil {
			_ = unix.Close(next)
		}
		return -1, w.own(name)
	}
	if err != nil {
		return -1, errnoOf(err)
	}
	var status unix.Stat_t
	if err := unix.Fstat(next, &status); err != nil {
		_ = unix.Close(next)
		return -1, errnoOf(err)
	}
	switch status.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return next, 0
	case unix.S_IFLNK:
		defer unix.Close(next)
		return w.link(at, next, name)
	}
	_ = unix.Close(next)
	return -1, unix.ENOTDIR
}

// own puts the caller's numbers into the rest of the path.
func (w *walk) own(name string) unix.Errno {
	process, thread, _ := w.caller.inside()
	if process == "" {
		return unix.ENOENT
	}
	if name == "thread-self" {
		process += "/task/" + thread
	}
	w.left = process + "/" + w.left
	return again
}

func (w *walk) link(at, link int, name string) (int, unix.Errno) {
	if w.links--; w.links < 0 {
		return -1, unix.ELOOP
	}
	if onProc(at) && !isProcRoot(at) {
		// A process's cwd, root or descriptor: the text of such a link is no path.
		return openFolder(at, name)
	}
	text := make([]byte, pathMax)
	n, err := unix.Readlinkat(link, "", text)
	if err != nil {
		return -1, errnoOf(err)
	}
	w.left = string(text[:n]) + "/" + w.left
	return -1, again
}

func onProc(fd int) bool {
	var status unix.Statfs_t
	return unix.Fstatfs(fd, &status) == nil && status.Type == unix.PROC_SUPER_MAGIC
}

func isProcRoot(fd int) bool {
	var status unix.Stat_t
	return onProc(fd) && unix.Fstat(fd, &status) == nil && status.Ino == procRoot
}
