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
import { basename, dirname } from "node:path";
import { NotAFolder, type Place, stand, type Way } from "./place.ts";
import { CHUNK, DEEPEST, linkRecord, metaOf, record } from "./records.ts";
import { CopyFailure, isFatal, reasonOf, type Telling } from "./telling.ts";

// Opening must not wait for the other side of a pipe, and must not make a terminal the one of this process.
const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;

/**
 * Sends a file or a folder of this computer, as records. The operator has named a path: links on the way to it are
 * followed, links below it are not.
 *
 * @throws CopyFailure when this path cannot be sent
 */
export function* send(path: string, telling: Telling, way?: Way): Generator<Buffer> {
  const real = realpathSync(path);
  const place = stand(dirname(real), way);
  const name = Buffer.from(basename(real));
  const sender = new Sender(place, path, Buffer.from(basename(path)), telling);
  yield* sender.entry(name);
  yield* sender.rest();
  yield record("z");
}

class Sender {
  readonly #place: Place;
  readonly #path: string;
  readonly #telling: Telling;
  readonly #trail: Buffer[] = [];
  readonly #open: Dir[] = [];
  #called: Buffer | undefined;

  constructor(place: Place, path: string, called: Buffer, telling: Telling) {
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
    try {
      const seen = lstatSync(this.#place.at(name), { bigint: true });
      if (seen.isDirectory() && this.#open.length < DEEPEST) {
        this.#place.enter(name);
        this.#open.push(this.#list());
        yield record("d", metaOf(this.#place.stats()), name);
        return;
      }
      if (seen.isFile()) yield* this.#file(name);
      else if (seen.isSymbolicLink()) {
        yield linkRecord(metaOf(seen), name, readlinkSync(this.#place.at(name), { encoding: "buffer" }));
      } else {
        const why = kindOf(seen);
        if (top) throw new CopyFailure(`${this.#path} is ${why}`);
        this.#left(why);
      }
    } catch (error) {
      this.#failed(error, top);
    }
    this.#trail.pop();
  }

  *rest(): Generator<Buffer> {
    for (let dir = this.#open.at(-1); dir; dir = this.#open.at(-1)) {
      const name = this.#next(dir);
      if (name !== undefined) yield* this.entry(name);
      else {
        yield record("u");
        this.#open.pop();
        this.#trail.pop();
        dir.closeSync();
        this.#place.leave();
      }
    }
  }

  *#file(name: Buffer): Generator<Buffer> {
    const file = openSync(this.#place.at(name), READ);
    try {
      const before = fstatSync(file, { bigint: true });
      if (!before.isFile()) throw new NotAFolder();
      yield record("f", metaOf(before), name);
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
        if (read > 0) yield record("b", data.subarray(0, read));
      }
      yield record("e");
      const after = fstatSync(file, { bigint: true });
      if (rest > 0n || after.size !== before.size || after.mtimeNs !== before.mtimeNs) {
        this.#telling.tell("note", this.#trail, "it changed while it was read");
      }
    } finally {
      closeSync(file);
    }
  }

  #list(): Dir {
    try {
      return opendirSync(this.#place.self, { encoding: "buffer" as BufferEncoding });
    } catch (error) {
      this.#place.leave();
      throw error;
    }
  }

  #next(dir: Dir): Buffer | undefined {
    try {
      // The types of Node do not know names that are bytes.
      return dir.readSync()?.name as unknown as Buffer | undefined;
    } catch (error) {
      this.#telling.tell("left", [...this.#trail, Buffer.from("...")], reasonOf(error));
      return undefined;
    }
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
