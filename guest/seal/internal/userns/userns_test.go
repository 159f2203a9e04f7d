package userns

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
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
