package probe

import (
	"fmt"
	"path/filepath"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

type modeResult struct {
	Way string `json:"way"`
	Outcome
	// Mode and Type of what is there afterwards, when something is: octal, and "file", "folder", "device" or "pipe".
	Mode string `json:"mode,omitempty"`
	Type string `json:"type,omitempty"`
}

// modeWay makes something at a path, or changes what is there.
type modeWay struct {
	name string
	// file, folder: what is there before. Neither: nothing.
	file, folder bool
	do           func(path string) error
}

const (
	setUser  = 0o4755
	setGroup = 0o2755
	setBoth  = 0o6755
	// The kernel reads 16 bits of a mode, and 32 of flags: what is above must help nobody.
	highHalf = 0xdead << 32
	highMode = 0xffff << 16

	nullDevice = 1<<8 | 3
	loopDevice = 7 << 8
)

// modeWays are every way to a set-user-id or set-group-id file or a device, and the same calls with modes that are
// anybody's, which must work.
func modeWays() []modeWay {
	cwd := unix.AT_FDCWD
	here := uintptr(cwd)
	ways := []modeWay{
		{name: "plain-chmod", file: true, do: func(path string) error { return call(unix.SYS_FCHMODAT, here, text(path), 0o711) }},
		{name: "plain-create", do: func(path string) error { return create(path, unix.O_CREAT|unix.O_EXCL, 0o640) }},
		{name: "plain-open", file: true, do: func(path string) error { return create(path, 0, setBoth) }},
		{name: "plain-tmpfile", do: func(path string) error { return withoutName(path, 0o600, 0o640) }},
		{name: "plain-mkdir", do: func(path string) error { return call(unix.SYS_MKDIRAT, here, text(path), 0o1750) }},
		{name: "plain-pipe", do: func(path string) error { return call(unix.SYS_MKNODAT, here, text(path), unix.S_IFIFO|0o640, 0) }},
		{name: "plain-rename", file: true, do: func(path string) error {
			if err := unix.Renameat2(cwd, path, cwd, path+".to", unix.RENAME_NOREPLACE); err != nil {
				return err
			}
			return unix.Rename(path+".to", path)
		}},

		{name: "fchmodat", file: true, do: func(path string) error { return call(unix.SYS_FCHMODAT, here, text(path), setUser) }},
		{name: "fchmodat-group", file: true, do: func(path string) error { return call(unix.SYS_FCHMODAT, here, text(path), setGroup) }},
		{name: "fchmodat-high", file: true, do: func(path string) error {
			return call(unix.SYS_FCHMODAT, here, text(path), highHalf|highMode|setUser)
		}},
		{name: "fchmodat-folder", folder: true, do: func(path string) error { return call(unix.SYS_FCHMODAT, here, text(path), setGroup) }},
		{name: "fchmodat2", file: true, do: func(path string) error { return call(unix.SYS_FCHMODAT2, here, text(path), setUser, 0) }},
		{name: "fchmod", file: true, do: func(path string) error {
			fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
			if err != nil {
				return err
			}
			defer unix.Close(fd)
			return unix.Fchmod(fd, setBoth)
		}},
		{name: "openat", do: func(path string) error { return create(path, unix.O_CREAT|unix.O_EXCL, setUser) }},
		{name: "openat-high", do: func(path string) error { return create(path, unix.O_CREAT|unix.O_EXCL, highHalf|highMode|setBoth) }},
		{name: "openat-tmpfile", do: func(path string) error { return withoutName(path, setUser, 0) }},
		{name: "tmpfile-fchmod", do: func(path string) error { return withoutName(path, 0o755, setUser) }},
		{name: "openat2", do: func(path string) error {
			how := unix.OpenHow{Flags: unix.O_CREAT | unix.O_EXCL | unix.O_WRONLY | unix.O_CLOEXEC, Mode: setUser}
			fd, err := unix.Openat2(cwd, path, &how)
			if err == nil {
				_ = unix.Close(fd)
			}
			return err
		}},
		{name: "mknodat", do: func(path string) error { return call(unix.SYS_MKNODAT, here, text(path), unix.S_IFREG|setUser, 0) }},
		{name: "mkdirat", do: func(path string) error { return call(unix.SYS_MKDIRAT, here, text(path), setBoth) }},
		{name: "whiteout", do: func(path string) error { return call(unix.SYS_MKNODAT, here, text(path), unix.S_IFCHR|0o666, 0) }},
		{name: "null-device", do: func(path string) error {
			return call(unix.SYS_MKNODAT, here, text(path), unix.S_IFCHR|0o666, nullDevice)
		}},
		{name: "block-device", do: func(path string) error {
			return call(unix.SYS_MKNODAT, here, text(path), unix.S_IFBLK|0o666, loopDevice)
		}},
		{name: "rename-whiteout", file: true, do: func(path string) error {
			err := unix.Renameat2(cwd, path, cwd, path+".to", unix.RENAME_WHITEOUT)
			_ = unix.Unlink(path + ".to")
			return err
		}},
		{name: "capability", file: true, do: func(path string) error {
			// Version 2 of the attribute, CAP_NET_RAW (linux/capability.h).
			return unix.Setxattr(path, "security.capability", []byte{1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 0)
		}},
	}
	return append(ways, oldWays()...)
}

// modes tries all of them in a folder and removes what it made.
func modes(folder string) any {
	old := unix.Umask(0)
	defer unix.Umask(old)
	found := []modeResult{}
	for _, way := range modeWays() {
		path := filepath.Join(folder, ".probe-mode-"+way.name)
		if err := prepare(path, way); err != nil {
			found = append(found, modeResult{Way: way.name, Outcome: Outcome{Errno: "preparing: " + err.Error()}})
			continue
		}
		result := modeResult{Way: way.name, Outcome: outcome(way.do(path))}
		var info unix.Stat_t
		if unix.Lstat(path, &info) == nil {
			result.Mode = strconv.FormatUint(uint64(info.Mode)&0o7777, 8)
			result.Type = typeName(uint32(info.Mode))
		}
		found = append(found, result)
		if unix.Unlink(path) != nil {
			_ = unix.Rmdir(path)
		}
	}
	return map[string]any{"folder": folder, "ways": found}
}

func prepare(path string, way modeWay) error {
	switch {
	case way.folder:
		return unix.Mkdir(path, 0o755)
	case way.file:
		return create(path, unix.O_CREAT|unix.O_EXCL, 0o600)
	}
	return nil
}

func typeName(mode uint32) string {
	switch mode & unix.S_IFMT {
	case unix.S_IFREG:
		return "file"
	case unix.S_IFDIR:
		return "folder"
	case unix.S_IFCHR, unix.S_IFBLK:
		return "device"
	case unix.S_IFIFO:
		return "pipe"
	}
	return "other"
}

// create opens a file by the raw call: x/sys/unix would mask the mode.
func create(path string, flags int, mode uintptr) error {
	cwd := unix.AT_FDCWD
	fd, _, errno := unix.Syscall6(unix.SYS_OPENAT, uintptr(cwd), text(path),
		uintptr(flags|unix.O_RDWR|unix.O_CLOEXEC), mode, 0, 0)
	if errno == 0 {
		_ = unix.Close(int(fd))
	}
	return numbered(errno)
}

// withoutName makes a file without a name, with one mode, gives it another if there is one, and then a name.
func withoutName(path string, mode, then uint32) error {
	fd, err := unix.Open(filepath.Dir(path), unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, mode)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if then != 0 {
		if err := unix.Fchmod(fd, then); err != nil {
			return err
		}
	}
	return unix.Linkat(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", fd), unix.AT_FDCWD, path, unix.AT_SYMLINK_FOLLOW)
}

// text is a path as a call takes it. The memory stays: a probe is over soon.
func text(path string) uintptr {
	kept = append(kept, append([]byte(path), 0))
	return uintptr(unsafe.Pointer(&kept[len(kept)-1][0]))
}

var kept [][]byte

func call(number uintptr, arguments ...uintptr) error {
	var a [6]uintptr
	copy(a[:], arguments)
	_, _, errno := unix.Syscall6(number, a[0], a[1], a[2], a[3], a[4], a[5])
	return numbered(errno)
}
