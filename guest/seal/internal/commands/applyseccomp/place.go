package applyseccomp

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"cloister/seal/internal/folders"
	"cloister/seal/internal/quota"
	"cloister/seal/internal/scratch"
	"cloister/seal/internal/userns"
	"golang.org/x/sys/unix"
)

// place is what a session sees of its own beside its home: made by root, in a mount namespace that only this process and those after it
// have.
type place struct {
	// folder is where it is mounted.
	folder string
	// tmpMiB is the size of the session's /tmp and /dev/shm.
	tmpMiB int
	// programs are copied into it.
	programs []string
	// shown are the folders of --mount.
	shown []shown
	// bound are folders that bubblewrap binds by itself, where nobody has the rights to mount them here: only their guard is started.
	bound []shown
	// at is the folder that has them inside the session.
	at string
	// home is the session's, and limit what it may hold; zero: no limit.
	home  string
	limit quota.Limit
	// since is the session's beginning, in nanoseconds since 1970: what is younger in a folder is the session's to delete.
	since int64
	// usernsFD is where bubblewrap finds the session's user namespace.
	usernsFD int
	// guardFD is where the last link of the chain finds the guard's socket.
	guardFD int
}

// shown is a folder with the mode in which it is shown.
type shown struct {
	folders.Folder
	mode string
}

// guarded modes need a guard: a mount itself cannot tell deleting from writing.
func (s shown) guarded() bool {
	return s.mode == "rw" || s.mode == "trash"
}

// parseBound reads MODE:NAME.
func parseBound(value string) (shown, error) {
	mode, name, _ := strings.Cut(value, ":")
	one := shown{folders.Folder{Name: name}, mode}
	if !one.guarded() {
		return shown{}, errors.New("only the modes rw and trash need a guard")
	}
	return one, folders.CheckName(name)
}

func parseShown(value string) (shown, error) {
	parts := strings.SplitN(value, ":", 3)
	if len(parts) != 3 {
		return shown{}, errors.New("write FD:MODE:NAME")
	}
	number, err := strconv.Atoi(parts[0])
	if err != nil || number < 3 {
		return shown{}, errors.New(parts[0] + " is no descriptor")
	}
	switch parts[1] {
	case "ro", "rw", "rwd", "trash":
	default:
		return shown{}, errors.New("there is no mode " + parts[1])
	}
	if err := folders.CheckName(parts[2]); err != nil {
		return shown{}, err
	}
	return shown{folders.Folder{FD: number, Name: parts[2], ReadOnly: parts[1] == "ro"}, parts[1]}, nil
}

// make makes it, and the session's user namespace, and starts the guard where a folder needs one. The descriptors that bubblewrap is to
// find are added to those that are given on.
func (p place) make(user folders.User, given map[int]int) error {
	if p.limit.MiB != 0 {
		if err := quota.Set(p.home, uint32(user.UID), p.limit); err != nil {
			return err
		}
	}
	list := make([]folders.Folder, 0, len(p.shown))
	guarded := len(p.bound) > 0
	for _, one := range p.shown {
		list = append(list, one.Folder)
		guarded = guarded || one.guarded()
	}
	// Before the mount namespace is another one: the folders were opened in this one.
	trees, err := folders.Clone(list, user)
	if err != nil {
		return err
	}
	if p.usernsFD != 0 {
		namespace, err := userns.NewOwned(user.UID, user.GID)
		if err != nil {
			return err
		}
		given[p.usernsFD] = int(namespace.Fd())
	}
	if p.folder != "" {
		err = scratch.Make(scratch.Spec{Folder: p.folder, SizeMiB: p.tmpMiB, User: user, Programs: p.programs, Trees: trees})
		if err != nil {
			return err
		}
	}
	if !guarded || p.guardFD == 0 {
		return nil
	}
	socket, err := p.startGuard(user)
	if err != nil {
		return errors.New("the guard of the session's folders could not be started: " + err.Error())
	}
	given[p.guardFD] = socket
	return nil
}

// startGuard starts the process that decides about deletions, as the session's user, outside of the session's namespaces. It may change
// its root folder once, to the session's, and nothing else beyond that user's rights.
func (p place) startGuard(user folders.User) (int, error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	program := filepath.Join(filepath.Dir(self), "guard")
	arguments := []string{"guard", "--socket", "3", "--since", strconv.FormatInt(p.since, 10)}
	for _, one := range append(p.shown, p.bound...) {
		if one.guarded() {
			arguments = append(arguments, "--folder", one.mode+":"+p.at+"/"+one.Name)
		}
	}
	// Who is not root is that user, and may not change its groups where it is in a user namespace.
	credential := &syscall.Credential{
		Uid: uint32(user.UID), Gid: uint32(user.GID), Groups: []uint32{}, NoSetGroups: os.Geteuid() != 0,
	}
	_, err = syscall.ForkExec(program, arguments, &syscall.ProcAttr{
		Dir:   "/",
		Env:   []string{},
		Files: []uintptr{0, 1, 2, uintptr(pair[1])},
		Sys: &syscall.SysProcAttr{
			Credential:  credential,
			AmbientCaps: []uintptr{unix.CAP_SYS_CHROOT},
			Pdeathsig:   syscall.SIGKILL,
		},
	})
	_ = unix.Close(pair[1])
	if err != nil {
		return 0, errors.New(program + ": " + err.Error())
	}
	return pair[0], nil
}
