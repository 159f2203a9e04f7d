package trash

import (
	"crypto/rand"
	"encoding/hex"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Unusable is the error of a trash that takes nothing.
type Unusable struct{ reason string }

func (e *Unusable) Error() string { return e.reason }

// Bin is the guard's end of a folder's trash. All calls are made with the session's own rights.
type Bin struct {
	folder int
	mutex  sync.Mutex
	bin    handle
	batch  handle
	name   string
	// last is the folder in the batch that took the last thing.
	last  handle
	place string
}

// NewBin is the trash of an open folder, which stays open. Nothing is made before something is put in.
func NewBin(folder int) *Bin { return &Bin{folder: folder, bin: closed, batch: closed, last: closed} }

// handle is an open folder, and what tells it from others.
type handle struct {
	fd  int
	ino uint64
}

var closed = handle{fd: -1}

func (h *handle) close() {
	if h.fd >= 0 {
		_ = unix.Close(h.fd)
	}
	*h = closed
}

// is tells whether a name still leads to the folder.
func (h *handle) is(at int, name string) bool {
	var status unix.Stat_t
	return h.fd >= 0 && unix.Fstatat(at, name, &status, unix.AT_SYMLINK_NOFOLLOW) == nil && status.Ino == h.ino
}

func (h *handle) take(fd int) error {
	h.close()
	var status unix.Stat_t
	if err := unix.Fstat(fd, &status); err != nil {
		_ = unix.Close(fd)
		return err
	}
	*h = handle{fd: fd, ino: status.Ino}
	return nil
}

// Put moves a file (or anything else that is no folder) into the trash. place is the path of its folder beneath the guarded
// one. An error that is not Unusable is what the kernel would have said to the deletion itself.
func (b *Bin) Put(parent int, name, place string) error {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	var err error
	for range maxTries {
		if err = b.reach(place); err != nil {
			if b.renew(err) {
				continue
			}
			return unusable(err)
		}
		err = unix.Renameat2(parent, name, b.last.fd, name, unix.RENAME_NOREPLACE)
		switch err {
		case nil, unix.EACCES, unix.EPERM, unix.EROFS, unix.EBUSY:
			return err
		case unix.ENOENT:
			// Either it is gone, or the folder in the trash is: then the next try makes a new one.
			var status unix.Stat_t
			if unix.Fstatat(parent, name, &status, unix.AT_SYMLINK_NOFOLLOW) != nil {
				return err
			}
			b.last.close()
			b.batch.close()
		default:
			if !b.renew(err) {
				return unusable(err)
			}
		}
	}
	return unusable(err)
}

// PutFolder deletes an empty folder and leaves one with its mode in the trash: what was in it may be there already.
func (b *Bin) PutFolder(parent int, name, place string, mode uint32) error {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	var err error
	for range maxTries {
		if err = b.reach(Join(place, name)); err == nil || !b.renew(err) {
			break
		}
	}
	if err != nil {
		return unusable(err)
	}
	if err := unix.Unlinkat(parent, name, unix.AT_REMOVEDIR); err != nil {
		// Nothing was deleted: a stand-in that is empty says otherwise.
		b.withdraw(Join(place, name))
		return err
	}
	// Whatever it was, the owner can still use what is in it.
	if fd, err := open(b.last.fd, ".", unix.O_RDONLY); err == nil {
		_ = unix.Fchmod(fd, mode&0o777|private)
		_ = unix.Close(fd)
	}
	return nil
}

// withdraw takes an empty folder out of the batch again.
func (b *Bin) withdraw(place string) {
	above, name := "", place
	if at := strings.LastIndexByte(place, '/'); at >= 0 {
		above, name = place[:at], place[at+1:]
	}
	if b.reach(above) == nil {
		_ = unix.Unlinkat(b.last.fd, name, unix.AT_REMOVEDIR)
	}
}

// renew has the next try begin a new batch where the present one has something else in the way. It tells whether that helps.
func (b *Bin) renew(err error) bool {
	switch err {
	case unix.EEXIST, unix.ENOTDIR, unix.ENOTEMPTY, unix.ELOOP, unix.EACCES, unix.EPERM, unix.ENOENT, unix.EXDEV:
		had := b.batch.fd >= 0
		b.last.close()
		b.batch.close()
		return had
	}
	return false
}

func unusable(err error) error {
	switch err {
	case unix.ENOTDIR, unix.ELOOP:
		return &Unusable{Folder + " is not a folder"}
	case nil:
		return &Unusable{"it changes all the time"}
	}
	return &Unusable{err.Error()}
}

// reach opens the folder of the batch for a path, and makes what is missing on the way.
func (b *Bin) reach(place string) error {
	if !b.bin.is(b.folder, Folder) {
		b.last.close()
		b.batch.close()
		if err := b.openBin(); err != nil {
			return err
		}
	}
	if !b.batch.is(b.bin.fd, b.name) {
		b.last.close()
		if err := b.begin(); err != nil {
			return err
		}
	}
	if b.last.fd >= 0 && b.place == place {
		return nil
	}
	b.last.close()
	at, err := descend(b.batch.fd, place, true)
	if err != nil {
		return err
	}
	b.place = place
	return b.last.take(at)
}

func (b *Bin) openBin() error {
	fd, err := openOrMake(b.folder, Folder, private)
	if err != nil {
		return err
	}
	if err := b.bin.take(fd); err != nil {
		return err
	}
	ignore, err := unix.Openat(fd, ignoreFile, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		// It is there, or git shows the trash: nothing is lost by that.
		return nil
	}
	_, _ = unix.Write(ignore, []byte("*\n"))
	_ = unix.Close(ignore)
	return nil
}

// begin makes a new batch. Its name says when, and is no other's.
func (b *Bin) begin() error {
	for range maxTries {
		var random [4]byte
		if _, err := rand.Read(random[:]); err != nil {
			return err
		}
		name := time.Now().UTC().Format(batchTime) + "-" + hex.EncodeToString(random[:])
		err := unix.Mkdirat(b.bin.fd, name, private)
		if err == unix.EEXIST {
			continue
		}
		if err != nil {
			return err
		}
		fd, err := open(b.bin.fd, name, unix.O_PATH)
		if err != nil {
			return err
		}
		b.name = name
		return b.batch.take(fd)
	}
	return unix.EEXIST
}

// batchTime is how a batch's name begins: sorted by name, batches are sorted by age.
const batchTime = "20060102T150405Z"

// descend opens a path beneath a folder name by name; with `make`, it makes what is missing. However long the path is, no
// call sees more than one name.
func descend(at int, place string, make bool) (int, error) {
	fd, err := open(at, ".", unix.O_PATH)
	for err == nil && place != "" {
		var name string
		name, place, _ = strings.Cut(place, "/")
		var next int
		if make {
			next, err = openOrMake(fd, name, private)
		} else {
			next, err = open(fd, name, unix.O_PATH)
		}
		_ = unix.Close(fd)
		fd = next
	}
	if err != nil {
		return -1, err
	}
	return fd, nil
}
