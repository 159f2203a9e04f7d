// Command confine becomes another program, root's, with the least rights that the supervisor of a session needs: in a unit of
// its own with limits, in a view of the machine without keys, logs and disks, with few capabilities and system calls.
//
//	confine --filter FILE -- COMMAND...
//
// Terminal, standard input, exit codes and signals are the command's: the process stays the same.
package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"os"
	"runtime"
	"strconv"

	"cloister/seal/internal/bytecode"
	"cloister/seal/internal/least"
	"cloister/seal/internal/scope"
	"cloister/seal/internal/view"
	"golang.org/x/sys/unix"
)

// exitFailed is the cloister command's own code for what could not be made.
const exitFailed = 125

// Limits of one supervisor. It keeps at most 64 MiB of each of a command's two outputs, several times over while it writes
// them as JSON; a session that asks without end must not take more. Its slice is not below cloister.slice, whose limits are
// the sessions'.
const (
	slice     = "supervisors.slice"
	memoryMax = 1 << 30
	tasksMax  = 256
)

func main() {
	filter, command, err := parse(os.Args[1:])
	if err == nil {
		err = confine(filter)
	}
	if err == nil {
		err = errors.New(command[0] + ": " + unix.Exec(command[0], command, os.Environ()).Error())
	}
	_, _ = os.Stderr.WriteString("cloister: the supervisor could not be confined: " + err.Error() + "\n")
	os.Exit(exitFailed)
}

func parse(arguments []string) (filter string, command []string, err error) {
	if len(arguments) < 4 || arguments[0] != "--filter" || arguments[2] != "--" {
		return "", nil, errors.New("usage: confine --filter FILE -- COMMAND")
	}
	return arguments[1], arguments[3:], nil
}

func confine(filter string) error {
	// Namespaces, capabilities and filters belong to a thread, and execve keeps those of the thread that calls it.
	runtime.LockOSThread()
	program, err := bytecode.Read(filter)
	if err != nil {
		return err
	}
	name, err := scopeName()
	if err != nil {
		return err
	}
	// systemd works at it while the rest is done.
	err = scope.Ask(scope.Spec{
		Name:        name,
		Description: "cloister: supervisor " + strconv.Itoa(os.Getpid()),
		Slice:       slice,
		MemoryMax:   memoryMax,
		TasksMax:    tasksMax,
	})
	if err != nil {
		return errors.New("a unit of its own: " + err.Error())
	}
	if err := view.Enter(); err != nil {
		return err
	}
	if err := scope.Arrived(name); err != nil {
		return err
	}
	if err := least.Drop(); err != nil {
		return err
	}
	return bytecode.Load(program)
}

// scopeName is no other's: a process number may come again before its old unit is gone.
func scopeName() (string, error) {
	random := make([]byte, 4)
	if _, err := rand.Read(random); err != nil {
		return "", err
	}
	return "cloister-supervisor-" + strconv.Itoa(os.Getpid()) + "-" + hex.EncodeToString(random) + ".scope", nil
}
