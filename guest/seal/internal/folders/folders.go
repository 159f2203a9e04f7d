// Package folders shows folders of a machine to a session: each under the session's own user, by the file system itself (an id-mapped
// mount, Linux 5.12), so that there is one view of a file and no process of root's between a session and its disk.
//
// Folders are known by descriptors that were opened, and judged, before: no path is walked here that a session could change.
package folders

import (
	"errors"
	"os"
	"strconv"
	"strings"

	"cloister/seal/internal/userns"
	"golang.org/x/sys/unix"
)

// Folder is one folder to be shown.
type Folder struct {
	// FD is the folder itself, opened with O_PATH.
	FD int
	// Name under which it appears: one path component.
	Name string
	// ReadOnly lets nothing be changed through it.
	ReadOnly bool
}

// User is the session's.
type User struct {
	UID, GID int
}

// Tree is a folder as a session shall see it: a mount that is nowhere yet.
type Tree struct {
	FD   int
	Name string
}

// CheckName refuses what is not one path component.
func CheckName(name string) error {
	if name == "" || name == "." || name == ".." || len(name) > 255 || strings.ContainsAny(name, "/\x00") {
		return errors.New(strconv.Quote(name) + " cannot be a folder's name")
	}
	return nil
}

// Clone makes a mount of each folder: what belongs to the folder's owner belongs to the session's user in it, and what the session
// makes belongs to the folder's owner outside. Files of other users stay other users'. Mounts that lie inside a folder are not part of
// it. Set-user-id bits and device files have no effect in it.
//
// It must run in the mount namespace that the folders were opened in.
func Clone(folders []Folder, user User) ([]Tree, error) {
	namespaces := map[User]*os.File{}
	defer func() {
		for _, namespace := range namespaces {
			_ = namespace.Close()
		}
	}()
	trees := make([]Tree, 0, len(folders))
	for _, folder := range folders {
		if err := CheckName(folder.Name); err != nil {
			return nil, err
		}
		var status unix.Stat_t
		if err := unix.Fstat(folder.FD, &status); err != nil {
			return nil, errors.New("folder " + folder.Name + ": " + err.Error())
		}
		if status.Mode&unix.S_IFMT != unix.S_IFDIR {
			return nil, errors.New("folder " + folder.Name + ": it is no folder")
		}
		owner := User{int(status.Uid), int(status.Gid)}
		namespace, known := namespaces[owner]
		if !known {
			made, err := userns.New(userns.Map{
				InsideUID: owner.UID, OutsideUID: user.UID, InsideGID: owner.GID, OutsideGID: user.GID,
			})
			if err != nil {
				return nil, err
			}
			namespace = made
			namespaces[owner] = made
		}
		tree, err := clone(folder, namespace)
		if err != nil {
			return nil, err
		}
		trees = append(trees, Tree{FD: tree, Name: folder.Name})
	}
	return trees, nil
}

func clone(folder Folder, namespace *os.File) (int, error) {
	// Not recursive: only this file system's own folder.
	tree, err := unix.OpenTree(folder.FD, "", unix.AT_EMPTY_PATH|unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return 0, errors.New("folder " + folder.Name + " cannot be mounted: " + err.Error())
	}
	attributes := unix.MountAttr{
		Attr_set:  unix.MOUNT_ATTR_IDMAP | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV,
		Userns_fd: uint64(namespace.Fd()),
	}
	if folder.ReadOnly {
		attributes.Attr_set |= unix.MOUNT_ATTR_RDONLY
	}
	if err := unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH, &attributes); err != nil {
		_ = unix.Close(tree)
		if err == unix.EINVAL {
			err = errors.New("its file system has no id-mapped mounts (ext4, XFS, Btrfs and tmpfs have; the kernel's documentation, idmappings)")
		}
		return 0, errors.New("folder " + folder.Name + " cannot be shown as the session's own: " + err.Error())
	}
	return tree, nil
}

// Place moves the mounts into a folder that only root can change, each under its name.
func Place(trees []Tree, folder int) error {
	for _, tree := range trees {
		if err := unix.Mkdirat(folder, tree.Name, 0o755); err != nil {
			return errors.New("mount point " + tree.Name + ": " + err.Error())
		}
		point, err := unix.Openat(folder, tree.Name, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err != nil {
			return errors.New("mount point " + tree.Name + ": " + err.Error())
		}
		err = unix.MoveMount(tree.FD, "", point, "", unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH)
		_ = unix.Close(point)
		_ = unix.Close(tree.FD)
		if err != nil {
			return errors.New("folder " + tree.Name + " cannot be mounted: " + err.Error())
		}
	}
	return nil
}
