package tree

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func heap() uint64 {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// naive removes a folder as a program does that names things by paths, with the same look at each step.
func naive(path string, step func(what, name string)) {
	found, _ := os.ReadDir(path)
	for _, entry := range found {
		inner := filepath.Join(path, entry.Name())
		if entry.IsDir() {
			step("open", entry.Name())
			naive(inner, step)
		} else {
			_ = os.Remove(inner)
		}
	}
	_ = os.Remove(path)
}

// swapAt puts a link to the canary where a folder was, right before a step is taken with it.
func (p *place) swapAt(what string, depth int) func(string, string) {
	done := false
	return func(is, name string) {
		if done || is != what || name != "victim" {
			return
		}
		done = true
		victim := p.path("x")
		for range depth {
			victim = filepath.Join(victim, "d")
		}
		victim = filepath.Join(victim, "victim")
		must(p.t, os.Rename(victim, victim+"-was"))
		must(p.t, os.Symlink(p.canary(), victim))
	}
}

func (p *place) makeVictim(depth int) {
	folder := p.path("x")
	for range depth {
		folder = filepath.Join(folder, "d")
	}
	must(p.t, os.MkdirAll(filepath.Join(folder, "victim/deep/down"), 0o755))
	must(p.t, os.WriteFile(filepath.Join(folder, "victim/file"), nil, 0o644))
}

func TestSwappedRightBefore(t *testing.T) {
	for _, depth := range []int{0, 1, levels - 2} {
		for _, what := range []string{"unlink", "open", "lift"} {
			p := newPlace(t)
			p.makeVictim(depth)
			if err := Remove(p.fd, "x", Options{step: p.swapAt(what, depth)}); err != nil {
				t.Errorf("%s at depth %d: %v", what, depth, err)
			}
			p.canaryLives()
		}
	}
}

// The control: the same swap, at the same moment, leads a removal by path to the canary.
func TestSwappedRightBeforeControl(t *testing.T) {
	p := newPlace(t)
	p.makeVictim(1)
	naive(p.path("x"), p.swapAt("open", 1))
	if _, err := os.Lstat(filepath.Join(p.canary(), "file")); err == nil {
		t.Fatal("a removal by path was not led astray: this test shows nothing")
	}
}

// hostile changes a tree by paths, as fast as it can, until it is told to stop.
type hostile struct {
	random *rand.Rand
	root   string
	canary string
}

func (h *hostile) somewhere() string {
	path := h.root
	for range h.random.IntN(levels + 6) {
		path = filepath.Join(path, strconv.Itoa(h.random.IntN(2)))
	}
	return path
}

func (h *hostile) act() {
	one, two := h.somewhere(), h.somewhere()
	switch h.random.IntN(8) {
	case 0, 1:
		_ = os.MkdirAll(one, 0o755)
	case 2:
		_ = os.Symlink(h.canary, one)
	case 3:
		_ = os.Symlink(filepath.Join(h.canary, "deep"), one)
	case 4, 5:
		_ = unix.Renameat2(unix.AT_FDCWD, one, unix.AT_FDCWD, two, unix.RENAME_EXCHANGE)
	case 6:
		_ = os.WriteFile(filepath.Join(one, "f"), nil, 0o644)
	case 7:
		_ = os.Rename(one, two)
	}
}

func TestHostileProcess(t *testing.T) {
	p := newPlaceInMemory(t)
	const seed = 11
	stop := make(chan struct{})
	var all sync.WaitGroup
	for i := range 3 {
		h := &hostile{random: rand.New(rand.NewPCG(seed, uint64(i))), root: p.path("x"), canary: p.canary()}
		all.Add(1)
		go func() {
			defer all.Done()
			for {
				select {
				case <-stop:
					return
				default:
					h.act()
				}
			}
		}()
	}
	rounds := 0
	for end := time.Now().Add(3 * time.Second); time.Now().Before(end); rounds++ {
		_ = Remove(p.fd, "x", Options{Deadline: time.Now().Add(200 * time.Millisecond)})
		p.canaryLives()
	}
	close(stop)
	all.Wait()
	p.gone("x")
	t.Logf("%d rounds", rounds)
}

func TestTwoAtOnce(t *testing.T) {
	p := newPlaceInMemory(t)
	must(t, os.Mkdir(p.path("x"), 0o755))
	makeDeep(t, p.path("x"), 2000, "d")
	makeFiles(t, p.path("x"), 2000)
	var all sync.WaitGroup
	for range 3 {
		all.Add(1)
		go func() {
			defer all.Done()
			_ = Remove(p.fd, "x", Options{})
		}()
	}
	all.Wait()
	p.gone("x")
}

func TestDeadline(t *testing.T) {
	p := newPlace(t)
	must(t, os.Mkdir(p.path("x"), 0o755))
	makeFiles(t, p.path("x"), 10)
	err := Remove(p.fd, "x", Options{Deadline: time.Now().Add(-time.Second)})
	if err == nil || err.Error() != "x: not all removed in the time given" {
		t.Fatalf("%v", err)
	}
	p.gone("x")
}
