import { access, statfs } from "node:fs/promises";
import { RUN_FILES } from "../../contract/run-files.ts";

/** The resources that one session may use. */
export interface SessionLimits {
  /** Memory of all its processes and of its /tmp and /dev/shm, in MiB. */
  readonly memoryMiB: number;
  /** Size of its /tmp and /dev/shm together, in MiB. */
  readonly tmpMiB: number;
  /** Maximum number of processes and threads. */
  readonly tasksMax: number;
}

/** Open files of one process, as in the reference. */
export const OPEN_FILES = 524_288;

/**
 * The share of the session disk's space and number of files that one session's home may use. The other half is for the
 * other sessions.
 */
const HOME_SHARE = 0.5;

/** The maximum that one session's home may hold. */
export interface HomeLimit {
  readonly mib: number;
  readonly files: number;
}

/** Returns the limit of a home; undefined when the machine cannot set any. */
export async function homeLimit(homes: string, quotaFile: string = RUN_FILES.quota): Promise<HomeLimit | undefined> {
  if (
    !(await access(quotaFile).then(
      () => true,
      () => false,
    ))
  )
    return undefined;
  const { blocks, bsize, files } = await statfs(homes);
  const share = (whole: number) => Math.max(1, Math.floor(whole * HOME_SHARE));
  return { mib: share((blocks * bsize) / 2 ** 20), files: share(files) };
}
