package keeper

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"cloister/seal/internal/tree"
	"golang.org/x/sys/unix"
)

// clean ends and removes a session that was taken over. It returns false where that is to be tried again: as long as its
// processes do not die its name stays taken, so that nobody else gets it.
func (k *Keeper) clean(left leftover) bool {
	if err := k.end(left.name, k.killFor); err != nil {
		k.tell(left, []string{err.Error()})
		return false
	}
	var problems []string
	note := func(what string, err error) {
		if err != nil {
			problems = append(problems, what+": "+err.Error())
		}
	}
	if !left.owner.Keep {
		note("home", k.removeHome(left))
		note("log", k.removeLog(left.name))
		note("user", k.removeAccount(left.name))
		if len(problems) == 0 {
			note("mark", k.clearUnkept(left.name))
		}
	}
	// Before the name is free: what is known of it is not lost when this process is killed, and not the next one's.
	k.tell(left, problems)
	if err := k.release(left.name); err != nil {
		k.Say("session " + left.name + ": state: " + err.Error())
		return false
	}
	return true
}

// removeHome removes a session's home. A folder of somebody else with its name stays: the run that wanted the name was
// about to be refused.
func (k *Keeper) removeHome(left leftover) error {
	homes, err := tree.OpenFolder(k.Homes)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(homes) }()
	return tree.Remove(homes, left.name, tree.Options{Allow: left.owns})
}

// logsFolder has the outputs of detached runs (guest/sessions/log.ts), in a folder that only root can enter.
const logsFolder = "/.cloister/logs"

// removeLog removes the output of a session's detached run: the next session of this name must not have it.
func (k *Keeper) removeLog(name string) error {
	folder, err := tree.OpenFolder(k.Homes + logsFolder)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(folder) }()
	for _, end := range []string{".log", ".log.1", ".json", ".json.new"} {
		if err := unix.Unlinkat(folder, name+end, 0); err != nil && !errors.Is(err, unix.ENOENT) {
			return err
		}
	}
	return nil
}

// owns tells whether a home is this session's: by its user's number, or because it was made after the name was
// claimed, and not given to the user yet.
func (l leftover) owns(status *unix.Statx_t) error {
	born := time.Unix(status.Btime.Sec, int64(status.Btime.Nsec))
	if status.Uid == 0 && status.Mask&unix.STATX_BTIME != 0 && !l.claimed.IsZero() && !born.Before(l.claimed) {
		return nil
	}
	return tree.OwnedBy(firstUID, lastUID)(status)
}

func (k *Keeper) tell(left leftover, problems []string) {
	if err := k.record(left.name, problems); err != nil {
		problems = append(problems, "record: "+err.Error())
	}
	who := "its supervisor (process " + strconv.Itoa(left.owner.Pid) + ") was gone"
	if left.owner.Pid == 0 {
		who = "nobody ran it"
	}
	switch {
	case len(problems) > 0:
		k.Say("session " + left.name + ": " + who + "; not all could be removed: " + strings.Join(problems, "; "))
	case left.owner.Keep:
		k.Say("session " + left.name + ": " + who + "; it was ended, and its home and user are kept")
	default:
		k.Say("session " + left.name + ": " + who + "; it was ended and removed")
	}
}

// removeOrphans removes users of sessions that have neither a home nor anybody who runs them: a supervisor that was killed
// while it made one leaves a useradd that goes on without it.
func (k *Keeper) removeOrphans() {
	names, err := k.accounts()
	if err != nil {
		k.Say("users: " + err.Error())
		return
	}
	for _, name := range names {
		if !k.hasHome(name) && k.begin(name) {
			k.removeOrphan(name)
			k.done(name, time.Time{})
		}
	}
}

func (k *Keeper) removeOrphan(name string) {
	if !k.claim(name) {
		return
	}
	// Nobody can make it from here on.
	if !k.hasHome(name) {
		if err := k.removeAccount(name); err != nil {
			k.Say("session " + name + ": a user without a home could not be removed: " + err.Error())
		} else {
			k.Say("session " + name + ": a user without a home was removed")
		}
	}
	if err := k.release(name); err != nil {
		k.Say("session " + name + ": state: " + err.Error())
	}
}

// hasHome is true unless it is sure that there is none.
func (k *Keeper) hasHome(name string) bool {
	homes, err := tree.OpenFolder(k.Homes)
	if err != nil {
		return true
	}
	defer func() { _ = unix.Close(homes) }()
	var status unix.Stat_t
	return !errors.Is(unix.Fstatat(homes, name, &status, unix.AT_SYMLINK_NOFOLLOW), unix.ENOENT)
}
