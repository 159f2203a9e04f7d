package answer

import (
	"strings"

	"cloister/seal/internal/guard"
	"cloister/seal/internal/trash"
	"golang.org/x/sys/unix"
)

// target is what a call would delete.
type target struct {
	// parent is the folder that it is in.
	parent int
	name   string
	// slashes follow the name in the caller's path.
	slashes bool
	// rmdir, rather than unlink.
	rmdir bool
	// folder and entry are what parent and name are; known where the kernel's answer has to be told without its call.
	folder, entry *status
}

// answer carries a call out, or refuses it, and returns the error that the caller gets.
//
// Not answered: the caller is gone.
func (s *Server) answer(c caller, call guard.Call, turn *turn, id uint64, buffer *[pathMax]byte) (unix.Errno, bool) {
	if call.Flags&^unix.AT_REMOVEDIR != 0 {
		return unix.EINVAL, true
	}
	path, errno := c.path(call.Path, buffer)
	if errno != 0 {
		return errno, s.listener.waiting(id)
	}
	folder, name, slashes := split(path)
	parent, errno := s.folderOf(c, call.Dir, path, folder, id)
	if parent >= 0 {
		defer unix.Close(parent)
	}
	switch {
	case errno == gone:
		return 0, false
	case errno != 0:
		return errno, true
	case s.turns.repeats(turn, path):
		return 0, true
	}
	return s.decide(target{parent: parent, name: name, slashes: slashes, rmdir: call.Flags == unix.AT_REMOVEDIR}), true
}

// gone: the caller is not in its call any more.
const gone = unix.ESRCH

// folderOf opens the folder of a path. Once it has asked whether the caller is still waiting, it reads nothing through the
// caller's number but what "self" is in a /proc.
func (s *Server) folderOf(c caller, dir int, path, folder string, id uint64) (int, unix.Errno) {
	base, errno := unix.AT_FDCWD, unix.Errno(0)
	if !strings.HasPrefix(path, "/") {
		if folder != "" && !s.sameProcesses {
			// Most calls, in one step. An error may be about the folder or about where it starts from.
			if fd, errno := c.beneath(dir, folder); errno == 0 {
				if !s.listener.waiting(id) {
					errno = gone
				}
				return fd, errno
			}
		}
		base, errno = c.folder(dir)
	}
	if !s.listener.waiting(id) {
		errno = gone
	}
	if errno != 0 || folder == "" {
		return base, errno
	}
	if base >= 0 {
		defer unix.Close(base)
	}
	return s.resolve(c, base, folder)
}

func (s *Server) decide(goal target) unix.Errno {
	if goal.name == "." || goal.name == ".." || goal.name == "/" || (goal.slashes && !goal.rmdir) {
		// Nothing is deleted by such a call: the kernel says why.
		return goal.delete()
	}
	var err error
	goal.entry, err = look(goal.parent, goal.name)
	if err == nil && !goal.entry.isMountRoot() {
		// It is in the same mount as its folder.
		guarded := s.folders[goal.entry.mount()]
		if guarded == nil || (guarded.bin == nil && goal.entry.youngerThan(s.since)) {
			return goal.delete()
		}
		return s.guard(goal, guarded)
	}
	if errno := goal.lookAtFolder(); errno != 0 {
		return errno
	}
	if err != nil {
		if s.folders[goal.folder.mount()] == nil {
			return goal.delete()
		}
		return errnoOf(err)
	}
	// A mount. The kernel knows of mounts in the guard's own mount namespace: these it would take away.
	if errno := goal.obstacle(); errno != 0 {
		return errno
	}
	return unix.EBUSY
}

func (t *target) lookAtFolder() unix.Errno {
	var err error
	t.folder, err = look(t.parent, "")
	return errnoOf(err)
}

// guard is about what was there before, and about everything in a folder that has a trash.
func (s *Server) guard(goal target, folder *guarded) unix.Errno {
	place, known := s.place(goal.parent, folder.Path)
	if folder.bin == nil {
		if errno := goal.obstacle(); errno != 0 {
			return errno
		}
		s.refusals.old(folder, trash.Join(place, goal.name))
		return unix.EPERM
	}
	if known && trash.Holds(trash.Join(place, goal.name)) {
		s.refusals.inTrash(folder, trash.Join(place, goal.name))
		return unix.EPERM
	}
	if goal.entry.youngerThan(s.since) {
		return goal.delete()
	}
	if errno := goal.obstacle(); errno != 0 {
		return errno
	}
	if !known {
		s.refusals.unplaced(folder, goal.name)
		return unix.EPERM
	}
	if goal.rmdir {
		return s.kept(folder, place, goal, folder.bin.PutFolder(goal.parent, goal.name, place, uint32(goal.entry.Mode)))
	}
	return s.kept(folder, place, goal, folder.bin.Put(goal.parent, goal.name, place))
}

// kept is the answer to a call whose target went to the trash, or did not.
func (s *Server) kept(folder *guarded, place string, goal target, err error) unix.Errno {
	if failed, ok := err.(*trash.Unusable); ok {
		s.refusals.unusable(folder, trash.Join(place, goal.name), failed)
		return unix.EPERM
	}
	return errnoOf(err)
}

// delete has the kernel delete, with the rights of the guard's user, which is the session's.
func (t target) delete() unix.Errno {
	flags := 0
	if t.rmdir {
		flags = unix.AT_REMOVEDIR
	}
	name := t.name
	if t.slashes {
		name += "/"
	}
	for {
		if err := unix.Unlinkat(t.parent, name, flags); err != unix.EINTR {
			return errnoOf(err)
		}
	}
}

// obstacle is the error that the kernel itself would answer with (do_unlinkat, do_rmdir, may_delete), in the kernel's order,
// without anything being deleted. Zero: it would delete.
func (t *target) obstacle() unix.Errno {
	if errno := t.lookAtFolder(); errno != 0 {
		return errno
	}
	var system unix.Statfs_t
	if err := unix.Fstatfs(t.parent, &system); err == nil && system.Flags&unix.ST_RDONLY != 0 {
		return unix.EROFS
	}
	if err := unix.Faccessat(t.parent, "", unix.W_OK|unix.X_OK, unix.AT_EMPTY_PATH); err != nil {
		return errnoOf(err)
	}
	user := uint32(unix.Geteuid())
	sticky := t.folder.Mode&unix.S_ISVTX != 0 && t.folder.Uid != user && t.entry.Uid != user
	switch {
	case sticky, t.folder.has(unix.STATX_ATTR_APPEND), t.entry.has(unix.STATX_ATTR_APPEND | unix.STATX_ATTR_IMMUTABLE):
		return unix.EPERM
	case t.rmdir && !t.entry.isFolder():
		return unix.ENOTDIR
	case !t.rmdir && t.entry.isFolder():
		return unix.EISDIR
	case t.rmdir && !t.entry.isMountRoot() && !empty(t.parent, t.name):
		return unix.ENOTEMPTY
	}
	return 0
}

// empty tells whether a folder has no entry. One that cannot be looked into may have none.
func empty(parent int, name string) bool {
	fd, err := openat(parent, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC)
	if err != nil {
		return true
	}
	defer unix.Close(fd)
	entries := make([]byte, 2048)
	for {
		n, err := unix.Getdents(fd, entries)
		if err != nil || n <= 0 {
			return true
		}
		if names := dropDots(entries[:n]); names > 0 {
			return false
		}
	}
}

func dropDots(entries []byte) int {
	_, count, _ := unix.ParseDirent(entries, -1, nil)
	return count
}

// place is a folder's path beneath the guarded folder that it is in, as the kernel tells it now. Unknown where the path is
// longer than the kernel tells, or has left the folder.
func (s *Server) place(parent int, folder string) (string, bool) {
	path, errno := s.pathOf(parent)
	if errno != 0 {
		return "", false
	}
	if path == folder {
		return "", true
	}
	rest, ok := strings.CutPrefix(path, folder+"/")
	return rest, ok
}
