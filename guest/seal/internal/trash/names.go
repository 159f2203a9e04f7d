// Package trash is about the trash of a guarded folder: what the guard puts there (Bin), and what the folder's owner does
// with it. Everything in it can be written by sessions, so every name is resolved from a descriptor, without links.
package trash

import (
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// Folder is the trash's name in the folder that it belongs to. In it, each batch is a tree: what was at PATH in the folder
// is at BATCH/PATH.
const Folder = ".cloister-trash"

// ignoreFile keeps git from seeing the trash.
const ignoreFile = ".gitignore"

// private: nobody but the owner reads what may have been in a folder that nobody else could read.
const private = 0o700

// how names are opened: nothing that a session arranges leads out of the folder.
const how = unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS | unix.RESOLVE_NO_XDEV

// Join puts a name behind a path beneath a folder, which is empty for the folder itself.
func Join(place, name string) string {
	if place == "" {
		return name
	}
	return place + "/" + name
}

// Holds tells whether a path beneath a folder is the trash or in it.
func Holds(place string) bool {
	return place == Folder || strings.HasPrefix(place, Folder+"/")
}

// clean makes one spelling of a path beneath a folder. False where it leaves the folder.
func clean(place string) (string, bool) {
	if strings.HasPrefix(place, "/") {
		return "", false
	}
	place = path.Clean(place)
	if place == "." {
		return "", true
	}
	return place, place != ".." && !strings.HasPrefix(place, "../")
}

// open gives a handle on a folder right beneath another.
func open(at int, name string, flags uint64) (int, error) {
	request := unix.OpenHow{Flags: flags | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC, Resolve: how}
	for {
		fd, err := unix.Openat2(at, name, &request)
		if err == unix.EINTR || err == unix.EAGAIN {
			// EAGAIN: something was renamed meanwhile; for a single name it cannot go on for ever.
			continue
		}
		return fd, err
	}
}

// openOrMake opens a folder right beneath another, or makes it.
func openOrMake(at int, name string, mode uint32) (int, error) {
	for tries := 0; ; tries++ {
		fd, err := open(at, name, unix.O_PATH)
		if err != unix.ENOENT || tries == maxTries {
			return fd, err
		}
		if err := unix.Mkdirat(at, name, mode); err != nil && err != unix.EEXIST {
			return -1, err
		}
	}
}

// maxTries bounds how often something is tried again that a session can spoil each time.
const maxTries = 3
