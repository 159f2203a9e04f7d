package answer

import (
	"errors"
	"os"
	"runtime"
	"strconv"
	"sync"
	"time"

	"cloister/seal/internal/guard"
	"cloister/seal/internal/rights"
	"golang.org/x/sys/unix"
)

// Server answers the calls of one session.
type Server struct {
	listener listener
	// proc is /proc of the machine, root is the session's root.
	proc     int
	since    int64
	folders  map[uint64]*guarded
	turns    *turns
	refusals refusals
	// sameProcesses: the session has no process namespace of its own, so "self" in its /proc would be the guard.
	sameProcesses bool
	first         sync.Once
	crew          crew
	failed        chan error
}

// Run takes over from the sandbox at the other end of the socket and answers its calls until its last process is gone.
func Run(socket int, since int64, folders []Folder) error {
	// The death signal belongs to a thread that stays.
	runtime.LockOSThread()
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return errors.New("death signal: " + err.Error())
	}
	proc, err := unix.Open("/proc", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return errors.New("/proc: " + err.Error())
	}
	if err := leaveStandardFiles(); err != nil {
		return err
	}
	given, err := guard.Receive(socket)
	if err != nil {
		return err
	}
	server := &Server{
		listener: listener(given.Listener), proc: proc, since: since,
		turns: newTurns(given.Held), failed: make(chan error, mostWorkers+1),
	}
	if err := server.prepare(given.Root, folders); err != nil {
		return err
	}
	server.crew.start(server.work)
	makeThreads()
	if err := guard.Ready(socket); err != nil {
		return errors.New("telling the sandbox to go on: " + err.Error())
	}
	go func() { server.failed <- server.listener.awaitEnd() }()
	return <-server.failed
}

// leaveStandardFiles lets go of the command's standard input and output: whoever reads its output waits for its last holder.
// What is told goes to standard error.
func leaveStandardFiles() error {
	null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return errors.New("/dev/null: " + err.Error())
	}
	defer unix.Close(null)
	for fd := range 2 {
		if err := unix.Dup3(null, fd, 0); err != nil {
			return errors.New("/dev/null: " + err.Error())
		}
	}
	return nil
}

func (s *Server) prepare(root int, folders []Folder) error {
	if err := checkSizes(); err != nil {
		return err
	}
	if !s.listener.isListener() {
		return errors.New("the sandbox handed over something else than a listener")
	}
	s.listener.stayClose()
	if err := enter(root); err != nil {
		return err
	}
	_ = unix.Close(root)
	if err := rights.Drop(); err != nil {
		return err
	}
	unix.Umask(0)
	var err error
	if s.folders, err = find(folders); err != nil {
		return err
	}
	return awaitTick(s.since)
}

// enter makes the session's root the root of this process, all threads of it.
func enter(root int) error {
	own, err := look(unix.AT_FDCWD, "/")
	if err != nil {
		return errors.New("/: " + err.Error())
	}
	theirs, err := look(root, "")
	if err != nil {
		return errors.New("the session's root: " + err.Error())
	}
	if own.mount() == theirs.mount() && own.Ino == theirs.Ino && own.Dev_major == theirs.Dev_major && own.Dev_minor == theirs.Dev_minor {
		return nil
	}
	if err := unix.Fchdir(root); err != nil {
		return errors.New("the session's root: " + err.Error())
	}
	if err := unix.Chroot("."); err != nil {
		return errors.New("chroot to the session's root: " + err.Error())
	}
	return nil
}

// awaitTick waits until the clock that birth times come from, which moves in steps of up to 10 ms, is past the session's
// start: then what the session makes is younger, and what was there before is not.
func awaitTick(since int64) error {
	for range 1000 {
		var now unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_REALTIME_COARSE, &now); err != nil {
			return errors.New("clock: " + err.Error())
		}
		if now.Nano() > since {
			return nil
		}
		time.Sleep(time.Millisecond)
	}
	return errors.New("--since is in the future")
}

// work takes calls and answers them.
func (s *Server) work() {
	var (
		taken  notification
		buffer [pathMax]byte
	)
	for {
		switch errno := s.listener.receive(&taken); errno {
		case 0:
		case unix.EINTR, unix.ENOENT:
			continue
		default:
			s.failed <- errors.New("receiving a call: " + errno.Error())
			return
		}
		began := s.crew.begin()
		s.first.Do(func() { s.compareProcesses(int(taken.pid)) })
		s.handle(&taken, &buffer)
		s.crew.end(began)
	}
}

func (s *Server) handle(taken *notification, buffer *[pathMax]byte) {
	call, known := guard.Decode(taken.number, taken.arguments)
	if !known || taken.pid == 0 {
		// Not by our filter, or from a process that is not beneath this one's namespace.
		s.listener.send(taken.id, unix.EPERM)
		return
	}
	turn := s.turns.begin(taken.pid, call)
	errno, answered := s.answer(caller{pid: int(taken.pid), proc: s.proc}, call, turn, taken.id, buffer)
	unheard := answered && s.listener.send(taken.id, errno) == unix.ENOENT
	s.turns.end(turn, unheard && errno == 0)
}

// compareProcesses finds out whether the session shares the guard's process numbers.
func (s *Server) compareProcesses(pid int) {
	_, _, theirs := caller{pid: pid, proc: s.proc}.inside()
	_, _, own := caller{pid: os.Getpid(), proc: s.proc}.inside()
	s.sameProcesses = theirs == own
}

// pathOf is where a folder is now, seen from the session's root.
func (s *Server) pathOf(fd int) (string, unix.Errno) {
	text := make([]byte, pathMax)
	n, err := unix.Readlinkat(s.proc, "self/fd/"+strconv.Itoa(fd), text)
	if err != nil {
		return "", errnoOf(err)
	}
	if n == len(text) {
		return "", unix.ENAMETOOLONG
	}
	return string(text[:n]), 0
}
