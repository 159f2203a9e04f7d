package trash

import (
	"errors"
	"strconv"

	"golang.org/x/sys/unix"
)

// Empty deletes the trash with everything in it, for good.
func (o *Owned) Empty(report Report) error {
	bin, err := o.bin()
	if err == errNone {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(bin)
	if err := removeContent(bin); err != nil {
		return err
	}
	if err := unix.Unlinkat(o.fd, Folder, unix.AT_REMOVEDIR); err != nil {
		return errors.New(Folder + ": " + err.Error())
	}
	return nil
}

// removeContent empties an open folder, whatever is in it, in bounded memory and with a bounded number of descriptors.
func removeContent(folder int) error {
	remover := remover{top: folder}
	for {
		remover.moved = false
		if err := remover.folder(folder, 0); err != nil {
			return err
		}
		if !remover.moved {
			return nil
		}
		// What was too deep lies in the top folder now.
		if _, err := unix.Seek(folder, 0, 0); err != nil {
			return err
		}
	}
}

type remover struct {
	top   int
	moved bool
	count int
}

func (r *remover) folder(folder, depth int) error {
	return names(folder, func(name string) error {
		err := unix.Unlinkat(folder, name, 0)
		switch err {
		case nil, unix.ENOENT:
			return nil
		case unix.EISDIR:
			return r.inner(folder, name, depth+1)
		}
		return errors.New(Shown(name) + ": " + err.Error())
	})
}

func (r *remover) inner(parent int, name string, depth int) error {
	if depth == maxDepth {
		r.moved = true
		r.count++
		return unix.Renameat2(parent, name, r.top, ".deep-"+strconv.Itoa(unix.Getpid())+"-"+strconv.Itoa(r.count), unix.RENAME_NOREPLACE)
	}
	fd, err := open(parent, name, unix.O_RDONLY)
	if err == unix.EACCES {
		if err = makeUsable(parent, name); err == nil {
			fd, err = open(parent, name, unix.O_RDONLY)
		}
	}
	if err != nil {
		return errors.New(Shown(name) + ": " + err.Error())
	}
	defer unix.Close(fd)
	// A folder without the right to write is its owner's all the same.
	if unix.Faccessat(fd, "", unix.W_OK|unix.X_OK, unix.AT_EMPTY_PATH) != nil {
		_ = unix.Fchmod(fd, private)
	}
	if err := r.folder(fd, depth); err != nil {
		return err
	}
	if err := unix.Unlinkat(parent, name, unix.AT_REMOVEDIR); err != nil && err != unix.ENOENT {
		if err == unix.ENOTEMPTY {
			return errors.New(Shown(name) + ": somebody puts more into it")
		}
		return errors.New(Shown(name) + ": " + err.Error())
	}
	return nil
}

// makeUsable gives the owner all rights to a folder that cannot be opened. The handle is what is changed, not the name.
func makeUsable(parent int, name string) error {
	fd, err := open(parent, name, unix.O_PATH)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Chmod("/proc/self/fd/"+strconv.Itoa(fd), private)
}
