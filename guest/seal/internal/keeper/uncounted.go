package keeper

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"
)

// The kernel does not count all that a session holds for its control group: not what waits to be read in netlink sockets,
// nor what has come in on connections that nobody has accepted yet. By these one session could take the memory of the
// whole machine while its own group shows a few megabytes. So it is looked at what the machine has left, too, and where
// that is next to nothing, the session is ended that holds most of both kinds, if it is as much as shall be left.

// connectionBytes is about what the kernel needs for one connection that nobody accepted, beside what has come in on it.
const connectionBytes = 4096

// lookAtMachine ends a session where the machine runs out of memory, and returns when to look again.
func (w *memoryWatch) lookAtMachine(names []string, now time.Time) time.Duration {
	total, left, err := machineMemory(w.Proc)
	if err != nil {
		return mostLook
	}
	margin := min(int64(mostMargin), total/16)
	if free := left - margin; free > 0 {
		w.gone = time.Time{}
		return waitFor(free)
	}
	if now.Sub(w.gone) < backFor {
		return leastLook
	}
	heaviest, most := heaviestOf(names, func(name string) (int64, error) {
		counted, err := heldBy(w.scope(name))
		return counted + w.uncounted(name), err
	})
	if most < margin {
		// Something else of the machine's uses it. To end a session would give back less than is missing, and then it would be
		// the next one's turn.
		return waitFor(margin - most)
	}
	w.end(heaviest, most, fmt.Sprintf("this machine had %d of %d MiB left", left>>20, total>>20), now)
	return leastLook
}

// machineMemory is what the machine has, and what of it can still be used without killing. Bytes.
func machineMemory(proc string) (total, left int64, err error) {
	text, err := os.ReadFile(proc + "/meminfo")
	if err != nil {
		return 0, 0, err
	}
	seen := false
	for line := range bytes.Lines(text) {
		fields := bytes.Fields(line)
		if len(fields) < 2 {
			continue
		}
		number, err := strconv.ParseInt(string(fields[1]), 10, 64)
		switch {
		case err != nil:
		case string(fields[0]) == "MemTotal:":
			total = number << 10
		case string(fields[0]) == "MemAvailable:":
			// The kernel says 0 where there is less than nothing.
			left, seen = number<<10, true
		}
	}
	if total == 0 || !seen {
		return 0, 0, errors.New(proc + "/meminfo is not understood")
	}
	return total, left, nil
}

// uncounted is about how much a session's sockets hold that its control group does not count. Bytes.
func (w *memoryWatch) uncounted(name string) int64 {
	machines, err := network(w.Proc + "/1")
	if err != nil {
		return 0
	}
	file, err := os.Open(w.scope(name) + "/cgroup.procs")
	if err != nil {
		return 0
	}
	defer func() { _ = file.Close() }()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		process := w.Proc + "/" + lines.Text()
		// The first processes of a session's control group are in the machine's.
		if own, err := network(process); err != nil || os.SameFile(own, machines) {
			continue
		}
		// All of a session's own processes have one network namespace.
		net := process + "/net"
		return sum(net+"/netlink", waiting) + sum(net+"/tcp", unaccepted) + sum(net+"/tcp6", unaccepted)
	}
	return 0
}

// network tells network namespaces apart: each has files of its own, and the kernel gives no two the same number. To read
// the namespace's name (`ns/net`) would take the right to trace. What interfaces it has tells nothing: the kernel makes
// some for tunnels in each.
func network(process string) (os.FileInfo, error) {
	return os.Stat(process + "/net/dev")
}

// sum adds up what each line of a table of the kernel's stands for.
func sum(path string, value func(fields [][]byte) int64) int64 {
	file, err := os.Open(path)
	if err != nil {
		return 0
	}
	defer func() { _ = file.Close() }()
	total := int64(0)
	for lines := bufio.NewScanner(file); lines.Scan(); {
		total += value(bytes.Fields(lines.Bytes()))
	}
	return total
}

// waiting is what waits in one netlink socket: sk, Eth, Pid, Groups, Rmem.
func waiting(fields [][]byte) int64 {
	if len(fields) < 5 {
		return 0
	}
	number, err := strconv.ParseInt(string(fields[4]), 10, 64)
	if err != nil {
		return 0
	}
	return number
}

// unaccepted is what one connection holds that no program has yet: sl, local, remote, st, tx:rx, tr, retransmits, uid, timeout, inode.
func unaccepted(fields [][]byte) int64 {
	const established, closing = "01", "08"
	if len(fields) < 10 || string(fields[9]) != "0" || string(fields[3]) != established && string(fields[3]) != closing {
		return 0
	}
	_, received, _ := bytes.Cut(fields[4], []byte(":"))
	number, err := strconv.ParseInt(string(received), 16, 64)
	if err != nil {
		return 0
	}
	return number + connectionBytes
}
