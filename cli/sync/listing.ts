import { type CopyRecord, NoCopy, readDigest, readEntry, readLink } from "../copy/records.ts";
import { shown, textOf } from "../copy/text.ts";

/** One entry of a folder. Paths and targets are latin1 text of their bytes. */
export type Entry =
  | { readonly kind: "d" }
  | { readonly kind: "l"; readonly target: string }
  | {
      readonly kind: "f";
      readonly digest: string;
      /** True when its owner may run it. */
      readonly runs: boolean;
      readonly size: bigint;
      readonly mtime: bigint;
    }
  /** It is there and cannot be copied: the end has said why. */
  | { readonly kind: "?" };

/** The entries below a folder's top, by path. */
export type Listing = ReadonlyMap<string, Entry>;

/** Entries of one listing, and bytes of their paths and targets: a session could make them without end. */
const MOST = 1_000_000;
const MOST_BYTES = 256 * 2 ** 20;
/**
 * Bytes of one path, the kernel's own limit for a name in a call. Texts of more than 16383 characters and of one length
 * are the same to the runtime's tables: a few thousand of them take hours.
 */
const LONGEST = 4096;

/** Puts a listing together from the records of an end, which is not trusted. */
export class ListingReader {
  readonly #entries = new Map<string, Entry>();
  #trail: string[] = [];
  #depth = 0;
  #bytes = 0;
  readonly #mostBytes: number;
  #file: { readonly path: string; readonly meta: { readonly mode: number; readonly mtime: bigint } } | undefined;
  #done = false;

  /** @param mostBytes of all paths and targets together */
  constructor(mostBytes: number = MOST_BYTES) {
    this.#mostBytes = mostBytes;
  }

  /** @throws NoCopy when these are no records of a listing */
  take({ letter, data }: CopyRecord): void {
    if (this.#done) throw new NoCopy();
    if (letter === "z" && this.#depth === 0) this.#done = true;
    else if (letter === "u" && this.#depth > 0) this.#depth--;
    else if (letter === "d") {
      this.#set(this.#named(readEntry(data).name), { kind: "d" });
      this.#depth++;
    } else if (letter === "l") {
      const { name, target } = readLink(data);
      this.#set(this.#named(name), { kind: "l", target: target.toString("latin1") });
    } else if (letter === "f") {
      const { name, meta } = readEntry(data);
      const path = this.#named(name);
      this.#file = { path, meta };
      this.#set(path, { kind: "?" });
    } else if (letter === "h" && this.#file) {
      const { meta, path } = this.#file;
      const { size, digest } = readDigest(data);
      this.#set(path, { kind: "f", digest, size, runs: (meta.mode & 0o100) !== 0, mtime: meta.mtime });
    } else if (letter === "x" && this.#file) this.#set(this.#file.path, { kind: "?" });
    else if (letter !== "e" || !this.#file) throw new NoCopy();
  }

  /** The listing. @throws NoCopy when its end did not come */
  end(): Listing {
    if (!this.#done) throw new NoCopy();
    return this.#entries;
  }

  #named(name: Buffer): string {
    const text = name.toString("latin1");
    if (text === "" || text === "." || text === ".." || /[/\0]/.test(text)) throw new NoCopy();
    // The top's own name does not count.
    this.#trail = [...this.#trail.slice(0, this.#depth), this.#depth === 0 ? "" : text];
    return this.#trail.slice(1).join("/");
  }

  #set(path: string, entry: Entry): void {
    if (path === "") return;
    this.#bytes += path.length + (entry.kind === "l" ? entry.target.length : 0);
    if (path.length > LONGEST) {
      const start = shown(textOf(Buffer.from(path.slice(0, 100), "latin1")));
      throw new NoCopy(`a path has more than ${LONGEST} bytes, exclude its folder: ${start}...`);
    }
    if (this.#bytes > this.#mostBytes) {
      throw new NoCopy(`names have more than ${this.#mostBytes / 2 ** 20} MiB: exclude some`);
    }
    this.#entries.set(path, entry);
    if (this.#entries.size > MOST) throw new NoCopy(`there are more than ${MOST} entries: exclude some`);
  }
}

/** The part of an entry that both sides must have in common: two entries are the same when their texts are. */
export function textOfEntry(entry: Entry): string {
  if (entry.kind === "f") return `f${entry.runs ? "x" : "-"}${entry.digest}`;
  return entry.kind === "l" ? `l${entry.target}` : entry.kind;
}
