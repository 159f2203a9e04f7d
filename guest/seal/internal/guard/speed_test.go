package guard_test

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// deleteMany makes and deletes files and prints nanoseconds for each deletion: the median, and all divided by their number.
func deleteMany(arguments []string) {
	times, err := strconv.Atoi(arguments[0])
	if err != nil {
		die(err)
	}
	threads, err := strconv.Atoi(arguments[1])
	if err != nil {
		die(err)
	}
	making, deleting := arguments[2] != "delete", arguments[2] != "make"
	path := func(thread, i int) string { return fmt.Sprintf("t%d/f%06d", thread, i) }
	for thread := range threads {
		if !making {
			break
		}
		_ = os.Mkdir(fmt.Sprintf("t%d", thread), 0o755)
		for i := range times {
			fd, err := unix.Open(path(thread, i), unix.O_CREAT|unix.O_WRONLY|unix.O_CLOEXEC, 0o600)
			if err != nil {
				die(err)
			}
			_ = unix.Close(fd)
		}
	}
	if !deleting {
		return
	}
	took := make([]time.Duration, times)
	var group sync.WaitGroup
	began := time.Now()
	for thread := range threads {
		group.Add(1)
		go func() {
			defer group.Done()
			runtime.LockOSThread()
			for i := range times {
				before := time.Now()
				if err := unix.Unlink(path(thread, i)); err != nil {
					die(err)
				}
				if thread == 0 {
					took[i] = time.Since(before)
				}
			}
		}()
	}
	group.Wait()
	all := time.Since(began)
	slices.Sort(took)
	fmt.Printf("%d %d\n", took[times/2].Nanoseconds(), all.Nanoseconds()/int64(times*threads))
}

// TestSpeed says what a deletion costs. It is judged by eye: GUARD_TEST_SPEED=1 go test -run Speed -v.
func TestSpeed(t *testing.T) {
	if os.Getenv("GUARD_TEST_SPEED") == "" {
		t.Skip("GUARD_TEST_SPEED is not set")
	}
	for _, threads := range []string{"1", "4"} {
		for round := range 2 {
			for _, kind := range []string{"plain", "rw", "trash, young", "trash, old", "elsewhere"} {
				dir, other := folder(t, "work"), folder(t, "other")
				give(t, dir)
				give(t, other)
				session := run{dir: dir}
				switch kind {
				case "plain":
					session.role = "plain"
				case "rw":
					session.folders = []string{"rw:" + dir}
				case "trash, young", "trash, old":
					session.folders = []string{"trash:" + dir}
				case "elsewhere":
					session.folders = []string{"rw:" + other}
				}
				phase := "both"
				if kind == "trash, old" {
					phase = "delete"
					run{role: "plain", dir: dir}.must(t, testBinary(t), "delete", "1000", threads, "make")
					settle()
				}
				got := inBubblewrap(t, session, dir, other).must(t, testBinary(t), "delete", "1000", threads, phase)
				var median, mean int
				_, _ = fmt.Sscan(got.stdout, &median, &mean)
				t.Logf("%s threads, round %d, %-14s median %3d us, mean %3d us, processor time of the guard %2.0f us", threads, round, kind,
					median/1000, mean/1000, float64(got.spent.Microseconds())/1000/map[string]float64{"1": 1, "4": 4}[threads])
			}
		}
	}
}
