package landlock

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A domain cannot be left, so all that happens in one happens in processes made for it: this test's own program, told
// by its arguments what to be.
const (
	roleEnter = "landlock-test-enter" // ABI WORK...: enters a domain, or none for 0, and becomes WORK
	roleTry   = "landlock-test-try"   // PID FOLDER: tries what there is to try, and prints it
	roleSleep = "landlock-test-sleep" // until its input ends
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case roleEnter:
			enter(os.Args[2], os.Args[3:])
		case roleTry:
			try(os.Args[2], os.Args[3])
		case roleSleep:
			fmt.Println("ready")
			_, _ = os.Stdin.Read(make([]byte, 1))
			os.Exit(0)
		}
	}
	os.Exit(m.Run())
}

func enter(abi string, work []string) {
	runtime.LockOSThread()
	if number, _ := strconv.Atoi(abi); number != 0 {
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			panic(err)
		}
		if err := restrict(number); err != nil {
			panic(err)
		}
	}
	panic(unix.Exec("/proc/self/exe", append([]string{"test"}, work...), os.Environ()))
}

// look are the ways into another process. Each must end with an error from within a domain.
var look = map[string]func(folder string, pid int) error{
	"mem, to write": func(folder string, _ int) error { return open(folder+"/mem", unix.O_RDWR) },
	"mem, to read":  func(folder string, _ int) error { return open(folder+"/mem", unix.O_RDONLY) },
	"a task's mem": func(folder string, pid int) error {
		return open(fmt.Sprintf("%s/task/%d/mem", folder, pid), unix.O_RDWR)
	},
	"environ":        func(folder string, _ int) error { return read(folder + "/environ") },
	"auxv":           func(folder string, _ int) error { return read(folder + "/auxv") },
	"maps":           func(folder string, _ int) error { return read(folder + "/maps") },
	"root":           func(folder string, _ int) error { return open(folder+"/root/", unix.O_RDONLY) },
	"cwd":            func(folder string, _ int) error { return open(folder+"/cwd/", unix.O_RDONLY) },
	"exe":            func(folder string, _ int) error { return open(folder+"/exe", unix.O_RDONLY) },
	"fd":             func(folder string, _ int) error { return open(folder+"/fd/0", unix.O_PATH) },
	"a namespace":    func(folder string, _ int) error { return open(folder+"/ns/mnt", unix.O_RDONLY) },
	"attaching":      func(_ string, pid int) error { return attach(pid) },
	"its memory":     func(_ string, pid int) error { return readMemory(pid) },
	"a file of its":  func(_ string, pid int) error { return takeFile(pid) },
	"robust futexes": func(_ string, pid int) error { return robustList(pid) },
}

// keep are things that a domain must not take: links and renames from one folder to another, and what is one's own.
// They are done in this order.
var keep = []struct {
	name string
	do   func(folder string) error
}{
	{"a rename to another folder", func(folder string) error { return os.Rename(folder+"/a/renamed", folder+"/b/renamed") }},
	{"a rename of a folder", func(folder string) error { return os.Rename(folder+"/a/sub", folder+"/b/sub") }},
	{"a link from another folder", func(folder string) error { return os.Link(folder+"/a/linked", folder+"/b/linked") }},
	{"an exchange", func(folder string) error {
		return unix.Renameat2(unix.AT_FDCWD, folder+"/a/one", unix.AT_FDCWD, folder+"/b/two", unix.RENAME_EXCHANGE)
	}},
	{"a name for a file that has none", func(folder string) error {
		fd, err := unix.Open(folder+"/a", unix.O_TMPFILE|unix.O_WRONLY|unix.O_CLOEXEC, 0o600)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		return unix.Linkat(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", fd), unix.AT_FDCWD, folder+"/b/named", unix.AT_SYMLINK_FOLLOW)
	}},
	{"making and truncating a file", func(folder string) error { return os.WriteFile(folder+"/a/made", []byte("x"), 0o600) }},
	{"removing a file", func(folder string) error { return os.Remove(folder + "/a/removed") }},
	{"a device", func(string) error { return read("/dev/urandom") }},
	{"its own memory", func(string) error { return open("/proc/self/mem", unix.O_RDWR) }},
	{"its parent's status", func(string) error { return read(fmt.Sprintf("/proc/%d/status", os.Getppid())) }},
	{"a domain within", func(string) error {
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return err
		}
		return restrict(leastABI)
	}},
	{"a rename in a domain within", func(folder string) error { return os.Rename(folder+"/b/renamed", folder+"/a/renamed") }},
}

type outcomes struct {
	Outside, Child, Keep map[string]string
	SignalOutside        string
}

func try(victim, folder string) {
	// ptrace is per thread.
	runtime.LockOSThread()
	pid, err := strconv.Atoi(victim)
	if err != nil {
		panic(err)
	}
	child, stop := sleeper(nil)
	result := outcomes{Outside: all(pid), Child: all(child.Process.Pid), Keep: map[string]string{}}
	result.SignalOutside = text(unix.Kill(pid, 0))
	for _, each := range keep {
		result.Keep[each.name] = text(each.do(folder))
	}
	stop()
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
		panic(err)
	}
	os.Exit(0)
}

func all(pid int) map[string]string {
	found := map[string]string{}
	for name, do := range look {
		found[name] = text(do(fmt.Sprintf("/proc/%d", pid), pid))
	}
	return found
}

func text(err error) string {
	var errno unix.Errno
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &errno):
		return unix.ErrnoName(errno)
	default:
		return err.Error()
	}
}

func open(path string, flags int) error {
	fd, err := unix.Open(path, flags|unix.O_CLOEXEC, 0)
	if err == nil {
		_ = unix.Close(fd)
	}
	return err
}

func read(path string) error {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	_, err = unix.Read(fd, make([]byte, 16))
	return err
}

func attach(pid int) error {
	if err := unix.PtraceAttach(pid); err != nil {
		return err
	}
	if _, err := unix.Wait4(pid, nil, unix.WALL, nil); err != nil {
		return err
	}
	return unix.PtraceDetach(pid)
}

func readMemory(pid int) error {
	// An address that is nobody's: EFAULT says that the process could be read.
	remote := []unix.RemoteIovec{{Base: 4096, Len: 1}}
	local := []unix.Iovec{{Base: new(byte), Len: 1}}
	_, err := unix.ProcessVMReadv(pid, local, remote, 0)
	if err == unix.EFAULT {
		return nil
	}
	return err
}

func takeFile(pid int) error {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	taken, err := unix.PidfdGetfd(fd, 0, 0)
	if err == nil {
		_ = unix.Close(taken)
	}
	return err
}

func robustList(pid int) error {
	var head, length uintptr
	_, _, errno := unix.Syscall(unix.SYS_GET_ROBUST_LIST, uintptr(pid),
		uintptr(unsafe.Pointer(&head)), uintptr(unsafe.Pointer(&length)))
	if errno != 0 {
		return errno
	}
	return nil
}

// sleeper starts a process that does nothing until stop is called.
func sleeper(as *syscall.SysProcAttr) (*exec.Cmd, func()) {
	child := exec.Command("/proc/self/exe", roleSleep)
	child.SysProcAttr = as
	input, err := child.StdinPipe()
	if err != nil {
		panic(err)
	}
	output, err := child.StdoutPipe()
	if err != nil {
		panic(err)
	}
	if err := child.Start(); err != nil {
		panic(err)
	}
	// It is dumpable, and so can be looked into, once it is the program.
	if _, err := output.Read(make([]byte, 16)); err != nil {
		panic(err)
	}
	return child, func() {
		_ = input.Close()
		_ = child.Wait()
	}
}

// ordinary is a user without capabilities, as sessions have: root's processes may read others' maps whatever else holds.
func ordinary() *syscall.SysProcAttr {
	if os.Getuid() != 0 {
		return nil
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
}

const nobody = 65_534

func tryIn(t *testing.T, abi int) outcomes {
	t.Helper()
	folder := t.TempDir()
	for _, name := range []string{"a/sub", "b"} {
		if err := os.MkdirAll(filepath.Join(folder, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"a/renamed", "a/linked", "a/one", "a/removed", "b/two"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if os.Getuid() == 0 {
		// The folder around it is this test's, too.
		if err := os.Chmod(filepath.Dir(folder), 0o755); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"", "a", "a/sub", "b", "a/renamed", "a/linked", "a/one", "a/removed", "b/two"} {
			if err := os.Chown(filepath.Join(folder, name), nobody, nobody); err != nil {
				t.Fatal(err)
			}
		}
	}
	victim, stop := sleeper(ordinary())
	defer stop()
	pid := strconv.Itoa(victim.Process.Pid)
	command := exec.Command("/proc/self/exe", roleEnter, strconv.Itoa(abi), roleTry, pid, folder)
	command.Stderr, command.SysProcAttr = os.Stderr, ordinary()
	output, err := command.Output()
	if err != nil {
		t.Fatalf("in a domain of version %d: %v", abi, err)
	}
	var result outcomes
	if err := json.Unmarshal(output, &result); err != nil {
		t.Fatal(err)
	}
	return result
}

func TestDomain(t *testing.T) {
	here, err := ABI()
	if errors.Is(err, ErrUnavailable) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	control := tryIn(t, 0)
	for name, outcome := range control.Outside {
		if outcome != "ok" {
			t.Logf("control: %s cannot be done here at all: %s", name, outcome)
		}
	}
	for _, name := range []string{"mem, to write", "environ", "root", "fd", "its memory"} {
		if control.Outside[name] != "ok" && !yama() {
			t.Errorf("control: %s: %s", name, control.Outside[name])
		}
	}
	for _, abi := range []int{leastABI, scopesABI} {
		t.Run(fmt.Sprintf("version %d", abi), func(t *testing.T) {
			if here < abi {
				t.Skipf("this kernel's landlock is of version %d", here)
			}
			result := tryIn(t, abi)
			for name, outcome := range result.Outside {
				if outcome != "EACCES" && outcome != "EPERM" {
					t.Errorf("%s of a process outside: %s", name, outcome)
				}
			}
			for name, outcome := range result.Child {
				if outcome != control.Child[name] {
					t.Errorf("%s of a child: %s, without a domain %s", name, outcome, control.Child[name])
				}
			}
			for name, outcome := range result.Keep {
				if outcome != "ok" {
					t.Errorf("%s: %s", name, outcome)
				}
			}
			want := map[bool]string{true: "EPERM", false: "ok"}[abi >= scopesABI]
			if result.SignalOutside != want {
				t.Errorf("a signal to a process outside: %s, want %s", result.SignalOutside, want)
			}
		})
	}
}

// yama says that the kernel keeps a process out of all others but its children: then there is no control for what only
// concerns them.
func yama() bool {
	text, err := os.ReadFile("/proc/sys/kernel/yama/ptrace_scope")
	return err == nil && string(text) != "0\n"
}

func TestFirstVersionIsNotUsed(t *testing.T) {
	if err := restrict(1); !errors.Is(err, ErrUnavailable) {
		t.Errorf("version 1: %v", err)
	}
}
