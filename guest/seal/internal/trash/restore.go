package trash

import (
	"errors"
	"strings"

	"golang.org/x/sys/unix"
)

// Restore moves what is in the trash back to where it was, the newest first: one path, or everything (an empty path). What is
// there already stays, and what was to take its place stays in the trash.
func (o *Owned) Restore(path string, report Report) error {
	place, ok := clean(path)
	if !ok || Holds(place) {
		return errors.New(Shown(path) + ": write a path beneath the folder")
	}
	bin, err := o.bin()
	if err == errNone {
		return errors.New("the trash is empty")
	}
	if err != nil {
		return err
	}
	defer unix.Close(bin)
	found, err := batches(bin)
	if err != nil {
		return err
	}
	any := false
	for _, batch := range found {
		fd, err := open(bin, batch, unix.O_RDONLY)
		if err != nil {
			report.Problem(Shown(batch) + ": " + err.Error())
			continue
		}
		if place == "" {
			any = true
			merge(fd, o.fd, "", 0, report)
		} else {
			any = o.restore(fd, place, report) || any
		}
		_ = unix.Close(fd)
		// Only where nothing is left in it.
		_ = unix.Unlinkat(bin, batch, unix.AT_REMOVEDIR)
	}
	if !any {
		return errors.New(Shown(path) + " is not in the trash")
	}
	return nil
}

// restore moves one path back. It tells whether the batch has it.
func (o *Owned) restore(batch int, place string, report Report) bool {
	above, name := "", place
	if at := strings.LastIndexByte(place, '/'); at >= 0 {
		above, name = place[:at], place[at+1:]
	}
	from, err := descend(batch, above, false)
	if err != nil {
		return false
	}
	defer unix.Close(from)
	var status unix.Stat_t
	if unix.Fstatat(from, name, &status, unix.AT_SYMLINK_NOFOLLOW) != nil {
		return false
	}
	to, err := o.prepare(batch, above)
	if err != nil {
		report.Problem(Shown(place) + ": its folder: " + err.Error())
		return true
	}
	defer unix.Close(to)
	move(from, to, name, place, 0, report)
	return true
}

// prepare opens the folder beneath the owner's that something goes back to. Missing folders are made with the modes of those
// in the batch.
func (o *Owned) prepare(batch int, place string) (int, error) {
	from, err := open(batch, ".", unix.O_PATH)
	if err != nil {
		return -1, err
	}
	to, err := open(o.fd, ".", unix.O_PATH)
	for err == nil && place != "" {
		var name string
		name, place, _ = strings.Cut(place, "/")
		var next int
		if next, err = open(from, name, unix.O_PATH); err != nil {
			break
		}
		_ = unix.Close(from)
		from = next
		var status unix.Stat_t
		if err = unix.Fstat(from, &status); err != nil {
			break
		}
		if next, err = openOrMake(to, name, status.Mode&0o777); err != nil {
			break
		}
		_ = unix.Close(to)
		to = next
	}
	_ = unix.Close(from)
	if err != nil && to >= 0 {
		_ = unix.Close(to)
	}
	return to, err
}

// move renames one entry back. A folder goes as a whole, or entry by entry into one that is there.
func move(from, to int, name, place string, depth int, report Report) {
	err := unix.Renameat2(from, name, to, name, unix.RENAME_NOREPLACE)
	if err == nil {
		report.Done(place)
		return
	}
	if err != unix.EEXIST {
		report.Problem(Shown(place) + ": " + err.Error())
		return
	}
	into, err := open(to, name, unix.O_PATH)
	if err != nil {
		report.Problem(Shown(place) + ": something is there already; it stays in the trash")
		return
	}
	defer unix.Close(into)
	folder, err := open(from, name, unix.O_RDONLY)
	if err != nil {
		report.Problem(Shown(place) + ": a folder is there already; it stays in the trash")
		return
	}
	merge(folder, into, place, depth+1, report)
	_ = unix.Close(folder)
	_ = unix.Unlinkat(from, name, unix.AT_REMOVEDIR)
}

func merge(from, to int, place string, depth int, report Report) {
	if depth == maxDepth {
		report.Problem(Shown(place) + ": what is deeper is not restored")
		return
	}
	err := names(from, func(name string) error {
		inner := Join(place, name)
		if Holds(inner) {
			report.Problem(Shown(inner) + ": a trash in the trash stays there")
			return nil
		}
		move(from, to, name, inner, depth, report)
		return nil
	})
	if err != nil {
		report.Problem(Shown(place) + ": " + err.Error())
	}
}
