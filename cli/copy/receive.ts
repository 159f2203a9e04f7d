import { randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  fchmodSync,
  futimesSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  realpathSync,
  renameSync,
  type Stats,
  statSync,
  symlinkSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { LedAstray, NotAFolder, type Place, seenStrictly, stand, standStrictly, type Way } from "./place.ts";
import { type CopyRecord, DEEPEST, isProper, type Meta, NoCopy, readEntry, readLink, staysInside } from "./records.ts";
import { CopyFailure, isFatal, reasonOf, type Telling } from "./telling.ts";
import { textOf } from "./text.ts";

const WRITE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/** The place of a copy: an open folder, and the copy's name in it. */
interface Destination {
  readonly place: Place;
  readonly last: string;
  readonly path: string;
}

/** The place that an operator has named on this computer: links on the way to it are followed. */
function namedPlace(to: string, name: string, way?: Way): Destination {
  const found = statOf(to);
  const path = found?.isDirectory() ? join(to, name) : found ? realpathSync(to) : resolve(to);
  if (!found?.isDirectory() && to.endsWith("/")) throw new CopyFailure(`there is no folder ${to} on this computer`);
  const folder = found?.isDirectory() ? to : dirname(path);
  if (!statOf(folder)?.isDirectory()) throw new CopyFailure(`there is no folder ${folder} on this computer`);
  return { place: stand(folder, way), last: found?.isDirectory() ? name : basename(path), path };
}

/** The place that an operator has named where sessions write. */
function strictPlace(to: string, name: string, way?: Way): Destination {
  const path = resolve("/", to);
  const last = basename(path);
  try {
    const place = standStrictly(dirname(path), way);
    const seen = last === "" ? undefined : seenStrictly(place, Buffer.from(last), path);
    if (last !== "" && !seen?.isDirectory()) {
      if (to.endsWith("/")) throw new CopyFailure(`there is no folder ${to} in the container`);
      return { place, last, path };
    }
    if (last !== "") place.enter(Buffer.from(last));
    return { place, last: name, path: join(path, name) };
  } catch (error) {
    if (error instanceof LedAstray) throw new CopyFailure(error.message);
    if (error instanceof NotAFolder) throw new CopyFailure(`${path} was replaced meanwhile`);
    if ((error as NodeJS.ErrnoException).code === "ENOENT")
      throw new CopyFailure(`there is no folder ${dirname(path)} in the container`);
    throw error;
  }
}

/** A folder that was entered, and the mode and the time that it gets at its end. */
interface Entered {
  readonly modeBefore?: number;
  readonly mtime?: bigint;
}

/** A file that is being written under another name. */
interface Arriving {
  readonly file: number;
  readonly temporary: Buffer;
  readonly name: Buffer;
  readonly meta: Meta;
}

/**
 * Writes the files that a machine sends to the place that the operator wants. The machine is not trusted: a session may
 * have made these files, and those of an earlier copy that are here already. So the receiver follows no link below the
 * path that the operator has named, and makes no link that leads out of the copy. It takes only the nine permission
 * bits of a mode, less the umask.
 *
 * A file is written under another name beside its place and takes it when it is complete: a reader sees the old or the
 * new.
 */
export class Receiver {
  readonly #place: Place;
  readonly #path: string;
  readonly #last: Buffer;
  readonly #telling: Telling;
  readonly #entered: Entered[] = [];
  readonly #umask = process.umask();
  #trail: Buffer[] = [];
  #begun = false;
  /** True while a file's content comes, also when we drop it. */
  #within = false;
  #arriving: Arriving | undefined;
  /** The number of folders, one in another, that are skipped with all that is in them. */
  #skipped = 0;

  /**
   * @param to the path that the operator has named: a folder that takes the copy, or the copy's new name
   * @param name the copy's name in a folder
   * @param strict true where sessions write on the way to the place: no link on it is followed
   * @throws CopyFailure when there is no place for it
   */
  constructor(to: string, name: string, telling: Telling, way?: Way, strict = false) {
    const { place, last, path } = strict ? strictPlace(to, name, way) : namedPlace(to, name, way);
    this.#last = Buffer.from(last);
    if (!isProper(this.#last)) throw new CopyFailure(`${textOf(this.#last)} is no name for a file`);
    this.#path = path;
    this.#place = place;
    this.#telling = telling;
  }

  /** Takes one record. @returns true when it was the last one */
  take({ letter, data }: CopyRecord): boolean {
    if (this.#skipped > 0) this.#skipped += letter === "d" ? 1 : letter === "u" ? -1 : 0;
    else if (letter === "b" && this.#within) this.#write(data);
    else if ((letter === "e" || letter === "x") && this.#within) this.#finish(letter === "e");
    else if (this.#within) throw new NoCopy();
    else if (letter === "d") this.#enter(readEntry(data));
    else if (letter === "f") this.#begin(readEntry(data));
    else if (letter === "l") this.#link(readLink(data));
    else if (letter === "u" && this.#entered.length > 0) this.#leave();
    else if (letter === "z" && this.#entered.length === 0) return true;
    else throw new NoCopy();
    return false;
  }

  /** Leaves nothing unfinished. */
  end(): void {
    this.#drop();
    while (this.#entered.length > 0) this.#leave();
  }

  #enter({ meta, name: sent }: { readonly meta: Meta; readonly name: Buffer }): void {
    const name = this.#named(sent);
    if (this.#entered.length >= DEEPEST) throw new NoCopy();
    try {
      const made = this.#intoFolder(name, (meta.mode & 0o777) | 0o700);
      const { uid, mode } = this.#place.stats();
      const modeBefore = Number(mode & 0o7777n);
      // The user's own folder may be closed to writing: we open it for the time of the copy.
      const open = made || Number(uid) !== process.geteuid?.() || uid === 0n || (mode & 0o700n) === 0o700n;
      this.#entered.push({ ...(open ? {} : { modeBefore }), ...(made ? { mtime: meta.mtime } : {}) });
      if (!open) this.#place.setMode(modeBefore | 0o700);
    } catch (error) {
      if (error instanceof NotAFolder) this.#blocked("a file");
      else this.#refuse(error);
      this.#skipped = 1;
    }
  }

  /** @returns true when the folder is new */
  #intoFolder(name: Buffer, mode: number): boolean {
    for (let attempt = 0; ; attempt++) {
      const made = attemptTo(() => mkdirSync(this.#place.at(name), mode), "EEXIST");
      try {
        this.#place.enter(name);
        return made;
      } catch (error) {
        if (!(error instanceof NotAFolder) || attempt >= 3) throw error;
        if (this.#seen(name)?.isSymbolicLink() !== true) throw error;
      }
      unlinkSync(this.#place.at(name));
      this.#telling.tell("note", this.#trail, "a link stood there, and gave way to a folder");
    }
  }

  #leave(): void {
    const entered = this.#entered.pop();
    try {
      if (entered?.modeBefore !== undefined) this.#place.setMode(entered.modeBefore);
      if (entered?.mtime !== undefined) this.#place.setTime(seconds(entered.mtime));
    } catch {
      // The folder is copied all the same.
    }
    this.#place.leave();
  }

  #begin({ meta, name: sent }: { readonly meta: Meta; readonly name: Buffer }): void {
    const name = this.#named(sent);
    this.#within = true;
    if (this.#isBlocked(name)) return;
    const temporary = temporaryName();
    try {
      this.#arriving = { file: openSync(this.#place.at(temporary), WRITE, 0o600), temporary, name, meta };
    } catch (error) {
      this.#refuse(error);
    }
  }

  #write(data: Buffer): void {
    if (!this.#arriving) return;
    try {
      for (let done = 0; done < data.length; ) done += writeSync(this.#arriving.file, data, done);
    } catch (error) {
      this.#drop();
      this.#refuse(error);
    }
  }

  #finish(whole: boolean): void {
    this.#within = false;
    if (!this.#arriving) return;
    const { file, temporary, name, meta } = this.#arriving;
    try {
      if (!whole) return;
      fchmodSync(file, meta.mode & 0o777 & ~this.#umask);
      futimesSync(file, seconds(meta.mtime), seconds(meta.mtime));
      renameSync(this.#place.at(temporary), this.#place.at(name));
      if ((meta.mode & 0o6000) !== 0)
        this.#telling.tell("note", this.#trail, "its set-user-id or set-group-id bit was left out");
    } catch (error) {
      this.#refuse(error);
    } finally {
      this.#drop();
    }
  }

  /** Closes the file that is arriving, and removes it when it is not in its place yet. */
  #drop(): void {
    if (!this.#arriving) return;
    const { file, temporary } = this.#arriving;
    this.#arriving = undefined;
    closeSync(file);
    attemptTo(() => unlinkSync(this.#place.at(temporary)), "ENOENT");
  }

  #link({ meta, name: sent, target }: { readonly meta: Meta; readonly name: Buffer; readonly target: Buffer }): void {
    const name = this.#named(sent);
    if (this.#entered.length === 0) throw new NoCopy();
    if (!staysInside(target, this.#entered.length - 1)) {
      const where = textOf(target.subarray(0, 200));
      this.#telling.tell("left", this.#trail, `a link that leads out of what is copied, to ${where}`);
      return;
    }
    if (this.#isBlocked(name)) return;
    const temporary = this.#place.at(temporaryName());
    try {
      symlinkSync(target, temporary);
      lutimesSync(temporary, seconds(meta.mtime), seconds(meta.mtime));
      renameSync(temporary, this.#place.at(name));
    } catch (error) {
      attemptTo(() => unlinkSync(temporary), "ENOENT");
      this.#refuse(error);
    }
  }

  /**
   * Checks a name that the machine sent, and returns it. For the top entry it returns the operator's name instead.
   */
  #named(sent: Buffer): Buffer {
    const top = this.#entered.length === 0;
    if (top && this.#begun) throw new NoCopy();
    if (!isProper(sent)) throw new NoCopy(`the machine sent a name that would lead elsewhere: ${textOf(sent)}`);
    this.#begun = true;
    // The name is copied: the bytes that were sent are part of a larger piece of memory.
    const name = top ? this.#last : Buffer.from(sent);
    this.#trail = [...this.#trail.slice(0, this.#entered.length), name];
    return name;
  }

  #seen(name: Buffer): Stats | undefined {
    try {
      return lstatSync(this.#place.at(name));
    } catch {
      // If something is wrong here, writing fails later and says what.
      return undefined;
    }
  }

  #refuse(error: unknown): void {
    if (this.#entered.length === 0) throw new CopyFailure(`${this.#path}: ${reasonOf(error)}`);
    if (isFatal(error)) throw new CopyFailure(`${this.#trail.map(textOf).join("/")}: ${reasonOf(error)}`);
    this.#telling.tell("left", this.#trail, reasonOf(error));
  }

  /** Tells whether a folder is in the place of a file or a link. */
  #isBlocked(name: Buffer): boolean {
    const blocked = this.#seen(name)?.isDirectory() ?? false;
    if (blocked) this.#blocked("a folder");
    return blocked;
  }

  #blocked(what: string): void {
    if (this.#entered.length === 0) throw new CopyFailure(`${this.#path} is ${what} on this computer`);
    this.#telling.tell("left", this.#trail, `${what} stands there`);
  }
}

const temporaryName = (): Buffer => Buffer.from(`.cloister-cp-${randomBytes(8).toString("hex")}`);

const seconds = (nanoseconds: bigint): number => Number(nanoseconds) / 1e9;

const statOf = (path: string): Stats | undefined => statSync(path, { throwIfNoEntry: false });

/** @returns false when it failed with this code */
function attemptTo(act: () => void, code: string): boolean {
  try {
    act();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === code) return false;
    throw error;
  }
}
