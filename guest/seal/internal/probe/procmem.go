package probe

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Processes of the launcher's stack, which are not the command's: bubblewrap, bash and the two bridges.
const stackSize = 4

type procmemResult struct {
	PID  int    `json:"pid"`
	Comm string `json:"comm"`
	// Child says that it is this program's own child, which it must be able to look into.
	Child bool `json:"child,omitempty"`
	// Owner of its files in /proc: not the session's user when the process is not dumpable.
	Owner int                `json:"owner"`
	Ways  map[string]Outcome `json:"ways"`
}

// procmem tries to look into the launcher's processes and into a child.
func procmem() any {
	found := []any{}
	for pid := 1; pid <= stackSize; pid++ {
		found = append(found, lookInto(pid, false))
	}
	child := exec.Command("/proc/self/exe", idleChild)
	// Several commands may be one program, which looks at its name.
	child.Args[0] = os.Args[0]
	input, inputErr := child.StdinPipe()
	output, outputErr := child.StdoutPipe()
	if inputErr != nil || outputErr != nil || child.Start() != nil {
		return found
	}
	// Once it speaks, it is what was executed, and can be looked into.
	_, _ = bufio.NewReader(output).ReadString('\n')
	found = append(found, lookInto(child.Process.Pid, true))
	_ = input.Close()
	_ = child.Wait()
	return found
}

// procmemOf tries to look into one process.
func procmemOf(text string) any {
	pid, err := strconv.Atoi(text)
	if err != nil {
		return map[string]string{"error": "procmem=" + text + ": not a process number"}
	}
	return lookInto(pid, false)
}

func lookInto(pid int, child bool) procmemResult {
	folder := fmt.Sprintf("/proc/%d", pid)
	comm, _ := os.ReadFile(folder + "/comm")
	result := procmemResult{PID: pid, Comm: strings.TrimSpace(string(comm)), Child: child, Owner: -1}
	var info unix.Stat_t
	if unix.Stat(folder+"/environ", &info) == nil {
		result.Owner = int(info.Uid)
	}
	// ptrace is a thread's.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	result.Ways = map[string]Outcome{
		"mem-write":  outcome(opens(folder+"/mem", unix.O_RDWR)),
		"mem-read":   outcome(opens(folder+"/mem", unix.O_RDONLY)),
		"task-mem":   outcome(opens(fmt.Sprintf("%s/task/%d/mem", folder, pid), unix.O_RDWR)),
		"environ":    outcome(reads(folder + "/environ")),
		"auxv":       outcome(reads(folder + "/auxv")),
		"maps":       outcome(reads(folder + "/maps")),
		"root":       outcome(opens(folder+"/root/", unix.O_RDONLY)),
		"cwd":        outcome(opens(folder+"/cwd/", unix.O_RDONLY)),
		"exe":        outcome(opens(folder+"/exe", unix.O_RDONLY)),
		"fd":         outcome(opens(folder+"/fd/0", unix.O_PATH)),
		"net-ns":     outcome(opens(folder+"/ns/net", unix.O_RDONLY)),
		"vm-readv":   outcome(readMemory(pid)),
		"ptrace":     outcome(attach(pid)),
		"take-fd":    outcome(takeDescriptor(pid)),
		"signal":     outcome(unix.Kill(pid, 0)),
		"pid-signal": outcome(signalByDescriptor(pid)),
	}
	return result
}

func opens(path string, flags int) error {
	fd, err := unix.Open(path, flags|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err == nil {
		_ = unix.Close(fd)
	}
	return err
}

// reads opens a file and reads of it: some are only looked after when they are read.
func reads(path string) error {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	_, err = unix.Read(fd, make([]byte, 16))
	return err
}

// readMemory reads at an address where nothing is: EFAULT says that the process could be read.
func readMemory(pid int) error {
	var buffer byte
	local := unix.Iovec{Base: &buffer, Len: 1}
	remote := unix.RemoteIovec{Base: 4096, Len: 1}
	_, _, errno := unix.Syscall6(unix.SYS_PROCESS_VM_READV, uintptr(pid),
		uintptr(unsafe.Pointer(&local)), 1, uintptr(unsafe.Pointer(&remote)), 1, 0)
	if errno == unix.EFAULT {
		return nil
	}
	return numbered(errno)
}

// attach stops a process as a debugger does, and lets it go on.
func attach(pid int) error {
	if err := unix.PtraceAttach(pid); err != nil {
		return err
	}
	if _, err := unix.Wait4(pid, nil, unix.WALL, nil); err != nil {
		return err
	}
	return unix.PtraceDetach(pid)
}

func takeDescriptor(pid int) error {
	process, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return err
	}
	defer unix.Close(process)
	taken, err := unix.PidfdGetfd(process, 0, 0)
	if err == nil {
		_ = unix.Close(taken)
	}
	return err
}

func signalByDescriptor(pid int) error {
	process, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return err
	}
	defer unix.Close(process)
	return unix.PidfdSendSignal(process, 0, nil, 0)
}

// landlockVersion asks for the version of Landlock's interface. Whether this process is in a domain the kernel tells
// nobody: procmem shows it.
func landlockVersion() any {
	version, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	result := map[string]any{"ok": errno == 0}
	if errno != 0 {
		result["errno"] = unix.ErrnoName(errno)
	} else {
		result["version"] = int(version)
	}
	return result
}
