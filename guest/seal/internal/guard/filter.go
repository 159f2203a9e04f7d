package guard

import "golang.org/x/sys/unix"

// Offsets in struct seccomp_data (linux/seccomp.h).
const (
	offsetNumber = 0
	offsetArch   = 4
)

// x32Bit marks a call of the x32 ABI on x86_64 (asm/unistd.h, __X32_SYSCALL_BIT).
const x32Bit = 0x40000000

// program is the filter: the calls that delete ask the guard, everything else is allowed. The session's base filter kills
// calls of a foreign architecture already; this one is sound without it.
func program() []unix.SockFilter {
	load := func(offset uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}
	}
	// skip goes on with the next instruction when the condition holds, and leaves it out when it does not.
	skip := func(condition uint16, value uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | condition | unix.BPF_K, K: value, Jf: 1}
	}
	answer := func(value uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: value}
	}
	code := []unix.SockFilter{
		load(offsetArch),
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: auditArch, Jt: 1},
		answer(unix.SECCOMP_RET_KILL_PROCESS),
		load(offsetNumber),
		skip(unix.BPF_JGE, x32Bit),
		answer(unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)),
	}
	for _, number := range deletions {
		code = append(code, skip(unix.BPF_JEQ, number), answer(unix.SECCOMP_RET_USER_NOTIF))
	}
	return append(code, answer(unix.SECCOMP_RET_ALLOW))
}
