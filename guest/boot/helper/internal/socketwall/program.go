// The program that this file makes runs in the kernel, beside code under the GPL: this file, and with it the program, may be
// used under the project's license or under the GPL, version 2.
//
// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only

package socketwall

import "encoding/binary"

// Registers, operations and helpers of eBPF that are used (linux/bpf.h, linux/bpf_common.h).
const (
	r0, r1, r2, r3, r6, r10 = 0, 1, 2, 3, 6, 10

	moveRegister   = 0xbf
	moveImmediate  = 0xb7
	addImmediate   = 0x07
	shiftLeft      = 0x67
	shiftRight     = 0x77
	load64         = 0x79
	load32         = 0x61
	load16         = 0x69
	load8          = 0x71
	loadImmediate  = 0x18
	jumpEqual      = 0x15
	jumpNotEqual   = 0x55
	jumpGreater    = 0x25
	jumpLess       = 0xa5
	jumpEqualOther = 0x1d
	callHelper     = 0x85
	exitProgram    = 0x95

	helperUserAndGroup    = 15
	helperReadKernel      = 113
	helperNamespaceCookie = 122
)

// Where the kernel's own form of the context (struct bpf_sock_addr_kern, since Linux 5.8) has the address and its length. The
// form that programs are shown has no path.
const (
	contextAddress = 8
	contextLength  = 32
)

// Places on the program's stack, from its upper end.
const (
	atPointer = -8
	atLength  = -16
	atAddress = -72
	// addressBytes are read of the address: the family, the longest of the paths, and one more.
	addressBytes = 48
	familyBytes  = 2
	longestPath  = addressBytes - familyBytes - 1
)

const familyUnix = 1

// instruction is one of 8 bytes; jumps go to labels.
type instruction struct {
	operation           byte
	destination, source byte
	offset              int16
	immediate           int32
	label               string
}

// assembler collects instructions and finds where labels are.
type assembler struct {
	list   []instruction
	labels map[string]int
}

func (a *assembler) add(operation, destination, source byte, offset int16, immediate int32) {
	a.list = append(a.list, instruction{operation: operation, destination: destination, source: source, offset: offset, immediate: immediate})
}

func (a *assembler) jump(operation, destination, source byte, immediate int32, label string) {
	a.list = append(a.list, instruction{operation: operation, destination: destination, source: source, immediate: immediate, label: label})
}

// wide loads 64 bits. It takes the room of two instructions.
func (a *assembler) wide(destination byte, value uint64) {
	a.add(loadImmediate, destination, 0, 0, int32(uint32(value)))
	a.add(0, 0, 0, 0, int32(uint32(value>>32)))
}

func (a *assembler) anchor(label string) {
	a.labels[label] = len(a.list)
}

func (a *assembler) bytes() []byte {
	out := make([]byte, 0, 8*len(a.list))
	for at, one := range a.list {
		offset := one.offset
		if one.label != "" {
			offset = int16(a.labels[one.label] - at - 1)
		}
		out = append(out, one.operation, one.destination|one.source<<4)
		out = binary.LittleEndian.AppendUint16(out, uint16(offset))
		out = binary.LittleEndian.AppendUint32(out, uint32(one.immediate))
	}
	return out
}

// readKernel copies bytes to the stack from the address in r3.
func (a *assembler) readKernel(to int32, size int32) {
	a.add(moveRegister, r1, r10, 0, 0)
	a.add(addImmediate, r1, 0, 0, to)
	a.add(moveImmediate, r2, 0, 0, size)
	a.add(callHelper, 0, 0, 0, helperReadKernel)
	a.jump(jumpNotEqual, r0, 0, 0, "deny")
}

// program lets everybody through but users in the range: those only from another network namespace than the machine's, whose
// cookie this is, and only to sockets with one of these paths.
func program(first, last int32, cookie uint64, paths []string) []byte {
	a := &assembler{labels: map[string]int{}}
	a.add(moveRegister, r6, r1, 0, 0)
	a.add(callHelper, 0, 0, 0, helperUserAndGroup)
	a.add(shiftLeft, r0, 0, 0, 32)
	a.add(shiftRight, r0, 0, 0, 32)
	a.jump(jumpLess, r0, 0, first, "allow")
	a.jump(jumpGreater, r0, 0, last, "allow")

	a.add(moveRegister, r1, r6, 0, 0)
	a.add(callHelper, 0, 0, 0, helperNamespaceCookie)
	a.wide(r1, cookie)
	a.jump(jumpEqualOther, r0, r1, 0, "deny")

	a.add(moveRegister, r3, r6, 0, 0)
	a.add(addImmediate, r3, 0, 0, contextLength)
	a.readKernel(atLength, 4)
	a.add(moveRegister, r3, r6, 0, 0)
	a.add(addImmediate, r3, 0, 0, contextAddress)
	a.readKernel(atPointer, 8)
	a.add(load64, r3, r10, atPointer, 0)
	a.readKernel(atAddress, addressBytes)
	a.add(load16, r1, r10, atAddress, 0)
	a.jump(jumpNotEqual, r1, 0, familyUnix, "deny")
	for i, path := range paths {
		next := "path" + string(rune('1'+i))
		a.compare(path, next)
		a.anchor(next)
	}
	a.anchor("deny")
	a.add(moveImmediate, r0, 0, 0, 0)
	a.add(exitProgram, 0, 0, 0, 0)
	a.anchor("allow")
	a.add(moveImmediate, r0, 0, 0, 1)
	a.add(exitProgram, 0, 0, 0, 0)
	return a.bytes()
}

// compare allows what is exactly this path, and goes to the label otherwise. A path ends where the address does, or with NUL.
func (a *assembler) compare(path, otherwise string) {
	at := int16(atAddress + familyBytes)
	rest := []byte(path)
	for len(rest) > 0 {
		size, load := 1, byte(load8)
		// Of the pointer's own alignment, so that the verifier takes them.
		if len(rest) >= 2 && at%2 == 0 {
			size, load = 2, load16
		}
		value := int32(rest[0])
		if size == 2 {
			value |= int32(rest[1]) << 8
		}
		a.add(load, r1, r10, at, 0)
		a.jump(jumpNotEqual, r1, 0, value, otherwise)
		at += int16(size)
		rest = rest[size:]
	}
	a.add(load32, r1, r10, atLength, 0)
	a.jump(jumpEqual, r1, 0, int32(familyBytes+len(path)), "allow")
	a.jump(jumpLess, r1, 0, int32(familyBytes+len(path)), otherwise)
	a.add(load8, r1, r10, at, 0)
	a.jump(jumpEqual, r1, 0, 0, "allow")
}
