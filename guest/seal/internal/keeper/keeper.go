package keeper

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"cloister/seal/internal/tree"
	"golang.org/x/sys/unix"
)

const (
	// lookEvery is how often it is looked without an event, in case that one was missed.
	lookEvery = 10 * time.Second
	// againAfter is when a session is tried again whose processes did not die.
	againAfter = 30 * time.Second
	// lostFor is when a session is looked at again that somebody else took.
	lostFor = 100 * time.Millisecond
	// atOnce is how many sessions are cleaned up at the same time.
	atOnce = 4
)

// orphansAfter is when, after a session was cleaned up, it is looked for users that appeared since.
var orphansAfter = []time.Duration{300 * time.Millisecond, time.Second, 3 * time.Second, 10 * time.Second, 30 * time.Second}

// Keeper watches all sessions of a machine.
type Keeper struct {
	Machine
	self    process
	killFor time.Duration
	// root is the folder of all running sessions.
	root  int
	names atomic.Uint64

	// events has inotify's events, wake is written to when a cleaning is over, poll waits for these and for processes.
	events, wake, poll int
	// watched has who holds each folder.
	watched map[string]watch
	slots   chan struct{}

	mutex sync.Mutex
	// busy are names that are being cleaned up.
	busy map[string]bool
	// again is when a name is tried again.
	again map[string]time.Time
	// orphans is when to look for users without a session.
	orphans []time.Time
	looking bool
	all     sync.WaitGroup
}

type watch struct {
	holder process
	pidfd  int
}

// New prepares a keeper. The folder of running sessions is made where there is none.
func New(machine Machine) (*Keeper, error) {
	k := &Keeper{
		Machine: machine, self: thisProcess(), killFor: killFor,
		root: -1, events: -1, wake: -1, poll: -1,
		watched: map[string]watch{}, slots: make(chan struct{}, atOnce),
		busy: map[string]bool{}, again: map[string]time.Time{}, orphans: []time.Time{time.Now()},
	}
	if err := k.prepare(); err != nil {
		k.close()
		return nil, err
	}
	k.adoptUnkept()
	return k, nil
}

func (k *Keeper) prepare() error {
	err := os.MkdirAll(k.Running, 0o711)
	if err != nil {
		return err
	}
	if k.root, err = tree.OpenFolder(k.Running); err != nil {
		return errors.New(k.Running + ": " + err.Error())
	}
	if k.events, err = unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK); err != nil {
		return errors.New("inotify: " + err.Error())
	}
	mask := uint32(unix.IN_CREATE | unix.IN_MOVED_TO | unix.IN_MOVED_FROM | unix.IN_DELETE | unix.IN_ONLYDIR)
	if _, err = unix.InotifyAddWatch(k.events, k.Running, mask); err != nil {
		return errors.New("watching " + k.Running + ": " + err.Error())
	}
	if k.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return errors.New("eventfd: " + err.Error())
	}
	if k.poll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return errors.New("epoll: " + err.Error())
	}
	if err = k.wait(k.events); err == nil {
		err = k.wait(k.wake)
	}
	return err
}

func (k *Keeper) close() {
	for _, one := range k.watched {
		_ = unix.Close(one.pidfd)
	}
	for _, fd := range []int{k.root, k.events, k.wake, k.poll} {
		if fd >= 0 {
			_ = unix.Close(fd)
		}
	}
}

func (k *Keeper) wait(fd int) error {
	event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}
	if err := unix.EpollCtl(k.poll, unix.EPOLL_CTL_ADD, fd, &event); err != nil {
		return errors.New("epoll: " + err.Error())
	}
	return nil
}

// Run keeps watch until stop is closed, and returns when what it was about is over.
func (k *Keeper) Run(stop <-chan struct{}) error {
	defer k.close()
	defer k.all.Wait()
	go func() {
		<-stop
		k.nudge()
	}()
	go k.watchMemory(stop)
	ready := make([]unix.EpollEvent, 16)
	for {
		select {
		case <-stop:
			return nil
		default:
		}
		next, err := k.look()
		if err != nil {
			return err
		}
		n, err := unix.EpollWait(k.poll, ready, int(max(next, time.Millisecond)/time.Millisecond))
		if err != nil && err != unix.EINTR {
			return errors.New("epoll: " + err.Error())
		}
		for _, event := range ready[:max(n, 0)] {
			if err := k.drain(int(event.Fd)); err != nil {
				return err
			}
		}
	}
}

// drain takes what a descriptor has to say. All of it is seen by the next look; but a folder that is gone itself, or
// was another one's, cannot be watched any more.
func (k *Keeper) drain(fd int) error {
	if fd != k.events && fd != k.wake {
		return nil
	}
	buffer := make([]byte, 16<<10)
	for {
		n, err := unix.Read(fd, buffer)
		if err == unix.EINTR {
			continue
		}
		if err != nil || n <= 0 || fd == k.wake {
			break
		}
	}
	var status unix.Stat_t
	if unix.Fstat(k.root, &status) != nil || status.Nlink == 0 {
		return errors.New(k.Running + " was removed")
	}
	return nil
}

func (k *Keeper) nudge() {
	_, _ = unix.Write(k.wake, []byte{1, 0, 0, 0, 0, 0, 0, 0})
}

// look looks at everything there is, and returns when to look again without an event.
func (k *Keeper) look() (time.Duration, error) {
	next := k.lookForOrphans()
	root, err := k.open(".")
	if err != nil {
		return 0, errors.New(k.Running + ": " + err.Error())
	}
	names, err := root.Readdirnames(-1)
	_ = root.Close()
	if err != nil {
		return 0, errors.New(k.Running + ": " + err.Error())
	}
	there := map[string]bool{}
	for _, name := range names {
		there[name] = true
		if match := hiddenPattern.FindStringSubmatch(name); match != nil {
			k.lookAtHidden(name, processIn(match))
		} else if isName(name) {
			next = min(next, k.lookAt(name))
		}
	}
	for name := range k.watched {
		if !there[name] {
			k.unwatch(name)
		}
	}
	return next, nil
}

// lookAt looks at a session's folder: its holder is watched, and when that one is gone, it is cleaned up.
func (k *Keeper) lookAt(name string) time.Duration {
	if wait := k.pausedFor(name); wait > 0 {
		return wait
	}
	folder, err := k.open(name)
	if err != nil {
		return lookEvery
	}
	defer func() { _ = folder.Close() }()
	held := whoHolds(folder)
	if held.holder == (process{}) {
		if isYoung(folder) {
			return time.Second
		}
	} else if held.holder != k.self && k.watch(name, held.holder) {
		return lookEvery
	}
	if !k.begin(name) {
		return lookEvery
	}
	left, taken := k.take(folder, name, held)
	if !taken {
		k.done(name, time.Now().Add(lostFor))
		return lostFor
	}
	k.unwatch(name)
	k.all.Add(1)
	go func() {
		defer k.all.Done()
		k.slots <- struct{}{}
		defer func() { <-k.slots }()
		again := time.Time{}
		if !k.clean(left) {
			again = time.Now().Add(againAfter)
		}
		k.done(name, again)
		k.expectOrphans()
	}()
	return lookEvery
}

// lookAtHidden removes what a process left that was killed while it claimed or released a name.
func (k *Keeper) lookAtHidden(name string, maker process) {
	if maker == k.self || k.watch(name, maker) {
		return
	}
	k.unwatch(name)
	if err := tree.Remove(k.root, name, tree.Options{}); err != nil {
		k.Say(k.Running + ": " + err.Error())
	}
}

// watch makes this keeper hear of the end of a folder's holder. It returns false when that one is gone already.
func (k *Keeper) watch(name string, holder process) bool {
	if known, ok := k.watched[name]; ok {
		if known.holder == holder && !ended(known.pidfd) {
			return true
		}
		k.unwatch(name)
	}
	fd := holder.open()
	if fd < 0 {
		return false
	}
	if err := k.wait(fd); err != nil {
		// It is alive; the next look, in a while, sees whether it still is.
		k.Say(err.Error())
		_ = unix.Close(fd)
		return true
	}
	k.watched[name] = watch{holder: holder, pidfd: fd}
	return true
}

func (k *Keeper) unwatch(name string) {
	if known, ok := k.watched[name]; ok {
		// Closing the only descriptor of it ends the waiting too (epoll(7)).
		_ = unix.Close(known.pidfd)
		delete(k.watched, name)
	}
}

// pausedFor is how long a name is to be left alone.
func (k *Keeper) pausedFor(name string) time.Duration {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if k.busy[name] {
		return lookEvery
	}
	at, ok := k.again[name]
	if wait := time.Until(at); ok && wait > 0 {
		return wait
	}
	delete(k.again, name)
	return 0
}

// begin marks a name as being cleaned up, unless it is already.
func (k *Keeper) begin(name string) bool {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if k.busy[name] {
		return false
	}
	k.busy[name] = true
	return true
}

func (k *Keeper) done(name string, again time.Time) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	delete(k.busy, name)
	if !again.IsZero() {
		k.again[name] = again
	}
	k.nudge()
}

// expectOrphans makes the keeper look for users that appear in a while.
func (k *Keeper) expectOrphans() {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	k.orphans = k.orphans[:0]
	for _, after := range orphansAfter {
		k.orphans = append(k.orphans, time.Now().Add(after))
	}
	k.nudge()
}

// lookForOrphans does so when it is time, and returns when it is time again.
func (k *Keeper) lookForOrphans() time.Duration {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if len(k.orphans) == 0 || k.looking {
		return lookEvery
	}
	if wait := time.Until(k.orphans[0]); wait > 0 {
		return min(wait, lookEvery)
	}
	k.orphans = k.orphans[1:]
	k.looking = true
	k.all.Add(1)
	go func() {
		defer k.all.Done()
		k.removeOrphans()
		k.mutex.Lock()
		defer k.mutex.Unlock()
		k.looking = false
		k.nudge()
	}()
	return lookEvery
}
