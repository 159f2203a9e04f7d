package guard_test

import (
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// attack is a session that tries to get an old file deleted, or to hold the guard up: every thread deletes with paths that
// others change meanwhile, callers are killed in the middle of calls, and there are far more calls than the guard has threads.
func attack([]string) {
	end := time.Now().Add(2 * time.Second)
	var group sync.WaitGroup
	spawn := func(times int, act func(i int)) {
		for i := range times {
			group.Add(1)
			go func() {
				defer group.Done()
				runtime.LockOSThread()
				for time.Now().Before(end) {
					act(i)
				}
			}()
		}
	}
	// The text of a path, changed between the guard's look and what the kernel would read.
	shared := []byte("young\x00")
	address := addressOf(&shared[0])
	spawn(2, func(int) { copy(shared, "young"); copy(shared, "old01") })
	spawn(4, func(int) { unlinkat(unix.AT_FDCWD, address, 0) })
	spawn(1, func(int) {
		if fd, err := unix.Open("young", unix.O_CREAT|unix.O_WRONLY|unix.O_CLOEXEC, 0o600); err == nil {
			_ = unix.Close(fd)
		}
	})
	// Folders that are links now and then.
	spawn(1, func(int) {
		_ = os.Symlink("olds", "swap")
		_ = unix.Renameat2(unix.AT_FDCWD, "swap", unix.AT_FDCWD, "dir", unix.RENAME_EXCHANGE)
	})
	spawn(2, func(int) { _ = unix.Unlink("dir/file"); _ = unix.Unlink("swap/file") })
	// Callers that die.
	spawn(2, func(int) {
		child, err := syscall.ForkExec("/bin/rm", []string{"rm", "-rf", "old01", "olds", "none/none"}, &syscall.ProcAttr{Env: os.Environ()})
		if err != nil {
			return
		}
		time.Sleep(time.Duration(time.Now().UnixNano()%3000) * time.Microsecond)
		_ = syscall.Kill(child, syscall.SIGKILL)
		_, _ = syscall.Wait4(child, nil, 0, nil)
	})
	// Nonsense.
	spawn(8, func(i int) {
		unlinkat(i*1000-3000, uintptr(i)<<44, i)
		unlinkat(0, addressOf(&shared[0]), unix.AT_REMOVEDIR)
		_ = unix.Unlink(strings.Repeat("x/", 2047))
		_ = unix.Unlink("/proc/self/fd/" + strconv.Itoa(i) + "/x")
		_ = unix.Unlink("/proc/self/task/../../self/root/../x")
	})
	group.Wait()
	// It still answers.
	_ = os.WriteFile("last", nil, 0o600)
	if err := os.Remove("last"); err != nil {
		die(err)
	}
	fmt.Println("answered")
}

func TestAttacks(t *testing.T) {
	for _, mode := range []string{"rw", "trash"} {
		t.Run(mode, func(t *testing.T) {
			dir := folder(t, "work")
			write(t, dir+"/old01", "old")
			write(t, dir+"/olds/file", "old")
			write(t, dir+"/dir/.keep", "")
			give(t, dir)
			settle()
			session := run{folders: []string{mode + ":" + dir}, dir: dir}
			got := session.exec(t, testBinary(t), "attack")
			if got.code != 0 || !strings.Contains(got.stdout, "answered") || got.guard != nil {
				t.Errorf("%d %v %.2000s", got.code, got.guard, got.stderr)
			}
			if n := strings.Count(got.stderr, "cloister:"); n > 3 {
				t.Errorf("%d lines", n)
			}
			if mode == "trash" {
				_, _ = trashCommand(dir, "restore")
			}
			// By renaming, a session can have one file take the place of another; nothing deletes them.
			if !exists(dir+"/old01") || !exists(dir+"/olds/file") {
				t.Errorf("old files are gone:\n%s", tree(t, dir))
			}
		})
	}
}

// deleteUnderSignals deletes files while signals arrive all the time, as in programs whose runtime interrupts its threads.
func deleteUnderSignals(arguments []string) {
	times, err := strconv.Atoi(arguments[0])
	if err != nil {
		die(err)
	}
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, unix.SIGUSR1)
	go func() {
		for range caught {
		}
	}()
	var over atomic.Bool
	runtime.LockOSThread()
	thread := unix.Gettid()
	go func() {
		for !over.Load() {
			_ = unix.Tgkill(os.Getpid(), thread, unix.SIGUSR1)
			time.Sleep(20 * time.Microsecond)
		}
	}()
	wrong := 0
	for range times {
		if err := os.WriteFile("file", nil, 0o600); err != nil {
			die(err)
		}
		// Go makes a call that a signal has interrupted again.
		if err := os.Remove("file"); err != nil {
			wrong++
		}
	}
	over.Store(true)
	fmt.Println(wrong)
}

// TestSignals: what was deleted is told to have been deleted, even on kernels where a signal starts the call anew.
func TestSignals(t *testing.T) {
	for _, role := range []string{"session", "interruptible"} {
		dir := folder(t, "work")
		give(t, dir)
		got := run{role: role, folders: []string{"rw:" + dir}, dir: dir}.must(t, testBinary(t), "signals", "2000")
		if got.stdout != "0\n" {
			t.Errorf("%s: %s of 2000 deletions failed", role, strings.TrimSpace(got.stdout))
		}
	}
}
