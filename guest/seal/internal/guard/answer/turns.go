package answer

import (
	"sync"
	"time"

	"cloister/seal/internal/guard"
)

// Before Linux 5.19 a signal takes a thread out of a call that the guard has taken already, and the kernel then starts the
// call anew: the program would be told that what it deleted was never there. turns remembers the answers that nobody
// heard and gives them when the same thread makes the same call again at once.
type turns struct {
	// held: the kernel waits for the answer. There is nothing to remember.
	held    bool
	mutex   sync.Mutex
	over    *sync.Cond
	busy    map[uint32]bool
	unheard map[uint32]*turn
}

// turn is one call of one thread.
type turn struct {
	thread uint32
	call   guard.Call
	path   string
	ended  time.Time
}

const (
	// maxUnheard bounds what is remembered: a session that makes more only hurts itself.
	maxUnheard = 256
	// memory is how long an answer is kept. A signal's handler runs between the two calls.
	memory = 2 * time.Second
)

func newTurns(held bool) *turns {
	made := &turns{held: held, busy: map[uint32]bool{}, unheard: map[uint32]*turn{}}
	made.over = sync.NewCond(&made.mutex)
	return made
}

// begin waits until an earlier call of the same thread, which the thread has left, is over.
func (t *turns) begin(thread uint32, call guard.Call) *turn {
	if t.held {
		return nil
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	for t.busy[thread] {
		t.over.Wait()
	}
	t.busy[thread] = true
	return &turn{thread: thread, call: call}
}

// repeats tells whether a call was carried out when it was made the first time.
func (t *turns) repeats(now *turn, path string) bool {
	if t.held {
		return false
	}
	now.path = path
	t.mutex.Lock()
	defer t.mutex.Unlock()
	before := t.unheard[now.thread]
	if before == nil || before.call != now.call || before.path != path {
		return false
	}
	delete(t.unheard, now.thread)
	return time.Since(before.ended) < memory
}

// end remembers a deletion that its caller has not heard of.
func (t *turns) end(now *turn, unheard bool) {
	if t.held {
		return
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	delete(t.busy, now.thread)
	if unheard {
		if len(t.unheard) >= maxUnheard {
			clear(t.unheard)
		}
		now.ended = time.Now()
		t.unheard[now.thread] = now
	}
	t.over.Broadcast()
}
