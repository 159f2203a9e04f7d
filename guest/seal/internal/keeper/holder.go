package keeper

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"regexp"
	"strconv"
	"time"

	"cloister/seal/internal/tree"
	"golang.org/x/sys/unix"
)

const (
	ownerFile = "owner.json"
	// unknownFor is how long a folder of which nobody can be told to own it is left alone.
	unknownFor = 30 * time.Second
	// longestOwner is more than any owner's file has.
	longestOwner = 4096
)

var (
	heldPattern   = regexp.MustCompile(`\Aowner\.json(?:\.(\d+)\.(\d+))?\z`)
	hiddenPattern = regexp.MustCompile(`\A\.(?:new|gone)\.(\d+)\.(\d+)\.\d+\z`)
)

// owner is what a session's file says of it.
type owner struct {
	Pid     int    `json:"pid"`
	Started string `json:"started"`
	Keep    bool   `json:"keep"`
}

// holding is who has a session's folder.
type holding struct {
	// file says so; empty where there is none.
	file string
	// holder is the owner, or who took it over from one that is gone; the zero value where that cannot be told.
	holder process
	// owner is the zero value but for Keep where it cannot be told.
	owner owner
}

// whoHolds reads an open folder. Where nothing is known of a session, what it was to keep must not be removed.
func whoHolds(folder *os.File) holding {
	held := holding{owner: owner{Keep: true}}
	if _, err := folder.Seek(0, io.SeekStart); err != nil {
		return held
	}
	names, _ := folder.Readdirnames(-1)
	var match []string
	for _, name := range names {
		if match = heldPattern.FindStringSubmatch(name); match != nil {
			held.file = name
			break
		}
	}
	if match == nil {
		return held
	}
	if found, err := readOwner(int(folder.Fd()), held.file); err == nil {
		held.owner = found
		held.holder = process{pid: found.Pid, started: found.Started}
	}
	if match[1] != "" {
		held.holder = processIn(match)
	}
	return held
}

func processIn(match []string) process {
	pid, err := strconv.Atoi(match[1])
	if err != nil {
		return process{}
	}
	return process{pid: pid, started: match[2]}
}

func readOwner(folder int, file string) (owner, error) {
	fd, err := unix.Openat(folder, file, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return owner{}, err
	}
	opened := os.NewFile(uintptr(fd), file)
	defer func() { _ = opened.Close() }()
	text, err := io.ReadAll(io.LimitReader(opened, longestOwner))
	if err != nil {
		return owner{}, err
	}
	// All three, and nothing else.
	var found struct {
		Pid     *int    `json:"pid"`
		Started *string `json:"started"`
		Keep    *bool   `json:"keep"`
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&found); err != nil {
		return owner{}, err
	}
	if found.Pid == nil || found.Started == nil || found.Keep == nil || *found.Pid <= 0 {
		return owner{}, errors.New(file + ": not an owner")
	}
	return owner{Pid: *found.Pid, Started: *found.Started, Keep: *found.Keep}, nil
}

// leftover is a session that this process has taken over.
type leftover struct {
	name  string
	owner owner
	// claimed is when its owner's file was written.
	claimed time.Time
}

// open opens the folder of a session in the folder of all of them.
func (k *Keeper) open(name string) (*os.File, error) {
	fd, err := unix.Openat2(k.root, name, &unix.OpenHow{
		Flags:   unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS | unix.RESOLVE_NO_XDEV,
	})
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}

// take takes a session over from a holder that is gone. It returns none when somebody else was quicker.
func (k *Keeper) take(folder *os.File, name string, held holding) (leftover, bool) {
	fd := int(folder.Fd())
	mine := ownerFile + "." + strconv.Itoa(k.self.pid) + "." + k.self.started
	if held.file == "" {
		if writeOwner(fd, owner{Pid: k.self.pid, Started: k.self.started, Keep: true}) != nil {
			return leftover{}, false
		}
		mine = ownerFile
	} else if held.file != mine && unix.Renameat(fd, held.file, fd, mine) != nil {
		return leftover{}, false
	}
	// It may have been released before it was taken. From now on it cannot be.
	var opened, named, file unix.Stat_t
	if unix.Fstat(fd, &opened) != nil || unix.Fstatat(k.root, name, &named, unix.AT_SYMLINK_NOFOLLOW) != nil ||
		opened.Ino != named.Ino || opened.Dev != named.Dev || unix.Fstatat(fd, mine, &file, unix.AT_SYMLINK_NOFOLLOW) != nil {
		return leftover{}, false
	}
	return leftover{name: name, owner: held.owner, claimed: time.Unix(file.Mtim.Unix())}, true
}

func isYoung(folder *os.File) bool {
	info, err := folder.Stat()
	return err == nil && time.Since(info.ModTime()) < unknownFor
}

func writeOwner(folder int, owner owner) error {
	text, err := json.Marshal(owner)
	if err != nil {
		return err
	}
	fd, err := unix.Openat(folder, ownerFile, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	_, err = unix.Write(fd, text)
	return err
}

func (k *Keeper) hidden(what string) string {
	return "." + what + "." + strconv.Itoa(k.self.pid) + "." + k.self.started + "." + strconv.FormatUint(k.names.Add(1), 10)
}

// claim makes a session's name this process's, and returns whether it could. What it stands for is kept by whoever
// takes it over from here.
func (k *Keeper) claim(name string) bool {
	made := k.hidden("new")
	if unix.Mkdirat(k.root, made, 0o700) != nil {
		return false
	}
	folder, err := k.open(made)
	if err == nil {
		err = writeOwner(int(folder.Fd()), owner{Pid: k.self.pid, Started: k.self.started, Keep: true})
		_ = folder.Close()
	}
	if err == nil {
		err = unix.Renameat2(k.root, made, k.root, name, unix.RENAME_NOREPLACE)
	}
	if err != nil {
		_ = tree.Remove(k.root, made, tree.Options{})
	}
	return err == nil
}

// release gives a name free, at once, and then removes what was in its folder.
func (k *Keeper) release(name string) error {
	gone := k.hidden("gone")
	if err := unix.Renameat2(k.root, name, k.root, gone, unix.RENAME_NOREPLACE); err != nil {
		return err
	}
	return tree.Remove(k.root, gone, tree.Options{})
}
