package dial

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestParse(t *testing.T) {
	for _, words := range [][]string{
		{}, {"a", "1", "2"}, {"../x"}, {"a/b"}, {"A"}, {"a--b"}, {""}, {"a", "0"}, {"a", "65536"}, {"a", "x"}, {"a", "-1"},
	} {
		if _, _, err := parse(words); err == nil {
			t.Errorf("%q is taken", words)
		}
	}
	if session, port, err := parse([]string{"calm-bold-tu", "8080"}); err != nil || session != "calm-bold-tu" || port != 8080 {
		t.Errorf("the control: %q, %d, %v", session, port, err)
	}
	if _, port, err := parse([]string{"calm-bold-tu"}); err != nil || port != 0 {
		t.Errorf("the control: %d, %v", port, err)
	}
}

// A process in the machine's own network, and one outside of the session's group, are never taken.
func TestNetworkOfProcess(t *testing.T) {
	var own unix.Stat_t
	if err := unix.Stat("/proc/self/ns/net", &own); err != nil {
		t.Skip(err)
	}
	text, _ := os.ReadFile("/proc/self/cgroup")
	group := groupIn(string(text))
	if group == "" {
		t.Skip("there are no unified control groups")
	}
	if _, ok := networkOfProcess(os.Getpid(), group, own); ok {
		t.Error("a process in the machine's own network is taken")
	}
	other := own
	other.Ino++
	if _, ok := networkOfProcess(os.Getpid(), group+"x", other); ok {
		t.Error("a process of another group is taken")
	}
	if fd, ok := networkOfProcess(os.Getpid(), group, other); !ok {
		t.Error("the control: a process of the group, in another network, is not taken")
	} else {
		_ = unix.Close(fd)
	}
}

func groupIn(text string) string {
	for _, line := range strings.Split(text, "\n") {
		if len(line) > 3 && line[:3] == "0::" {
			return line[3:]
		}
	}
	return ""
}

const inside = "CLOISTER_TEST_DIAL"

// A socket of another network reaches what listens there, with no right left; the control: not from this network.
func TestAnotherNetwork(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("it needs root")
	}
	if port := os.Getenv(inside); port != "" {
		dialInside(t, port)
		return
	}
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Skip(err)
	}
	port := listenHere(t)
	network, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	// From another thread, which is still in the first network.
	go func() {
		command := exec.Command(os.Args[0], "-test.run=^TestAnotherNetwork$", "-test.v")
		command.Env = append(os.Environ(), inside+"="+strconv.Itoa(port))
		command.ExtraFiles = []*os.File{network}
		said, err := command.CombinedOutput()
		if err != nil {
			err = errors.New(err.Error() + ": " + string(said))
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func dialInside(t *testing.T, text string) {
	port, _ := strconv.Atoi(text)
	runtime.LockOSThread()
	before, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if connect(before, port) == nil {
		t.Fatal("the control: this network reaches it, too")
	}
	socket, err := socketIn(3)
	if err != nil {
		t.Fatal(err)
	}
	if err := drop(); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() != nobody || unix.Setuid(0) == nil {
		t.Error("it can be root again")
	}
	if err := connect(socket, port); err != nil {
		t.Error(err)
	}
}

// listenHere listens in the calling thread's network.
func listenHere(t *testing.T) int {
	t.Helper()
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	up, err := unix.NewIfreq("lo")
	if err != nil {
		t.Fatal(err)
	}
	up.SetUint16(unix.IFF_UP)
	if err := unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, up); err != nil {
		t.Fatal(err)
	}
	if err := unix.Bind(socket, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(socket, 1); err != nil {
		t.Fatal(err)
	}
	name, err := unix.Getsockname(socket)
	if err != nil {
		t.Fatal(err)
	}
	return name.(*unix.SockaddrInet4).Port
}
