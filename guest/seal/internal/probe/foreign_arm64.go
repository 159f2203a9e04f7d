package probe

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// makeForeignCall is what the child does: it becomes a 32-bit program, because a 64-bit one of this architecture cannot
// make the other ABI's calls. That program calls getpid, and exits with 0. Where the processor or the kernel runs no
// such program, the child exits with noForeignPrograms.
func makeForeignCall() {
	// The file is closed by the exec, which names it by then.
	fd, err := unix.MemfdCreate("foreign", unix.MFD_CLOEXEC)
	if err == nil {
		_, err = unix.Write(fd, foreignProgram())
	}
	if err == nil {
		err = unix.Exec(fmt.Sprintf("/proc/self/fd/%d", fd), []string{"foreign"}, nil)
	}
	if err == unix.ENOEXEC {
		os.Exit(noForeignPrograms)
	}
	_, _ = fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// foreignProgram is an AArch32 program of one segment: getpid(), exit(0).
func foreignProgram() []byte {
	const base = 0x10000
	code := []uint32{
		0xe3a07014, // mov r7, #20
		0xef000000, // svc 0
		0xe3a00000, // mov r0, #0
		0xe3a07001, // mov r7, #1
		0xef000000, // svc 0
	}
	header := elf.Header32{
		Type:    uint16(elf.ET_EXEC),
		Machine: uint16(elf.EM_ARM),
		Version: uint32(elf.EV_CURRENT),
		// Version 5 of the EABI.
		Flags: 0x05000000,
		Phnum: 1,
	}
	copy(header.Ident[:], elf.ELFMAG)
	header.Ident[elf.EI_CLASS] = byte(elf.ELFCLASS32)
	header.Ident[elf.EI_DATA] = byte(elf.ELFDATA2LSB)
	header.Ident[elf.EI_VERSION] = byte(elf.EV_CURRENT)
	segment := elf.Prog32{
		Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R | elf.PF_X), Vaddr: base, Paddr: base, Align: base,
	}
	before := binary.Size(header) + binary.Size(segment)
	size := uint32(before + binary.Size(code))
	header.Ehsize, header.Phentsize = uint16(binary.Size(header)), uint16(binary.Size(segment))
	header.Phoff, header.Entry = uint32(binary.Size(header)), base+uint32(before)
	segment.Filesz, segment.Memsz = size, size
	var program bytes.Buffer
	for _, part := range []any{header, segment, code} {
		// A buffer takes all that is of a fixed size.
		_ = binary.Write(&program, binary.LittleEndian, part)
	}
	return program.Bytes()
}
