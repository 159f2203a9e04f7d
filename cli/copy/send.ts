import { createHash } from "node:crypto";
import {
  type BigIntStats,
  closeSync,
  constants,
  type Dir,
  fstatSync,
  lstatSync,
  opendirSync,
  openSync,
  readlinkSync,
  readSync,
  realpathSync,
} from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { LedAstray, NotAFolder, type Place, seenStrictly, stand, standStrictly, type Way } from "./place.ts";
import { CHUNK, DEEPEST, digestRecord, linkRecord, metaOf, record } from "./records.ts";
import { CopyFailure, isFatal, reasonOf, type Telling } from "./telling.ts";

// Opening must not wait for the other side of a pipe, and must not make a terminal the one of this process.
const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;

/** Entries of a tree that are wanted: a name, as latin1 text of its bytes, leads to the names below it. */
export interface Tree extends Map<string, Tree> {}

/** A part of a tree, or digests instead of content. */
export interface Sending {
  readonly way?: Way | undefined;
  /** True where sessions write on the way to the path: no link on it is followed. Default: false. */
  readonly strict?: boolean;
  /** Sends only these entries of a folder. */
  readonly only?: Tree;
  /**
   * Sends the digest of each file instead of its content. It lists an entry that cannot be copied, so that it does not
   * look deleted.
   */
  readonly listing?: {
    /** Leaves out entries whose path below the top matches. The path is latin1 text of its bytes. */
    readonly skip?: RegExp;
    /** The largest file to list, in bytes. */
    readonly limit: number;
  };
}

/** Reads the names that {@link Sending.only} takes: paths below the top, separated by NUL characters. */
export function treeOf(paths: Buffer): Tree {
  const tree: Tree = new Map();
  for (const path of paths.toString("latin1").split("\0")) {
    let below = tree;
    for (const name of path === "" ? [] : path.split("/")) {
      const next: Tree = below.get(name) ?? new Map();
      below.set(name, next);
      below = next;
    }
  }
  return tree;
}

/**
 * Sends a file or a folder of this computer, as records. The operator has named a path: links on the way to it are
 * followed, links below it are not.
 *
 * @throws CopyFailure when this path cannot be sent
 */
export function* send(path: string, telling: Telling, sending: Sending = {}): Generator<Buffer> {
  const real = sending.strict ? resolve("/", path) : realpathSync(path);
  const name = Buffer.from(basename(real));
  const place = sending.strict ? strictly(real, name, sending.way) : stand(dirname(real), sending.way);
  const sender = new Sender(place, path, Buffer.from(basename(path)), telling, sending);
  yield* sender.entry(name);
  yield* sender.rest();
  yield record("z");
}

function strictly(path: string, name: Buffer, way: Way | undefined): Place {
  try {
    const place = standStrictly(dirname(path), way);
    if (name.length === 0) throw new LedAstray("the whole of a container is not copied: name a folder");
    seenStrictly(place, name, path);
    return place;
  } catch (error) {
    throw error instanceof LedAstray ? new CopyFailure(error.message) : error;
  }
}

/**
 * How many bytes larger a copy may be than what it is made of, because of holes and hard links. A file of terabytes, or a
 * large file under thousands of names, costs a session nothing, and the other side fills a disk with it. Tests set a lower one.
 */
const EXTRA = BigInt(process.env["CLOISTER_COPY_EXTRA"] || 2 ** 34);

/**
 * How many files with several names are remembered: some 100 MB. Where there are more, each name of a file counts for its
 * part of it. Tests set a lower one.
 */
const REMEMBERED = Number(process.env["CLOISTER_COPY_REMEMBERED"] || 1_000_000);

/** The names in a folder that are still to come: of the folder itself, or of those that are wanted. */
interface Names {
  readonly dir?: Dir;
  readonly tree?: Tree;
  readonly rest?: IterableIterator<string>;
}

/** Lists an entry that is there and cannot be copied. */
function* unknown(name: Buffer, seen: BigIntStats | undefined): Generator<Buffer> {
  yield record("f", metaOf(seen ?? { mode: 0n, mtimeNs: 0n }), name);
  yield record("x");
}

class Sender {
  readonly #place: Place;
  readonly #path: string;
  readonly #telling: Telling;
  readonly #trail: Buffer[] = [];
  readonly #open: Names[] = [];
  readonly #listing: Sending["listing"];
  readonly #strict: boolean;
  /** Bytes by which the copy is larger so far. */
  #extra = 0n;
  /** The files with several names that one name was sent of. */
  readonly #sent = new Set<string>();
  #called: Buffer | undefined;
  /** The wanted entries of the folder that is entered next. */
  #wanted: Tree | undefined;

  constructor(
    place: Place,
    path: string,
    called: Buffer,
    telling: Telling,
    { only, listing, strict = false }: Sending,
  ) {
    this.#strict = strict;
    this.#wanted = only;
    this.#listing = listing;
    this.#place = place;
    this.#path = path;
    this.#called = called;
    this.#telling = telling;
  }

  /** Sends a file, a link or the beginning of a folder; `rest` sends the rest of folders. */
  *entry(name: Buffer): Generator<Buffer> {
    const top = this.#called !== undefined;
    this.#trail.push(this.#called ?? name);
    this.#called = undefined;
    let seen: BigIntStats | undefined;
    try {
      seen = lstatSync(this.#place.at(name), { bigint: true });
      if (seen.isDirectory() && this.#open.length < DEEPEST) {
        this.#place.enter(name);
        this.#open.push(this.#list(this.#wanted));
        yield record("d", metaOf(this.#place.stats()), name);
        return;
      }
      if (seen.isFile()) yield* this.#file(name);
      else if (seen.isSymbolicLink()) {
        yield linkRecord(metaOf(seen), name, readlinkSync(this.#place.at(name), { encoding: "buffer" }));
      } else {
        const why = kindOf(seen);
        if (top) throw new CopyFailure(`${this.#path} is ${why}`);
        if (this.#listing) yield* unknown(name, seen);
        this.#left(why);
      }
    } catch (error) {
      this.#failed(error, top);
      if (this.#listing && (error as NodeJS.ErrnoException).code !== "ENOENT") yield* unknown(name, seen);
    }
    this.#trail.pop();
  }

  *rest(): Generator<Buffer> {
    for (let names = this.#open.at(-1); names; names = this.#open.at(-1)) {
      const name = this.#next(names);
      if (name !== undefined) {
        this.#wanted = names.tree?.get(name.toString("latin1"));
        yield* this.entry(name);
      } else {
        yield record("u");
        this.#open.pop();
        this.#trail.pop();
        names.dir?.closeSync();
        this.#place.leave();
      }
    }
  }

  /**
   * Counts by how much the copy grows beyond what it is made of, unless that is too much: by a file's holes, and by the
   * whole of a file that was sent under another name already. The number of its names tells little: others may be outside
   * of what is copied, in the store of a package manager. Some file systems of an operator's do not tell of holes.
   */
  #tooLarge({ dev, ino, size, blocks, nlink }: BigIntStats): boolean {
    if (!this.#strict) return false;
    const file = nlink > 1n ? `${dev}:${ino}` : undefined;
    let there = blocks * 512n;
    if (file !== undefined && this.#sent.has(file)) there = 0n;
    else if (file !== undefined && this.#sent.size >= REMEMBERED) there /= nlink;
    const own = size > there ? size - there : 0n;
    if (this.#extra + own > EXTRA) return true;
    this.#extra += own;
    if (file !== undefined && this.#sent.size < REMEMBERED) this.#sent.add(file);
    return false;
  }

  *#file(name: Buffer): Generator<Buffer> {
    const file = openSync(this.#place.at(name), READ);
    try {
      const before = fstatSync(file, { bigint: true });
      if (!before.isFile()) throw new NotAFolder();
      yield record("f", metaOf(before), name);
      const digest = createHash("sha256");
      if (this.#listing && before.size > BigInt(this.#listing.limit)) {
        yield record("x");
        this.#left(`it is larger than ${this.#listing.limit / 2 ** 20} MiB`);
        return;
      }
      if (this.#tooLarge(before)) {
        yield record("x");
        const most = EXTRA / 2n ** 30n;
        this.#left(
          `with holes and hard links the copy would be more than ${most} GiB larger than the files: pack it first`,
        );
        return;
      }
      // We read no more than the size at the start: so a file that grows for ever ends too.
      let rest = before.size;
      for (let read = 1; rest > 0n && read > 0; rest -= BigInt(read)) {
        const data = Buffer.alloc(rest < BigInt(CHUNK) ? Number(rest) : CHUNK);
        try {
          read = readSync(file, data);
        } catch (error) {
          yield record("x");
          this.#left(reasonOf(error));
          return;
        }
        if (this.#listing) digest.update(data.subarray(0, read));
        else if (read > 0) yield record("b", data.subarray(0, read));
      }
      if (this.#listing) yield digestRecord(before.size - rest, digest.digest());
      yield record("e");
      const after = fstatSync(file, { bigint: true });
      if (rest > 0n || after.size !== before.size || after.mtimeNs !== before.mtimeNs) {
        this.#telling.tell("note", this.#trail, "it changed while it was read");
      }
    } finally {
      closeSync(file);
    }
  }

  #list(tree: Tree | undefined): Names {
    try {
      if (tree) return { tree, rest: tree.keys() };
      return { dir: opendirSync(this.#place.self, { encoding: "buffer" as BufferEncoding }) };
    } catch (error) {
      this.#place.leave();
      throw error;
    }
  }

  #next({ dir, rest }: Names): Buffer | undefined {
    if (rest) {
      const { value } = rest.next() as { value?: string };
      return value === undefined ? undefined : Buffer.from(value, "latin1");
    }
    try {
      for (;;) {
        // The types of Node do not know names that are bytes.
        const name = dir?.readSync()?.name as unknown as Buffer | undefined;
        if (name === undefined || !this.#skips(name)) return name;
      }
    } catch (error) {
      if (this.#listing) throw error;
      this.#telling.tell("left", [...this.#trail, Buffer.from("...")], reasonOf(error));
      return undefined;
    }
  }

  #skips(name: Buffer): boolean {
    const skip = this.#listing?.skip;
    if (skip === undefined) return false;
    return skip.test([...this.#trail.slice(1), name].map((part) => part.toString("latin1")).join("/"));
  }

  #failed(error: unknown, top: boolean): void {
    if (error instanceof NotAFolder) this.#left("it was replaced while it was copied");
    else if (error instanceof CopyFailure) throw error;
    else if (top) throw new CopyFailure(`${this.#path}: ${reasonOf(error)}`);
    else if ((error as NodeJS.ErrnoException).code === "ENOENT") {
      this.#telling.tell("note", this.#trail, reasonOf(error));
    } else if (isFatal(error)) throw error;
    else this.#left(reasonOf(error));
  }

  #left(why: string): void {
    this.#telling.tell("left", this.#trail, why);
  }
}

function kindOf(seen: BigIntStats): string {
  if (seen.isDirectory()) return `more than ${DEEPEST} folders deep`;
  if (seen.isFIFO()) return "a named pipe";
  if (seen.isSocket()) return "a socket";
  return seen.isBlockDevice() || seen.isCharacterDevice() ? "a device" : "neither a file nor a folder";
}
