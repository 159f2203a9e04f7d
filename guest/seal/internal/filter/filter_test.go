package filter

import (
	"encoding/binary"
	"testing"

	"golang.org/x/net/bpf"
)

// run evaluates a filter as the kernel would. bpf.VM reads big-endian, so the data is laid out that way: what is tested
// is the program, not the byte order.
func run(t *testing.T, f Filter, a Arch, archID uint32, number uint32, arguments ...uint64) uint32 {
	t.Helper()
	program, err := f.Assemble(a)
	if err != nil {
		t.Fatal(err)
	}
	vm, err := bpf.NewVM(program)
	if err != nil {
		t.Fatal(err)
	}
	data := make([]byte, 64)
	binary.BigEndian.PutUint32(data[offsetNumber:], number)
	binary.BigEndian.PutUint32(data[offsetArch:], archID)
	for i, value := range arguments {
		binary.BigEndian.PutUint32(data[offsetArguments+8*i:], uint32(value))
		binary.BigEndian.PutUint32(data[offsetArguments+8*i+4:], uint32(value>>32))
	}
	verdict, err := vm.Run(data)
	if err != nil {
		t.Fatal(err)
	}
	return uint32(verdict)
}

const high = 0xdead << 32

func TestVerdicts(t *testing.T) {
	refused := func(errno uint32) uint32 { return retErrno | errno }
	cases := []struct {
		name      string
		filter    Filter
		syscall   string
		arguments []uint64
		want      uint32
	}{
		{"reading", Base, "read", nil, retAllow},
		{"a thread", Base, "clone", []uint64{0x3d0f00}, retAllow},
		{"a fork", Base, "clone", []uint64{0x1200011}, retAllow},
		{"a child that signals 0x80 and up", Base, "clone", []uint64{0x80}, retAllow},
		{"a user namespace", Base, "clone", []uint64{cloneNewUser | 17}, refused(ePERM)},
		{"a mount namespace among others", Base, "unshare", []uint64{cloneNewNS | cloneNewPID}, refused(ePERM)},
		{"a time namespace", Base, "unshare", []uint64{cloneNewTime}, refused(ePERM)},
		{"a file table of its own", Base, "unshare", []uint64{0x400}, retAllow},
		{"clone3", Base, "clone3", nil, refused(eNOSYS)},
		{"joining a namespace", Base, "setns", nil, refused(ePERM)},
		{"mount", Base, "mount", nil, refused(ePERM)},
		{"TCP", Base, "socket", []uint64{afInet, 1}, retAllow},
		{"AF_UNIX is the second filter's", Base, "socket", []uint64{afUnix, 1}, retAllow},
		{"AF_VSOCK", Base, "socket", []uint64{40, 1}, refused(eAFNOSUPPORT)},
		{"AF_VSOCK with a set high half", Base, "socket", []uint64{high | 40, 1}, refused(eAFNOSUPPORT)},
		{"AF_PACKET", Base, "socket", []uint64{17, 3}, refused(eAFNOSUPPORT)},
		{"AF_ALG", Base, "socket", []uint64{38, 5}, refused(eAFNOSUPPORT)},
		{"routes", Base, "socket", []uint64{afNetlink, 3, netlinkRoute}, retAllow},
		{"nftables", Base, "socket", []uint64{afNetlink, 3, 12}, refused(ePROTONOSUPPORT)},
		{"nftables with a set high half", Base, "socket", []uint64{high | afNetlink, 3, high | 12}, refused(ePROTONOSUPPORT)},
		{"a pair", Base, "socketpair", []uint64{afUnix, 1}, retAllow},
		{"a pair of another family", Base, "socketpair", []uint64{30, 1}, refused(eAFNOSUPPORT)},
		{"what personality", Base, "personality", []uint64{personalityQuery}, retAllow},
		{"the plain personality", Base, "personality", []uint64{0}, retAllow},
		{"READ_IMPLIES_EXEC", Base, "personality", []uint64{0x0400000}, refused(ePERM)},
		{"window size", Base, "ioctl", []uint64{0, 0x5413}, retAllow},
		{"TIOCSTI", Base, "ioctl", []uint64{0, tiocsti}, refused(ePERM)},
		{"TIOCSTI with a set high half", Base, "ioctl", []uint64{0, high | tiocsti}, refused(ePERM)},
		{"TIOCLINUX", Base, "ioctl", []uint64{0, tioclinux}, refused(ePERM)},
		{"keyrings", Base, "keyctl", nil, refused(ePERM)},
		{"another's memory", Base, "process_vm_readv", nil, refused(ePERM)},
		{"io_uring", Base, "io_uring_setup", nil, refused(ePERM)},
		{"a filter of one's own", Base, "seccomp", []uint64{1}, retAllow},

		{"AF_UNIX", Unix, "socket", []uint64{afUnix, 1}, refused(ePERM)},
		{"AF_UNIX with a set high half", Unix, "socket", []uint64{high | afUnix, 1}, refused(ePERM)},
		{"TCP under the second filter", Unix, "socket", []uint64{afInet, 1}, retAllow},
		{"a pair of streams", Unix, "socketpair", []uint64{afUnix, 1 | 0x80000}, retAllow},
		{"a pair of sequential packets", Unix, "socketpair", []uint64{afUnix, 5}, retAllow},
		{"a pair of datagrams", Unix, "socketpair", []uint64{afUnix, 2}, refused(ePERM)},
		{"a pair of datagrams, close-on-exec", Unix, "socketpair", []uint64{afUnix, 2 | 0x80000}, refused(ePERM)},
		{"a raw pair, which is one of datagrams", Unix, "socketpair", []uint64{afUnix, 3}, refused(ePERM)},
		{"io_uring under the second filter", Unix, "io_uring_setup", nil, refused(ePERM)},
	}
	for _, a := range Arches {
		for _, c := range cases {
			t.Run(a.Name+"/"+c.name, func(t *testing.T) {
				number, ok := a.info.SyscallNames[c.syscall]
				if !ok {
					t.Fatalf("no syscall %s", c.syscall)
				}
				if got := run(t, c.filter, a, uint32(a.info.ID), uint32(number), c.arguments...); got != c.want {
					t.Errorf("%s%v: %#x, want %#x", c.syscall, c.arguments, got, c.want)
				}
			})
		}
	}
}

func TestForeignCalls(t *testing.T) {
	const i386, arm = 0x40000003, 0x40000028
	for _, f := range []Filter{Base, Unix} {
		if got := run(t, f, Arches["amd64"], i386, 20); got != retKillProcess {
			t.Errorf("an i386 call on amd64: %#x", got)
		}
		if got := run(t, f, Arches["arm64"], arm, 20); got != retKillProcess {
			t.Errorf("an AArch32 call on arm64: %#x", got)
		}
		amd64 := Arches["amd64"]
		if got := run(t, f, amd64, uint32(amd64.info.ID), x32Bit|39); got != retErrno|eNOSYS {
			t.Errorf("an x32 call: %#x", got)
		}
	}
}

func TestUnknownCallsAnswerENOSYS(t *testing.T) {
	for _, a := range Arches {
		if got := run(t, Base, a, uint32(a.info.ID), lastKnownSyscall); got != retAllow {
			t.Errorf("%s: the last known call: %#x", a.Name, got)
		}
		if got := run(t, Base, a, uint32(a.info.ID), lastKnownSyscall+1); got != retErrno|eNOSYS {
			t.Errorf("%s: the first unknown call: %#x", a.Name, got)
		}
	}
}

func TestMisspelledNamesAreErrors(t *testing.T) {
	f := Filter{Rules: []Rule{{Syscalls: []string{"mout"}, Errno: ePERM}}}
	if _, err := f.Assemble(Arches["amd64"]); err == nil {
		t.Error("no error")
	}
}

// The kernel takes at most 4096 instructions (BPF_MAXINSNS).
func TestProgramsFit(t *testing.T) {
	for _, a := range Arches {
		for _, f := range []Filter{Base, Unix} {
			program, err := f.Assemble(a)
			if err != nil || len(program) > 4096 {
				t.Errorf("%s: %d instructions, %v", a.Name, len(program), err)
			}
		}
	}
}
