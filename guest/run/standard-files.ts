import { fstatSync, readFileSync, write } from "node:fs";

export interface StandardFiles {
  readonly stdio: readonly ("inherit" | "ignore" | "pipe")[];
  /** Whether both outputs are one file: they are passed on by one pipe, which is the first, in the order of the writes. */
  readonly together: boolean;
}

/**
 * What a command gets in the place of this process's standard files: the same where they are terminals, pipes and the
 * like. A file that the caller writes to (`>> log`) is not given away: by its descriptor a session could change and take
 * away all that was in it before, and by a folder's leave its root. What the command writes is passed on.
 */
export function standardFiles(): StandardFiles {
  if (isStream(1) || isStream(2) || !isOneFile(1, 2))
    return { stdio: [input(), isStream(1) ? "inherit" : "pipe", isStream(2) ? "inherit" : "pipe"], together: false };
  return { stdio: [input(), "pipe", "ignore"], together: true };
}

function input(): "inherit" | "ignore" | "pipe" {
  const status = statusOf(0);
  if (status === undefined || isStream(0)) return "inherit";
  if (status.isDirectory() || status.isBlockDevice()) return "ignore";
  const mode = accessModeOf(0);
  if (mode === READ_ONLY) return "inherit";
  // `<> file` opens it for writing, too: what is in it is passed on.
  return mode === WRITE_ONLY ? "ignore" : "pipe";
}

const READ_ONLY = 0;
const WRITE_ONLY = 1;

/** proc(5): `flags` are octal, and the last two bits are the access mode. */
function accessModeOf(fd: number): number | undefined {
  const flags = /^flags:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"))?.[1];
  return flags === undefined ? undefined : Number.parseInt(flags, 8) & 3;
}

function isStream(fd: number): boolean {
  const status = statusOf(fd);
  return status === undefined || status.isFIFO() || status.isSocket() || status.isCharacterDevice();
}

function isOneFile(a: number, b: number): boolean {
  const [one, other] = [statusOf(a), statusOf(b)];
  return one !== undefined && one.dev === other?.dev && one.ino === other.ino;
}

/** Undefined where the descriptor is not open. */
function statusOf(fd: number) {
  try {
    return fstatSync(fd);
  } catch {
    return undefined;
  }
}

/** Makes the function that writes to one of this process's own standard files, where it is now, or at its end. */
export function writerTo(fd: number): (data: Buffer) => Promise<void> {
  const some = (data: Buffer) =>
    new Promise<number>((resolve, reject) =>
      write(fd, data, 0, data.length, null, (error, written) => (error === null ? resolve(written) : reject(error))),
    );
  return async (data) => {
    for (let rest = data; rest.length > 0; ) rest = rest.subarray(await some(rest));
  };
}
