package answer

import (
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"cloister/seal/internal/trash"
	"golang.org/x/sys/unix"
)

// maxShown is how many bytes of a path are told.
const maxShown = 300

// patience is how long a command waits for a line about it to be written: its end may end the guard.
const patience = 200 * time.Millisecond

// refusals tells of the first refusal of each kind, on the command's own standard error.
type refusals struct {
	before, inside, failed atomic.Bool
	// writing: one line at a time, so that lines that nobody reads hold one thread.
	writing sync.Mutex
}

// say writes a line the first time. Where nobody reads it, no call waits for that.
func (r *refusals) say(once *atomic.Bool, line string) {
	if !once.CompareAndSwap(false, true) {
		return
	}
	written := make(chan struct{})
	go func() {
		defer close(written)
		r.writing.Lock()
		defer r.writing.Unlock()
		// One write, so that it stays one line between others.
		_, _ = unix.Write(2, []byte("cloister: "+line+"\n"))
	}()
	select {
	case <-written:
	case <-time.After(patience):
	}
}

func (r *refusals) old(folder *guarded, path string) {
	r.say(&r.before, shown(folder, path)+" was there before this session and was not deleted: this needs mode rwd or trash, "+
		"and the folder has mode rw (told once)")
}

func (r *refusals) inTrash(folder *guarded, path string) {
	r.say(&r.inside, shown(folder, path)+" is in the trash and was not deleted: whoever has the folder empties it, with "+
		"`cloister trash empty` (told once)")
}

func (r *refusals) unplaced(folder *guarded, name string) {
	r.say(&r.failed, shown(folder, name)+" was there before this session and was not deleted: it lies too deep for the trash; "+
		"this needs mode rwd (told once)")
}

func (r *refusals) unusable(folder *guarded, path string, why *trash.Unusable) {
	r.say(&r.failed, shown(folder, path)+" was there before this session and was not deleted: the trash cannot take it ("+
		why.Error()+"); this needs mode rwd (told once)")
}

// shown is a path in quotes, with nothing in it that a terminal acts on.
func shown(folder *guarded, path string) string {
	whole := strings.TrimSuffix(folder.Path+"/"+path, "/")
	if len(whole) <= maxShown {
		return strconv.Quote(whole)
	}
	return strconv.Quote(whole[:maxShown/2]) + "..." + strconv.Quote(whole[len(whole)-maxShown/2:])
}
