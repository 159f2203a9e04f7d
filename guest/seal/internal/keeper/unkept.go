package keeper

import (
	"errors"
	"os"
	"time"

	"cloister/seal/internal/tree"
	"golang.org/x/sys/unix"
)

// unkeptFolder has a mark for each session whose home is removed at its end (guest/sessions/unkept.ts).
const unkeptFolder = ".unkept"

// adoptUnkept cleans up each marked session that nobody runs. Such ones are left where the whole machine stopped: /run
// is empty then.
func (k *Keeper) adoptUnkept() {
	folder, err := k.openUnkept()
	if err != nil {
		if !errors.Is(err, unix.ENOENT) {
			k.Say("marks of sessions: " + err.Error())
		}
		return
	}
	defer func() { _ = folder.Close() }()
	names, err := folder.Readdirnames(-1)
	if err != nil {
		k.Say("marks of sessions: " + err.Error())
	}
	for _, name := range names {
		if !isName(name) || !k.begin(name) {
			continue
		}
		k.all.Add(1)
		go func() {
			defer k.all.Done()
			k.slots <- struct{}{}
			defer func() { <-k.slots }()
			k.adopt(name)
			k.done(name, time.Time{})
			k.expectOrphans()
		}()
	}
}

// adopt leaves a session alone that somebody runs: the name is that one's then.
func (k *Keeper) adopt(name string) {
	if !k.claim(name) {
		return
	}
	// The name's last run may have ended since the marks were read, and it may have been kept.
	marked := k.unkeptSince(name)
	if marked.IsZero() {
		if err := k.release(name); err != nil {
			k.Say("session " + name + ": state: " + err.Error())
		}
		return
	}
	k.clean(leftover{name: name, claimed: marked})
}

// unkeptSince returns when a session was marked; the zero time where it is not.
func (k *Keeper) unkeptSince(name string) time.Time {
	folder, err := k.openUnkept()
	if err != nil {
		return time.Time{}
	}
	defer func() { _ = folder.Close() }()
	var mark unix.Stat_t
	if unix.Fstatat(int(folder.Fd()), name, &mark, unix.AT_SYMLINK_NOFOLLOW) != nil {
		return time.Time{}
	}
	return time.Unix(mark.Mtim.Unix())
}

func (k *Keeper) clearUnkept(name string) error {
	folder, err := k.openUnkept()
	if err == nil {
		err = unix.Unlinkat(int(folder.Fd()), name, 0)
		_ = folder.Close()
	}
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	return err
}

// openUnkept opens the folder of marks. Only root writes /sessions, so its name leads nowhere else.
func (m Machine) openUnkept() (*os.File, error) {
	homes, err := tree.OpenFolder(m.Homes)
	if err != nil {
		return nil, err
	}
	defer func() { _ = unix.Close(homes) }()
	flags := unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC
	fd, err := unix.Openat(homes, unkeptFolder, flags, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), unkeptFolder), nil
}
