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
	eINVAL           = 22
	eNOSYS           = 38
	ePROTONOSUPPORT  = 93
	eSOCKTNOSUPPORT  = 94
	eOPNOTSUPP       = 95
	eAFNOSUPPORT     = 97
	highestArguments = 6
)

// Arch is an architecture that filters are made for.
type Arch struct {
	// Name is Go's and Debian's name of it.
	Name string
	info *arch.Info
	x32  bool
	// lastOwn is the last number of the architecture's own table that was looked at. From 424 on the numbers are common
	// to all; those between are free, and taken now and then for calls that only one architecture has.
	lastOwn uint32
}

// firstCommon is the first number that is the same on every architecture: pidfd_send_signal, Linux 5.1.
const firstCommon = 424

// Arches are all of them, by name.
var Arches = map[string]Arch{
	// uretprobe, Linux 6.11
	"amd64": {Name: "amd64", info: arch.X86_64, x32: true, lastOwn: 335},
	// kexec_file_load, Linux 5.0
	"arm64": {Name: "arm64", info: arch.AARCH64, lastOwn: 294},
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

// Condition looks at the low 32 bits of one argument, unless it says otherwise. The kernel reads no more of those that cloister's rules look at
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
	// High looks at the high 32 bits instead: for addresses.
	High bool
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
			bpf.JumpIf{Cond: bpf.JumpGreaterThan, Val: f.HighestSyscall, SkipTrue: 2},
			bpf.JumpIf{Cond: bpf.JumpGreaterThan, Val: a.lastOwn, SkipFalse: 2},
			bpf.JumpIf{Cond: bpf.JumpGreaterOrEqual, Val: firstCommon, SkipTrue: 1},
			bpf.RetConstant{Val: retErrno | eNOSYS})
	}
	order, rules, err := f.byNumber(a)
	if err != nil {
		return nil, err
	}
	for _, number := range order {
		block := block(rules[number])
		// A conditional jump reaches 255 instructions far, the other kind any number.
		if len(block) <= 255 {
			program = append(program, bpf.JumpIf{Cond: bpf.JumpEqual, Val: number, SkipFalse: uint8(len(block))})
		} else {
			program = append(program,
				bpf.JumpIf{Cond: bpf.JumpEqual, Val: number, SkipTrue: 1},
				bpf.Jump{Skip: uint32(len(block))})
		}
		program = append(program, block...)
	}
	return append(program, bpf.RetConstant{Val: retAllow}), nil
}

// byNumber sorts the rules by the number of the call they are about, in the order in which the numbers come up.
func (f Filter) byNumber(a Arch) ([]uint32, map[uint32][]Rule, error) {
	var order []uint32
	rules := map[uint32][]Rule{}
	for _, rule := range f.Rules {
		numbers, err := rule.numbers(a)
		if err != nil {
			return nil, nil, err
		}
		if length := len(rule.body()); length > 255 {
			return nil, nil, fmt.Errorf("rule for %v: %d instructions are more than a jump can skip", rule.Syscalls, length)
		}
		for _, number := range numbers {
			if rules[number] == nil {
				order = append(order, number)
			}
			rules[number] = append(rules[number], rule)
		}
	}
	return order, rules, nil
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

// block is what runs once the number fits: the rules about it, one after the other, and if none of them refuses the
// call, it is allowed. No other rule is about it, so nothing further needs to be looked at.
func block(rules []Rule) []bpf.Instruction {
	var code []bpf.Instruction
	for _, rule := range rules {
		code = append(code, rule.body()...)
		if len(rule.When) == 0 {
			return code
		}
	}
	return append(code, bpf.RetConstant{Val: retAllow})
}

// body returns the errno when every condition holds, and otherwise goes on behind itself.
func (r Rule) body() []bpf.Instruction {
	// Built from the end: each condition that does not hold jumps over everything after it.
	tail := []bpf.Instruction{bpf.RetConstant{Val: retErrno | uint32(r.Errno)}}
	for i := len(r.When) - 1; i >= 0; i-- {
		tail = append(r.When[i].check(len(tail)), tail...)
	}
	return tail
}

// check falls through to the next instruction when the condition holds, and skips `rest` instructions when it does not.
func (c Condition) check(rest int) []bpf.Instruction {
	if c.Argument < 0 || c.Argument >= highestArguments {
		panic(fmt.Sprintf("argument %d", c.Argument))
	}
	offset := offsetArguments + 8*uint32(c.Argument)
	if c.High {
		offset += 4
	}
	code := []bpf.Instruction{bpf.LoadAbsolute{Off: offset, Size: 4}}
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
