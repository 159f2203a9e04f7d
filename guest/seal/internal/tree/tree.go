// Package tree removes a folder with everything in it, whatever a hostile owner has put there and whatever is still
// changed in it meanwhile. Nothing is ever named by a path: each step is one name in one open folder, and no step
// follows a link, crosses into another mount or trusts "..". Memory and descriptors are bounded: folders that lie
// deeper than a few levels are moved up to the top first, under names of their own.
package tree

import (
	"errors"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Options narrow a removal. The zero value removes whatever has the name.
type Options struct {
	// Allow looks at the top folder, once it is open; an error leaves it as it is.
	Allow func(*unix.Statx_t) error
	// Deadline ends a removal that others keep busy by filling the folder again. Zero: never.
	Deadline time.Time
	// step is told what is about to be done with a name, for tests that change it right then.
	step func(what, name string)
}

// levels is how many folders are open at once. What lies deeper is moved up.
const levels = 16

// passes is how often a folder is read again because it was not empty when it should have been.
const passes = 64

// waiting is how many names of folders that were moved up are remembered; others are found by reading the top again.
const waiting = 1024

// Remove removes a name of a trusted folder, and everything in it. A name that is not there is no error. What could not
// be removed is a *Problems; all the rest is gone then too.
//
// The folder must be one that nobody but root can write: names in it are not expected to change.
func Remove(parent int, name string, options Options) error {
	if err := component(name); err != nil {
		return err
	}
	r := &remover{options: options, parent: parent, name: name, fresh: newFresh()}
	r.run()
	if r.problems.empty() {
		return nil
	}
	return &r.problems
}

func component(name string) error {
	if name == "" || name == "." || name == ".." || len(name) > 255 {
		return errors.New(strconv.QuoteToASCII(name) + " is not a name in a folder")
	}
	for i := range len(name) {
		if name[i] == '/' || name[i] == 0 {
			return errors.New(strconv.QuoteToASCII(name) + " is not a name in a folder")
		}
	}
	return nil
}

type remover struct {
	options Options
	parent  int
	name    string
	frames  []*frame
	// lifted are names in the top folder that deeper folders were moved to.
	lifted   []string
	fresh    *fresh
	removed  uint64
	problems Problems
	// buffers of frames that are closed.
	buffers [][]byte
	late    bool
}

func (r *remover) top() *frame { return r.frames[0] }

func (r *remover) run() {
	if !r.begin() {
		return
	}
	for len(r.frames) > 0 {
		f := r.frames[len(r.frames)-1]
		name, kind, err := r.next(f)
		switch {
		case err != nil:
			r.fail(f, "", err)
			r.pop()
		case name == "":
			r.finish(f)
		default:
			r.entry(f, name, kind)
		}
	}
}

// begin opens the top folder, or removes what is no folder. It returns whether there is a folder to be emptied.
func (r *remover) begin() bool {
	outer := &frame{fd: r.parent, trusted: true}
	var status unix.Stat_t
	err := unix.Fstatat(r.parent, r.name, &status, unix.AT_SYMLINK_NOFOLLOW)
	if err == unix.ENOENT {
		return false
	}
	if err == nil && status.Mode&unix.S_IFMT != unix.S_IFDIR {
		if err = r.allowed(r.parent, r.name); err == nil {
			err = r.unlink(outer, r.name, 0)
		}
		if err == nil || err == unix.ENOENT {
			return false
		}
	}
	fd := -1
	if err == nil {
		fd, err = openFolder(r.parent, r.name)
	}
	if err == nil {
		err = r.allowed(fd, "")
	}
	if err != nil {
		r.problems.add(r.name, err)
		if fd >= 0 {
			_ = unix.Close(fd)
		}
		return false
	}
	r.push(fd, r.name)
	return true
}

func (r *remover) allowed(fd int, name string) error {
	if r.options.Allow == nil {
		return nil
	}
	var status unix.Statx_t
	mask := unix.STATX_BASIC_STATS | unix.STATX_BTIME
	if err := unix.Statx(fd, name, unix.AT_EMPTY_PATH|unix.AT_SYMLINK_NOFOLLOW, mask, &status); err != nil {
		return err
	}
	return r.options.Allow(&status)
}

// next is the next name to deal with in a folder; none at its end.
func (r *remover) next(f *frame) (string, byte, error) {
	if f == r.top() && len(r.lifted) > 0 {
		last := len(r.lifted) - 1
		name := r.lifted[last]
		r.lifted = r.lifted[:last]
		return name, unix.DT_DIR, nil
	}
	if !r.options.Deadline.IsZero() && time.Now().After(r.options.Deadline) {
		if !r.late {
			r.late = true
			r.problems.add(r.path(f, ""), errors.New("not all removed in the time given"))
		}
		f.failed = true
		return "", 0, nil
	}
	return f.next()
}

func (r *remover) entry(f *frame, name string, kind byte) {
	how := 0
	if kind == unix.DT_DIR {
		how = unix.AT_REMOVEDIR
	}
	err := r.unlink(f, name, how)
	if err == unix.ENOTDIR || err == unix.EISDIR {
		// The file system does not tell, or it is another one by now.
		how ^= unix.AT_REMOVEDIR
		err = r.unlink(f, name, how)
	}
	switch err {
	case nil, unix.ENOENT:
	case unix.ENOTEMPTY, unix.EEXIST:
		r.descend(f, name)
	case unix.ENOTDIR, unix.EISDIR:
		// Changed again. Whoever reads the folder next finds it.
	default:
		r.fail(f, name, err)
	}
}

// descend deals with a folder that is not empty: it is entered, or moved up where too many are open already.
func (r *remover) descend(f *frame, name string) {
	if len(r.frames) >= levels {
		switch r.lift(f, name) {
		case nil, unix.ENOENT:
			return
		}
		// It cannot be moved: no room for a name on a full disk, or too many in the top folder. So the way back is given up
		// instead: what lies below is removed now, what lies above in the next pass from the top.
		r.shed()
	}
	r.see("open", name)
	fd, err := openFolder(f.fd, name)
	switch err {
	case nil:
		r.push(fd, name)
	case unix.ENOENT, unix.ENOTDIR, unix.ELOOP:
		// Gone, or something else by now, which the next pass removes.
	default:
		r.fail(f, name, err)
	}
}

func (r *remover) finish(f *frame) {
	if f == r.top() {
		r.finishTop(f)
		return
	}
	if f.cut {
		r.pop()
		return
	}
	above := r.frames[len(r.frames)-2]
	err := r.unlink(above, f.name, unix.AT_REMOVEDIR)
	if err == unix.ENOTEMPTY || err == unix.EEXIST {
		if !f.failed && f.passes < passes {
			if err = f.rewind(); err == nil {
				return
			}
			r.fail(f, "", err)
		} else if !f.failed {
			r.fail(f, "", errors.New("it is filled again and again"))
		}
	} else if err != nil && err != unix.ENOENT && err != unix.ENOTDIR {
		r.fail(above, f.name, err)
	}
	r.pop()
}

// finishTop reads the top again for as long as that removes something: names in it may be new.
func (r *remover) finishTop(f *frame) {
	err := r.unlink(&frame{fd: r.parent, trusted: true}, f.name, unix.AT_REMOVEDIR)
	if r.removed > f.removedBefore {
		f.passes = 0
	}
	// A pass without any progress and without a problem found a name that was something else a moment later.
	again := f.passes == 0 || f.passes < passes && r.problems.empty()
	if (err == unix.ENOTEMPTY || err == unix.EEXIST) && !r.late && again {
		f.removedBefore = r.removed
		f.failed = false
		r.problems = Problems{}
		if err = f.rewind(); err == nil {
			return
		}
	}
	if err != nil && err != unix.ENOENT && r.problems.empty() {
		r.problems.add(f.name, err)
	}
	r.pop()
}

func (r *remover) push(fd int, name string) {
	f := &frame{fd: fd, name: name, removedBefore: r.removed}
	if last := len(r.buffers) - 1; last >= 0 {
		f.buffer, r.buffers = r.buffers[last], r.buffers[:last]
	} else {
		f.buffer = make([]byte, bufferSize)
	}
	r.frames = append(r.frames, f)
}

// pop closes the innermost folder. What stays in it keeps the one around it from being empty.
func (r *remover) pop() {
	last := len(r.frames) - 1
	f := r.frames[last]
	r.drop(f)
	r.frames = r.frames[:last]
	if f.failed && !f.cut && last > 0 {
		r.frames[last-1].failed = true
	}
}

func (r *remover) drop(f *frame) {
	_ = unix.Close(f.fd)
	r.buffers = append(r.buffers, f.buffer)
}

// shed closes the uppermost folder but the top. The one below it cannot be removed in this pass then.
func (r *remover) shed() {
	r.drop(r.frames[1])
	r.frames = append(r.frames[:1], r.frames[2:]...)
	r.frames[1].cut = true
}

func (r *remover) see(what, name string) {
	if r.options.step != nil {
		r.options.step(what, name)
	}
}

// fail notes a problem with a name in a folder, or with the folder itself.
func (r *remover) fail(f *frame, name string, err error) {
	f.failed = true
	r.problems.add(r.path(f, name), err)
}

// path is for people only.
func (r *remover) path(f *frame, name string) string {
	text := ""
	for _, one := range r.frames {
		if text += one.name; one == f {
			break
		}
		text += "/"
	}
	if name != "" {
		text += "/" + name
	}
	return text
}
