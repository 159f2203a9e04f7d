package trash

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long a session may keep the emptying busy by putting more into the trash.
const patience = 10 * time.Minute

// Empty deletes the trash with everything in it, for good. (internal/tree is for root: as the folder's owner, folders without
// rights have to be given some first.)
func (o *Owned) Empty(report Report) error {
	bin, err := o.bin()
	if err == errNone {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(bin)
	remover := remover{top: bin, report: report, deadline: time.Now().Add(patience)}
	remover.prefix = ".deep-" + strconv.FormatInt(time.Now().UnixNano(), 36) + "-"
	remover.all()
	if err := unix.Unlinkat(o.fd, Folder, unix.AT_REMOVEDIR); err != nil && !remover.failed {
		return errors.New(Folder + ": " + err.Error())
	}
	return nil
}

// remover deletes in bounded memory and with a bounded number of descriptors: folders that lie too deep are moved up first.
type remover struct {
	top      int
	report   Report
	deadline time.Time
	// lifted counts the folders that were moved up, under names that begin with prefix.
	lifted int
	prefix string
	failed bool
}

func (r *remover) all() {
	r.content(r.top, "", 0, "")
	for done := 0; done < r.lifted; {
		done = r.lifted
		if _, err := unix.Seek(r.top, 0, 0); err != nil {
			r.fail("", err)
			return
		}
		r.content(r.top, "", 0, r.prefix)
	}
}

func (r *remover) fail(place string, err error) {
	r.failed = true
	r.report.Problem(Shown(Join(Folder, place)) + ": " + err.Error())
}

var errBusy = errors.New("somebody puts more into it all the time")

// content deletes what is in an open folder and has a prefix. What cannot be deleted is told, and the rest is deleted.
func (r *remover) content(folder int, place string, depth int, prefix string) {
	err := names(folder, func(name string) error {
		if time.Now().After(r.deadline) {
			return errBusy
		}
		if !strings.HasPrefix(name, prefix) {
			return nil
		}
		inner := Join(place, name)
		err := unix.Unlinkat(folder, name, 0)
		if err == unix.EISDIR {
			err = r.inner(folder, name, inner, depth+1)
		}
		if err != nil && err != unix.ENOENT {
			r.fail(inner, err)
		}
		return nil
	})
	if err != nil {
		r.fail(place, err)
	}
}

func (r *remover) inner(parent int, name, place string, depth int) error {
	fd, err := openUsable(parent, name)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if depth == maxDepth {
		r.lifted++
		return unix.Renameat2(parent, name, r.top, r.prefix+strconv.Itoa(r.lifted), unix.RENAME_NOREPLACE)
	}
	before := r.failed
	r.failed = false
	r.content(fd, place, depth, "")
	inside := r.failed
	r.failed = before || inside
	if err := unix.Unlinkat(parent, name, unix.AT_REMOVEDIR); err != nil && !inside {
		return err
	}
	return nil
}

// openUsable opens a folder, and gives its owner all rights to it where some are missing. What is changed is the folder that
// was opened, whatever has its name by then.
func openUsable(parent int, name string) (int, error) {
	handle, err := open(parent, name, unix.O_PATH)
	if err != nil {
		return -1, err
	}
	defer unix.Close(handle)
	if unix.Faccessat(handle, "", unix.R_OK|unix.W_OK|unix.X_OK, unix.AT_EMPTY_PATH) != nil {
		// Another's folder: the next call says so.
		_ = unix.Chmod("/proc/self/fd/"+strconv.Itoa(handle), private)
	}
	return open(handle, ".", unix.O_RDONLY)
}
