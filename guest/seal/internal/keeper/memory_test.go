package keeper

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

const mib = int64(1) << 20

// memoryBench is a tree of control groups of files. What is written to memory.max is what the kernel would be told.
type memoryBench struct {
	*bench
	watch memoryWatch
	limit int64
}

func newMemoryBench(t *testing.T, limitMiB int64) *memoryBench {
	t.Helper()
	root := t.TempDir()
	b := &bench{t: t}
	b.Machine = Machine{Groups: root + "/cloister.slice/cloister-sessions.slice", Say: b.say}
	must(t, os.MkdirAll(b.Groups, 0o755))
	must(t, os.WriteFile(filepath.Dir(b.Groups)+"/memory.max", fmt.Appendf(nil, "%d\n", limitMiB*mib), 0o644))
	return &memoryBench{bench: b, watch: memoryWatch{Machine: b.Machine}, limit: limitMiB * mib}
}

func stat(anon, shmem, kernel, file int64) []byte {
	return fmt.Appendf(nil, "anon %d\nfile %d\nkernel %d\nkernel_stack 1\nshmem %d\nslab_unreclaimable 5\n",
		anon*mib, (file+shmem)*mib, kernel*mib, shmem*mib)
}

func (b *memoryBench) all(text []byte) {
	must(b.t, os.WriteFile(filepath.Dir(b.Groups)+"/memory.stat", text, 0o644))
}

func (b *memoryBench) session(name string, text []byte) string {
	folder := b.scope(name)
	must(b.t, os.MkdirAll(folder, 0o755))
	for file, content := range map[string][]byte{
		"memory.stat": text, "memory.max": []byte("max\n"), "cgroup.kill": nil, "cgroup.events": []byte("populated 1\nfrozen 0\n"),
	} {
		must(b.t, os.WriteFile(folder+"/"+file, content, 0o644))
	}
	return folder
}

func (b *memoryBench) ended(folder string) bool {
	text, err := os.ReadFile(folder + "/memory.max")
	must(b.t, err)
	return string(text)[0] == '0'
}

func TestTheHeaviestIsEnded(t *testing.T) {
	b := newMemoryBench(t, 3072)
	// Thousands of small processes: most of what they use is the kernel's.
	bomb := b.session("bomb", stat(900, 10, 1900, 5))
	large := b.session("large", stat(100, 0, 10, 2000))
	b.all(stat(1000, 10, 1950, 60))
	now := time.Now()
	b.watch.look(now)
	if !b.ended(bomb) || b.ended(large) || !b.heard("session bomb: it used most, 2810 MiB") {
		t.Fatalf("the wrong one was ended: %q", b.said)
	}
	// While it dies, nobody else is ended, although the memory is still used.
	b.watch.look(now.Add(time.Second))
	if b.ended(large) {
		t.Fatal("another session was ended while the first one died")
	}
	// One that does not die of it is killed.
	b.watch.look(now.Add(3 * time.Second))
	if text, err := os.ReadFile(bomb + "/cgroup.kill"); err != nil || string(text) != "1" {
		t.Fatalf("it was not killed: %q, %v", text, err)
	}
	must(t, os.RemoveAll(bomb))
	b.all(stat(100, 0, 20, 2000))
	if b.watch.look(now.Add(4*time.Second)) <= leastLook || b.ended(large) {
		t.Fatal("memory is free again, and the other session is not at peace")
	}
}

func TestWhatCanBeTakenBackIsFree(t *testing.T) {
	b := newMemoryBench(t, 3072)
	one := b.session("one", stat(500, 0, 10, 2500))
	other := b.session("other", stat(100, 0, 10, 0))
	b.all(stat(600, 0, 20, 2450))
	if wait := b.watch.look(time.Now()); wait < 400*time.Millisecond || b.ended(one) || b.ended(other) {
		t.Fatalf("files that were read count as used up (%v)", wait)
	}
	// The control: the same as memory of processes.
	b.all(stat(3050, 0, 20, 0))
	if b.watch.look(time.Now()); !b.ended(one) {
		t.Fatal("nobody was ended")
	}
}

func TestOneAloneIsLeftToItsOwnLimit(t *testing.T) {
	b := newMemoryBench(t, 1024)
	one := b.session("one", stat(1000, 0, 20, 0))
	b.all(stat(1000, 0, 20, 0))
	if wait := b.watch.look(time.Now()); wait != mostLook || b.ended(one) {
		t.Fatal("a session without others was ended")
	}
	b.session("other", stat(1, 0, 1, 0))
	if b.watch.look(time.Now()); !b.ended(one) {
		t.Fatal("the control: with another beside it, nobody was ended")
	}
}

func TestLooksMoreOftenTheLessIsFree(t *testing.T) {
	b := newMemoryBench(t, 4096)
	b.session("one", stat(1, 0, 1, 0))
	b.session("other", stat(1, 0, 1, 0))
	last := mostLook + 1
	for _, used := range []int64{100, 3300, 3800, 3967} {
		b.all(stat(used, 0, 0, 0))
		wait := b.watch.look(time.Now())
		if wait >= last || wait < leastLook {
			t.Fatalf("with %d MiB used it waits %v, before %v", used, wait, last)
		}
		last = wait
	}
}

func TestLooksSeldomWhereVeryMuchIsFree(t *testing.T) {
	for _, gib := range []int64{1, 8, 10, 16, 64, 1024, 1 << 20} {
		if wait := waitFor(gib << 30); wait != mostLook {
			t.Errorf("with %d GiB free it waits %v", gib, wait)
		}
	}
}

func TestSocketsCount(t *testing.T) {
	b := newMemoryBench(t, 3072)
	sockets := func(text []byte, used int64) []byte { return fmt.Appendf(text, "sock %d\n", used*mib) }
	large := b.session("large", stat(1200, 0, 10, 0))
	full := b.session("full", sockets(stat(10, 0, 10, 0), 1800))
	b.all(sockets(stat(1210, 0, 20, 0), 1800))
	if b.watch.look(time.Now()); !b.ended(full) || b.ended(large) {
		t.Fatalf("the wrong one was ended: %q", b.said)
	}
}

func TestOlderKernels(t *testing.T) {
	b := newMemoryBench(t, 1024)
	text := fmt.Appendf(nil, "anon %d\nfile 7\nkernel_stack %d\npagetables %d\nshmem 0\nslab_unreclaimable %d\n", 10*mib, 2*mib, 3*mib, 4*mib)
	b.session("one", text)
	if bytes, err := heldBy(b.scope("one")); err != nil || bytes != 19*mib {
		t.Fatalf("%d, %v", bytes, err)
	}
}

func TestNoLimitAndNoSessions(t *testing.T) {
	b := newMemoryBench(t, 1024)
	if b.watch.look(time.Now()) != mostLook {
		t.Fatal("without sessions")
	}
	one := b.session("one", stat(1000, 0, 20, 0))
	b.session("other", stat(1, 0, 1, 0))
	must(t, os.MkdirAll(b.Groups+"/cloister-session-..%2f.scope", 0o755))
	b.all(stat(1000, 0, 20, 0))
	must(t, os.WriteFile(filepath.Dir(b.Groups)+"/memory.max", []byte("max\n"), 0o644))
	if b.watch.look(time.Now()) != mostLook || b.ended(one) {
		t.Fatal("without a limit somebody was ended")
	}
}
