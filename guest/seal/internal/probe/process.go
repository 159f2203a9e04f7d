package probe

import (
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// status is /proc/self/status (proc(5)), every field as text.
func status() any {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return map[string]string{"error": err.Error()}
	}
	fields := map[string]string{}
	for _, line := range strings.Split(string(text), "\n") {
		if name, value, ok := strings.Cut(line, ":"); ok {
			fields[name] = strings.TrimSpace(value)
		}
	}
	return fields
}

// namespaces are the links in /proc/self/ns (namespaces(7)): two processes with the same text share that namespace.
func namespaces() any {
	found := map[string]string{}
	entries, _ := os.ReadDir("/proc/self/ns")
	for _, entry := range entries {
		if target, err := os.Readlink("/proc/self/ns/" + entry.Name()); err == nil {
			found[entry.Name()] = target
		}
	}
	return found
}

type process struct {
	PID     int      `json:"pid"`
	Parent  int      `json:"ppid"`
	Comm    string   `json:"comm"`
	Cmdline []string `json:"cmdline"`
}

// processes are all that /proc shows, in the order of their numbers.
func processes() any {
	found := []process{}
	entries, _ := os.ReadDir("/proc")
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		folder := filepath.Join("/proc", entry.Name())
		comm, err := os.ReadFile(folder + "/comm")
		if err != nil {
			continue
		}
		cmdline, _ := os.ReadFile(folder + "/cmdline")
		p := process{PID: pid, Comm: strings.TrimSpace(string(comm)), Cmdline: []string{}}
		if text := strings.TrimRight(string(cmdline), "\x00"); text != "" {
			p.Cmdline = strings.Split(text, "\x00")
		}
		if stat, err := os.ReadFile(folder + "/stat"); err == nil {
			// The name may hold anything, so what follows is counted from its last parenthesis.
			if fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:])); len(fields) > 1 {
				p.Parent, _ = strconv.Atoi(fields[1])
			}
		}
		found = append(found, p)
	}
	sort.Slice(found, func(i, j int) bool { return found[i].PID < found[j].PID })
	return found
}

type descriptor struct {
	FD     int    `json:"fd"`
	Target string `json:"target"`
}

// descriptors are those that this process was handed: what the Go runtime opens for itself (epoll and its wake-up
// descriptor) is left out by its target.
func descriptors() any {
	found := []descriptor{}
	entries, _ := os.ReadDir("/proc/self/fd")
	for _, entry := range entries {
		fd, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		target, err := os.Readlink("/proc/self/fd/" + entry.Name())
		// The folder that is being read is gone by now; epoll and eventfd are the Go runtime's.
		if err != nil || strings.HasPrefix(target, "anon_inode:[event") || strings.HasPrefix(target, "/proc/") {
			continue
		}
		found = append(found, descriptor{fd, target})
	}
	sort.Slice(found, func(i, j int) bool { return found[i].FD < found[j].FD })
	return found
}

type limit struct {
	Soft uint64 `json:"soft"`
	Hard uint64 `json:"hard"`
}

// limits are this process's own (getrlimit(2)). Go raises its soft limit of open files at start: the hard one counts.
func limits() any {
	found := map[string]limit{}
	for name, resource := range map[string]int{
		"nofile": unix.RLIMIT_NOFILE, "nproc": unix.RLIMIT_NPROC, "core": unix.RLIMIT_CORE, "stack": unix.RLIMIT_STACK,
		"memlock": unix.RLIMIT_MEMLOCK, "as": unix.RLIMIT_AS,
	} {
		var value unix.Rlimit
		if unix.Getrlimit(resource, &value) == nil {
			found[name] = limit{value.Cur, value.Max}
		}
	}
	return found
}

func identity() any {
	hostname, _ := os.Hostname()
	folder, _ := os.Getwd()
	groups, _ := os.Getgroups()
	if groups == nil {
		groups = []int{}
	}
	return map[string]any{
		"uid": os.Getuid(), "euid": os.Geteuid(), "gid": os.Getgid(), "groups": groups, "pid": os.Getpid(),
		"ppid": os.Getppid(), "hostname": hostname, "cwd": folder, "home": os.Getenv("HOME"), "now": nowNanoseconds(),
		"umask": umask(),
	}
}

func nowNanoseconds() string {
	var now unix.Timespec
	if unix.ClockGettime(unix.CLOCK_REALTIME, &now) != nil {
		return ""
	}
	return strconv.FormatInt(now.Nano(), 10)
}

func umask() string {
	old := unix.Umask(0o22)
	unix.Umask(old)
	return "0" + strconv.FormatInt(int64(old), 8)
}

func environment() any {
	found := map[string]string{}
	for _, entry := range os.Environ() {
		name, value, _ := strings.Cut(entry, "=")
		found[name] = value
	}
	return found
}
