// Package view gives the calling thread a mount namespace in which what a supervisor never needs is not there: root's home,
// keys, user data, logs, block devices. Programs may be run and not changed. Who makes root open a path that leads there
// finds an empty folder.
//
// New mounts of the machine appear in it; mounts that are made in it are seen nowhere else, and go with their makers.
package view

import (
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Hidden are folders that appear empty.
var Hidden = []string{
	"/root", "/boot", "/lib/modules", "/usr/lib/modules",
	"/etc/ssh", "/etc/sudoers.d", "/etc/ssl/private",
	"/run/cloud-init", "/run/credentials", "/run/sudo", "/run/user", "/run/log", "/run/udev",
	"/var/backups", "/var/log", "/var/snap", "/var/spool/cron",
	"/var/lib/amazon", "/var/lib/cloister", "/var/lib/cloud", "/var/lib/private", "/var/lib/snapd", "/var/lib/systemd",
}

// HiddenFiles are files that appear empty.
var HiddenFiles = []string{"/etc/sudoers", "/proc/kcore", "/proc/sysrq-trigger"}

// ReadOnly are folders in which nothing can be changed. Accounts are made in /etc itself. From the last one other programs of
// root's take what they run (images/runtime/launch.cjs); the boot makes it. All this is a wall against paths that lead a supervisor there. It is none
// against a supervisor that is taken over: that one has CAP_SYS_ADMIN, and can mount.
var ReadOnly = []string{
	"/usr", "/etc/cloister", "/etc/cron.d", "/etc/pam.d", "/etc/systemd", "/proc/sys", "/run/cloister/code",
}

// devices are all that is left of /dev, beside terminals.
var devices = []struct {
	name         string
	major, minor uint32
}{{"null", 1, 3}, {"zero", 1, 5}, {"full", 1, 7}, {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}}

// links of /dev, as systemd makes them.
var links = [][2]string{
	{"pts/ptmx", "ptmx"}, {"/proc/self/fd", "fd"}, {"/proc/self/fd/0", "stdin"}, {"/proc/self/fd/1", "stdout"},
	{"/proc/self/fd/2", "stderr"}, {"/run/systemd/journal/dev-log", "log"},
}

const plain = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC

// Folder is where it puts what it needs while it works: root's own.
var Folder = "/run/cloister"

// Enter makes the namespace. The thread must be locked, and become the program: other threads stay outside.
func Enter() error {
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return errors.New("mount namespace: " + err.Error())
	}
	if err := mount("", "/", "", unix.MS_SLAVE|unix.MS_REC, ""); err != nil {
		return err
	}
	if err := wholeProc(Folder); err != nil {
		return err
	}
	if err := smallDev(Folder); err != nil {
		return err
	}
	for _, path := range ReadOnly {
		if !isFolder(path) {
			continue
		}
		if err := mount(path, path, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
			return err
		}
		if err := readOnly(path); err != nil {
			return err
		}
	}
	// Control groups are a mount of their own in it.
	if err := readOnly("/sys"); err != nil {
		return err
	}
	for _, path := range Hidden {
		if !isFolder(path) {
			continue
		}
		if err := mount("cloister-hidden", path, "tmpfs", plain|unix.MS_RDONLY, "mode=0755,size=4k,nr_inodes=4"); err != nil {
			return err
		}
	}
	for _, path := range HiddenFiles {
		if _, err := os.Lstat(path); err != nil {
			continue
		}
		if err := mount("/dev/null", path, "", unix.MS_BIND, ""); err != nil {
			return err
		}
	}
	return nil
}

// wholeProc keeps a mount of all of /proc, out of reach below an empty folder. A new user namespace may mount a /proc of its
// own only where one is there on which nothing lies (mount_namespaces(7)), and bubblewrap does that for every session.
func wholeProc(base string) error {
	covered := filepath.Join(base, "covered")
	whole := filepath.Join(covered, "proc")
	if err := os.MkdirAll(whole, 0o700); err != nil {
		return err
	}
	if err := mount("/proc", whole, "", unix.MS_BIND, ""); err != nil {
		return err
	}
	return mount("cloister-hidden", covered, "tmpfs", plain|unix.MS_RDONLY, "mode=0700,size=4k,nr_inodes=4")
}

// smallDev replaces /dev by one without disks, memory and the like. Terminals stay: one may be the operator's.
func smallDev(base string) error {
	made := filepath.Join(base, "dev")
	if err := os.MkdirAll(made, 0o755); err != nil {
		return err
	}
	if err := mount("cloister-dev", made, "tmpfs", unix.MS_NOSUID|unix.MS_NOEXEC, "mode=0755,size=64k,nr_inodes=64"); err != nil {
		return err
	}
	before := unix.Umask(0)
	defer unix.Umask(before)
	for _, device := range devices {
		path := filepath.Join(made, device.name)
		if err := unix.Mknod(path, unix.S_IFCHR|0o666, int(unix.Mkdev(device.major, device.minor))); err != nil {
			return errors.New(path + ": " + err.Error())
		}
	}
	for _, link := range links {
		if err := os.Symlink(link[0], filepath.Join(made, link[1])); err != nil {
			return err
		}
	}
	for _, name := range []string{"pts", "shm"} {
		if err := os.Mkdir(filepath.Join(made, name), 0o755); err != nil {
			return err
		}
	}
	if err := mount("/dev/pts", filepath.Join(made, "pts"), "", unix.MS_BIND, ""); err != nil {
		return err
	}
	return mount(made, "/dev", "", unix.MS_MOVE, "")
}

func readOnly(path string) error {
	attributes := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}
	if err := unix.MountSetattr(unix.AT_FDCWD, path, 0, &attributes); err != nil {
		return errors.New("making " + path + " read-only: " + err.Error())
	}
	return nil
}

func mount(source, target, kind string, flags uintptr, options string) error {
	if err := unix.Mount(source, target, kind, flags, options); err != nil {
		return errors.New("mounting at " + target + ": " + err.Error())
	}
	return nil
}

// isFolder also follows links: all of these paths are root's. What a link leads to a second time is harmless.
func isFolder(path string) bool {
	status, err := os.Stat(path)
	return err == nil && status.IsDir()
}
