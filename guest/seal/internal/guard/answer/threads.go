package answer

import (
	"runtime"
	"sync"
)

const (
	// processors is how many threads may run Go code at once: each of them may need a thread of its own.
	processors = 2
	// blocked is how many threads may wait in the kernel beside the workers: for the session's end, for timers, and for a
	// reader of what is told.
	blocked = 3
	// locked are the main thread, the workers and two of the runtime's own: its monitor, and the one that makes threads.
	locked = 1 + mostWorkers + 2
	// threads is how many there may have to be. A thread that has just handed on its right to run is not free yet: so as many
	// again as may run.
	threads = locked + blocked + 2*processors
)

// makeThreads has the runtime make all threads that it will need: it keeps them. Later the session may have reached its limit
// of tasks, in which the guard is counted, and Go ends a program that gets no thread.
func makeThreads() {
	runtime.GOMAXPROCS(min(runtime.GOMAXPROCS(0), processors))
	var ready, over sync.WaitGroup
	release := make(chan struct{})
	for {
		if made, _ := runtime.ThreadCreateProfile(nil); made >= threads {
			break
		}
		ready.Add(1)
		over.Add(1)
		go func() {
			defer over.Done()
			// Each has a thread to itself until there are enough. Unlocked, the thread does not end with it.
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			ready.Done()
			<-release
		}()
		ready.Wait()
	}
	close(release)
	over.Wait()
}
