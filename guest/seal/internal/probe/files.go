package probe

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

type fileSystem struct {
	Type      string `json:"type"`
	SizeBytes uint64 `json:"sizeBytes"`
	FreeBytes uint64 `json:"freeBytes"`
	Writable  bool   `json:"writable"`
}

// Magic numbers of statfs(2) that turn up in a session.
var types = map[int64]string{
	0x01021994: "tmpfs", 0xef53: "ext4", 0x73717368: "squashfs", 0x65735546: "fuse", 0x9fa0: "proc", 0x62656572: "sysfs",
	0x794c7630: "overlayfs", 0x9123683e: "btrfs", 0x58465342: "xfs", 0x63677270: "cgroup2",
}

// filesystems tells what is behind the folders that matter. A folder is writable when a file can be made in it.
func filesystems() any {
	found := map[string]any{}
	for _, path := range []string{"/", "/tmp", "/dev/shm", "/dev", "/proc", "/sys", "/usr", "/etc", "/run", "/var", "/var/tmp",
		"/sessions", "/opt/cloister", "/sys/fs/cgroup", os.Getenv("HOME")} {
		if path == "" {
			continue
		}
		var info unix.Statfs_t
		if err := unix.Statfs(path, &info); err != nil {
			found[path] = outcome(err)
			continue
		}
		kind, ok := types[int64(info.Type)]
		if !ok {
			kind = "other"
		}
		found[path] = fileSystem{kind, info.Blocks * uint64(info.Bsize), info.Bavail * uint64(info.Bsize), canWrite(path)}
	}
	return found
}

func canWrite(folder string) bool {
	file, err := os.CreateTemp(folder, ".probe-*")
	if err != nil {
		return false
	}
	_ = file.Close()
	_ = os.Remove(file.Name())
	return true
}

// mounts are the lines of /proc/self/mountinfo: what a session can tell of the machine's other folders.
func mounts() any {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return []string{}
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

type fileResult struct {
	Path string `json:"path"`
	Outcome
	// Entries of a folder, up to 100.
	Entries []string `json:"entries,omitempty"`
}

// readFile opens a file and reads a byte of it, or lists a folder.
func readFile(path string) any {
	result := fileResult{Path: path}
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		result.Outcome = outcome(err)
		return result
	}
	defer unix.Close(fd)
	var info unix.Stat_t
	if err := unix.Fstat(fd, &info); err != nil {
		result.Outcome = outcome(err)
		return result
	}
	if info.Mode&unix.S_IFMT == unix.S_IFDIR {
		entries, err := os.ReadDir(path)
		result.Outcome = outcome(err)
		for _, entry := range entries[:min(len(entries), 100)] {
			result.Entries = append(result.Entries, entry.Name())
		}
		return result
	}
	_, err = unix.Read(fd, make([]byte, 1))
	result.Outcome = outcome(err)
	return result
}

// writeFile makes a file, writes to it and removes it again; the outcome of removing it is told apart.
func writeFile(path string) any {
	made := func() error {
		fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o644)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		_, err = unix.Write(fd, []byte("probe\n"))
		return err
	}()
	result := map[string]any{"path": path, "made": outcome(made)}
	if made == nil {
		result["removed"] = outcome(unix.Unlink(path))
	}
	return result
}

// removeFile deletes a file that somebody else made.
func removeFile(path string) any {
	return fileResult{Path: path, Outcome: outcome(unix.Unlink(path))}
}

// shm lists the SysV IPC objects that can be seen (proc(5), /proc/sysvipc), without the heading.
func shm() any {
	found := map[string][]string{}
	for _, kind := range []string{"shm", "sem", "msg"} {
		text, err := os.ReadFile("/proc/sysvipc/" + kind)
		lines := strings.Split(strings.TrimSpace(string(text)), "\n")
		if err != nil || len(lines) < 2 {
			found[kind] = []string{}
			continue
		}
		found[kind] = lines[1:]
	}
	return found
}
