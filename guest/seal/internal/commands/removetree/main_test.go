package removetree

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// build makes the command once for all tests of it.
func build(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("removal is root's work")
	}
	program := filepath.Join(t.TempDir(), "remove-tree")
	if out, err := exec.Command("go", "build", "-o", program, "cloister/seal/cmd/remove-tree").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return program
}

func run(t *testing.T, program string, arguments ...string) (int, string) {
	t.Helper()
	out, err := exec.Command(program, arguments...).CombinedOutput()
	exit := &exec.ExitError{}
	if errors.As(err, &exit) {
		return exit.ExitCode(), string(out)
	}
	if err != nil {
		t.Fatal(err)
	}
	return 0, string(out)
}

func TestCommand(t *testing.T) {
	program := build(t)
	parent, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	make := func() {
		if err := os.MkdirAll(filepath.Join(parent, "x/y/z"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	there := func() bool {
		_, err := os.Lstat(filepath.Join(parent, "x"))
		return err == nil
	}
	self := strconv.Itoa(os.Getpid())
	for _, test := range []struct {
		name      string
		arguments []string
		code      int
		said      string
		stays     bool
	}{
		{"all is gone", []string{parent, "x"}, 0, "", false},
		{"nothing there", []string{parent, "absent"}, 0, "", true},
		{"owned by root", []string{"--owned-by", "0-0", parent, "x"}, 0, "", false},
		{"with its supervisor", []string{"--supervisor", self, parent, "x"}, 0, "", false},
		{"somebody else's", []string{"--owned-by", "20000-59999", parent, "x"}, 1, "belongs to user id 0", true},
		{"no supervisor", []string{"--supervisor", "1", parent, "x"}, 2, "process 1 is gone", true},
		{"a path", []string{parent, "x/y"}, 1, "not a name", true},
		{"up", []string{parent + "/x", ".."}, 1, "not a name", true},
		{"relative", []string{"tmp", "x"}, 1, "not an absolute path", true},
		{"no such parent", []string{parent + "/none", "x"}, 1, "no such file", true},
		{"too few", []string{parent}, 2, "PARENT NAME", true},
		{"too many", []string{parent, "x", "y"}, 2, "not understood", true},
	} {
		make()
		code, said := run(t, program, test.arguments...)
		if code != test.code || !strings.Contains(said, test.said) || (test.said == "" && said != "") || there() != test.stays {
			t.Errorf("%s: exit code %d, said %q, still there: %v", test.name, code, said, there())
		}
	}
}

// A removal that goes on would work beside whoever cleans up after its supervisor.
func TestEndsWithItsSupervisor(t *testing.T) {
	program := build(t)
	parent, err := os.MkdirTemp("/dev/shm", "cloister-remove-")
	if err != nil {
		parent = t.TempDir()
	}
	defer func() { _ = os.RemoveAll(parent) }()
	for _, test := range []struct {
		options string
		stays   bool
	}{{"--supervisor $$", true}, {"", false}} {
		if err := os.MkdirAll(filepath.Join(parent, "x"), 0o700); err != nil {
			t.Fatal(err)
		}
		for i := range 20_000 {
			if err := os.WriteFile(filepath.Join(parent, "x", strconv.Itoa(i)), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		// The shell is the supervisor, and is killed right after the start. What it started holds its output open.
		script := program + " " + test.options + " " + parent + " x & kill -9 $$"
		_, _ = exec.Command("sh", "-c", script).Output()
		if _, err := os.Lstat(filepath.Join(parent, "x")); (err == nil) != test.stays {
			t.Errorf("%q: still there: %v", test.options, err == nil)
		}
	}
}
