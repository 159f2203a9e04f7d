package tree

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// place is a folder to remove things from, next to a canary that must stay.
type place struct {
	t      *testing.T
	folder string
	fd     int
}

func newPlace(t *testing.T) *place {
	t.Helper()
	return newPlaceIn(t, t.TempDir())
}

// newPlaceInMemory is for many files: a disk that others use too may take minutes to make them.
func newPlaceInMemory(t *testing.T) *place {
	t.Helper()
	folder, err := os.MkdirTemp("/dev/shm", "cloister-tree-")
	if err != nil {
		return newPlace(t)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	return newPlaceIn(t, folder)
}

func newPlaceIn(t *testing.T, folder string) *place {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("removal is root's work")
	}
	folder, err := filepath.EvalSymlinks(folder)
	must(t, err)
	for _, path := range []string{"canary/deep/down", "in"} {
		must(t, os.MkdirAll(filepath.Join(folder, path), 0o755))
	}
	for _, path := range []string{"canary/file", "canary/deep/file", "canary/deep/down/file"} {
		must(t, os.WriteFile(filepath.Join(folder, path), []byte("alive"), 0o644))
	}
	fd, err := OpenFolder(filepath.Join(folder, "in"))
	must(t, err)
	t.Cleanup(func() { _ = unix.Close(fd) })
	return &place{t: t, folder: folder, fd: fd}
}

func (p *place) path(parts ...string) string {
	return filepath.Join(append([]string{p.folder, "in"}, parts...)...)
}

func (p *place) canary() string { return filepath.Join(p.folder, "canary") }

// canaryLives fails the test when anything of the canary is gone or changed.
func (p *place) canaryLives() {
	p.t.Helper()
	for _, path := range []string{"file", "deep/file", "deep/down/file"} {
		text, err := os.ReadFile(filepath.Join(p.canary(), path))
		if err != nil || string(text) != "alive" {
			p.t.Fatalf("canary/%s: %q, %v", path, text, err)
		}
	}
}

// gone removes a name, and fails the test unless it is gone and the canary is not.
func (p *place) gone(name string) {
	p.t.Helper()
	before := openDescriptors(p.t)
	if err := Remove(p.fd, name, Options{}); err != nil {
		p.t.Fatal(err)
	}
	if _, err := os.Lstat(p.path(name)); !errors.Is(err, os.ErrNotExist) {
		p.t.Fatalf("%s is still there: %v", name, err)
	}
	if after := openDescriptors(p.t); after != before {
		p.t.Fatalf("%d descriptors before, %d after", before, after)
	}
	p.canaryLives()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func openDescriptors(t *testing.T) int {
	t.Helper()
	found, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	return len(found)
}

func makeFiles(t *testing.T, folder string, count int) {
	t.Helper()
	fd, err := OpenFolder(folder)
	must(t, err)
	defer func() { _ = unix.Close(fd) }()
	for i := range count {
		file, err := unix.Openat(fd, strconv.Itoa(i), unix.O_CREAT|unix.O_WRONLY|unix.O_CLOEXEC, 0o644)
		must(t, err)
		_ = unix.Close(file)
	}
}

// makeDeep makes folders in folders, each with a file, far beyond what a path can name.
func makeDeep(t *testing.T, folder string, depth int, name string) {
	t.Helper()
	fd, err := OpenFolder(folder)
	must(t, err)
	for range depth {
		must(t, unix.Mkdirat(fd, name, 0o700))
		next, err := openFolder(fd, name)
		must(t, err)
		file, err := unix.Openat(next, "file", unix.O_CREAT|unix.O_WRONLY|unix.O_CLOEXEC, 0)
		must(t, err)
		_ = unix.Close(file)
		_ = unix.Close(fd)
		fd = next
	}
	_ = unix.Close(fd)
}

func TestNothing(t *testing.T) { newPlace(t).gone("absent") }

func TestNamesThatAreNone(t *testing.T) {
	p := newPlace(t)
	for _, name := range []string{"", ".", "..", "a/b", "../canary", "a\x00b", strings.Repeat("x", 256)} {
		if Remove(p.fd, name, Options{}) == nil {
			t.Errorf("%q was taken for a name", name)
		}
	}
	p.canaryLives()
}

func TestOddNames(t *testing.T) {
	p := newPlace(t)
	for _, name := range []string{"a\nb", "\xff\xfe\x80", " ", "-rf", "*", "\x01\x1b[31m", strings.Repeat("n", 255), "..."} {
		must(t, os.MkdirAll(p.path("x", name, name), 0o755))
		must(t, os.WriteFile(p.path("x", name, name, name), nil, 0))
	}
	p.gone("x")
}

func TestModesAndTypes(t *testing.T) {
	p := newPlace(t)
	must(t, os.MkdirAll(p.path("x/closed/in"), 0o755))
	must(t, os.WriteFile(p.path("x/closed/in/file"), nil, 0))
	must(t, unix.Mkfifo(p.path("x/fifo"), 0o600))
	must(t, unix.Mknod(p.path("x/socket"), unix.S_IFSOCK|0o600, 0))
	must(t, unix.Mknod(p.path("x/null"), unix.S_IFCHR|0o600, int(unix.Mkdev(1, 3))))
	must(t, os.Link(filepath.Join(p.canary(), "file"), p.path("x/hard")))
	for name, target := range map[string]string{
		"folder": p.canary(), "file": filepath.Join(p.canary(), "file"), "up": "..", "self": "self", "nowhere": "/none",
	} {
		must(t, os.Symlink(target, p.path("x", name)))
	}
	must(t, os.Chmod(p.path("x/closed/in"), 0))
	must(t, os.Chmod(p.path("x/closed"), 0))
	must(t, os.Chmod(p.path("x"), 0))
	p.gone("x")
}

func TestNoFolder(t *testing.T) {
	p := newPlace(t)
	must(t, os.Symlink(p.canary(), p.path("link")))
	must(t, unix.Mkfifo(p.path("fifo"), 0o600))
	must(t, os.WriteFile(p.path("file"), nil, 0))
	for _, name := range []string{"link", "fifo", "file"} {
		p.gone(name)
	}
}

func TestFlags(t *testing.T) {
	p := newPlace(t)
	must(t, os.MkdirAll(p.path("x/kept/in"), 0o755))
	paths := []string{"x/kept/in/fixed", "x/kept/in/grows"}
	for _, path := range paths {
		must(t, os.WriteFile(p.path(path), nil, 0o644))
	}
	paths = append(paths, "x/kept/in", "x/kept", "x")
	for i, path := range paths {
		flag := []int{0x10, 0x20}[i%2]
		setFlags(t, p.path(path), flag)
		t.Cleanup(func() { _ = exec.Command("chattr", "-R", "-i", "-a", p.path("x")).Run() })
	}
	// The control: they hold.
	if err := unix.Unlink(p.path("x/kept/in/fixed")); err != unix.EPERM {
		t.Fatalf("flags do not hold: %v", err)
	}
	p.gone("x")
}

func setFlags(t *testing.T, path string, flags int) {
	t.Helper()
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	must(t, err)
	defer func() { _ = unix.Close(fd) }()
	old, err := unix.IoctlGetUint32(fd, unix.FS_IOC_GETFLAGS)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.FS_IOC_SETFLAGS, int(old)|flags)
	}
	if err != nil {
		t.Skipf("this file system has no flags: %v", err)
	}
}

func TestFlagsDeep(t *testing.T) {
	p := newPlace(t)
	must(t, os.Mkdir(p.path("x"), 0o755))
	makeDeep(t, p.path("x"), 4*levels, "d")
	for depth := levels - 3; depth < levels+3; depth++ {
		setFlags(t, p.path("x", strings.Repeat("d/", depth)), 0x10)
	}
	t.Cleanup(func() { _ = exec.Command("chattr", "-R", "-i", p.path("x")).Run() })
	p.gone("x")
}

func TestDeep(t *testing.T) {
	p := newPlaceInMemory(t)
	must(t, os.Mkdir(p.path("x"), 0o755))
	makeDeep(t, p.path("x"), 20_000, strings.Repeat("d", 255))
	// The control: no path names the end of it.
	if _, err := os.Lstat(p.path("x", strings.Repeat(strings.Repeat("d", 255)+"/", 20))); !errors.Is(err, unix.ENAMETOOLONG) {
		t.Fatalf("not deep enough: %v", err)
	}
	bounded(t, func() { p.gone("x") })
}

func TestDeepAndWide(t *testing.T) {
	p := newPlaceInMemory(t)
	bottom := p.path("x", strings.Repeat("d/", levels))
	must(t, os.MkdirAll(bottom, 0o755))
	for i := range 2 * waiting {
		must(t, os.MkdirAll(filepath.Join(bottom, strconv.Itoa(i), "a/b"), 0o755))
	}
	p.gone("x")
}

func TestMany(t *testing.T) {
	p := newPlaceInMemory(t)
	must(t, os.Mkdir(p.path("x"), 0o755))
	makeFiles(t, p.path("x"), 200_000)
	bounded(t, func() { p.gone("x") })
}

// bounded fails the test when something makes the heap grow by more than a few MiB.
func bounded(t *testing.T, work func()) {
	t.Helper()
	before := heap()
	most := make(chan uint64)
	stop := make(chan struct{})
	go func() {
		top := uint64(0)
		for {
			select {
			case <-stop:
				most <- top
				return
			case <-time.After(5 * time.Millisecond):
				top = max(top, heap())
			}
		}
	}()
	work()
	close(stop)
	if top := <-most; top > before+16<<20 {
		t.Fatalf("the heap grew from %d to %d KiB", before>>10, top>>10)
	}
}

func TestMounted(t *testing.T) {
	p := newPlace(t)
	must(t, os.MkdirAll(p.path("x/a/mounted"), 0o755))
	must(t, os.MkdirAll(p.path("x/b"), 0o755))
	must(t, os.WriteFile(p.path("x/b/file"), nil, 0o644))
	if err := unix.Mount(p.canary(), p.path("x/a/mounted"), "", unix.MS_BIND, ""); err != nil {
		t.Skipf("nothing can be mounted here: %v", err)
	}
	mounted := true
	unmount := func() {
		if mounted {
			must(t, unix.Unmount(p.path("x/a/mounted"), 0))
			mounted = false
		}
	}
	defer unmount()
	err := Remove(p.fd, "x", Options{})
	problems := &Problems{}
	if !errors.As(err, &problems) || len(problems.Lines()) != 1 || problems.Lines()[0] != "x/a/mounted: something is mounted there" {
		t.Fatalf("%v", err)
	}
	p.canaryLives()
	if _, err := os.Lstat(p.path("x/b")); !errors.Is(err, os.ErrNotExist) {
		t.Fatal("the rest was not removed")
	}
	unmount()
	p.gone("x")
}

func TestMountedAtTheTop(t *testing.T) {
	p := newPlace(t)
	must(t, os.Mkdir(p.path("x"), 0o755))
	if err := unix.Mount(p.canary(), p.path("x"), "", unix.MS_BIND, ""); err != nil {
		t.Skipf("nothing can be mounted here: %v", err)
	}
	err := Remove(p.fd, "x", Options{})
	must(t, unix.Unmount(p.path("x"), 0))
	if err == nil || !strings.Contains(err.Error(), "mounted") {
		t.Fatalf("%v", err)
	}
	p.canaryLives()
}

func TestManyProblems(t *testing.T) {
	p := newPlace(t)
	for i := range listed + 5 {
		path := p.path("x", strconv.Itoa(i)+"\n")
		must(t, os.MkdirAll(path, 0o755))
		if err := unix.Mount(p.canary(), path, "", unix.MS_BIND, ""); err != nil {
			t.Skipf("nothing can be mounted here: %v", err)
		}
		defer func() { _ = unix.Unmount(path, 0) }()
	}
	problems := &Problems{}
	if !errors.As(Remove(p.fd, "x", Options{}), &problems) {
		t.Fatal("no problems")
	}
	lines := problems.Lines()
	if len(lines) != listed+1 || lines[listed] != "and 5 more" || strings.Contains(problems.Error(), "\n") {
		t.Fatalf("%q", lines)
	}
	p.canaryLives()
}

func TestAllow(t *testing.T) {
	p := newPlace(t)
	must(t, os.MkdirAll(p.path("x/y"), 0o755))
	refuse := func(*unix.Statx_t) error { return errors.New("it is somebody else's") }
	if err := Remove(p.fd, "x", Options{Allow: refuse}); err == nil || err.Error() != "x: it is somebody else's" {
		t.Fatalf("%v", err)
	}
	if _, err := os.Lstat(p.path("x/y")); err != nil {
		t.Fatal(err)
	}
	p.gone("x")
}

// A disk without room for one more name: folders cannot be moved up.
func TestWhereNothingCanBeMovedUp(t *testing.T) {
	p := newPlace(t)
	must(t, os.Mkdir(p.path("x"), 0o755))
	makeDeep(t, p.path("x"), 10*levels, strings.Repeat("d", 200))
	must(t, os.MkdirAll(p.path("x/e/f"), 0o755))
	r := &remover{parent: p.fd, name: "x", fresh: newFresh()}
	// No name of a folder is longer than 255 bytes.
	r.fresh.prefix = strings.Repeat("x", 300)
	r.run()
	if !r.problems.empty() {
		t.Fatal(r.problems.Error())
	}
	if _, err := os.Lstat(p.path("x")); !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
}

func TestOpenFolderTakesNoLinks(t *testing.T) {
	p := newPlace(t)
	must(t, os.Symlink(p.canary(), p.path("link")))
	for _, path := range []string{p.path("link"), p.path("link/deep"), "in", ""} {
		if fd, err := OpenFolder(path); err == nil {
			_ = unix.Close(fd)
			t.Errorf("%q was opened", path)
		}
	}
	fd, err := OpenFolder(filepath.Join(p.canary(), "deep"))
	must(t, err)
	_ = unix.Close(fd)
}
