import {
  type BigIntStats,
  chmodSync,
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fstatSync,
  futimesSync,
  lstatSync,
  openSync,
  type Stats,
  statSync,
  utimesSync,
} from "node:fs";

/**
 * The place of a copy in a tree of folders on this computer. It enters folders one by one and never through a link,
 * also when somebody changes the tree meanwhile. Every call names one entry of the folder that was entered, so a copy
 * reaches nothing outside. Node has no `openat`: the two classes below do the same in other ways.
 */
export interface Place {
  /** Names an entry of this folder in a call. */
  at(name: Buffer): Buffer;
  /** Names this folder in a call. */
  readonly self: string;
  /** Goes into a folder. @throws NotAFolder when it is no folder, or a link to one */
  enter(name: Buffer): void;
  /** Goes back. */
  leave(): void;
  stats(): BigIntStats;
  setMode(mode: number): void;
  setTime(seconds: number): void;
}

/** There is no folder of this name, but something else, maybe a link. */
export class NotAFolder extends Error {}

/** The two ways to hold a place: by descriptors, which Linux' /proc can name, or by this process's working folder. */
export type Way = "descriptors" | "working folder";

/**
 * Begins in a folder that the operator has named: links on the way to it are followed.
 *
 * @param way `working folder` is for a process that does nothing else
 */
export function stand(path: string, way: Way = defaultWay()): Place {
  return way === "descriptors" ? new ByDescriptors(path) : new ByWorkingFolder(path);
}

/** The walk to a place met a link, or something that is no folder. */
export class LedAstray extends Error {}

/**
 * Begins in a folder where sessions write on the way to it, as in a container: no link is followed, from the root on.
 *
 * @param path absolute, and without `.` and `..`
 * @throws LedAstray where a part of it is no folder; NotFound errors of the system as they are
 */
export function standStrictly(path: string, way: Way = defaultWay()): Place {
  const place = stand("/", way);
  for (const name of path.split("/").filter(Boolean)) {
    try {
      place.enter(Buffer.from(name));
    } catch (error) {
      if (!(error instanceof NotAFolder)) throw error;
      throw new LedAstray(
        `${name} in ${path} is a link, which a session may have made, or no folder: name the place itself`,
      );
    }
  }
  return place;
}

/**
 * Looks at what a name in a strict place is; undefined where it is nothing.
 *
 * @param path as the operator wrote it, for the message
 * @throws LedAstray where it is a link
 */
export function seenStrictly(place: Place, name: Buffer, path: string): Stats | undefined {
  const seen = lstatSync(place.at(name), { throwIfNoEntry: false });
  if (seen?.isSymbolicLink())
    throw new LedAstray(`${path} is a link, which a session may have made: name the place itself`);
  return seen;
}

/** @returns the way that serves here */
export function defaultWay(): Way {
  return process.platform === "linux" && existsSync("/proc/self/fd") ? "descriptors" : "working folder";
}

const FOLDER = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
/** Linux' O_PATH, which Node does not name: a folder that is only passed through need not be readable. */
const O_PATH = 0o10000000;

/** `/proc/self/fd/N/NAME` begins at the folder that is open as N, wherever it is by now. */
class ByDescriptors implements Place {
  readonly #stack: number[];

  constructor(path: string) {
    this.#stack = [openSync(path, O_PATH | constants.O_DIRECTORY)];
  }

  get self(): string {
    return `/proc/self/fd/${this.#top}`;
  }

  at(name: Buffer): Buffer {
    return Buffer.concat([Buffer.from(`${this.self}/`), name]);
  }

  enter(name: Buffer): void {
    try {
      this.#stack.push(openSync(this.at(name), FOLDER));
    } catch (error) {
      throw ["ENOTDIR", "ELOOP"].includes((error as NodeJS.ErrnoException).code ?? "") ? new NotAFolder() : error;
    }
  }

  leave(): void {
    closeSync(this.#top);
    this.#stack.pop();
  }

  stats(): BigIntStats {
    return fstatSync(this.#top, { bigint: true });
  }

  setMode(mode: number): void {
    fchmodSync(this.#top, mode);
  }

  setTime(seconds: number): void {
    futimesSync(this.#top, seconds, seconds);
  }

  get #top(): number {
    const top = this.#stack.at(-1);
    if (top === undefined) throw new Error("no folder is open");
    return top;
  }
}

/**
 * A name without a folder in it begins at the working folder, wherever that is by now. A link may be put in a folder's
 * place just before we enter it: we check for that right after entering, before anything else is done.
 */
class ByWorkingFolder implements Place {
  readonly self = ".";
  readonly #above: BigIntStats[] = [];
  /** True when this process is somewhere else: it must touch nothing there. */
  #lost = false;

  constructor(path: string) {
    process.chdir(path);
  }

  at(name: Buffer): Buffer {
    this.#mustNotBeLost();
    return name;
  }

  enter(name: Buffer): void {
    const text = name.toString("utf8");
    if (!Buffer.from(text).equals(name)) throw Object.assign(new Error("its name is not UTF-8"), { code: "EILSEQ" });
    const above = this.stats();
    const seen = lstatSync(name, { bigint: true });
    if (!seen.isDirectory()) throw new NotAFolder();
    // The `./` is needed: other systems may read a bare name as an option or a drive.
    process.chdir(`./${text}`);
    this.#mustBe(seen);
    this.#above.push(above);
  }

  leave(): void {
    this.#mustNotBeLost();
    const above = this.#above.pop();
    process.chdir("..");
    if (above) this.#mustBe(above);
  }

  stats(): BigIntStats {
    this.#mustNotBeLost();
    return statSync(".", { bigint: true });
  }

  setMode(mode: number): void {
    this.#mustNotBeLost();
    chmodSync(".", mode);
  }

  setTime(seconds: number): void {
    this.#mustNotBeLost();
    utimesSync(".", seconds, seconds);
  }

  #mustBe(expected: BigIntStats): void {
    const { dev, ino } = this.stats();
    this.#lost = dev !== expected.dev || ino !== expected.ino;
    this.#mustNotBeLost();
  }

  #mustNotBeLost(): void {
    if (this.#lost) throw new Moved();
  }
}

/** We do not know in which folder we are: the copy ends. */
export class Moved extends Error {
  constructor() {
    super("a folder was replaced while it was copied");
  }
}
