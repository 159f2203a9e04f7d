import { fstatSync, openSync, readFileSync, write } from "node:fs";

/**
 * What a command gets in the place of this process's standard files: the same where they are terminals, pipes and the
 * like. A file that the caller writes to (`>> log`) is not given away: by its descriptor a session could change and take
 * away all that was in it before, and by a folder's leave its root. What the command writes is passed on.
 */
export function standardFiles(): ("inherit" | "ignore" | "pipe" | number)[] {
  const output = (fd: number) => (isStream(fd) ? "inherit" : "pipe");
  return [input(), output(1), output(2)];
}

function input(): "inherit" | "ignore" | number {
  if (isFolderOrDisk(0)) return "ignore";
  // `<> file` opens it for writing, too. It is opened again, for reading alone.
  return isStream(0) || !isWritable(0) ? "inherit" : openSync("/proc/self/fd/0", "r");
}

/** proc(5): `flags` are octal, and the last two bits are the access mode, of which 0 is reading alone. */
function isWritable(fd: number): boolean {
  const flags = /^flags:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"))?.[1];
  return flags === undefined || (Number.parseInt(flags, 8) & 3) !== 0;
}

function isStream(fd: number): boolean {
  const status = statusOf(fd);
  return status === undefined || status.isFIFO() || status.isSocket() || status.isCharacterDevice();
}

function isFolderOrDisk(fd: number): boolean {
  const status = statusOf(fd);
  return status !== undefined && (status.isDirectory() || status.isBlockDevice());
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
