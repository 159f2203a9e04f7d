// Package listen tells which TCP ports have a listener in this network namespace, by reading the kernel's own table:
// nothing is connected to and no process is started.
package listen

import (
	"bytes"
	"errors"
	"os"
	"strconv"
	"time"
)

// listening is TCP_LISTEN as /proc/net/tcp shows it (linux/tcp_states.h).
const listening = "0A"

// Missing returns those of the ports that nobody listens on, in the table's text (proc(5), /proc/net/tcp).
func Missing(table []byte, ports []uint16) []uint16 {
	found := map[uint16]bool{}
	for line := range bytes.Lines(table) {
		fields := bytes.Fields(line)
		if len(fields) < 4 || string(fields[3]) != listening {
			continue
		}
		_, port, ok := bytes.Cut(fields[1], []byte(":"))
		if !ok {
			continue
		}
		if number, err := strconv.ParseUint(string(port), 16, 16); err == nil {
			found[uint16(number)] = true
		}
	}
	var missing []uint16
	for _, port := range ports {
		if !found[port] {
			missing = append(missing, port)
		}
	}
	return missing
}

// Wait returns once every port has a listener, or with an error that names those that have none when the time is over.
// The pauses between looks grow from 0.5 to 10 ms: what is waited for needs the processor too.
func Wait(ports []uint16, limit time.Duration) error {
	deadline := time.Now().Add(limit)
	pause := 500 * time.Microsecond
	for {
		table, err := os.ReadFile("/proc/self/net/tcp")
		if err != nil {
			return err
		}
		missing := Missing(table, ports)
		if len(missing) == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return errors.New("nothing listens on port " + join(missing) + " after " + limit.String() +
				": the bridge to the session's proxy did not start")
		}
		time.Sleep(pause)
		pause = min(pause*3/2, 10*time.Millisecond)
	}
}

func join(ports []uint16) string {
	text := ""
	for i, port := range ports {
		if i > 0 {
			text += " and "
		}
		text += strconv.Itoa(int(port))
	}
	return text
}
