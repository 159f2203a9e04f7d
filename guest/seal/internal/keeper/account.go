package keeper

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// userdel(8): what these mean passes, because somebody else is at the files of users, or a process is still dying.
var passing = map[int]bool{1: true, 8: true, 10: true}

const (
	// noSuchUser is userdel's exit code for one that is gone already.
	noSuchUser = 6
	// lockedFor is how long the files of users may be locked.
	lockedFor = 10 * time.Second
	// userdelTakes is the longest that one userdel may take.
	userdelTakes = 30 * time.Second
)

// accounts are the names of all users that are sessions': by number, and by home.
func (m Machine) accounts() ([]string, error) {
	text, err := os.ReadFile(m.Passwd)
	if err != nil {
		return nil, err
	}
	var names []string
	for line := range strings.Lines(string(text)) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), ":")
		if len(fields) != 7 || !isName(fields[0]) || fields[5] != m.Homes+"/"+fields[0] {
			continue
		}
		if uid, err := strconv.ParseUint(fields[2], 10, 32); err == nil && uid >= firstUID && uid <= lastUID {
			names = append(names, fields[0])
		}
	}
	return names, nil
}

// userFiles lets one userdel at a time have the files of users.
var userFiles sync.Mutex

// removeAccount removes a session's user. One with its name that is no session's stays.
func (m Machine) removeAccount(name string) error {
	userFiles.Lock()
	defer userFiles.Unlock()
	for deadline := time.Now().Add(lockedFor); ; time.Sleep(50 * time.Millisecond) {
		names, err := m.accounts()
		if err != nil {
			return err
		}
		if !slices.Contains(names, name) {
			return nil
		}
		code, said, err := m.userdel(name)
		if err != nil {
			return err
		}
		if code == 0 || code == noSuchUser {
			return nil
		}
		if !passing[code] || time.Now().After(deadline) {
			return errors.New("userdel ended with " + strconv.Itoa(code) + ": " + said)
		}
	}
}

func (m Machine) userdel(name string) (int, string, error) {
	limit, cancel := context.WithTimeout(context.Background(), userdelTakes)
	defer cancel()
	command := exec.CommandContext(limit, m.Userdel, name)
	command.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"}
	out, err := command.CombinedOutput()
	exit := &exec.ExitError{}
	if errors.As(err, &exit) && exit.Exited() {
		return exit.ExitCode(), strconv.QuoteToASCII(string(bytes.TrimSpace(out[:min(len(out), 500)]))), nil
	}
	if err != nil {
		return 0, "", errors.New("userdel: " + err.Error())
	}
	return 0, "", nil
}
