/**
 * The two ends of a copy exchange records, packed in zlib's format. A record is a letter, a length (4 bytes) and as
 * many bytes.
 *
 *   d META NAME           a folder begins; what follows is in it
 *   u                     it ends
 *   f META NAME           a file begins: b DATA ... and e, or x when it could not be read to its end
 *   l META SIZE NAME LINK a symbolic link; SIZE (2 bytes) is the name's
 *   h SIZE DIGEST         in a listing, instead of DATA: a file's size (8 bytes) and the SHA-256 of its content
 *   z                     all was sent
 *
 * META is the mode (2 bytes) and the time of the last change in nanoseconds (8 bytes). Numbers begin with the high
 * byte.
 *
 * We do not use tar. It can express hard links, devices, paths with folders in them and owners, and a receiver has to
 * refuse all of them: these records cannot express them. And tar states a file's size before its content, so a file
 * that shrinks while it is read arrives filled up with zeros. `remote-helper/copy_end.py` speaks the same format.
 */

/** Letters of records. */
export type Letter = "d" | "u" | "f" | "b" | "e" | "x" | "l" | "h" | "z";

/** One record. */
export interface CopyRecord {
  readonly letter: string;
  readonly data: Buffer;
}

/** The facts that a copy keeps of a file or folder besides its content. */
export interface Meta {
  readonly mode: number;
  /** Nanoseconds since 1970. */
  readonly mtime: bigint;
}

/** Bytes of a file in one record. */
export const CHUNK = 1 << 16;
/** No record is longer. */
export const LONGEST = 1 << 17;
/** Folders in folders. Each takes one or two open files at both ends. */
export const DEEPEST = 400;

const HEAD = 5;
const META = 10;
const TIME_LIMIT = 1n << 62n;

/** Writes one record. */
export function record(letter: Letter, ...parts: readonly Buffer[]): Buffer {
  const data = Buffer.concat(parts);
  const head = Buffer.alloc(HEAD);
  head.write(letter, "latin1");
  head.writeUInt32BE(data.length, 1);
  return Buffer.concat([head, data]);
}

/** Writes mode and time. */
export function metaOf(stats: { readonly mode: bigint; readonly mtimeNs: bigint }): Buffer {
  const meta = Buffer.alloc(META);
  meta.writeUInt16BE(Number(stats.mode & 0o7777n));
  const { mtimeNs } = stats;
  meta.writeBigInt64BE(mtimeNs > TIME_LIMIT ? TIME_LIMIT : mtimeNs < -TIME_LIMIT ? -TIME_LIMIT : mtimeNs, 2);
  return meta;
}

/** Writes a link. */
export function linkRecord(meta: Buffer, name: Buffer, target: Buffer): Buffer {
  const size = Buffer.alloc(2);
  size.writeUInt16BE(name.length);
  return record("l", meta, size, name, target);
}

/** Writes a file's digest. */
export function digestRecord(size: bigint, digest: Buffer): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64BE(size);
  return record("h", length, digest);
}

/** Reads a file's digest. */
export function readDigest(data: Buffer): { readonly size: bigint; readonly digest: string } {
  if (data.length !== 40) throw new NoCopy();
  return { size: data.readBigUInt64BE(0), digest: data.toString("hex", 8) };
}

/** The records cannot be read, or try something that no end of ours would do. */
export class NoCopy extends Error {
  constructor(message = "what came is no copy") {
    super(message);
    this.name = "NoCopy";
  }
}

/** Reads the beginning of a folder or a file. */
export function readEntry(data: Buffer): { readonly meta: Meta; readonly name: Buffer } {
  if (data.length < META) throw new NoCopy();
  return {
    meta: { mode: data.readUInt16BE(0), mtime: data.readBigInt64BE(2) },
    name: data.subarray(META),
  };
}

/** Reads a link. */
export function readLink(data: Buffer): { readonly meta: Meta; readonly name: Buffer; readonly target: Buffer } {
  const { meta, name: rest } = readEntry(data);
  if (rest.length < 2) throw new NoCopy();
  const end = 2 + rest.readUInt16BE(0);
  return { meta, name: rest.subarray(2, end), target: rest.subarray(end) };
}

/** Reads records out of a stream of bytes, and holds no more than one. */
export class RecordReader {
  #held: Buffer = Buffer.alloc(0);

  /** @throws NoCopy when no end of ours would send such a record */
  *read(data: Buffer): Generator<CopyRecord> {
    this.#held = this.#held.length === 0 ? data : Buffer.concat([this.#held, data]);
    while (this.#held.length >= HEAD) {
      const end = HEAD + this.#held.readUInt32BE(1);
      if (end > HEAD + LONGEST) throw new NoCopy();
      if (this.#held.length < end) return;
      const one = { letter: this.#held.toString("latin1", 0, 1), data: this.#held.subarray(HEAD, end) };
      this.#held = this.#held.subarray(end);
      yield one;
    }
  }
}

/** Tells whether a name can be an entry of a folder: it has no folder in it, and leads nowhere else. */
export function isProper(name: Buffer): boolean {
  return (
    name.length > 0 &&
    name.length <= 255 &&
    !name.includes("/") &&
    !name.includes(0) &&
    ![".", ".."].includes(name.toString("latin1"))
  );
}

/**
 * Tells whether a link stays inside the copy: it goes up no further than the top, and never down and up again. A link
 * on the way down could make the way up longer than it looks.
 *
 * @param depth the number of folders between the top and the link
 */
export function staysInside(target: Buffer, depth: number): boolean {
  const text = target.toString("latin1");
  const parts = text.split("/").filter((part) => part !== "" && part !== ".");
  const down = parts.findIndex((part) => part !== "..");
  const ups = down < 0 ? parts.length : down;
  return (
    text.length > 0 &&
    text.length < 4096 &&
    !text.includes("\0") &&
    !text.startsWith("/") &&
    ups <= depth &&
    !parts.slice(ups).includes("..")
  );
}
