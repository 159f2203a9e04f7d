package trash

import (
	"sort"

	"golang.org/x/sys/unix"
)

// maxDepth is how many folders deep the trash is looked into: each holds a descriptor.
const maxDepth = 400

// names calls for each entry of an open folder, in the order they are found. It holds no more than a few at a time.
func names(folder int, each func(name string) error) error {
	entries := make([]byte, 32<<10)
	for {
		n, err := unix.Getdents(folder, entries)
		if err == unix.EINTR {
			continue
		}
		if err != nil || n <= 0 {
			return err
		}
		_, _, found := unix.ParseDirent(entries[:n], -1, nil)
		for _, name := range found {
			if err := each(name); err != nil {
				return err
			}
		}
	}
}

// batches are the trash's batches, the newest first.
func batches(bin int) ([]string, error) {
	var found []string
	err := names(bin, func(name string) error {
		var status unix.Stat_t
		if unix.Fstatat(bin, name, &status, unix.AT_SYMLINK_NOFOLLOW) == nil && isFolder(&status) {
			found = append(found, name)
		}
		return nil
	})
	sort.Sort(sort.Reverse(sort.StringSlice(found)))
	return found, err
}

func isFolder(status *unix.Stat_t) bool { return status.Mode&unix.S_IFMT == unix.S_IFDIR }

// List tells of everything in the trash: what is no folder, and folders with nothing in them.
func (o *Owned) List(report Report) error {
	bin, err := o.bin()
	if err == errNone {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(bin)
	found, err := batches(bin)
	if err != nil {
		return err
	}
	for _, batch := range found {
		list(bin, batch, batch, "", 0, report)
	}
	return nil
}

// list tells of one folder's entries, and how many there are.
func list(at int, name, batch, place string, depth int, report Report) int {
	if depth == maxDepth {
		report.Problem(Shown(place) + ": what is deeper is not shown")
		return 1
	}
	fd, err := open(at, name, unix.O_RDONLY)
	if err != nil {
		report.Problem(Shown(Join(batch, place)) + ": " + err.Error())
		return 1
	}
	defer unix.Close(fd)
	count := 0
	err = names(fd, func(name string) error {
		count++
		var status unix.Stat_t
		inner := Join(place, name)
		if err := unix.Fstatat(fd, name, &status, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			report.Problem(Shown(inner) + ": " + err.Error())
		} else if !isFolder(&status) || list(fd, name, batch, inner, depth+1, report) == 0 {
			report.Entry(batch, inner, &status)
		}
		return nil
	})
	if err != nil {
		report.Problem(Shown(Join(batch, place)) + ": " + err.Error())
	}
	return count
}
