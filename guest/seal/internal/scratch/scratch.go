// Package scratch makes what belongs to one command and to nobody else: a file system in memory, of limited size, that exists only in
// the command's own mount namespace. Nothing has to remove it: it is gone with the last process that sees it.
package scratch

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"strconv"

	"cloister/seal/internal/folders"
	"golang.org/x/sys/unix"
)

// Names of the folders in it.
const (
	// Tmp and Shm become the session's /tmp and /dev/shm.
	Tmp = "tmp"
	Shm = "shm"
	// Mnt has the session's folders in it, each by its name.
	Mnt = "mnt"
	// Programs has copies of the launcher's programs. Nobody but root may read them: a process that runs such a file cannot be
	// traced, and its memory is out of reach, for every process of the same user (ptrace(2), "Ptrace access mode checking").
	Programs = "programs"
	// Terminals becomes the session's /dev/pts.
	Terminals = "pts"
)

// mostTerminals is how many pseudo terminals a session has at a time. The kernel counts those of all sessions together, and one could
// take all of them.
const mostTerminals = "512"

// programBytes is room for the copies of the programs, beside what the session may use.
const programBytes = 8 << 20

// Spec says what is made.
type Spec struct {
	// Folder it is mounted at: it and all above it can be changed by root only.
	Folder string
	// SizeMiB is what /tmp and /dev/shm may hold together.
	SizeMiB int
	// User is the session's.
	User folders.User
	// Programs are looked up on PATH and copied.
	Programs []string
	// Trees are shown in Mnt.
	Trees []folders.Tree
}

// Make gives the calling thread a mount namespace of its own, with all that Spec says in it. What is mounted or unmounted outside
// afterwards is not seen in it, and the other way round.
func Make(spec Spec) error {
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return errors.New("a mount namespace could not be made: " + err.Error())
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return errors.New("the mount namespace could not be made private: " + err.Error())
	}
	root, err := mount(spec)
	if err != nil {
		return errors.New("the session's /tmp could not be made: " + err.Error())
	}
	defer unix.Close(root)
	if err := layOut(root, spec); err != nil {
		return err
	}
	at, err := unix.Open(spec.Folder, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return errors.New(spec.Folder + ": " + err.Error())
	}
	defer unix.Close(at)
	if err := unix.MoveMount(root, "", at, "", unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH); err != nil {
		return errors.New("mounting " + spec.Folder + ": " + err.Error())
	}
	mnt, err := unix.Openat(root, Mnt, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return errors.New(Mnt + ": " + err.Error())
	}
	defer unix.Close(mnt)
	if err := mountTerminals(root); err != nil {
		return errors.New("the session's terminals could not be made: " + err.Error())
	}
	return folders.Place(spec.Trees, mnt)
}

func mountTerminals(root int) error {
	terminals, err := create("devpts", [][2]string{{"ptmxmode", "0666"}, {"mode", "0620"}, {"max", mostTerminals}},
		unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NOEXEC)
	if err != nil {
		return err
	}
	defer unix.Close(terminals)
	return unix.MoveMount(terminals, "", root, Terminals, unix.MOVE_MOUNT_F_EMPTY_PATH)
}

// mount makes the file system; it is nowhere yet.
func mount(spec Spec) (int, error) {
	size := int64(spec.SizeMiB)<<20 + programBytes
	options := [][2]string{{"source", "cloister-session"}, {"size", strconv.FormatInt(size, 10)}, {"mode", "0755"}}
	return create("tmpfs", options, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV)
}

// create makes a file system; it is nowhere yet.
func create(kind string, options [][2]string, attributes int) (int, error) {
	context, err := unix.Fsopen(kind, unix.FSOPEN_CLOEXEC)
	if err != nil {
		return 0, err
	}
	defer unix.Close(context)
	for _, option := range options {
		if err := unix.FsconfigSetString(context, option[0], option[1]); err != nil {
			return 0, errors.New(option[0] + "=" + option[1] + ": " + err.Error())
		}
	}
	if err := unix.FsconfigCreate(context); err != nil {
		return 0, err
	}
	return unix.Fsmount(context, unix.FSMOUNT_CLOEXEC, attributes)
}

func layOut(root int, spec Spec) error {
	for _, folder := range []struct {
		name string
		mode uint32
		user folders.User
	}{
		{Tmp, 0o1777, spec.User},
		{Shm, 0o1777, spec.User},
		{Mnt, 0o755, folders.User{}},
		{Programs, 0o711, folders.User{}},
		{Terminals, 0o755, folders.User{}},
	} {
		if err := unix.Mkdirat(root, folder.name, 0o700); err != nil {
			return errors.New(folder.name + ": " + err.Error())
		}
		if err := unix.Fchownat(root, folder.name, folder.user.UID, folder.user.GID, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return errors.New(folder.name + ": " + err.Error())
		}
		// After the owner: chown takes bits away. The umask has no part in it.
		if err := unix.Fchmodat(root, folder.name, folder.mode, 0); err != nil {
			return errors.New(folder.name + ": " + err.Error())
		}
	}
	for _, name := range spec.Programs {
		if err := copyProgram(root, name); err != nil {
			return errors.New("the program " + name + ": " + err.Error())
		}
	}
	return nil
}

func copyProgram(root int, name string) error {
	path, err := exec.LookPath(name)
	if err != nil {
		return err
	}
	from, err := os.Open(path)
	if err != nil {
		return err
	}
	defer from.Close()
	fd, err := unix.Openat(root, Programs+"/"+name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o700)
	if err != nil {
		return err
	}
	to := os.NewFile(uintptr(fd), name)
	_, err = io.Copy(to, from)
	if err == nil {
		err = to.Chmod(0o711)
	}
	if closed := to.Close(); err == nil {
		err = closed
	}
	return err
}
