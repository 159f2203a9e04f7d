package keeper

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"golang.org/x/sys/unix"
)

// killFor is how long killed processes may take to be gone.
const killFor = 10 * time.Second

var empty = regexp.MustCompile(`(?m)^populated 0$`)

// end kills everything in a session's control group, and waits until nothing is left in it.
func (m Machine) end(name string, patience time.Duration) error {
	group := m.scope(name)
	deadline := time.Now().Add(patience)
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		err := kill(group)
		if isGone(err) {
			return nil
		}
		if err != nil {
			return errors.New("killing its processes: " + err.Error())
		}
		events, err := os.ReadFile(filepath.Join(group, "cgroup.events"))
		if isGone(err) || err == nil && empty.Match(events) {
			return nil
		}
		if time.Now().After(deadline) {
			return errors.New("its processes do not die: look at " + group + "/cgroup.procs")
		}
		time.Sleep(pause)
	}
}

func kill(group string) error {
	return write(filepath.Join(group, "cgroup.kill"), "1")
}

// write writes a value to a file of a control group.
func write(path, value string) error {
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	_, err = unix.Write(fd, []byte(value))
	return err
}

// isGone: a group that is removed has no files, or they cannot be used any more (cgroups(7)).
func isGone(err error) bool {
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENODEV)
}
