package answer

import (
	"testing"
	"time"
)

// manned is a crew whose calls are functions.
func manned() (*crew, chan func()) {
	calls := make(chan func())
	made := &crew{}
	made.start(func() {
		for call := range calls {
			began := made.begin()
			call()
			made.end(began)
		}
	})
	return made, calls
}

func await(t *testing.T, what string, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal(what + ": not within 10 s")
	}
}

// settled waits until one worker is left. Calls that this computer made slow may have added some.
func settled(t *testing.T, made *crew, calls chan func()) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); made.size.Load() != 1; {
		if time.Now().After(end) {
			t.Fatalf("%d workers for quick calls", made.size.Load())
		}
		calls <- func() {}
	}
}

func TestAStuckCallHoldsNobodyUp(t *testing.T) {
	made, calls := manned()
	release := make(chan struct{})
	for range mostWorkers - 1 {
		// Also after a rest.
		time.Sleep(4 * stuck)
		calls <- func() { <-release }
		for range 100 {
			done := make(chan struct{})
			calls <- func() { close(done) }
			await(t, "a call beside stuck ones", done)
		}
	}
	close(release)
	settled(t, made, calls)
}

func TestWorkersAreBounded(t *testing.T) {
	made, calls := manned()
	release := make(chan struct{})
	for range mostWorkers {
		calls <- func() { <-release }
	}
	select {
	case calls <- func() {}:
		t.Error("one worker too many")
	case <-time.After(20 * stuck):
	}
	if size := made.size.Load(); size != mostWorkers {
		t.Errorf("%d workers", size)
	}
	close(release)
	settled(t, made, calls)
}

func TestSlowCallsGetMoreWorkers(t *testing.T) {
	made, calls := manned()
	calls <- func() { time.Sleep(2 * slow) }
	done := make(chan struct{})
	// Both are taken although neither ends.
	calls <- func() { <-done }
	calls <- func() { close(done) }
	await(t, "the second call", done)
	settled(t, made, calls)
}
