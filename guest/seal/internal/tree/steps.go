package tree

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"strconv"

	"golang.org/x/sys/unix"
)

// ErrMounted is why a folder is not entered: what is behind a mount is not the folder owner's to lose.
var ErrMounted = errors.New("something is mounted there")

// tries is how often a call is repeated that the kernel asks to repeat.
const tries = 128

// OpenFolder opens a trusted folder by its absolute path, no part of which may be a link.
func OpenFolder(path string) (int, error) {
	if path == "" || path[0] != '/' {
		return -1, errors.New(strconv.QuoteToASCII(path) + " is not an absolute path")
	}
	return openat2(unix.AT_FDCWD, path, unix.OpenHow{
		Flags:   unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS,
	})
}

// openFolder opens one name in a folder, if it is a folder of the same mount.
func openFolder(parent int, name string) (int, error) {
	fd, err := openWithin(parent, name, unix.O_DIRECTORY)
	if err == unix.EXDEV {
		return -1, ErrMounted
	}
	return fd, err
}

func openWithin(parent int, name string, flags uint64) (int, error) {
	return openat2(parent, name, unix.OpenHow{
		Flags: flags | unix.O_RDONLY | unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS |
			unix.RESOLVE_NO_XDEV,
	})
}

func openat2(parent int, name string, how unix.OpenHow) (int, error) {
	for range tries {
		fd, err := unix.Openat2(parent, name, &how)
		if err != unix.EINTR && err != unix.EAGAIN {
			return fd, err
		}
	}
	return -1, unix.EAGAIN
}

// unlink removes one name. Flags that forbid it are taken away, from the folder and from what has the name.
func (r *remover) unlink(f *frame, name string, how int) error {
	r.see("unlink", name)
	err := unlinkat(f.fd, name, how)
	if err == unix.EPERM && unflag(f, name) {
		err = unlinkat(f.fd, name, how)
	}
	if err == unix.EBUSY {
		return ErrMounted
	}
	if err == nil {
		r.removed++
	}
	return err
}

func unlinkat(parent int, name string, how int) error {
	for {
		if err := unix.Unlinkat(parent, name, how); err != unix.EINTR {
			return err
		}
	}
}

// lift moves a folder up into the top folder, under a name that is not there.
func (r *remover) lift(f *frame, name string) error {
	for range tries {
		r.see("lift", name)
		fresh := r.fresh.next()
		err := rename(f.fd, name, r.top().fd, fresh)
		if err == unix.EPERM && (unflag(f, name) || clearFlags(r.top().fd)) {
			err = rename(f.fd, name, r.top().fd, fresh)
		}
		if err == nil && len(r.lifted) < waiting {
			r.lifted = append(r.lifted, fresh)
		}
		if err != unix.EEXIST && err != unix.EINTR {
			return err
		}
	}
	return unix.EEXIST
}

func rename(from int, name string, to int, fresh string) error {
	return unix.Renameat2(from, name, to, fresh, unix.RENAME_NOREPLACE)
}

// fresh makes names that nobody can foresee.
type fresh struct {
	prefix string
	count  uint64
}

func newFresh() *fresh {
	random := make([]byte, 8)
	// Never fails (crypto/rand).
	_, _ = rand.Read(random)
	return &fresh{prefix: ".removed-" + hex.EncodeToString(random) + "-"}
}

func (f *fresh) next() string {
	f.count++
	return f.prefix + strconv.FormatUint(f.count, 36)
}
