// Package filter holds cloister's two seccomp filters and assembles them for any architecture it knows, on any host.
//
// Syscall numbers come from github.com/elastic/go-seccomp-bpf's tables and instructions are encoded by
// golang.org/x/net/bpf. The assembler of go-seccomp-bpf itself is not used: it lets calls of a foreign architecture
// through to the default action, compares 64 bits of arguments of which the kernel reads 32, and cannot assemble for
// another architecture than its own.
package filter

import (
	"encoding/binary"
	"fmt"
	"sort"

	"github.com/elastic/go-seccomp-bpf/arch"
	"golang.org/x/net/bpf"
)

// Return values of a filter (linux/seccomp.h).
const (
	retAllow       = 0x7fff0000
	retErrno       = 0x00050000
	retKillProcess = 0x80000000
)

// Offsets in struct seccomp_data (linux/seccomp.h). Both architectures are little-endian: the low half of an argument
// comes first.
const (
	offsetNumber    = 0
	offsetArch      = 4
	offsetArguments = 16
)

// x32Bit marks a call of the x32 ABI on x86_64 (asm/unistd.h, __X32_SYSCALL_BIT).
const x32Bit = 0x40000000

// Errno numbers are the same on both architectures.
const (
	ePERM            = 1
	eNOSYS           = 38
	eAFNOSUPPORT     = 97
	ePROTONOSUPPORT  = 93
	highestArguments = 6
)

// Arch is an architecture that filters are made for.
type Arch struct {
	// Name is Go's and Debian's name of it.
	Name string
	info *arch.Info
	x32  bool
}

// Arches are all of them, by name.
var Arches = map[string]Arch{
	"amd64": {Name: "amd64", info: arch.X86_64, x32: true},
	"arm64": {Name: "arm64", info: arch.AARCH64},
}

// Rule refuses one syscall, always or under a condition on its arguments.
type Rule struct {
	// Syscalls it is about. A name that an architecture does not have is no error there.
	Syscalls []string
	// Errno the caller gets.
	Errno uint16
	// When tells which calls are refused. Nil: every one.
	When []Condition
}

// Condition looks at the low 32 bits of one argument. The kernel reads no more of those that cloister's rules look at
// (all are int or unsigned int there), so a set high half is no way around a rule.
type Condition struct {
	Argument int
	// Exactly one of the next is used.
	// AnyBit is true when at least one of these bits is set.
	AnyBit uint32
	// In is true when the argument (masked, if Mask is set) is one of these.
	In []uint32
	// NotIn is true when it is none of these.
	NotIn []uint32
	// Mask is applied before In and NotIn look. Zero: no mask.
	Mask uint32
}

// Filter is a list of refusals. What no rule refuses is allowed.
type Filter struct {
	Rules []Rule
	// HighestSyscall is the last number let through: newer calls than the rules' authors knew answer ENOSYS, as on an
	// older kernel. Zero: no limit.
	HighestSyscall uint32
}

// Assemble makes the filter's instructions for one architecture.
//
// Calls of any other architecture kill the process (a 32-bit call has other numbers, so no rule would fit); calls of
// the x32 ABI answer ENOSYS.
func (f Filter) Assemble(a Arch) ([]bpf.Instruction, error) {
	program := []bpf.Instruction{
		bpf.LoadAbsolute{Off: offsetArch, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(a.info.ID), SkipTrue: 1},
		bpf.RetConstant{Val: retKillProcess},
		bpf.LoadAbsolute{Off: offsetNumber, Size: 4},
	}
	if a.x32 {
		program = append(program,
			bpf.JumpIf{Cond: bpf.JumpGreaterOrEqual, Val: x32Bit, SkipFalse: 1},
			bpf.RetConstant{Val: retErrno | eNOSYS})
	}
	if f.HighestSyscall != 0 {
		program = append(program,
			bpf.JumpIf{Cond: bpf.JumpGreaterThan, Val: f.HighestSyscall, SkipFalse: 1},
			bpf.RetConstant{Val: retErrno | eNOSYS})
	}
	for _, rule := range f.Rules {
		numbers, err := rule.numbers(a)
		if err != nil {
			return nil, err
		}
		for _, number := range numbers {
			body := rule.body()
			if len(body) > 255 {
				return nil, fmt.Errorf("rule for %v: %d instructions are more than a jump can skip", rule.Syscalls, len(body))
			}
			program = append(program, bpf.JumpIf{Cond: bpf.JumpEqual, Val: number, SkipFalse: uint8(len(body))})
			program = append(program, body...)
		}
	}
	return append(program, bpf.RetConstant{Val: retAllow}), nil
}

// numbers are the rule's syscalls on this architecture, in order.
func (r Rule) numbers(a Arch) ([]uint32, error) {
	var numbers []uint32
	for _, name := range r.Syscalls {
		if number, ok := a.info.SyscallNames[name]; ok {
			numbers = append(numbers, uint32(number))
		} else if number, ok := newer[name]; ok {
			numbers = append(numbers, number)
		} else if !knownAnywhere(name) {
			return nil, fmt.Errorf("no architecture has a syscall %q: misspelled?", name)
		}
	}
	sort.Slice(numbers, func(i, j int) bool { return numbers[i] < numbers[j] })
	return numbers, nil
}

// newer are calls that the tables do not have yet. Since Linux 5.1 a call has one number on every architecture.
var newer = map[string]uint32{
	"open_tree_attr": 467,
}

func knownAnywhere(name string) bool {
	for _, a := range Arches {
		if _, ok := a.info.SyscallNames[name]; ok {
			return true
		}
	}
	return false
}

// body is what runs once the number fits: it returns the errno when every condition holds, and otherwise goes on with
// the number loaded again for the next rule.
func (r Rule) body() []bpf.Instruction {
	refuse := bpf.RetConstant{Val: retErrno | uint32(r.Errno)}
	if len(r.When) == 0 {
		return []bpf.Instruction{refuse}
	}
	// Built from the end: each condition that does not hold jumps over everything after it, to the reload.
	reload := bpf.LoadAbsolute{Off: offsetNumber, Size: 4}
	tail := []bpf.Instruction{refuse}
	for i := len(r.When) - 1; i >= 0; i-- {
		tail = append(r.When[i].check(len(tail)), tail...)
	}
	return append(tail, reload)
}

// check falls through to the next instruction when the condition holds, and skips `rest` instructions when it does not.
func (c Condition) check(rest int) []bpf.Instruction {
	if c.Argument < 0 || c.Argument >= highestArguments {
		panic(fmt.Sprintf("argument %d", c.Argument))
	}
	code := []bpf.Instruction{bpf.LoadAbsolute{Off: offsetArguments + 8*uint32(c.Argument), Size: 4}}
	if c.AnyBit != 0 {
		return append(code, bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: c.AnyBit, SkipFalse: uint8(rest)})
	}
	if c.Mask != 0 {
		code = append(code, bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: c.Mask})
	}
	if len(c.In) > 0 {
		for i, value := range c.In {
			left := len(c.In) - 1 - i
			if left == 0 {
				code = append(code, bpf.JumpIf{Cond: bpf.JumpEqual, Val: value, SkipFalse: uint8(rest)})
			} else {
				code = append(code, bpf.JumpIf{Cond: bpf.JumpEqual, Val: value, SkipTrue: uint8(left)})
			}
		}
		return code
	}
	for i, value := range c.NotIn {
		left := len(c.NotIn) - 1 - i
		code = append(code, bpf.JumpIf{Cond: bpf.JumpEqual, Val: value, SkipTrue: uint8(left + rest)})
	}
	return code
}

// Bytes encodes a program as the kernel takes it: struct sock_filter after struct sock_filter, little-endian. It is
// what `bwrap --seccomp FD` and `apply-seccomp --filter FILE` read.
func Bytes(program []bpf.Instruction) ([]byte, error) {
	raw, err := bpf.Assemble(program)
	if err != nil {
		return nil, err
	}
	out := make([]byte, 0, 8*len(raw))
	for _, instruction := range raw {
		out = binary.LittleEndian.AppendUint16(out, instruction.Op)
		out = append(out, instruction.Jt, instruction.Jf)
		out = binary.LittleEndian.AppendUint32(out, instruction.K)
	}
	return out, nil
}
