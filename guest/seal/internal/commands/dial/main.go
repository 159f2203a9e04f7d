// Package dial is the command dial. It connects its standard input and output to a port of 127.0.0.1 in a session, for the operator who forwards it.
//
//	dial SESSION [PORT]
//
// Without a port it only says whether something runs in the session. It enters the session's network as root, makes one
// socket there and gives all its rights away before it connects: whatever the session answers is read by nobody. A session
// gains no way out by it: it can answer a connection, and begin none.
package dial

import (
	"errors"
	"io"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	groups     = "/sys/fs/cgroup"
	slice      = "/cloister.slice/cloister-sessions.slice/"
	nobody     = 65534
	exitFailed = 125
)

// Names of sessions: guest/sessions/names.ts.
var sessionName = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

// Main is the whole command.
func Main() {
	err := run(os.Args[1:])
	if err == nil {
		return
	}
	_, _ = os.Stderr.WriteString("cloister: " + err.Error() + "\n")
	os.Exit(exitFailed)
}

func run(arguments []string) error {
	session, port, err := parse(arguments)
	if err != nil {
		return err
	}
	// A network namespace belongs to a thread.
	runtime.LockOSThread()
	network, err := networkOf(session)
	if err != nil {
		return err
	}
	if port == 0 {
		return nil
	}
	socket, err := socketIn(network)
	if err != nil {
		return err
	}
	if err := drop(); err != nil {
		return err
	}
	if err := connect(socket, port); err != nil {
		return errors.New("port " + strconv.Itoa(port) + " of the session " + session + ": " + err.Error())
	}
	return carry(socket)
}

func parse(arguments []string) (session string, port int, err error) {
	if len(arguments) < 1 || len(arguments) > 2 {
		return "", 0, errors.New("usage: dial SESSION [PORT]")
	}
	session = arguments[0]
	if len(session) > 32 || !sessionName.MatchString(session) {
		return "", 0, errors.New(strconv.Quote(session) + " is no session's name")
	}
	if len(arguments) == 2 {
		port, err = strconv.Atoi(arguments[1])
		if err != nil || port < 1 || port > 65535 {
			return "", 0, errors.New(strconv.Quote(arguments[1]) + " is no port: write 1 to 65535")
		}
	}
	return session, port, nil
}

// networkOf opens the network namespace of a session's processes. The session's supervisor keeps a process in its control
// group that is in the machine's own namespace: that one is never meant.
func networkOf(session string) (int, error) {
	group := slice + "cloister-session-" + session + ".scope"
	text, err := os.ReadFile(groups + group + "/cgroup.procs")
	if err != nil {
		return -1, errors.New("nothing runs in the session " + session)
	}
	var own unix.Stat_t
	if err := unix.Stat("/proc/self/ns/net", &own); err != nil {
		return -1, err
	}
	for _, line := range strings.Fields(string(text)) {
		pid, err := strconv.Atoi(line)
		if err != nil {
			continue
		}
		if network, ok := networkOfProcess(pid, group, own); ok {
			return network, nil
		}
	}
	return -1, errors.New("no command runs in the session " + session + " yet")
}

// networkOfProcess opens a process's network namespace while the process is held: its number cannot become another's.
func networkOfProcess(pid int, group string, own unix.Stat_t) (int, bool) {
	held, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return -1, false
	}
	defer unix.Close(held)
	network, err := unix.Open("/proc/"+strconv.Itoa(pid)+"/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, false
	}
	var found unix.Stat_t
	place, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cgroup")
	inside := err == nil && strings.Contains("\n"+string(place), "\n0::"+group+"\n")
	if !inside || ended(held) || unix.Fstat(network, &found) != nil || found.Dev == own.Dev && found.Ino == own.Ino {
		_ = unix.Close(network)
		return -1, false
	}
	return network, true
}

func ended(pidfd int) bool {
	polled := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}
	n, err := unix.Poll(polled, 0)
	return err != nil || n > 0
}

func socketIn(network int) (int, error) {
	if err := unix.Setns(network, unix.CLONE_NEWNET); err != nil {
		return -1, errors.New("entering the session's network: " + err.Error())
	}
	return unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
}

// drop gives all rights away, in all threads: syscall's calls are made in each of them.
func drop() error {
	if err := syscall.Setgroups(nil); err != nil {
		return errors.New("groups: " + err.Error())
	}
	if err := syscall.Setresgid(nobody, nobody, nobody); err != nil {
		return errors.New("group: " + err.Error())
	}
	if err := syscall.Setresuid(nobody, nobody, nobody); err != nil {
		return errors.New("user: " + err.Error())
	}
	if _, _, code := syscall.AllThreadsSyscall6(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0); code != 0 {
		return errors.New("no_new_privs: " + code.Error())
	}
	return nil
}

func connect(socket, port int) error {
	for {
		err := unix.Connect(socket, &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}})
		if err != unix.EINTR {
			return err
		}
	}
}

// carry ends with what the session sends; the end of the input is passed on.
func carry(socket int) error {
	connection := os.NewFile(uintptr(socket), "session")
	go func() {
		_, _ = io.Copy(connection, os.Stdin)
		_ = unix.Shutdown(socket, unix.SHUT_WR)
	}()
	_, err := io.Copy(os.Stdout, connection)
	if errors.Is(err, unix.ECONNRESET) {
		return nil
	}
	return err
}
