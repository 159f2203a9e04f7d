// Package applyseccomp is the command apply-seccomp. It is the last link of the chain that starts a session's command, and the first one: it opens the
// base filter for bubblewrap outside (`launch`, which also becomes the session's user), and inside waits for the bridges, loads the second filter and becomes
// the command. It starts no process, makes no connection and leaves nothing of itself behind.
//
//	apply-seccomp launch --fd FD=FILE [--keep FD]... [--cgroup DIR] [--user UID:GID] [--open-files N] [--parent PID]
//		[--scratch DIR --tmp-mib N [--program NAME]... [--folder FD:MODE:NAME]... [--guarded MODE:NAME]... --folders-at DIR --since NS
//		--home DIR --home-limit MIB:FILES --userns FD --guard FD] [--filter FILE]... -- BWRAP...
//	apply-seccomp [--wait PORT,PORT] [--wait-ms MS] [--mark FD] [--environment FD] [--guard FD] [--filter FILE]...
//		-- COMMAND...
//
// Exit codes of its own: 125 for wrong use or a failed step, 126 when the command cannot be executed, 127 when it is
// not found, as env(1) and others have them.
package applyseccomp

import (
	"errors"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"cloister/seal/internal/bytecode"
	"cloister/seal/internal/guard"
	"cloister/seal/internal/landlock"
	"cloister/seal/internal/listen"
	"golang.org/x/sys/unix"
)

const (
	exitFailed      = 125
	exitCannotRun   = 126
	exitNotFound    = 127
	defaultWait     = 30 * time.Second
	nanosecondParts = 1_000_000_000
)

// Main is the whole command.
func Main() {
	arguments := os.Args[1:]
	if len(arguments) > 0 && arguments[0] == "launch" {
		launch(arguments[1:])
		return
	}
	inside(arguments)
}

type options struct {
	fds     map[int]string
	kept    []int
	outside outside
	ports   []uint16
	wait    time.Duration
	mark    int
	guard   int
	// environment is a descriptor with the command's whole environment: NAME=VALUE, each followed by a NUL.
	environment int
	filters     []string
}

func inside(arguments []string) {
	// Filters and a Landlock domain belong to a thread, and execve keeps those of the thread that calls it.
	runtime.LockOSThread()
	opts, command, err := parse(arguments)
	if err != nil {
		fail(exitFailed, err)
	}
	// What the links before this one handed down is not the command's.
	if err := unix.CloseRange(3, ^uint(0), unix.CLOSE_RANGE_CLOEXEC); err != nil {
		fail(exitFailed, errors.New("closing inherited descriptors: "+err.Error()))
	}
	if opts.environment != 0 {
		if err := takeEnvironment(opts.environment); err != nil {
			fail(exitFailed, errors.New("the command's environment: "+err.Error()))
		}
	}
	path, code, err := find(command[0])
	if err != nil {
		fail(code, err)
	}
	if len(opts.ports) > 0 {
		if err := listen.Wait(opts.ports, opts.wait); err != nil {
			fail(exitFailed, err)
		}
	}
	programs := make([][]unix.SockFilter, 0, len(opts.filters))
	for _, file := range opts.filters {
		program, err := bytecode.Read(file)
		if err != nil {
			fail(exitFailed, err)
		}
		programs = append(programs, program)
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		fail(exitFailed, errors.New("no_new_privs: "+err.Error()))
	}
	if opts.mark != 0 {
		mark(opts.mark)
	}
	if opts.guard != 0 {
		if err := guard.Install(opts.guard); err != nil {
			fail(exitFailed, err)
		}
	}
	if err := landlock.Restrict(); err != nil && !errors.Is(err, landlock.ErrUnavailable) {
		fail(exitFailed, err)
	}
	for i, program := range programs {
		if err := bytecode.Load(program); err != nil {
			fail(exitFailed, errors.New("loading "+opts.filters[i]+": "+err.Error()))
		}
	}
	execute(path, command)
}

func parse(arguments []string) (options, []string, error) {
	opts := options{fds: map[int]string{}, wait: defaultWait}
	for i := 0; i < len(arguments); i++ {
		name := arguments[i]
		if name == "--" {
			if i+1 == len(arguments) {
				break
			}
			return opts, arguments[i+1:], nil
		}
		i++
		if i == len(arguments) {
			return opts, nil, errors.New(name + " has no value")
		}
		if err := opts.set(name, arguments[i]); err != nil {
			return opts, nil, err
		}
	}
	return opts, nil, errors.New("no command: write it after --")
}

func (o *options) set(name, value string) error {
	bad := errors.New(name + " " + strconv.Quote(value) + ": not understood")
	switch name {
	case "--fd":
		number, path, ok := strings.Cut(value, "=")
		fd, err := strconv.Atoi(number)
		if !ok || err != nil || fd < 3 {
			return bad
		}
		o.fds[fd] = path
	case "--keep":
		kept := 0
		if err := atLeast(name, value, 3, &kept); err != nil {
			return bad
		}
		o.kept = append(o.kept, kept)
	case "--cgroup":
		o.outside.cgroup = value
	case "--user":
		uid, gid, _ := strings.Cut(value, ":")
		var uidErr, gidErr error
		o.outside.uid, uidErr = strconv.Atoi(uid)
		o.outside.gid, gidErr = strconv.Atoi(gid)
		if uidErr != nil || gidErr != nil || o.outside.uid <= 0 || o.outside.gid <= 0 {
			return bad
		}
	case "--open-files":
		number, err := strconv.ParseUint(value, 10, 31)
		if err != nil || number == 0 {
			return bad
		}
		o.outside.openFiles = number
	case "--parent":
		pid, err := strconv.Atoi(value)
		if err != nil || pid <= 0 {
			return bad
		}
		o.outside.parent = pid
	case "--wait":
		for _, text := range strings.Split(value, ",") {
			port, err := strconv.ParseUint(text, 10, 16)
			if err != nil || port == 0 {
				return bad
			}
			o.ports = append(o.ports, uint16(port))
		}
	case "--wait-ms":
		ms, err := strconv.Atoi(value)
		if err != nil || ms <= 0 {
			return bad
		}
		o.wait = time.Duration(ms) * time.Millisecond
	case "--mark":
		return atLeast(name, value, 3, &o.mark)
	case "--environment":
		return atLeast(name, value, 3, &o.environment)
	case "--guard":
		if err := atLeast(name, value, 3, &o.guard); err != nil {
			return bad
		}
		o.outside.place.guardFD = o.guard
	case "--scratch":
		o.outside.place.folder = value
	case "--tmp-mib":
		return atLeast(name, value, 1, &o.outside.place.tmpMiB)
	case "--program":
		o.outside.place.programs = append(o.outside.place.programs, value)
	case "--folder":
		one, err := parseShown(value)
		if err != nil {
			return errors.New(name + " " + strconv.Quote(value) + ": " + err.Error())
		}
		o.outside.place.shown = append(o.outside.place.shown, one)
	case "--guarded":
		one, err := parseBound(value)
		if err != nil {
			return errors.New(name + " " + strconv.Quote(value) + ": " + err.Error())
		}
		o.outside.place.bound = append(o.outside.place.bound, one)
	case "--folders-at":
		o.outside.place.at = value
	case "--since":
		since, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return bad
		}
		o.outside.place.since = since
	case "--home":
		o.outside.place.home = value
	case "--home-limit":
		mib, files, _ := strings.Cut(value, ":")
		var mibErr, filesErr error
		o.outside.place.limit.MiB, mibErr = strconv.ParseUint(mib, 10, 40)
		o.outside.place.limit.Files, filesErr = strconv.ParseUint(files, 10, 63)
		if mibErr != nil || filesErr != nil || o.outside.place.limit.MiB == 0 || o.outside.place.limit.Files == 0 {
			return bad
		}
	case "--userns":
		return atLeast(name, value, 3, &o.outside.place.usernsFD)
	case "--filter":
		o.filters = append(o.filters, value)
	default:
		return errors.New("no such option: " + name)
	}
	return nil
}

// atLeast reads a whole number.
func atLeast(name, value string, least int, into *int) error {
	number, err := strconv.Atoi(value)
	if err != nil || number < least {
		return errors.New(name + " " + strconv.Quote(value) + ": not understood")
	}
	*into = number
	return nil
}

// mark tells the supervisor the time, in nanoseconds since 1970, at which the command is about to start. It is for measuring: a mark
// that cannot be written stops nothing.
func mark(fd int) {
	var now unix.Timespec
	if unix.ClockGettime(unix.CLOCK_REALTIME, &now) == nil {
		_, _ = unix.Write(fd, []byte(strconv.FormatInt(now.Sec*nanosecondParts+now.Nsec, 10)+"\n"))
	}
	_ = unix.Close(fd)
}

// mostEnvironment is more than execve takes (execve(2), "Limits on size of arguments and environment").
const mostEnvironment = 8 << 20

// takeEnvironment makes what a descriptor gives, up to its end, this process's environment, and so the command's.
func takeEnvironment(fd int) error {
	file := os.NewFile(uintptr(fd), "environment")
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, mostEnvironment+1))
	if err != nil {
		return err
	}
	if len(text) > mostEnvironment {
		return errors.New("more than " + strconv.Itoa(mostEnvironment) + " bytes")
	}
	os.Clearenv()
	for _, variable := range strings.Split(strings.TrimSuffix(string(text), "\x00"), "\x00") {
		if name, value, ok := strings.Cut(variable, "="); ok {
			if err := os.Setenv(name, value); err != nil {
				return errors.New(strconv.Quote(name) + ": " + err.Error())
			}
		}
	}
	return nil
}

// find looks a program up as execvp(3) does.
func find(name string) (string, int, error) {
	if strings.Contains(name, "/") {
		return name, 0, nil
	}
	denied := ""
	for _, folder := range strings.Split(os.Getenv("PATH"), ":") {
		if folder == "" {
			continue
		}
		path := folder + "/" + name
		var status unix.Stat_t
		if unix.Stat(path, &status) != nil || status.Mode&unix.S_IFMT != unix.S_IFREG {
			continue
		}
		if unix.Access(path, unix.X_OK) == nil {
			return path, 0, nil
		}
		denied = path
	}
	if denied != "" {
		return "", exitCannotRun, errors.New(denied + ": permission denied")
	}
	return "", exitNotFound, errors.New(name + ": command not found in " + os.Getenv("PATH"))
}

func execute(path string, command []string) {
	err := unix.Exec(path, command, os.Environ())
	if err == unix.ENOENT {
		fail(exitNotFound, errors.New(path+": no such file, or its interpreter is missing"))
	}
	fail(exitCannotRun, errors.New(path+": "+err.Error()))
}

func fail(code int, err error) {
	_, _ = os.Stderr.WriteString("cloister: " + err.Error() + "\n")
	os.Exit(code)
}
