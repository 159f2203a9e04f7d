package quota

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// disk is a real ext4 with project quotas, on a loop device.
func disk(t *testing.T) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("mounting takes root")
	}
	folder := t.TempDir()
	image := filepath.Join(folder, "image")
	mounted := filepath.Join(folder, "mounted")
	if err := os.Mkdir(mounted, 0o755); err != nil {
		t.Fatal(err)
	}
	run := func(name string, arguments ...string) {
		t.Helper()
		said, err := exec.Command(name, arguments...).CombinedOutput()
		text := string(said)
		if err != nil && strings.Contains(text, "loop device") || strings.Contains(text, "wrong fs type") {
			t.Skipf("this computer mounts no such disk: %s", strings.TrimSpace(text))
		}
		if err != nil {
			t.Fatalf("%s: %v: %s", name, err, text)
		}
	}
	run("truncate", "-s", "64M", image)
	run("mkfs.ext4", "-q", "-F", "-O", "quota,project", "-E", "quotatype=prjquota", image)
	run("mount", "-o", "loop,prjquota,nosuid,nodev", image, mounted)
	t.Cleanup(func() { _ = exec.Command("umount", mounted).Run() })
	return mounted
}

// write makes a file as an ordinary user: limits do not bind root. It tells whether all of it was written.
func write(path string, size int) bool {
	command := exec.Command("sh", "-c", `head -c "$1" /dev/zero > "$2"`, "sh", strconv.Itoa(size), path)
	command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: user}}
	return command.Run() == nil
}

const user = 42_420

func TestOneFolderIsLimitedAndAnotherHasRoom(t *testing.T) {
	mounted := disk(t)
	one, other := filepath.Join(mounted, "one"), filepath.Join(mounted, "other")
	for i, folder := range []string{one, other} {
		if err := os.Mkdir(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(folder, user, user); err != nil {
			t.Fatal(err)
		}
		if err := Set(folder, uint32(20_000+i), Limit{MiB: 8, Files: 20}); err != nil {
			t.Fatal(err)
		}
	}
	if !write(filepath.Join(one, "fits"), 4<<20) {
		t.Error("control: what fits is refused")
	}
	if write(filepath.Join(one, "too-large"), 8<<20) {
		t.Error("more than the limit is taken")
	}
	if err := os.Remove(filepath.Join(one, "too-large")); err != nil {
		t.Fatal(err)
	}
	made := 0
	for made < 40 && write(filepath.Join(one, strconv.Itoa(made)), 0) {
		made++
	}
	if made == 0 || made >= 20 {
		t.Errorf("%d files of at most 20", made)
	}
	if !write(filepath.Join(other, "room"), 7<<20) {
		t.Error("the other folder has no room")
	}
	// A smaller limit later, as for a session that is run again.
	if err := Set(other, 20_001, Limit{MiB: 1, Files: 20}); err != nil {
		t.Fatal(err)
	}
	if write(filepath.Join(other, "more"), 1<<20) {
		t.Error("a smaller limit does not bind")
	}
}

func TestALinkIsNotFollowed(t *testing.T) {
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink("/etc", link); err != nil {
		t.Fatal(err)
	}
	if err := Set(link, 20_000, Limit{MiB: 1, Files: 1}); err == nil || !strings.Contains(err.Error(), link) {
		t.Errorf("%v", err)
	}
}
