// Package scope moves the calling process into a unit of systemd's with limits of its own: a scope, as `systemd-run --scope`
// makes it. It asks systemd itself, by its private socket, in the few bytes of D-Bus that this takes: systemd-run costs more
// time than all the rest that happens before a session's command starts.
package scope

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"
)

// Spec is a scope.
type Spec struct {
	// Name ends in ".scope" and is no unit's yet.
	Name        string
	Description string
	Slice       string
	MemoryMax   uint64
	TasksMax    uint64
}

// socket is root's own way to systemd, without the message bus.
const socket = "/run/systemd/private"

// patience is how long systemd may take.
const patience = 10 * time.Second

// Ask has systemd make the scope, with this process in it. It returns when systemd has taken the order; Arrived tells when
// it is carried out.
func Ask(spec Spec) error {
	return ask(socket, spec, os.Getpid())
}

func ask(path string, spec Spec, pid int) error {
	connection, err := net.DialTimeout("unix", path, patience)
	if err != nil {
		return err
	}
	defer connection.Close()
	if err := connection.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	// The user id, as text in hexadecimal: "0". The kernel tells systemd the real one.
	if _, err := connection.Write([]byte("\x00AUTH EXTERNAL 30\r\nBEGIN\r\n")); err != nil {
		return err
	}
	reader := bufio.NewReader(connection)
	answer, err := reader.ReadString('\n')
	if err != nil {
		return err
	}
	if !strings.HasPrefix(answer, "OK ") {
		return fmt.Errorf("systemd does not know this process: %q", strings.TrimSpace(answer))
	}
	if _, err := connection.Write(startTransientUnit(spec, pid)); err != nil {
		return err
	}
	return answerTo(reader, callSerial)
}

// Arrived waits until this process is in the scope.
func Arrived(name string) error {
	for deadline := time.Now().Add(patience); ; time.Sleep(500 * time.Microsecond) {
		text, err := os.ReadFile("/proc/self/cgroup")
		if err != nil {
			return err
		}
		if inScope(string(text), name) {
			return nil
		}
		if time.Now().After(deadline) {
			return errors.New("systemd did not start " + name)
		}
	}
}

// inScope looks at /proc/PID/cgroup (cgroups(7)): `0::/path` is version 2's.
func inScope(text, name string) bool {
	for _, line := range strings.Split(text, "\n") {
		if path, ok := strings.CutPrefix(line, "0::"); ok && strings.HasSuffix(path, "/"+name) {
			return true
		}
	}
	return false
}
