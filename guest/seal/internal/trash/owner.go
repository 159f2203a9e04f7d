package trash

import (
	"errors"
	"strconv"

	"golang.org/x/sys/unix"
)

// Owned is a folder with a trash, as its owner sees it.
type Owned struct {
	fd int
	// UID and GID are the folder's.
	UID, GID int
}

// Open opens the folder that somebody names. Links on the way are refused: a session may have put them there.
func Open(path string) (*Owned, error) {
	request := unix.OpenHow{
		Flags:   unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS,
	}
	fd, err := unix.Openat2(unix.AT_FDCWD, path, &request)
	if err == unix.ELOOP {
		return nil, errors.New(Shown(path) + ": a link is on the way: name the folder itself")
	}
	if err != nil {
		return nil, errors.New(Shown(path) + ": " + err.Error())
	}
	var status unix.Stat_t
	if err := unix.Fstat(fd, &status); err != nil {
		return nil, errors.New(Shown(path) + ": " + err.Error())
	}
	return &Owned{fd: fd, UID: int(status.Uid), GID: int(status.Gid)}, nil
}

// errNone: the folder has no trash.
var errNone = errors.New("there is no trash")

// bin opens the trash. It is errNone where there is none.
func (o *Owned) bin() (int, error) {
	fd, err := open(o.fd, Folder, unix.O_RDONLY)
	switch err {
	case nil:
		return fd, nil
	case unix.ENOENT:
		return -1, errNone
	case unix.ENOTDIR, unix.ELOOP:
		return -1, errors.New(Folder + " is not a folder: a session may have put something else there")
	}
	return -1, errors.New(Folder + ": " + err.Error())
}

// Report takes what is told of one entry, or what went wrong.
type Report interface {
	// Entry is something in the trash.
	Entry(batch, place string, status *unix.Stat_t)
	// Done is something that was restored.
	Done(place string)
	// Problem is something that was left as it is.
	Problem(text string)
}

// Shown is a name with nothing in it that a terminal acts on.
func Shown(name string) string {
	if quoted := strconv.Quote(name); quoted != `"`+name+`"` {
		return quoted
	}
	return name
}
