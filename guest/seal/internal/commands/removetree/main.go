// Package removetree is the command remove-tree. It removes a folder that a session had, with everything in it: internal/tree says how.
//
//	remove-tree [--supervisor PID] [--owned-by FROM-TO] PARENT NAME
//
// PARENT is the absolute path of a folder that only root can write, without a link in it; NAME is one name in it. One that is
// not there is removed already. With --supervisor it dies with that process, which must be the one that started it;
// with --owned-by only what belongs to one of these user ids is removed.
//
// It prints nothing when all is gone, and one line for each thing that stays. Exit codes: 0 gone, 1 something stays,
// 2 wrong use.
package removetree

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"cloister/seal/internal/tree"
	"golang.org/x/sys/unix"
)

const (
	exitStays = 1
	exitUse   = 2
)

// Main is the whole command.
func Main() {
	arguments := os.Args[1:]
	options := tree.Options{}
	for len(arguments) > 2 {
		if err := set(&options, arguments[0], arguments[1]); err != nil {
			say(err.Error())
			os.Exit(exitUse)
		}
		arguments = arguments[2:]
	}
	if len(arguments) != 2 {
		say("remove-tree [--supervisor PID] [--owned-by FROM-TO] PARENT NAME")
		os.Exit(exitUse)
	}
	if lines := remove(arguments[0], arguments[1], options); len(lines) > 0 {
		say(lines...)
		os.Exit(exitStays)
	}
}

func set(options *tree.Options, name, value string) error {
	bad := errors.New(name + " " + strconv.QuoteToASCII(value) + ": not understood")
	switch name {
	case "--supervisor":
		pid, err := strconv.Atoi(value)
		if err != nil || pid <= 0 {
			return bad
		}
		return dieWith(pid)
	case "--owned-by":
		first, last, _ := strings.Cut(value, "-")
		from, fromErr := strconv.ParseUint(first, 10, 32)
		to, toErr := strconv.ParseUint(last, 10, 32)
		if fromErr != nil || toErr != nil {
			return bad
		}
		options.Allow = tree.OwnedBy(uint32(from), uint32(to))
		return nil
	}
	return bad
}

// dieWith ends this process with its supervisor: whoever cleans up after that one is alone then.
func dieWith(pid int) error {
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return errors.New("death signal: " + err.Error())
	}
	if unix.Getppid() != pid {
		return errors.New("process " + strconv.Itoa(pid) + " is gone")
	}
	return nil
}

func remove(parent, name string, options tree.Options) []string {
	fd, err := tree.OpenFolder(parent)
	if err != nil {
		return []string{strconv.QuoteToASCII(parent) + ": " + err.Error()}
	}
	err = tree.Remove(fd, name, options)
	problems := &tree.Problems{}
	if errors.As(err, &problems) {
		return problems.Lines()
	}
	if err != nil {
		return []string{err.Error()}
	}
	return nil
}

func say(lines ...string) {
	for _, line := range lines {
		fmt.Fprintln(os.Stderr, "cloister: "+line)
	}
}
