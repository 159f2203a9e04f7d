import { randomBytes } from "node:crypto";
import {
  type BigIntStats,
  closeSync,
  constants,
  copyFileSync,
  fchmodSync,
  fstatSync,
  futimesSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readlinkSync,
  readSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { NotAFolder, type Place, stand, type Way } from "./place.ts";
import { CHUNK, isProper } from "./records.ts";
import { CopyFailure, isFatal, reasonOf, type Telling } from "./telling.ts";

/** An entry as a listing of this computer saw it: a step is carried out only while it is still like that. */
export type Expected =
  | null
  | { readonly kind: "d" }
  | { readonly kind: "l"; readonly target: string }
  | { readonly kind: "f"; readonly size: string; readonly mtime: string };

/** One change of the operator's folder. Paths and targets are latin1 text of their bytes. */
export interface Step {
  readonly path: string;
  /** `put` takes the entry of this path from the staged tree. */
  readonly act: "put" | "remove";
  readonly expected: Expected;
}

/** The input of this end, as JSON. It comes from this program itself (`sync/ends.ts`). */
export interface Plan {
  /** Absolute path of the staged tree. Only this user can write there. */
  readonly staged: string;
  /** Absolute path of the folder that gets files that are replaced or removed. */
  readonly aside: string;
  readonly steps: readonly Step[];
}

const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const WRITE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/**
 * Carries out changes in the folder that the operator has named. No link below it is followed. A file is written under
 * another name and takes its place when it is complete; the former file is kept aside first. A step is left out, and
 * told, when its entry is not as expected any more. For each step that was carried out, its number is written to
 * standard output, one a line.
 */
export function apply(path: string, input: Buffer, telling: Telling, way?: Way): void {
  const { staged, aside, steps } = JSON.parse(input.toString("utf8")) as Plan;
  const umask = process.umask();
  const place = stand(path, way);
  for (const [number, step] of steps.entries()) {
    const names = step.path.split("/").map((name) => Buffer.from(name, "latin1"));
    try {
      if (!names.every(isProper)) throw new CopyFailure("it is no path");
      new Change(place, names, { staged, aside, umask }).carryOut(step);
      writeSync(1, `${number}\n`);
    } catch (error) {
      if (error instanceof NotAFolder) telling.tell("left", names, "a file or a link stands in its folder's place");
      else if (!(error instanceof CopyFailure) && isFatal(error)) throw error;
      else telling.tell("left", names, reasonOf(error));
    }
  }
}

/** The entry changed after it was listed. */
const changed = () => new CopyFailure("it changed here in the meantime: sync again");

class Change {
  readonly #place: Place;
  readonly #names: readonly Buffer[];
  readonly #name: Buffer;
  readonly #roots: { readonly staged: string; readonly aside: string; readonly umask: number };
  #depth = 0;

  constructor(place: Place, names: readonly Buffer[], roots: { staged: string; aside: string; umask: number }) {
    this.#place = place;
    this.#names = names;
    this.#name = names.at(-1) as Buffer;
    this.#roots = roots;
  }

  carryOut({ act, expected }: Step): void {
    try {
      for (const name of this.#names.slice(0, -1)) this.#enter(name, act === "put");
      if (act === "put") this.#put(expected);
      else this.#remove(expected);
    } finally {
      for (; this.#depth > 0; this.#depth--) this.#place.leave();
    }
  }

  #enter(name: Buffer, make: boolean): void {
    if (make && this.#seen(name) === undefined) mkdirSync(this.#place.at(name), 0o777);
    this.#place.enter(name);
    this.#depth++;
  }

  #seen(name = this.#name): BigIntStats | undefined {
    return lstatSync(this.#place.at(name), { bigint: true, throwIfNoEntry: false });
  }

  #mustBe(expected: Expected): void {
    if (!isAs(this.#seen(), expected, () => readlinkSync(this.#place.at(this.#name), "latin1"))) throw changed();
  }

  #remove(expected: Expected): void {
    this.#mustBe(expected);
    if (expected === null) return;
    if (expected.kind === "d") rmdirSync(this.#place.at(this.#name));
    else {
      this.#keep(expected);
      unlinkSync(this.#place.at(this.#name));
    }
  }

  #put(expected: Expected): void {
    const source = bytes(this.#roots.staged, this.#names);
    const found = lstatSync(source, { bigint: true });
    // An earlier step may have made it for what is in it.
    if (found.isDirectory() && this.#seen()?.isDirectory()) return;
    this.#mustBe(expected);
    if (expected?.kind === "d") {
      // What was in it is gone already; a folder that still holds something is not removed.
      rmdirSync(this.#place.at(this.#name));
    } else if (expected !== null) this.#keep(expected);
    const now = expected?.kind === "d" ? null : expected;
    if (found.isDirectory()) {
      if (now !== null) unlinkSync(this.#place.at(this.#name));
      mkdirSync(this.#place.at(this.#name), 0o777);
      return;
    }
    const temporary = this.#place.at(Buffer.from(`.cloister-cp-${randomBytes(8).toString("hex")}`));
    try {
      if (found.isSymbolicLink()) symlinkSync(readlinkSync(source, { encoding: "buffer" }), temporary);
      else this.#write(source, temporary, now);
      this.#mustBe(now);
      // A new entry must not replace one that somebody makes at this moment: a hard link replaces nothing.
      if (now !== null || found.isSymbolicLink() || !this.#linked(temporary)) {
        renameSync(temporary, this.#place.at(this.#name));
      }
    } catch (error) {
      try {
        unlinkSync(temporary);
      } catch {
        // It was not made, or is gone.
      }
      throw error;
    }
  }

  /** @returns false where there are no hard links */
  #linked(temporary: Buffer): boolean {
    try {
      linkSync(temporary, this.#place.at(this.#name));
    } catch (error) {
      if (["EPERM", "ENOTSUP", "ENOSYS"].includes((error as NodeJS.ErrnoException).code ?? "")) return false;
      if ((error as NodeJS.ErrnoException).code === "EEXIST") throw changed();
      throw error;
    }
    unlinkSync(temporary);
    return true;
  }

  /** Writes a staged file. One that was here keeps its mode, except the right to be run. */
  #write(source: Buffer, temporary: Buffer, expected: Expected): void {
    const from = openSync(source, READ);
    try {
      const { mode, mtimeNs } = fstatSync(from, { bigint: true });
      const to = openSync(temporary, WRITE, 0o600);
      try {
        const data = Buffer.alloc(CHUNK);
        for (let read = readSync(from, data); read > 0; read = readSync(from, data)) {
          for (let done = 0; done < read; ) done += writeSync(to, data, done, read - done);
        }
        const was = expected?.kind === "f" ? this.#seen()?.mode : undefined;
        fchmodSync(to, modeFor(Number(mode), was === undefined ? undefined : Number(was)) & ~this.#roots.umask);
        futimesSync(to, Number(mtimeNs) / 1e9, Number(mtimeNs) / 1e9);
      } finally {
        closeSync(to);
      }
    } finally {
      closeSync(from);
    }
  }

  /** Keeps the former file or link: a session could have replaced it by anything. */
  #keep(expected: Expected): void {
    const to = bytes(this.#roots.aside, this.#names);
    mkdirSync(Buffer.from(dirname(to.toString("latin1")), "latin1"), { recursive: true, mode: 0o700 });
    const from = this.#place.at(this.#name);
    if (expected?.kind === "l") {
      attempt(() => symlinkSync(readlinkSync(from, { encoding: "buffer" }), to));
      return;
    }
    try {
      linkSync(from, to);
    } catch (error) {
      // Another file system, or one without hard links.
      if ((error as NodeJS.ErrnoException).code === "EEXIST") return;
      copyFileSync(from, to, constants.COPYFILE_EXCL);
    }
  }
}

/** Tells whether an entry is as it was listed. */
function isAs(seen: BigIntStats | undefined, expected: Expected, target: () => string): boolean {
  if (seen === undefined || expected === null) return seen === undefined && expected === null;
  if (expected.kind === "d") return seen.isDirectory();
  if (expected.kind === "l") return seen.isSymbolicLink() && target() === expected.target;
  return seen.isFile() && `${seen.size}` === expected.size && `${seen.mtimeNs}` === expected.mtime;
}

/** The nine bits of permission of a file that comes; a former file's, with the new one's right to be run. */
export function modeFor(comes: number, was?: number): number {
  if (was === undefined) return comes & 0o777;
  const readable = was & 0o444;
  return (was & 0o666) | ((comes & 0o100) === 0 ? 0 : readable >> 2);
}

const bytes = (root: string, names: readonly Buffer[]): Buffer =>
  Buffer.concat([Buffer.from(root), ...names.flatMap((name) => [Buffer.from("/"), name])]);

function attempt(act: () => void): void {
  try {
    act();
  } catch {
    // It is there already.
  }
}
