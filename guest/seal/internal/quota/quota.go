// Package quota bounds what one folder of ext4 may hold, with all that is in it: a project quota of the kernel (quotactl(2), PRJQUOTA).
package quota

import (
	"errors"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Limit is what a folder may hold.
type Limit struct {
	// MiB of blocks.
	MiB uint64
	// Files are files and folders of every kind.
	Files uint64
}

// fsxattr is struct fsxattr (linux/fs.h).
type fsxattr struct {
	flags, extentSize, extents, project, cowExtentSize uint32
	_                                                  [8]byte
}

const (
	fsIocFsgetxattr = 0x801c581f
	fsIocFssetxattr = 0x401c5820
	// projectInherit makes what is new in the folder part of its project (FS_XFLAG_PROJINHERIT).
	projectInherit = 0x200
)

// block is struct if_dqblk (linux/quota.h); limits of space are in KiB.
type block struct {
	hardSpace, softSpace, space uint64
	hardFiles, softFiles, files uint64
	spaceTime, filesTime        uint64
	valid                       uint32
	_                           uint32
}

const (
	// setProjectQuota is QCMD(Q_SETQUOTA, PRJQUOTA).
	setProjectQuota = 0x800008<<8 | 2
	// limitsValid is QIF_LIMITS.
	limitsValid = 5
)

// Set makes a folder a project of its own and limits it. Nobody in another user namespace can take it or its files out of the project
// again (the kernel refuses them to change a project's number).
//
// It takes Linux 5.14 (quotactl_fd) and a file system mounted with `prjquota`.
func Set(folder string, project uint32, limit Limit) error {
	fd, err := unix.Open(folder, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return errors.New(folder + ": " + err.Error())
	}
	defer unix.Close(fd)
	var attributes fsxattr
	if err := ioctl(fd, fsIocFsgetxattr, &attributes); err != nil {
		return errors.New("reading the project of " + folder + ": " + err.Error())
	}
	if attributes.project != project || attributes.flags&projectInherit == 0 {
		attributes.project = project
		attributes.flags |= projectInherit
		if err := ioctl(fd, fsIocFssetxattr, &attributes); err != nil {
			return errors.New("setting the project of " + folder + ": " + err.Error())
		}
	}
	limits := block{
		hardSpace: limit.MiB << 10, softSpace: limit.MiB << 10,
		hardFiles: limit.Files, softFiles: limit.Files,
		valid: limitsValid,
	}
	_, _, errno := unix.Syscall6(unix.SYS_QUOTACTL_FD, uintptr(fd), setProjectQuota, uintptr(project),
		uintptr(unsafe.Pointer(&limits)), 0, 0)
	if errno != 0 {
		return errors.New("limiting " + folder + ": " + errno.Error())
	}
	return nil
}

func ioctl(fd int, request uintptr, attributes *fsxattr) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(unsafe.Pointer(attributes))); errno != 0 {
		return errno
	}
	return nil
}
