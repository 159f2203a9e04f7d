package userns

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cloister/seal/internal/least"
	"golang.org/x/sys/unix"
	"os/exec"
	"runtime"
)

// nsGetOwner is NS_GET_OWNER_UID (ioctl_ns(2)).
const nsGetOwner = 0xb704

func owner(t *testing.T, namespace *os.File) uint32 {
	t.Helper()
	uid, err := unix.IoctlGetUint32(int(namespace.Fd()), nsGetOwner)
	if err != nil {
		t.Fatal(err)
	}
	return uid
}

func TestNamespacesBelongToWhomTheyAreFor(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("it takes root")
	}
	mine, err := New(Map{InsideUID: 1000, OutsideUID: 20_000, InsideGID: 1000, OutsideGID: 20_000})
	if err != nil {
		t.Fatal(err)
	}
	defer mine.Close()
	theirs, err := NewOwned(20_000, 20_001)
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	if got := owner(t, mine); got != 0 {
		t.Errorf("a mapping's namespace belongs to %d", got)
	}
	if got := owner(t, theirs); got != 20_000 {
		t.Errorf("a user's namespace belongs to %d", got)
	}
	if unix.Geteuid() != 0 {
		t.Errorf("this thread stayed user %d", unix.Geteuid())
	}
}

func TestNothingIsLeftRunning(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("it takes root")
	}
	for i := 0; i < 50; i++ {
		namespace, err := NewOwned(20_000, 20_000)
		if err != nil {
			t.Fatal(err)
		}
		_ = namespace.Close()
	}
	threads, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil || len(threads) == 0 {
		t.Skipf("this kernel does not list children: %v", err)
	}
	for _, file := range threads {
		children, _ := os.ReadFile(file)
		if strings.TrimSpace(string(children)) != "" {
			t.Errorf("%s: %s", file, children)
		}
	}
}

// A supervisor has no CAP_SYS_PTRACE (package least), without which processes that are not dumpable are nobody's to look into.
func TestOwnedWithASupervisorsRights(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root makes namespaces for others")
	}
	const inside = "CLOISTER_TEST_USERNS"
	if os.Getenv(inside) == "" {
		command := exec.Command(os.Args[0], "-test.run=^TestOwnedWithASupervisorsRights$")
		command.Env = append(os.Environ(), inside+"=1")
		if said, err := command.CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, said)
		}
		return
	}
	runtime.LockOSThread()
	if err := least.Drop(); err != nil {
		t.Fatal(err)
	}
	namespace, err := NewOwned(20_001, 20_001)
	if err != nil {
		t.Fatal(err)
	}
	_ = namespace.Close()
	// What was allowed for it is taken back.
	if dumpable, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0); err != nil || dumpable == 1 {
		t.Errorf("the process is dumpable: %d, %v", dumpable, err)
	}
}
