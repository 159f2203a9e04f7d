package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// The keeper itself is killed again and again while it removes: the next one goes on where it died.
func TestKeeperIsKilled(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("cleaning up is root's work")
	}
	root, err := os.MkdirTemp("/dev/shm", "cloister-keeper-")
	if err != nil {
		root = t.TempDir()
	}
	defer func() { _ = os.RemoveAll(root) }()
	program := filepath.Join(root, "keeper")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	try := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	running, homes := filepath.Join(root, "sessions"), filepath.Join(root, "homes")
	try(os.WriteFile(filepath.Join(root, "passwd"), nil, 0o644))
	for i := range 5 {
		name := "brave-" + strconv.Itoa(i)
		try(os.MkdirAll(filepath.Join(running, name, "egress"), 0o700))
		owner := `{"pid":1,"started":"none","keep":false}`
		try(os.WriteFile(filepath.Join(running, name, "owner.json"), []byte(owner), 0o600))
		for j := range 10_000 {
			folder := filepath.Join(homes, name, strconv.Itoa(j%100))
			if j < 100 {
				try(os.MkdirAll(folder, 0o700))
			}
			try(os.WriteFile(filepath.Join(folder, strconv.Itoa(j)), nil, 0o600))
		}
		try(os.Chown(filepath.Join(homes, name), 20_000+i, 20_000+i))
	}
	left := func() int {
		count := 0
		for _, folder := range []string{running, homes} {
			found, err := os.ReadDir(folder)
			try(err)
			count += len(found)
		}
		return count
	}
	kills := 0
	for deadline := time.Now().Add(60 * time.Second); left() > 0; kills++ {
		if time.Now().After(deadline) {
			t.Fatalf("%d names are left", left())
		}
		keeper := exec.Command(program, "--running", running, "--homes", homes, "--records", filepath.Join(root, "records"),
			"--groups", root, "--passwd", filepath.Join(root, "passwd"), "--userdel", "/bin/false")
		keeper.Stderr = os.Stderr
		try(keeper.Start())
		time.Sleep(time.Duration(kills+5) * time.Millisecond)
		_ = keeper.Process.Kill()
		_ = keeper.Wait()
	}
	if kills < 2 {
		t.Skipf("it was done before it was killed: %d", kills)
	}
	if _, err := os.Lstat(filepath.Join(root, "records")); err == nil {
		t.Fatal("something is said to stay")
	}
	t.Logf("killed %d times", kills)
}
