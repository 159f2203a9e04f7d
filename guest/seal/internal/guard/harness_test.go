package guard_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"cloister/seal/internal/guard"
	// What the programs are made of: a test's result is kept by Go as long as what it imports is the same.
	_ "cloister/seal/internal/guard/answer"
	"cloister/seal/internal/rights"
	_ "cloister/seal/internal/trash"
	"golang.org/x/sys/unix"
)

// The test binary plays the parts of a session: `session FD COMMAND...` is what apply-seccomp does inside, the others are
// commands that make calls.
var roles = map[string]func([]string){
	"session":       func(arguments []string) { beSession(guard.Install, arguments) },
	"interruptible": func(arguments []string) { beSession(guard.InstallInterruptible, arguments) },
	"plain":         func(arguments []string) { beSession(nil, append([]string{""}, arguments...)) },
	"calls":         makeCalls,
	"attack":        attack,
	"signals":       deleteUnderSignals,
	"delete":        deleteMany,
}

// programs are the real commands, built once.
var programs string

func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		if role, ok := roles[os.Args[1]]; ok {
			role(os.Args[2:])
			os.Exit(0)
		}
	}
	if os.Getenv("GUARD_TEST_NAMESPACE") == "" {
		os.Exit(enterNamespace())
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		panic(err)
	}
	var err error
	if programs = os.Getenv("GUARD_TEST_PROGRAMS"); programs == "" {
		panic("GUARD_TEST_PROGRAMS is not set")
	}
	if err = os.Chmod(programs, 0o755); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// enterNamespace runs the tests in a mount namespace of their own, where they may bind folders: for a user other than root in
// a user namespace too, with the same user.
func enterNamespace() int {
	folder, err := os.MkdirTemp("", "guard-programs-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(folder)
	if ready := os.Getenv("GUARD_TEST_PROGRAMS"); ready != "" {
		folder = ready
	} else {
		build := exec.Command("go", "build", "-o", folder+"/", "cloister/seal/cmd/guard", "cloister/seal/cmd/trash")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			panic(string(out))
		}
	}
	self := exec.Command("/proc/self/exe", os.Args[1:]...)
	self.Env = append(os.Environ(), "GUARD_TEST_NAMESPACE=1", "GUARD_TEST_PROGRAMS="+folder)
	self.Stdin, self.Stdout, self.Stderr = os.Stdin, os.Stdout, os.Stderr
	self.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS}
	if os.Geteuid() != 0 {
		self.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER
		self.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getuid(), HostID: os.Getuid(), Size: 1}}
		self.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getgid(), HostID: os.Getgid(), Size: 1}}
		self.SysProcAttr.AmbientCaps = []uintptr{unix.CAP_SYS_ADMIN, unix.CAP_SYS_CHROOT}
	}
	err = self.Run()
	if err == nil {
		return 0
	}
	if code := self.ProcessState.ExitCode(); code > 0 {
		return code
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}

func beSession(install func(int) error, arguments []string) {
	runtime.LockOSThread()
	if err := rights.Drop(); err != nil {
		die(err)
	}
	if install != nil {
		fd, err := strconv.Atoi(arguments[0])
		if err != nil {
			die(err)
		}
		if err := install(fd); err != nil {
			die(err)
		}
		// As the session's last filter is loaded: into all threads, which have fewer filters than this one.
		everything := []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW}}
		header := unix.SockFprog{Len: 1, Filter: &everything[0]}
		thread, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER,
			unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&header)))
		if errno != 0 || thread != 0 {
			die(fmt.Errorf("a further filter: %d %w", thread, errno))
		}
	}
	path, err := exec.LookPath(arguments[1])
	if err != nil {
		die(err)
	}
	die(unix.Exec(path, arguments[1:], os.Environ()))
}

func die(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(125)
}

// The session's user, where the tests run as root.
const sessionUser = 20001

func credential() *syscall.Credential {
	if os.Geteuid() != 0 {
		return nil
	}
	return &syscall.Credential{Uid: sessionUser, Gid: sessionUser}
}

// give makes the session's user the owner of a tree.
func give(t testing.TB, path string) {
	t.Helper()
	if os.Geteuid() != 0 {
		return
	}
	err := filepath.Walk(path, func(path string, _ os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, sessionUser, sessionUser)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// folder makes a folder that is a mount of its own, as a session's folders are, on the file system of the temporary folder.
func folder(t testing.TB, name string) string {
	t.Helper()
	base, err := os.MkdirTemp("", "guard-test-")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(base, name)
	for _, step := range []error{os.Chmod(base, 0o755), os.Mkdir(path, 0o755)} {
		if step != nil {
			t.Fatal(step)
		}
	}
	give(t, path)
	if err := unix.Mount(path, path, "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = unix.Unmount(path, unix.MNT_DETACH)
		_ = exec.Command("chmod", "-R", "u+rwX", base).Run()
		_ = os.RemoveAll(base)
	})
	return path
}

// run is one session.
type run struct {
	// since decides what was there before. Zero: now.
	since int64
	// folders as the guard's command line takes them.
	folders []string
	// dir is the working directory.
	dir string
	// role is the part that installs the guard: session, unless it says otherwise; plain has no guard.
	role string
	// wrap comes before the test binary, as bubblewrap does.
	wrap []string
	// binary is the test binary's path inside.
	binary string
	// timeout ends the session. Zero: a minute.
	timeout time.Duration
	// watch is told of the guard's process.
	watch func(guard *os.Process)
}

type outcome struct {
	code           int
	stdout, stderr string
	elapsed        time.Duration
	// guard is how the guard ended, and spent the processor time that it took.
	guard error
	spent time.Duration
}

// now is a time after everything that was made before: the clock of birth times is behind by up to a tick.
func now() int64 { return time.Now().UnixNano() }

// exec runs a command as a session to its end.
func (r run) exec(t testing.TB, command ...string) outcome {
	t.Helper()
	if r.since == 0 {
		r.since = now()
	}
	if r.role == "" {
		r.role = "session"
	}
	if r.timeout == 0 {
		r.timeout = time.Minute
	}
	if r.binary == "" {
		r.binary = testBinary(t)
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	outside, inside := os.NewFile(uintptr(pair[0]), "outside"), os.NewFile(uintptr(pair[1]), "inside")
	var stdout, stderr bytes.Buffer
	arguments := append([]string{}, r.wrap...)
	arguments = append(arguments, r.binary, r.role)
	if r.role != "plain" {
		arguments = append(arguments, "3")
	}
	session := exec.Command("/usr/bin/env", append(arguments, command...)...)
	session.Dir, session.Stdout = r.dir, &stdout
	session.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.TempDir(), "GIT_CONFIG_NOSYSTEM=1", "GUARD_TEST_NAMESPACE=1", "LANG=C.UTF-8",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com",
	}
	session.SysProcAttr = &syscall.SysProcAttr{Credential: credential(), Pdeathsig: unix.SIGKILL}
	session.ExtraFiles = []*os.File{inside}
	errorsRead, errorsWrite, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	session.Stderr = errorsWrite

	var warden *exec.Cmd
	if r.role != "plain" {
		warden = exec.Command(filepath.Join(programs, "guard"), "--socket", "3", "--since", strconv.FormatInt(r.since, 10))
		for _, folder := range r.folders {
			warden.Args = append(warden.Args, "--folder", folder)
		}
		warden.ExtraFiles, warden.Stderr = []*os.File{outside}, errorsWrite
		warden.SysProcAttr = &syscall.SysProcAttr{
			Credential: credential(), AmbientCaps: []uintptr{unix.CAP_SYS_CHROOT}, Pdeathsig: unix.SIGKILL,
		}
		if err := warden.Start(); err != nil {
			t.Fatal(err)
		}
		if r.watch != nil {
			go r.watch(warden.Process)
		}
	}
	_ = outside.Close()
	read := make(chan struct{})
	go func() { _, _ = stderr.ReadFrom(errorsRead); close(read) }()
	began := time.Now()
	if err := session.Start(); err != nil {
		t.Fatal(err)
	}
	_ = inside.Close()
	_ = errorsWrite.Close()
	stop := time.AfterFunc(r.timeout, func() { _ = session.Process.Kill() })
	_ = session.Wait()
	elapsed := time.Since(began)
	if !stop.Stop() {
		t.Errorf("%v: not over after %v", command, r.timeout)
	}
	var ended error
	var spent time.Duration
	if warden != nil {
		late := time.AfterFunc(10*time.Second, func() {
			t.Errorf("the guard does not end with its session")
			_ = warden.Process.Kill()
		})
		ended = warden.Wait()
		spent = warden.ProcessState.UserTime() + warden.ProcessState.SystemTime()
		late.Stop()
	}
	<-read
	return outcome{session.ProcessState.ExitCode(), stdout.String(), stderr.String(), elapsed, ended, spent}
}

// must runs a command that has to succeed.
func (r run) must(t testing.TB, command ...string) outcome {
	t.Helper()
	got := r.exec(t, command...)
	if got.code != 0 {
		t.Fatalf("%v: ended with %d\n%s%s", command, got.code, got.stdout, got.stderr)
	}
	if got.guard != nil {
		t.Errorf("the guard ended with %v\n%s", got.guard, got.stderr)
	}
	return got
}

// shell is a script that ends with its first failure.
func shell(script string) []string { return []string{"bash", "-euc", script} }

// testBinary is a copy of this program that the session's user can execute.
func testBinary(t testing.TB) string {
	t.Helper()
	path := filepath.Join(programs, "session.test")
	if _, err := os.Stat(path); err == nil {
		return path
	}
	content, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func write(t testing.TB, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// tree is every entry beneath a folder, without its trash. What the tests' user cannot look into is left out.
func tree(t testing.TB, path string) string {
	t.Helper()
	out, err := exec.Command("find", path, "-mindepth", "1", "-not", "-path", "*/.cloister-trash*", "-printf", "%P %y %l\n").Output()
	if err != nil && isRoot() {
		t.Fatalf("find: %v", err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return strings.Join(sorted(lines), "\n")
}
