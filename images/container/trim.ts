import { readFile, rm, writeFile } from "node:fs/promises";

/** Places in the header of a 64-bit ELF file (elf(5)). */
const AT = {
  class: 4,
  order: 5,
  phoff: 0x20,
  shoff: 0x28,
  phentsize: 0x36,
  phnum: 0x38,
  shnum: 0x3c,
  shstrndx: 0x3e,
} as const;
const [CLASS_64, LITTLE] = [2, 1];

/**
 * Drops what stands behind the last byte that a loader reads: symbols for debuggers, and the table of sections. Programs run the same;
 * exported symbols, which add-ons need, are in the part that is loaded.
 *
 * @returns a shorter copy, or the same bytes when there is nothing to drop
 * @throws when it is not a 64-bit little-endian ELF file
 */
export function trimmed(program: Buffer): Buffer {
  if (
    program.toString("latin1", 0, 4) !== "\x7fELF" ||
    program[AT.class] !== CLASS_64 ||
    program[AT.order] !== LITTLE
  ) {
    throw new Error("not a 64-bit ELF file");
  }
  const [first, size, count] = [
    Number(program.readBigUInt64LE(AT.phoff)),
    program.readUInt16LE(AT.phentsize),
    program.readUInt16LE(AT.phnum),
  ];
  let end = first + size * count;
  for (let number = 0; number < count; number += 1) {
    const at = first + size * number;
    // p_offset and p_filesz of each segment.
    end = Math.max(end, Number(program.readBigUInt64LE(at + 8)) + Number(program.readBigUInt64LE(at + 32)));
  }
  if (end >= program.length) return program;
  const copy = Buffer.from(program.subarray(0, end));
  copy.writeBigUInt64LE(0n, AT.shoff);
  copy.writeUInt16LE(0, AT.shnum);
  copy.writeUInt16LE(0, AT.shstrndx);
  return copy;
}

/** Trims a program in place. Other links to the file keep what it was. */
export async function trimProgram(path: string): Promise<void> {
  const copy = trimmed(await readFile(path));
  await rm(path);
  await writeFile(path, copy, { mode: 0o755 });
}
