package applyseccomp

import (
	"errors"
	"os"
	"runtime"
	"strconv"
	"syscall"

	"cloister/seal/internal/bytecode"
	"cloister/seal/internal/folders"
	"cloister/seal/internal/rights"
	"golang.org/x/sys/unix"
)

// outside is what becomes of this process before it is bubblewrap. Zero values: as it is.
type outside struct {
	// cgroup is the folder of the session's control group: its limits hold from here on.
	cgroup string
	// uid and gid are the session's user.
	uid, gid int
	// openFiles is the limit of open files.
	openFiles uint64
	// parent is the supervisor's process number: this process dies with it.
	parent int
	// place is what is made in a mount namespace of its own.
	place place
}

func launch(arguments []string) {
	opts, command, err := parse(arguments)
	if err != nil {
		fail(exitFailed, err)
	}
	path, code, err := find(command[0])
	if err != nil {
		fail(code, err)
	}
	// Credentials and namespaces belong to a thread, and execve keeps those of the thread that calls it.
	runtime.LockOSThread()
	// Nothing that was inherited reaches a process that is started here, but what is named.
	if err := unix.CloseRange(3, ^uint(0), unix.CLOSE_RANGE_CLOEXEC); err != nil {
		fail(exitFailed, errors.New("closing inherited descriptors: "+err.Error()))
	}
	if err := reserve(opts); err != nil {
		fail(exitFailed, err)
	}
	given := map[int]int{}
	for _, number := range opts.kept {
		given[number] = number
	}
	if err := opts.outside.enter(given); err != nil {
		fail(exitFailed, err)
	}
	if err := pass(opts.fds, given); err != nil {
		fail(exitFailed, err)
	}
	for _, file := range opts.filters {
		program, err := bytecode.Read(file)
		if err == nil {
			err = bytecode.Load(program)
		}
		if err != nil {
			fail(exitFailed, errors.New("loading "+file+": "+err.Error()))
		}
	}
	execute(path, command)
}

// enter does all that takes root, and leaves root for good. It adds the descriptors that it made to those that are given on.
func (o outside) enter(given map[int]int) error {
	if o.cgroup != "" {
		// 0 is the process that writes (cgroups(7)).
		if err := os.WriteFile(o.cgroup+"/cgroup.procs", []byte("0"), 0); err != nil {
			return errors.New("entering the session's control group: " + err.Error())
		}
	}
	if o.openFiles != 0 {
		// The syscall package's own call: it would put the old limit back on exec otherwise.
		limit := syscall.Rlimit{Cur: o.openFiles, Max: o.openFiles}
		err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
		if err == syscall.EPERM {
			// This machine does not let anybody have so many: as many as it lets, like systemd's LimitNOFILE=.
			if err = syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err == nil {
				limit.Cur = limit.Max
				err = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
			}
		}
		if err != nil {
			return errors.New("limit of open files: " + err.Error())
		}
	}
	if o.place.folder != "" || o.place.usernsFD != 0 {
		if err := o.place.make(folders.User{UID: o.uid, GID: o.gid}, given); err != nil {
			return err
		}
	}
	if o.uid != 0 {
		if err := o.becomeUser(); err != nil {
			return err
		}
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return errors.New("no_new_privs: " + err.Error())
	}
	if o.parent == 0 {
		return nil
	}
	// After the change of user, which would undo it (prctl(2), PR_SET_PDEATHSIG).
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return errors.New("death signal: " + err.Error())
	}
	if unix.Getppid() != o.parent {
		return errors.New("process " + strconv.Itoa(o.parent) + " is gone: nobody waits for this session")
	}
	return nil
}

// becomeUser leaves root for good: no group, no capability to get back, a keyring of its own, no core dumps.
func (o outside) becomeUser() error {
	// One byte: it is too little for a file, and the only limit at which the kernel starts no handler, which would be root's
	// and the machine's, for each crash in a session (core(5), do_coredump). The first filter keeps it.
	core := syscall.Rlimit{Cur: 1, Max: 1}
	err := syscall.Setrlimit(syscall.RLIMIT_CORE, &core)
	if err == syscall.EPERM {
		// Whoever began this has no byte to give, as in a container with `--ulimit core=0`.
		err = syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{})
	}
	if err != nil {
		return errors.New("limit of core dumps: " + err.Error())
	}
	unix.Umask(0o022)
	if err := unix.Chdir("/"); err != nil {
		return errors.New("/: " + err.Error())
	}
	root := os.Geteuid() == 0
	// A new keyring without a name. Kernels without keyrings have none to share, and a container's own filter refuses them to all in it.
	_, _, errno := unix.RawSyscall(unix.SYS_KEYCTL, unix.KEYCTL_JOIN_SESSION_KEYRING, 0, 0)
	if errno != 0 && errno != unix.ENOSYS && (root || errno != unix.EPERM) {
		return errors.New("keyring: " + errno.Error())
	}
	for capability := uintptr(0); ; capability++ {
		err := unix.Prctl(unix.PR_CAPBSET_DROP, capability, 0, 0, 0)
		if err == unix.EINVAL {
			// One more than the kernel knows.
			break
		}
		if err != nil {
			return errors.New("bounding set: " + err.Error())
		}
	}
	if !root {
		return o.becomeOrdinary()
	}
	// The raw calls: of this thread only, the one that will be bubblewrap.
	for _, step := range []struct {
		name string
		call [4]uintptr
	}{
		{"setgroups", [4]uintptr{unix.SYS_SETGROUPS, 0, 0, 0}},
		{"setresgid", [4]uintptr{unix.SYS_SETRESGID, uintptr(o.gid), uintptr(o.gid), uintptr(o.gid)}},
		{"setresuid", [4]uintptr{unix.SYS_SETRESUID, uintptr(o.uid), uintptr(o.uid), uintptr(o.uid)}},
	} {
		if _, _, errno := unix.RawSyscall(step.call[0], step.call[1], step.call[2], step.call[3]); errno != 0 {
			return errors.New(step.name + ": " + errno.Error())
		}
	}
	return nil
}

// becomeOrdinary gives up what a user has in a user namespace of its own: it was the session's user all the time.
func (o outside) becomeOrdinary() error {
	if os.Getuid() != o.uid || os.Getgid() != o.gid {
		return errors.New("--user " + strconv.Itoa(o.uid) + ":" + strconv.Itoa(o.gid) + ": only root can become another user; this is " +
			strconv.Itoa(os.Getuid()) + ":" + strconv.Itoa(os.Getgid()))
	}
	return rights.Drop()
}

// reserve takes the numbers that bubblewrap's descriptors will have, before anything else gets one of them: Go's own runtime opens some
// when it needs them, and fails when they are replaced. A number that is taken already was handed down, and is free when it is needed.
func reserve(opts options) error {
	wanted := []int{opts.outside.place.usernsFD, opts.outside.place.guardFD}
	for number := range opts.fds {
		wanted = append(wanted, number)
	}
	for _, number := range wanted {
		if _, err := unix.FcntlInt(uintptr(number), unix.F_GETFD, 0); number == 0 || err == nil {
			continue
		}
		opened, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return errors.New("/dev/null: " + err.Error())
		}
		if opened == number {
			continue
		}
		err = unix.Dup3(opened, number, unix.O_CLOEXEC)
		_ = unix.Close(opened)
		if err != nil {
			return errors.New("descriptor " + strconv.Itoa(number) + ": " + err.Error())
		}
	}
	return nil
}

// outOfTheWay is above all descriptors that have a place.
const outOfTheWay = 64

// pass puts descriptors where bubblewrap is to find them: files that are opened now, and descriptors that are open. All others are
// closed as it is started.
func pass(files map[int]string, given map[int]int) error {
	for number, path := range files {
		opened, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return errors.New("opening " + path + ": " + err.Error())
		}
		given[number] = opened
	}
	// All of them out of the way first: the number of one may be the place of another.
	for number, opened := range given {
		if opened == number {
			continue
		}
		moved, err := unix.FcntlInt(uintptr(opened), unix.F_DUPFD_CLOEXEC, outOfTheWay)
		if err != nil {
			return errors.New("descriptor " + strconv.Itoa(number) + ": " + err.Error())
		}
		given[number] = moved
	}
	for number, opened := range given {
		var err error
		if opened == number {
			_, err = unix.FcntlInt(uintptr(opened), unix.F_SETFD, 0)
		} else {
			err = unix.Dup3(opened, number, 0)
		}
		if err != nil {
			return errors.New("descriptor " + strconv.Itoa(number) + ": " + err.Error())
		}
	}
	return nil
}
