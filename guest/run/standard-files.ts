import { fstatSync, write } from "node:fs";

/**
 * What a command gets in the place of this process's standard files: the same where they are terminals, pipes and the
 * like. A file that the caller writes to (`>> log`) is not given away: by its descriptor a session could change and take
 * away all that was in it before, and by a folder's leave its root. What the command writes is passed on.
 */
export function standardFiles(): ("inherit" | "ignore" | "pipe")[] {
  const output = (fd: number) => (isStream(fd) ? "inherit" : "pipe");
  return [isFolderOrDisk(0) ? "ignore" : "inherit", output(1), output(2)];
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
