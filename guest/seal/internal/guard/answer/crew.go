package answer

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// mostWorkers answer calls at the same time: a file that takes long to delete holds one of them.
	mostWorkers = 4
	// slow is a call on a file system whose answers are waited for: others should not wait for their turn as well.
	slow = 400 * time.Microsecond
	// quick is a call after which one worker is enough.
	quick = 100 * time.Microsecond
	// stuck is how long no call may end before one more worker helps.
	stuck = 5 * time.Millisecond
)

// crew is how many workers take calls. Usually one: each of several is woken in turn, on another processor and with another
// thread's data in its cache, so that a deletion takes a third longer. Calls that wait get more. All have their threads from
// the start, and those that are not needed wait: a session at its limit of tasks leaves none for the guard.
type crew struct {
	size atomic.Int32
	// begun and ended count calls.
	begun, ended atomic.Uint64
	// resting: the watch waits for the next call.
	resting atomic.Bool
	woken   chan struct{}
	// wanted has one entry for each worker that is to take calls.
	wanted chan struct{}
}

func (c *crew) start(work func()) {
	c.woken, c.wanted = make(chan struct{}, 1), make(chan struct{}, mostWorkers)
	var ready sync.WaitGroup
	for range mostWorkers {
		ready.Add(1)
		go func() {
			// Never unlocked: no other worker runs on its thread.
			runtime.LockOSThread()
			ready.Done()
			<-c.wanted
			work()
		}()
	}
	ready.Wait()
	c.grow()
	go c.watch()
}

// grow has one more worker take calls, unless there are enough.
func (c *crew) grow() {
	for {
		size := c.size.Load()
		if size >= mostWorkers {
			return
		}
		if c.size.CompareAndSwap(size, size+1) {
			c.wanted <- struct{}{}
			return
		}
	}
}

// leave tells whether the worker that asks may rest: another one must be free to take the next call. Where two ask at once and
// none is left, the watch finds out.
func (c *crew) leave() bool {
	for {
		size := c.size.Load()
		if size <= 1+c.atWork() {
			return false
		}
		if c.size.CompareAndSwap(size, size-1) {
			return true
		}
	}
}

// atWork is how many workers are at a call.
func (c *crew) atWork() int32 {
	ended := c.ended.Load()
	return int32(c.begun.Load() - ended)
}

// begin is called by a worker that has taken a call.
func (c *crew) begin() time.Time {
	c.begun.Add(1)
	if c.resting.Load() && c.resting.CompareAndSwap(true, false) {
		c.woken <- struct{}{}
	}
	return time.Now()
}

// end is called by a worker that has answered. It returns when the worker is to take the next call.
func (c *crew) end(began time.Time) {
	c.ended.Add(1)
	switch took := time.Since(began); {
	case took >= slow:
		c.grow()
	case took < quick && c.leave():
		<-c.wanted
	}
}

// watch sees to it that calls are taken while all workers are at one. It rests where there are none.
func (c *crew) watch() {
	var begun, ended uint64
	for {
		time.Sleep(stuck)
		nowBegun, nowEnded := c.begun.Load(), c.ended.Load()
		unchanged := nowBegun == begun && nowEnded == ended
		begun, ended = nowBegun, nowEnded
		switch {
		case !unchanged:
		case begun == ended:
			c.rest(begun)
		case c.atWork() >= c.size.Load():
			c.grow()
		}
	}
}

// rest waits for a call that is not counted yet.
func (c *crew) rest(begun uint64) {
	c.resting.Store(true)
	if c.begun.Load() != begun && c.resting.CompareAndSwap(true, false) {
		return
	}
	<-c.woken
}
