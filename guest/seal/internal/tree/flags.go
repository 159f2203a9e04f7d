package tree

import "golang.org/x/sys/unix"

// Flags of a file that forbid its removal, and a folder's that of what is in it (ioctl_iflags(2)).
const holding = 0x10 | 0x20 // FS_IMMUTABLE_FL | FS_APPEND_FL

// unflag takes the flags away that keep a name in a folder. It returns whether there were any.
func unflag(f *frame, name string) bool {
	changed := !f.trusted && clearFlags(f.fd)
	var status unix.Stat_t
	if unix.Fstatat(f.fd, name, &status, unix.AT_SYMLINK_NOFOLLOW) != nil || !mayBeFlagged(&status) {
		return changed
	}
	fd, err := openWithin(f.fd, name, 0)
	if err != nil {
		return changed
	}
	// It may be something else than it was: only what is open counts.
	if unix.Fstat(fd, &status) == nil && mayBeFlagged(&status) {
		changed = clearFlags(fd) || changed
	}
	_ = unix.Close(fd)
	return changed
}

func mayBeFlagged(status *unix.Stat_t) bool {
	kind := status.Mode & unix.S_IFMT
	return kind == unix.S_IFREG || kind == unix.S_IFDIR
}

func clearFlags(fd int) bool {
	flags, err := unix.IoctlGetUint32(fd, unix.FS_IOC_GETFLAGS)
	if err != nil || flags&holding == 0 {
		return false
	}
	return unix.IoctlSetPointerInt(fd, unix.FS_IOC_SETFLAGS, int(flags&^holding)) == nil
}
