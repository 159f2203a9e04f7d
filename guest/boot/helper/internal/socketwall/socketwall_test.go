package socketwall

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// inside is set in processes that connect to a socket and say how it went.
const inside = "CLOISTER_TEST_CONNECT"

func TestMain(m *testing.M) {
	if path := os.Getenv(inside); path != "" {
		os.Exit(connect(path))
	}
	os.Exit(m.Run())
}

// connect ends with 0 when the connection was made, with 1 when it is forbidden, and with 2 otherwise.
func connect(path string) int {
	kind := syscall.SOCK_STREAM
	if strings.HasSuffix(path, ".dgram") {
		kind = syscall.SOCK_DGRAM
	}
	fd, err := syscall.Socket(syscall.AF_UNIX, kind, 0)
	if err == nil && kind == syscall.SOCK_DGRAM {
		err = syscall.Sendto(fd, []byte("x"), 0, &syscall.SockaddrUnix{Name: path})
	} else if err == nil {
		err = syscall.Connect(fd, &syscall.SockaddrUnix{Name: path})
	}
	switch {
	case err == nil:
		return 0
	case errors.Is(err, syscall.EPERM):
		return 1
	}
	_, _ = os.Stderr.WriteString(err.Error() + "\n")
	return 2
}

// unified is where control groups of version 2 are mounted.
func unified(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Skip(err)
	}
	for _, line := range strings.Split(string(text), "\n") {
		if fields := strings.Fields(line); len(fields) > 2 && fields[2] == "cgroup2" {
			return fields[1]
		}
	}
	t.Skip("no control groups of version 2")
	return ""
}

func listen(t *testing.T, path string) {
	t.Helper()
	kind := syscall.SOCK_STREAM
	if strings.HasSuffix(path, ".dgram") {
		kind = syscall.SOCK_DGRAM
	}
	fd, err := syscall.Socket(syscall.AF_UNIX, kind|syscall.SOCK_CLOEXEC, 0)
	if err == nil {
		err = syscall.Bind(fd, &syscall.SockaddrUnix{Name: path})
	}
	if err == nil && kind == syscall.SOCK_STREAM {
		err = syscall.Listen(fd, 50)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if path[0] == '/' {
		if err := os.Chmod(path, 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWall(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("programs in the kernel are root's")
	}
	cgroup, err := os.MkdirTemp(unified(t), "cloister-test-")
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { _ = os.Remove(cgroup) })
	folder, err := os.MkdirTemp("/tmp", "w")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	// A copy that every user may run.
	self := filepath.Join(folder, "self")
	program, err := os.ReadFile(os.Args[0])
	if err == nil {
		err = os.WriteFile(self, program, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	proxy, other := filepath.Join(folder, "http.sock"), filepath.Join(folder, "http.sockx")
	shorter, datagram, abstract := filepath.Join(folder, "http.soc"), filepath.Join(folder, "a.dgram"), "@cloister-test-"+filepath.Base(folder)
	around := folder + "/../" + filepath.Base(folder) + "/http.sock"
	for _, path := range []string{proxy, other, shorter, datagram, abstract} {
		listen(t, path)
	}
	before := Sockets
	Sockets = []string{filepath.Join(folder, "another.sock"), proxy}
	t.Cleanup(func() { Sockets = before })

	try := func(uid uint32, path string, ownNetwork bool) int {
		t.Helper()
		group, err := os.Open(cgroup)
		if err != nil {
			t.Fatal(err)
		}
		defer group.Close()
		command := exec.Command(self)
		command.Env = []string{inside + "=" + path}
		command.Stderr = os.Stderr
		command.SysProcAttr = &syscall.SysProcAttr{
			UseCgroupFD: true,
			CgroupFD:    int(group.Fd()),
			Credential:  &syscall.Credential{Uid: uid, Gid: uid, Groups: []uint32{}},
		}
		if ownNetwork {
			command.SysProcAttr.Cloneflags = syscall.CLONE_NEWNET
		}
		_ = command.Run()
		return command.ProcessState.ExitCode()
	}
	if code := try(firstUser, other, false); code != 0 {
		t.Skipf("the control: without the wall it ends with %d", code)
	}
	if err := Build(cgroup); err != nil {
		if strings.Contains(err.Error(), "6.7") || errors.Is(err, syscall.EPERM) {
			t.Skip(err)
		}
		t.Fatal(err)
	}
	const allowed, forbidden = 0, 1
	for _, one := range []struct {
		what       string
		uid        uint32
		path       string
		ownNetwork bool
		want       int
	}{
		{"a session's user, outside its seal", firstUser, other, false, forbidden},
		{"the last of them", lastUser, other, false, forbidden},
		{"by an abstract name", firstUser, abstract, false, forbidden},
		{"a datagram", firstUser, datagram, false, forbidden},
		{"a proxy's socket, outside", firstUser, proxy, false, forbidden},
		{"from the session's network", firstUser, other, true, forbidden},
		{"a datagram from there", firstUser, datagram, true, forbidden},
		{"a name that begins as the proxy's", firstUser, shorter, true, forbidden},
		{"the proxy's socket by another path", firstUser, around, true, forbidden},
		{"a bridge", firstUser, proxy, true, allowed},
		{"another user below", firstUser - 1, other, false, allowed},
		{"another user above", lastUser + 1, other, false, allowed},
		{"another user, a datagram", 1001, datagram, false, allowed},
		{"another user, an abstract name", 1001, abstract, false, allowed},
		{"root", 0, other, false, allowed},
	} {
		if got := try(one.uid, one.path, one.ownNetwork); got != one.want {
			t.Errorf("%s: ended with %d, not %d", one.what, got, one.want)
		}
	}
}

func TestPathsFit(t *testing.T) {
	for _, path := range Sockets {
		if len(path) > longestPath {
			t.Errorf("%s: is too long", path)
		}
	}
}
