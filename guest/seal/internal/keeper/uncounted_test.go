package keeper

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const (
	netlinkHead = "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n"
	tcpHead     = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
)

// stolen is a table of netlink sockets by which a session holds 1000 MiB.
const stolen = netlinkHead + "0000000000000000 0   5          00000000 1048576000 0        0     2        0        1\n"

// left says what the machine has left. What its own connections hold is nobody's.
func (b *memoryBench) left(totalMiB, leftMiB int64) {
	b.network(1, map[string]string{"dev": "    lo: 0 0\nenp0s2: 1 2\n", "netlink": netlinkHead + "0 0 5 0 9000000000 0 0 2 0 1\n"})
	must(b.t, os.WriteFile(b.watch.Proc+"/meminfo",
		fmt.Appendf(nil, "MemTotal: %d kB\nMemFree: 1 kB\nMemAvailable: %d kB\n", totalMiB<<10, leftMiB<<10), 0o644))
}

// network makes the files of a process that tell of a network namespace of its own.
func (b *memoryBench) network(pid int, files map[string]string) {
	at := fmt.Sprintf("%s/%d/net", b.watch.Proc, pid)
	must(b.t, os.MkdirAll(at, 0o755))
	must(b.t, os.WriteFile(at+"/dev", []byte("    lo: 0 0\n"), 0o644))
	for name, text := range files {
		must(b.t, os.WriteFile(at+"/"+name, []byte(text), 0o644))
	}
}

// process puts a process with a network namespace of its own into a session's control group.
func (b *memoryBench) process(folder string, pid int, files map[string]string) {
	b.network(pid, files)
	b.joins(folder, pid)
}

// machines puts one that is in the machine's into it, as the first one of each session is.
func (b *memoryBench) machines(folder string, pid int) {
	must(b.t, os.Symlink("1", fmt.Sprintf("%s/%d", b.watch.Proc, pid)))
	b.joins(folder, pid)
}

func (b *memoryBench) joins(folder string, pid int) {
	list, err := os.OpenFile(folder+"/cgroup.procs", os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	must(b.t, err)
	_, err = fmt.Fprintln(list, pid)
	must(b.t, err)
	must(b.t, list.Close())
}

func TestTheMachineRunsOutOfWhatNobodyCounts(t *testing.T) {
	for name, table := range map[string]map[string]string{
		"netlink": {"netlink": stolen},
		// The kernel makes such interfaces in each namespace, once somebody has loaded the modules that they are of.
		"netlink, with a tunnel": {"netlink": stolen, "dev": "    lo: 0 0\n  sit0: 0 0\n tunl0: 0 0\n"},
		"connections": {"tcp": tcpHead +
			"   0: 0100007F:0FA0 00000000:0000 0A 00000000:00000001 00:00000000 00000000 20001        0 77 1 0\n" +
			"   1: 0100007F:0FA0 0100007F:8001 01 00000000:3E800000 00:00000000 00000000 20001        0 0 1 0\n"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newMemoryBench(t, 3072)
			b.watch.Proc = t.TempDir()
			b.all(stat(500, 0, 20, 0))
			large, thief := b.session("large", stat(400, 0, 10, 0)), b.session("thief", stat(3, 0, 4, 0))
			b.machines(large, 10)
			b.machines(thief, 20)
			b.process(large, 11, map[string]string{"netlink": netlinkHead, "tcp": tcpHead})
			b.process(thief, 21, table)
			b.left(4096, 700)
			now := time.Now()
			if b.watch.look(now) < 200*time.Millisecond || b.ended(large) || b.ended(thief) {
				t.Fatalf("with enough left somebody was ended: %q", b.said)
			}
			b.left(4096, 100)
			b.watch.look(now)
			if b.ended(large) || !b.ended(thief) || !b.heard("session thief: it used most, 1007 MiB, when this machine had 100 of 4096 MiB left") {
				t.Fatalf("the wrong one was ended: %q", b.said)
			}
		})
	}
}

func TestOneAloneIsEndedForTheMachine(t *testing.T) {
	b := newMemoryBench(t, 3072)
	b.watch.Proc = t.TempDir()
	b.all(stat(200, 0, 0, 0))
	one := b.session("one", stat(195, 0, 5, 0))
	b.left(4096, 700)
	if b.watch.look(time.Now()); b.ended(one) {
		t.Fatal("it was ended with enough left")
	}
	b.left(4096, 100)
	if b.watch.look(time.Now()); !b.ended(one) {
		t.Fatal("it was left alone")
	}
}

// An upgrade or a program of the operator's may use the machine's memory as well. A session that holds less than what
// there is to win is not ended for it.
func TestNobodyIsEndedForWhatTheMachineUses(t *testing.T) {
	b := newMemoryBench(t, 3072)
	b.watch.Proc = t.TempDir()
	b.all(stat(130, 0, 10, 2000))
	one, other := b.session("one", stat(95, 0, 5, 2000)), b.session("other", stat(35, 0, 5, 0))
	b.left(4096, 20)
	now := time.Now()
	for at := range 10 {
		if wait := b.watch.look(now.Add(time.Duration(at) * time.Second)); wait > mostLook/4 {
			t.Fatalf("it looks away for %v: one that takes a lot in that time is not seen", wait)
		}
	}
	if b.ended(one) || b.ended(other) {
		t.Fatalf("somebody was ended: %q", b.said)
	}
	// The control: as soon as one of them has taken what is missing.
	b.process(other, 21, map[string]string{"netlink": stolen})
	if b.watch.look(now.Add(10 * time.Second)); b.ended(one) || !b.ended(other) {
		t.Fatalf("the wrong one was ended, or nobody: %q", b.said)
	}
}

// The kernel frees a killed session's sockets only after all its processes are gone.
func TestNobodyElseIsEndedWhileMemoryComesBack(t *testing.T) {
	begin := func(t *testing.T) (b *memoryBench, others []string, now time.Time) {
		b = newMemoryBench(t, 3072)
		b.watch.Proc = t.TempDir()
		b.all(stat(500, 0, 20, 0))
		thief := b.session("thief", stat(3, 0, 4, 0))
		b.process(thief, 21, map[string]string{"netlink": stolen})
		others = []string{b.session("large", stat(300, 0, 4, 0)), b.session("small", stat(5, 0, 4, 0))}
		b.left(4096, 100)
		now = time.Now()
		if b.watch.look(now); !b.ended(thief) {
			t.Fatalf("the one that used most was not ended: %q", b.said)
		}
		must(t, os.RemoveAll(thief))
		for _, after := range []time.Duration{20, 40, 400, 1900} {
			b.watch.look(now.Add(after * time.Millisecond))
			for _, other := range others {
				if b.ended(other) {
					t.Fatalf("%v ms after it, with its memory not yet back: %q", int64(after), b.said)
				}
			}
		}
		return b, others, now
	}
	t.Run("it does not come back (control)", func(t *testing.T) {
		b, others, now := begin(t)
		if b.watch.look(now.Add(2100 * time.Millisecond)); !b.ended(others[0]) || b.ended(others[1]) {
			t.Fatalf("the next one was not ended: %q", b.said)
		}
	})
	t.Run("it came back, and another one takes it (control)", func(t *testing.T) {
		b, others, now := begin(t)
		b.left(4096, 1000)
		b.watch.look(now.Add(1920 * time.Millisecond))
		b.left(4096, 100)
		if b.watch.look(now.Add(1940 * time.Millisecond)); !b.ended(others[0]) || b.ended(others[1]) {
			t.Fatalf("the next one was not ended: %q", b.said)
		}
	})
}

// The tables are the kernel's own, of this process.
func TestTheKernelsTablesAreUnderstood(t *testing.T) {
	before := [2]int64{sum("/proc/self/net/netlink", waiting), sum("/proc/self/net/tcp", unaccepted)}
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	must(t, err)
	defer unix.Close(fd)
	// An unknown request is answered by an error.
	request := []byte{16, 0, 0, 0, 1, 1, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0}
	for range 100 {
		must(t, unix.Sendto(fd, request, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}))
	}
	if now := sum("/proc/self/net/netlink", waiting); now < before[0]+100*16 {
		t.Fatalf("what waits in a netlink socket is not seen: %d, before %d", now, before[0])
	}
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	must(t, err)
	defer listener.Close()
	client, err := net.Dial("tcp4", listener.Addr().String())
	must(t, err)
	defer client.Close()
	_, err = client.Write(make([]byte, 30_000))
	must(t, err)
	time.Sleep(50 * time.Millisecond)
	if now := sum("/proc/self/net/tcp", unaccepted); now < before[1]+30_000 {
		t.Fatalf("a connection that nobody accepted is not seen: %d, before %d", now, before[1])
	}
	accepted, err := listener.Accept()
	must(t, err)
	defer accepted.Close()
	if now := sum("/proc/self/net/tcp", unaccepted); now >= before[1]+30_000 {
		t.Fatalf("an accepted connection is taken for another: %d, before %d", now, before[1])
	}
	total, left, err := machineMemory("/proc")
	if err != nil || left <= 0 || total < left {
		t.Fatalf("%d of %d, %v", left, total, err)
	}
}

func TestTheKernelsNamespacesAreToldApart(t *testing.T) {
	start := func(flags uintptr) string {
		other := exec.Command("sleep", "60")
		other.SysProcAttr = &syscall.SysProcAttr{Cloneflags: flags, Pdeathsig: syscall.SIGKILL}
		if err := other.Start(); err != nil {
			t.Skipf("this computer makes no network namespace: %v", err)
		}
		t.Cleanup(func() { _ = other.Process.Kill(); _ = other.Wait() })
		return fmt.Sprintf("/proc/%d", other.Process.Pid)
	}
	flags := uintptr(unix.CLONE_NEWNET)
	if os.Geteuid() != 0 {
		flags |= unix.CLONE_NEWUSER
	}
	own, err := network("/proc/self")
	must(t, err)
	same, err := network(start(0))
	must(t, err)
	one, err := network(start(flags))
	must(t, err)
	other, err := network(start(flags))
	must(t, err)
	if !os.SameFile(own, same) {
		t.Fatal("one namespace is taken for two")
	}
	if os.SameFile(own, one) || os.SameFile(one, other) {
		t.Fatal("two namespaces are taken for one")
	}
}

// The kernel never says less than nothing: this is when memory is needed most.
func TestAMachineWithNothingLeftIsOneThatRunsOut(t *testing.T) {
	b := newMemoryBench(t, 3072)
	b.watch.Proc = t.TempDir()
	b.all(stat(400, 0, 10, 0))
	one := b.session("one", stat(400, 0, 10, 0))
	for name, text := range map[string]string{
		"nothing of it":    "",
		"no size":          "MemAvailable: 0 kB\n",
		"no rest":          "MemTotal: 4194304 kB\n",
		"something else":   "MemTotal: 4194304 kB\nMemAvailable: none\n",
		"enough (control)": "MemTotal: 4194304 kB\nMemAvailable: 4000000 kB\n",
	} {
		must(t, os.WriteFile(b.watch.Proc+"/meminfo", []byte(text), 0o644))
		if b.watch.look(time.Now()); b.ended(one) {
			t.Fatalf("%s: it was ended", name)
		}
	}
	b.left(4096, 0)
	if b.watch.look(time.Now()); !b.ended(one) || !b.heard("this machine had 0 of 4096 MiB left") {
		t.Fatalf("nobody was ended: %q", b.said)
	}
}
