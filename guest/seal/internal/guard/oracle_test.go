package guard_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// oracleTree makes what the calls of `calls` are about.
func oracleTree(t *testing.T, dir string) {
	t.Helper()
	file := func(names ...string) {
		for _, name := range names {
			write(t, filepath.Join(dir, name), name)
		}
	}
	inner := func(names ...string) {
		for _, name := range names {
			if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	link := func(name, target string) {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 10 {
		file(fmt.Sprintf("file%d", i))
	}
	file("absolute", "dotted", "fits", "long", "edge1", "edge2", "edge3", "d0/file", "d0/file1", "d0/file2", "d0/file3", "full/file",
		"unwritable/file", "unsearchable/file", "sticky/file", "sticky/own", "immutable", strings.Repeat("n", 255), "no-mode-full/file",
		"bytes-\xff\xfe\n", "setgid/file", "hard1", "gone/file", "thread1", "thread2",
		"d1/a", "d1/b", "d1/c", "d1/d", "d2/a", "d2/b", "d3/a", "d3/b", "d4/a", "d4/b",
		"proc1", "proc2", "proc3", "proc4", "proc5", "proc6", "proc7", "proc8", "filemount", "linked39", "linked40", "linked41",
		"deep/"+strings.Repeat("d/", 60)+"file")
	inner("empty1", "empty2", "empty3", "d0/empty4", "unwritable/empty", "sticky/empty", "mount", "readonly", "d1/empty", "no-mode",
		"deep2/"+strings.Repeat("d/", 60))
	if err := os.Link(filepath.Join(dir, "hard1"), filepath.Join(dir, "hard2")); err != nil {
		t.Fatal(err)
	}
	link("link-file", "file0")
	link("link-file2", "file0")
	for _, name := range []string{"link-dir", "link-dir2", "link-dir3"} {
		link(name, "d0")
	}
	for _, name := range []string{"link-none", "link-none2", "link-none3"} {
		link(name, "nowhere")
	}
	link("link-loop", "link-loop2")
	link("link-loop2", "link-loop")
	link("loop1", "loop2")
	link("loop2", "loop1")
	link("link-abs", filepath.Join(dir, "d0"))
	link("link-proc", "/proc/self/cwd")
	link("link-d1", ".")
	for i := 2; i <= 41; i++ {
		link(fmt.Sprintf("link-d%d", i), fmt.Sprintf("link-d%d", i-1))
	}
	if err := unix.Mkfifo(filepath.Join(dir, "fifo"), 0o644); err != nil {
		t.Fatal(err)
	}
	give(t, dir)
	mount(t, dir)
	chmod := map[string]os.FileMode{
		"unwritable": 0o555, "unsearchable": 0o600, "no-mode": 0, "no-mode-full": 0, "setgid": 0o755 | os.ModeSetgid, "sticky": 0o777 | os.ModeSticky,
	}
	for name, mode := range chmod {
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	if !isRoot() {
		return
	}
	for _, name := range []string{"sticky", "sticky/file", "sticky/empty"} {
		if err := os.Chown(filepath.Join(dir, name), 0, 0); err != nil {
			t.Fatal(err)
		}
	}
	immutable := filepath.Join(dir, "immutable")
	if out, err := exec.Command("chattr", "+i", immutable).CombinedOutput(); err != nil {
		t.Fatalf("chattr: %s", out)
	}
	t.Cleanup(func() { _ = exec.Command("chattr", "-i", immutable).Run() })
}

// isRoot: of the machine, not only of a user namespace.
func isRoot() bool { return os.Geteuid() == 0 }

// mount puts mounts into the tree, which the session's own calls must not be able to take away through the guard.
func mount(t *testing.T, dir string) {
	t.Helper()
	do := func(source, target, kind string, flags uintptr, data string) {
		path := filepath.Join(dir, target)
		if err := unix.Mount(source, path, kind, flags, data); err != nil {
			t.Fatalf("%s: %v", target, err)
		}
		t.Cleanup(func() { _ = unix.Unmount(path, unix.MNT_DETACH) })
	}
	do("tmpfs", "mount", "tmpfs", 0, "")
	do(filepath.Join(dir, "file0"), "filemount", "", unix.MS_BIND, "")
	do("tmpfs", "readonly", "tmpfs", 0, "")
	for _, inner := range []string{"mount", "readonly"} {
		write(t, filepath.Join(dir, inner, "file"), "x")
		write(t, filepath.Join(dir, inner, "full/file"), "x")
		if err := os.Mkdir(filepath.Join(dir, inner, "empty"), 0o755); err != nil {
			t.Fatal(err)
		}
		give(t, filepath.Join(dir, inner))
	}
	do("", "readonly", "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, "")
}

// TestErrors holds the guard against the kernel: the same calls on the same tree, without a guard, with one that has nothing
// to refuse, outside its folders, and with everything old.
func TestErrors(t *testing.T) {
	oracle := func(r run, guarded func(dir string) []string, old bool) (map[string]string, []string, string) {
		dir := folder(t, "tree")
		started := now()
		settle()
		oracleTree(t, dir)
		settle()
		r.dir = dir
		if guarded != nil {
			r.folders = guarded(dir)
			r.since = started
			if old {
				r.since = now()
			}
		}
		got := r.exec(t, testBinary(t), "calls")
		if got.code != 0 {
			t.Fatalf("%d %s", got.code, got.stderr)
		}
		answers, order := map[string]string{}, []string{}
		for _, line := range strings.Split(strings.TrimSpace(got.stdout), "\n") {
			name, answer, _ := strings.Cut(line, "\t")
			name = strings.ReplaceAll(name, dir, "DIR")
			if _, double := answers[name]; double {
				name += " again"
			}
			answers[name] = answer
			order = append(order, name)
		}
		return answers, order, strings.ReplaceAll(tree(t, dir), dir, "DIR")
	}
	kernel, order, left := oracle(run{role: "plain"}, nil, false)
	if kernel[`unlink "file1"`] != "ok" || kernel[`rmdir "mount"`] != "EBUSY" || len(order) < 150 {
		t.Fatalf("the kernel itself: %v", kernel)
	}
	other := folder(t, "other")
	cases := []struct {
		name    string
		guarded func(dir string) []string
		old     bool
	}{
		{"rw, nothing old", func(dir string) []string { return []string{"rw:" + dir} }, false},
		{"trash, nothing old", func(dir string) []string { return []string{"trash:" + dir} }, false},
		{"trash, everything old", func(dir string) []string { return []string{"trash:" + dir} }, true},
		{"rw, everything old", func(dir string) []string { return []string{"rw:" + dir} }, true},
		{"outside", func(string) []string { return []string{"rw:" + other} }, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, gotOrder, gotLeft := oracle(run{}, c.guarded, c.old)
			if len(gotOrder) != len(order) {
				t.Errorf("%d answers, the kernel gives %d", len(gotOrder), len(order))
			}
			refusesOld := c.name == "rw, everything old"
			for _, name := range order {
				want := kernel[name]
				if refusesOld && want == "ok" && got[name] == "EPERM" {
					continue
				}
				// Whether it is empty cannot be seen without the right to read it.
				if refusesOld && name == `rmdir "no-mode-full"` {
					want = "EPERM"
				}
				if got[name] != want {
					t.Errorf("%s: %s, the kernel says %s", name, got[name], want)
				}
			}
			if !refusesOld && gotLeft != left {
				t.Errorf("left is\n%s\nwith the kernel\n%s", gotLeft, left)
			}
			if refusesOld && !strings.Contains(gotLeft, "file1 f") {
				t.Errorf("old files are gone:\n%s", gotLeft)
			}
		})
	}
}
