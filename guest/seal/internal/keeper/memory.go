package keeper

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Where all sessions together have used up their memory, the kernel kills the session of the largest single process. One
// that works in few large processes would so die for one that has made thousands of small ones. The keeper is quicker: it
// ends the session that uses most.
const (
	// leastLook and mostLook bound the time between two looks.
	leastLook = 20 * time.Millisecond
	mostLook  = 500 * time.Millisecond
	// quickest is how many bytes a second are expected to be taken at most.
	quickest = 2 << 30
	// mostMargin is how much is still free, in bytes, when a session is ended; a sixteenth where that is less.
	mostMargin = 128 << 20
	// diesFor is how long a session that ran out of memory may take to be gone before it is killed by another way.
	diesFor = 2 * time.Second
	// backFor is how long the machine may take to have back what an ended session held: the kernel frees some of it, as what
	// waits in sockets, only after the last process is gone.
	backFor = 2 * time.Second
)

// held are the parts of memory.stat that cannot be taken back without killing. The kernel says `kernel` since 5.18, and
// the others, which are parts of it, before. What sockets hold is in neither.
var (
	held       = map[string]bool{"anon": true, "shmem": true, "kernel": true, "sock": true}
	heldBefore = map[string]bool{"anon": true, "shmem": true, "slab_unreclaimable": true, "kernel_stack": true, "pagetables": true, "percpu": true, "sock": true}
)

// memoryWatch is what is known of the memory of all sessions.
type memoryWatch struct {
	Machine
	// victim is the session that was ended last, while it dies.
	victim string
	since  time.Time
	// gone is when the last victim was gone, until the machine has enough again.
	gone time.Time
}

// watchMemory ends sessions for want of memory until stop is closed.
func (m Machine) watchMemory(stop <-chan struct{}) {
	watch := memoryWatch{Machine: m}
	for {
		select {
		case <-stop:
			return
		case <-time.After(watch.look(time.Now())):
		}
	}
}

// look ends a session where it must, and returns when to look again.
func (w *memoryWatch) look(now time.Time) time.Duration {
	if w.victim != "" {
		if w.dies(now) {
			return leastLook
		}
		w.victim, w.gone = "", now
	}
	names := w.scopes()
	if len(names) == 0 {
		return mostLook
	}
	wait := w.lookAtMachine(names, now)
	if w.victim != "" || len(names) < 2 {
		// One alone takes nothing from others, and has a limit of its own.
		return wait
	}
	return min(wait, w.lookAtAll(names, now))
}

// lookAtAll is about what control groups count.
func (w *memoryWatch) lookAtAll(names []string, now time.Time) time.Duration {
	group := filepath.Dir(w.Groups)
	limit, err := limitOf(group)
	if err != nil {
		return mostLook
	}
	used, err := heldBy(group)
	if err != nil {
		return mostLook
	}
	margin := min(int64(mostMargin), limit/16)
	if free := limit - margin - used; free > 0 {
		return waitFor(free)
	}
	if heaviest, most := heaviestOf(names, func(name string) (int64, error) { return heldBy(w.scope(name)) }); heaviest != "" {
		w.end(heaviest, most, fmt.Sprintf("the sessions of this machine had used up %d of %d MiB", used>>20, limit>>20), now)
	}
	return leastLook
}

// waitFor is how long it takes until so many bytes are used, and not longer than a look is put off.
func waitFor(free int64) time.Duration {
	// More would not fit into the number of nanoseconds.
	free = min(free, quickest)
	return min(max(time.Duration(free)*time.Second/quickest, leastLook), mostLook)
}

// heaviestOf is the session that weighs most, if there is one that can be weighed.
func heaviestOf(names []string, weigh func(name string) (int64, error)) (heaviest string, most int64) {
	for _, name := range names {
		if bytes, err := weigh(name); err == nil && (heaviest == "" || bytes > most) {
			heaviest, most = name, bytes
		}
	}
	return heaviest, most
}

func (w *memoryWatch) end(name string, held int64, when string, now time.Time) {
	w.Say(fmt.Sprintf("session %s: it used most, %d MiB, when %s; it is ended", name, held>>20, when))
	w.victim, w.since = name, now
	// The kernel then ends all of it for want of memory, and counts that: its supervisor tells the reason.
	if err := write(w.scope(name)+"/memory.max", "0"); err != nil && !isGone(err) {
		w.Say("session " + name + ": " + err.Error())
	}
}

// dies tells whether the last victim is still there. One that does not die of want of memory is killed.
func (w *memoryWatch) dies(now time.Time) bool {
	events, err := os.ReadFile(w.scope(w.victim) + "/cgroup.events")
	if isGone(err) || err == nil && empty.Match(events) {
		return false
	}
	if now.Sub(w.since) < diesFor {
		return true
	}
	if err := kill(w.scope(w.victim)); err != nil && !isGone(err) {
		w.Say("session " + w.victim + ": killing its processes: " + err.Error())
	}
	return now.Sub(w.since) < diesFor+killFor
}

func (m Machine) scope(name string) string {
	return filepath.Join(m.Groups, "cloister-session-"+name+".scope")
}

// scopes are the names of all sessions that have a control group.
func (m Machine) scopes() []string {
	entries, err := os.ReadDir(m.Groups)
	if err != nil {
		return nil
	}
	var names []string
	for _, entry := range entries {
		name, found := strings.CutPrefix(entry.Name(), "cloister-session-")
		name, ends := strings.CutSuffix(name, ".scope")
		if found && ends && isName(name) {
			names = append(names, name)
		}
	}
	return names
}

// limitOf is the most that a group may use, in bytes.
func limitOf(group string) (int64, error) {
	text, err := os.ReadFile(group + "/memory.max")
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(string(bytes.TrimSpace(text)), 10, 64)
}

// heldBy is how much of a group's memory cannot be taken back, in bytes.
func heldBy(group string) (int64, error) {
	text, err := os.ReadFile(group + "/memory.stat")
	if err != nil {
		return 0, err
	}
	parts := held
	if !bytes.Contains(text, []byte("\nkernel ")) {
		parts = heldBefore
	}
	total, seen := int64(0), false
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if !parts[name] {
			continue
		}
		number, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return 0, errors.New(group + ": memory.stat: " + err.Error())
		}
		total, seen = total+number, true
	}
	if !seen {
		return 0, errors.New(group + ": memory.stat is empty")
	}
	return total, nil
}
