package guard_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// inBubblewrap has a session run as on a machine: in namespaces of its own, with folders as mounts of their own.
func inBubblewrap(t testing.TB, r run, folders ...string) run {
	t.Helper()
	if _, err := exec.LookPath("bwrap"); err != nil {
		t.Skip("there is no bubblewrap")
	}
	uid, gid := os.Getuid(), os.Getgid()
	if isRoot() {
		uid, gid = sessionUser, sessionUser
	}
	binary := testBinary(t)
	r.wrap = []string{
		// Bubblewrap does not start with capabilities that it did not ask for.
		binary, "plain",
		"bwrap", "--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--uid", fmt.Sprint(uid), "--gid", fmt.Sprint(gid),
		"--die-with-parent", "--proc", "/proc", "--dev", "/dev", "--ro-bind", "/usr", "/usr", "--ro-bind", "/etc", "/etc",
		"--symlink", "usr/bin", "/bin", "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64", "--tmpfs", "/tmp",
		"--ro-bind", filepath.Dir(binary), filepath.Dir(binary),
	}
	for _, folder := range folders {
		r.wrap = append(r.wrap, "--bind", folder, folder)
	}
	r.wrap = append(r.wrap, "--chdir", r.dir, "--setenv", "PATH", "/usr/bin", "--")
	return r
}

// TestInBubblewrap is about what is different there: the guard has another root, other process numbers, and no user namespace.
func TestInBubblewrap(t *testing.T) {
	dir, kept := folder(t, "work"), folder(t, "kept")
	for _, path := range []string{dir + "/old", dir + "/inner/old", kept + "/inner/old"} {
		write(t, path, "old")
	}
	give(t, dir)
	give(t, kept)
	settle()
	session := inBubblewrap(t, run{folders: []string{"rw:" + dir, "trash:" + kept}, dir: dir}, dir, kept)
	got := session.exec(t, "rm", "-rf", "old", "inner", kept+"/inner", "/tmp/none")
	if got.code != 1 || got.guard != nil || strings.Count(got.stderr, "this needs mode rwd or trash") != 1 {
		t.Errorf("%d %v %s", got.code, got.guard, got.stderr)
	}
	if !exists(dir+"/old") || !exists(dir+"/inner/old") || exists(kept+"/inner") {
		t.Error("not as the modes say")
	}
	trashOf(t, kept, "restore")
	if read(t, kept+"/inner/old") != "old" {
		t.Error("not restored")
	}
	// Elsewhere, and young: as ever. Its own numbers in /proc are not the guard's.
	session.must(t, shell(`echo >/tmp/a; rm /tmp/a; mkdir -p a/b; rm -r a; echo >c; rm /proc/self/cwd/c; ! test -e c; exec 7<.; echo >d; rm /dev/fd/7/d; ! test -e d
echo >e; (cd /tmp; rm "$OLDPWD"/e); ! test -e e; ! rm /usr/bin/env; ! rmdir `+dir+`; ! rmdir /tmp; ! rm -r /proc/self; echo >g; rm /proc/self/root/`+dir+`/g; ! test -e g`)...)
	// A program that nobody of its user may trace.
	session.must(t, "python3", "-c", `
import ctypes, os
libc = ctypes.CDLL(None)
assert libc.prctl(4, 0, 0, 0, 0) == 0
open("f", "w"); os.unlink("f")
d = os.open(".", os.O_RDONLY); open("f", "w"); os.unlink("f", dir_fd=d)
assert not os.path.exists("f")
try: os.unlink("old", dir_fd=d)
except PermissionError: pass
else: raise Exception`)
}

// TestErrorsInBubblewrap holds the guard against the kernel once more, with a root and process numbers that are not its own.
func TestErrorsInBubblewrap(t *testing.T) {
	answers := func(r run) string {
		dir := folder(t, "tree")
		oracleTree(t, dir)
		settle()
		r.dir = dir
		if r.role != "plain" {
			r.folders = []string{"trash:" + dir}
		}
		got := inBubblewrap(t, r, dir).must(t, testBinary(t), "calls")
		return strings.ReplaceAll(got.stdout, dir, "DIR") + strings.ReplaceAll(tree(t, dir), dir, "DIR")
	}
	kernel, guarded := strings.Split(answers(run{role: "plain"}), "\n"), strings.Split(answers(run{}), "\n")
	if len(kernel) != len(guarded) {
		t.Errorf("%d lines, the kernel has %d", len(guarded), len(kernel))
	}
	for i := range min(len(kernel), len(guarded)) {
		if kernel[i] != guarded[i] {
			t.Errorf("%s, the kernel says %s", guarded[i], kernel[i])
		}
	}
}

// TestTheGuardHasNoRights looks at the process while a session runs.
func TestTheGuardHasNoRights(t *testing.T) {
	dir := folder(t, "work")
	give(t, dir)
	seen := make(chan string, 1)
	session := inBubblewrap(t, run{folders: []string{"rw:" + dir}, dir: dir}, dir)
	session.watch = func(guard *os.Process) {
		awaitFile(dir + "/running")
		script := `readlink /proc/$1/root; cat /proc/$1/task/*/status | grep -E "^(Cap(Inh|Prm|Eff|Amb)|NoNewPrivs|Uid|Gid|Groups)" | sort -u; ls -l /proc/$1/fd`
		out, _ := exec.Command("bash", "-c", script, "bash", fmt.Sprint(guard.Pid)).CombinedOutput()
		seen <- string(out)
	}
	session.must(t, shell(`for i in $(seq 50); do echo >$i; rm $i; rm -f none/none; rmdir / 2>/dev/null || true; done; echo >running; sleep 1.5; rm running`)...)
	text := <-seen
	// Standard files, /proc, the listener, and what this test's own parents left open.
	if n := strings.Count(text, " -> "); n == 0 || n > 10 {
		t.Errorf("%d descriptors: %s", n, text)
	}
	for _, name := range []string{"CapInh", "CapPrm", "CapEff", "CapAmb"} {
		if !strings.Contains(text, name+":\t0000000000000000") || strings.Count(text, name) != 1 {
			t.Errorf("%s: %s", name, text)
		}
	}
	if isRoot() && !strings.Contains(text, "Uid:\t20001\t20001\t20001\t20001") {
		t.Errorf("%s", text)
	}
}

// TestWithoutTheGuard: when it is gone, nothing can be deleted.
func TestWithoutTheGuard(t *testing.T) {
	dir := folder(t, "work")
	write(t, dir+"/old", "old")
	give(t, dir)
	settle()
	session := inBubblewrap(t, run{folders: []string{"rw:" + dir}, dir: dir, timeout: 20 * time.Second}, dir)
	session.watch = func(guard *os.Process) {
		awaitFile(dir + "/running")
		_ = guard.Kill()
	}
	got := session.exec(t, shell(`echo >running; sleep 1; if rm old; then exit 3; fi; if rm running; then exit 4; fi`)...)
	if got.code != 0 || !strings.Contains(got.stderr, "Function not implemented") || !exists(dir+"/old") || !exists(dir+"/running") {
		t.Errorf("%d %s", got.code, got.stderr)
	}
}

// awaitFile waits for a session to make a file.
func awaitFile(path string) {
	for range 500 {
		if exists(path) {
			return
		}
		settle()
	}
}
