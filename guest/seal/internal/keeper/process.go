package keeper

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// process is known by its number and the moment of its start, so that a reused number is no match.
type process struct {
	pid     int
	started string
}

func thisProcess() process {
	pid := os.Getpid()
	return process{pid: pid, started: startOf(pid)}
}

// startOf is when a process was started (proc(5), field 22 of stat); empty where there is none.
func startOf(pid int) string {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return ""
	}
	// The second field is the program's name in parentheses and may hold anything.
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) < 20 {
		return ""
	}
	return fields[19]
}

// open returns a descriptor that becomes readable when the process has ended, all its threads too; -1 when it has.
func (p process) open() int {
	if p.pid <= 0 {
		return -1
	}
	fd, err := unix.PidfdOpen(p.pid, 0)
	if err != nil {
		return -1
	}
	// The number may be another process's by now; as long as this one is open, it cannot become another's.
	if startOf(p.pid) != p.started || ended(fd) {
		_ = unix.Close(fd)
		return -1
	}
	return fd
}

func ended(pidfd int) bool {
	polled := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(polled, 0)
		if err != unix.EINTR {
			return err == nil && n > 0
		}
	}
}
