import { access, statfs } from "node:fs/promises";
import { RUN_FILES } from "../../contract/run-files.ts";

/** What one session may use. */
export interface SessionLimits {
  /** Memory of all its processes and of its /tmp and /dev/shm, in MiB. */
  readonly memoryMiB: number;
  /** Size of its /tmp and /dev/shm together, in MiB. */
  readonly tmpMiB: number;
  /** Processes and threads. */
  readonly tasksMax: number;
}

/** Open files of one process, as in the reference. */
export const OPEN_FILES = 524_288;

/** What share of the session disk, of its space and of its files, one session's home may hold: the other half is for the others. */
const HOME_SHARE = 0.5;

/** What one session's home may hold. */
export interface HomeLimit {
  readonly mib: number;
  readonly files: number;
}

/** The limit of a home; undefined where the machine cannot set any. */
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
