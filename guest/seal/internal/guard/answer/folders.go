package answer

import (
	"errors"
	"strconv"
	"strings"

	"cloister/seal/internal/trash"
	"golang.org/x/sys/unix"
)

// Folder is a guarded folder as the command line names it.
type Folder struct {
	// Keeps is true for the mode trash: what was there before is moved to the folder's trash. False: it stays (rw).
	Keeps bool
	// Path is where the session sees the folder.
	Path string
}

// ParseFolder reads MODE:PATH.
func ParseFolder(text string) (Folder, error) {
	mode, path, _ := strings.Cut(text, ":")
	if (mode != "rw" && mode != "trash") || !strings.HasPrefix(path, "/") {
		return Folder{}, errors.New("--folder " + strconv.Quote(text) + ": write rw:/PATH or trash:/PATH")
	}
	return Folder{Keeps: mode == "trash", Path: path}, nil
}

// guarded is a folder that was found in the session's root.
type guarded struct {
	Folder
	// bin is the folder's trash. Nil in the mode rw.
	bin *trash.Bin
}

// find opens the folders in the session's root, before anything of the session's runs, and returns them by the number of
// their mounts. A call is then known to be about a folder by the mount that its path has led to, whatever the path was.
func find(folders []Folder) (map[uint64]*guarded, error) {
	found := map[uint64]*guarded{}
	for _, folder := range folders {
		bad := func(why string) error { return errors.New(strconv.Quote(folder.Path) + ": " + why) }
		how := unix.OpenHow{
			Flags:   unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC,
			Resolve: unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS,
		}
		fd, err := unix.Openat2(unix.AT_FDCWD, folder.Path, &how)
		if err != nil {
			return nil, bad(err.Error())
		}
		status, err := look(fd, "")
		if err != nil {
			return nil, bad(err.Error())
		}
		if !status.isMountRoot() {
			return nil, bad("it is not a mount of its own")
		}
		if _, double := found[status.mount()]; double {
			return nil, bad("it is guarded twice")
		}
		entry := &guarded{Folder: folder}
		if folder.Keeps {
			entry.bin = trash.NewBin(fd)
		} else {
			_ = unix.Close(fd)
		}
		found[status.mount()] = entry
	}
	return found, nil
}

// status is what is known of an entry of a folder.
type status unix.Statx_t

const wanted = unix.STATX_TYPE | unix.STATX_MODE | unix.STATX_UID | unix.STATX_INO | unix.STATX_BTIME | unix.STATX_MNT_ID

// look asks about an entry, not following a link; an empty name is the folder itself.
func look(folder int, name string) (*status, error) {
	var answer unix.Statx_t
	flags := unix.AT_SYMLINK_NOFOLLOW | unix.AT_NO_AUTOMOUNT
	if name == "" {
		flags |= unix.AT_EMPTY_PATH
	}
	for {
		err := unix.Statx(folder, name, flags, wanted, &answer)
		if err == unix.EINTR {
			continue
		}
		return (*status)(&answer), err
	}
}

func (s *status) isFolder() bool { return s.Mode&unix.S_IFMT == unix.S_IFDIR }

func (s *status) isMountRoot() bool { return s.has(unix.STATX_ATTR_MOUNT_ROOT) }

// has tells whether the entry has one of some attributes.
func (s *status) has(attributes uint64) bool { return s.Attributes&attributes != 0 }

// mount is the number of the mount that the entry is in.
func (s *status) mount() uint64 { return s.Mnt_id }

// youngerThan tells whether the entry was made after a time (nanoseconds since 1970). What a file system without birth
// times has was there before.
func (s *status) youngerThan(since int64) bool {
	return s.Mask&unix.STATX_BTIME != 0 && s.Btime.Sec*1e9+int64(s.Btime.Nsec) > since
}
