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
	base := unix.AT_FDCWD
	if !strings.HasPrefix(path, "/") {
		if base, errno = c.folder(call.Dir); errno == 0 {
			defer unix.Close(base)
		}
	}
	// From here on nothing is read through the caller's number but a /proc's "self": what was read was the caller's own.
	if !s.listener.waiting(id) {
		return 0, false
	}
	if errno != 0 {
		return errno, true
	}
	if s.turns.repeats(turn, path) {
		return 0, true
	}
	goal := target{parent: base, name: name, slashes: slashes, rmdir: call.Flags == unix.AT_REMOVEDIR}
	if folder != "" {
		if goal.parent, errno = s.parent(c, base, folder); errno != 0 {
			return errno, true
		}
		defer unix.Close(goal.parent)
	}
	return s.decide(goal), true
}

func (s *Server) decide(goal target) unix.Errno {
	if goal.name == "." || goal.name == ".." || goal.name == "/" || (goal.slashes && !goal.rmdir) {
		// Nothing is deleted by such a call: the kernel says why.
		return goal.delete()
	}
	folder, err := look(goal.parent, "")
	if err != nil {
		return errnoOf(err)
	}
	guarded := s.folders[folder.mount()]
	entry, err := look(goal.parent, goal.name)
	switch {
	case err != nil && guarded == nil:
		return goal.delete()
	case err != nil:
		return errnoOf(err)
	case entry.mount() != folder.mount():
		// The kernel knows of mounts in the guard's own mount namespace: these it would take away.
		if errno := goal.obstacle(entry); errno != 0 {
			return errno
		}
		return unix.EBUSY
	case guarded == nil:
		return goal.delete()
	}
	if guarded.bin == nil && entry.youngerThan(s.since) {
		return goal.delete()
	}
	return s.guard(goal, guarded, entry)
}

// guard is about what was there before, and about everything in a folder that has a trash.
func (s *Server) guard(goal target, folder *guarded, entry *status) unix.Errno {
	place, known := s.place(goal.parent, folder.Path)
	if folder.bin == nil {
		if errno := goal.obstacle(entry); errno != 0 {
			return errno
		}
		s.refusals.old(folder, trash.Join(place, goal.name))
		return unix.EPERM
	}
	if known && trash.Holds(trash.Join(place, goal.name)) {
		s.refusals.inTrash(folder, trash.Join(place, goal.name))
		return unix.EPERM
	}
	if entry.youngerThan(s.since) {
		return goal.delete()
	}
	if errno := goal.obstacle(entry); errno != 0 {
		return errno
	}
	if !known {
		s.refusals.unplaced(folder, goal.name)
		return unix.EPERM
	}
	if goal.rmdir {
		return s.kept(folder, place, goal, folder.bin.PutFolder(goal.parent, goal.name, place, uint32(entry.Mode)))
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

// obstacle is the error that the kernel itself would answer with, in the kernel's order, without anything being deleted.
// Zero: it would delete. (What only owners may delete in a sticky folder, and immutable files, are EPERM as the guard's own.)
func (t target) obstacle(entry *status) unix.Errno {
	var system unix.Statfs_t
	if err := unix.Fstatfs(t.parent, &system); err == nil && system.Flags&unix.ST_RDONLY != 0 {
		return unix.EROFS
	}
	if err := unix.Faccessat(t.parent, "", unix.W_OK|unix.X_OK, unix.AT_EMPTY_PATH); err != nil {
		return errnoOf(err)
	}
	if !t.rmdir {
		if entry.isFolder() {
			return unix.EISDIR
		}
		return 0
	}
	if !entry.isFolder() {
		return unix.ENOTDIR
	}
	if !entry.isMountRoot() && !empty(t.parent, t.name) {
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
