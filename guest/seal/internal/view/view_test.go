package view

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// inView is set in the process that looks at the machine from inside. It is another one: there is no way back.
const inView = "CLOISTER_TEST_VIEW"

func TestView(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("mounts need root")
	}
	if base := os.Getenv(inView); base != "" {
		runtime.LockOSThread()
		Folder = base
		if err := Enter(); err != nil {
			t.Fatal(err)
		}
		look(t)
		return
	}
	base := t.TempDir()
	// A folder that is hidden, as every machine has it; on this computer it may be empty without that.
	canary := "/var/log/cloister-test-canary"
	if err := os.WriteFile(canary, nil, 0o600); err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { os.Remove(canary) })
	before, _ := os.ReadFile("/proc/self/mountinfo")
	command := exec.Command(os.Args[0], "-test.run=^TestView$", "-test.v")
	command.Env = append(os.Environ(), inView+"="+base)
	said, err := command.CombinedOutput()
	t.Log(string(said))
	if err != nil {
		t.Error(err)
	}
	after, _ := os.ReadFile("/proc/self/mountinfo")
	if string(before) != string(after) {
		t.Error("what was mounted inside is seen outside")
	}
	if _, err := os.Lstat(canary); err != nil {
		t.Error("the control: ", err)
	}
}

func look(t *testing.T) {
	for _, path := range Hidden {
		if entries, err := os.ReadDir(path); err == nil && len(entries) > 0 {
			t.Errorf("%s shows %v", path, entries)
		}
		if isFolder(path) {
			if err := os.WriteFile(filepath.Join(path, "new"), nil, 0o600); err == nil {
				t.Errorf("%s can be written to", path)
			}
		}
	}
	for _, path := range []string{"/usr/new", "/proc/sys/kernel/core_pattern", "/sys/kernel/uevent_seqnum"} {
		fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CREAT, 0o600)
		if err == nil {
			_ = unix.Close(fd)
			t.Errorf("%s can be written to", path)
		} else if !errors.Is(err, unix.EROFS) {
			t.Errorf("%s: %v", path, err)
		}
	}
	entries, err := os.ReadDir("/dev")
	if err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	if got := strings.Join(names, " "); got != "fd full log null ptmx pts random shm stderr stdin stdout tty urandom zero" {
		t.Errorf("/dev has %s", got)
	}
	if err := os.WriteFile("/dev/null", []byte("x"), 0); err != nil {
		t.Error(err)
	}
	// New mounts of its own are made as ever.
	if err := unix.Mount("own", Folder, "tmpfs", 0, ""); err != nil {
		t.Error(err)
	} else {
		_ = unix.Unmount(Folder, 0)
	}
	// A user namespace may have a /proc of its own; the control: not without the whole one that is kept.
	if err := ownProc(); err != nil {
		t.Error(err)
	}
	covered := filepath.Join(Folder, "covered")
	for _, path := range []string{covered, filepath.Join(covered, "proc")} {
		if err := unix.Unmount(path, unix.MNT_DETACH); err != nil {
			t.Fatal(err)
		}
	}
	if ownProc() == nil {
		t.Error("the control: /proc could be mounted although parts of the machine's are covered")
	}
}

// ownProc mounts a /proc in a new user namespace, as bubblewrap does, as an ordinary user.
func ownProc() error {
	script := "unshare --user --map-root-user --mount --pid --fork --mount-proc true"
	said, err := exec.Command("setpriv", "--reuid", "20001", "--regid", "20001", "--clear-groups", "sh", "-c", script).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, said)
	}
	return nil
}
