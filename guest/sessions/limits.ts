import { access, statfs } from "node:fs/promises";

/** What one session may use. */
export interface SessionLimits {
  /** Memory of all its processes and of its /tmp and /dev/shm, in MiB. */
  readonly memoryMiB: number;
  /** Size of its /tmp and /dev/shm together, in MiB. */
  readonly tmpMiB: number;
  /** Processes and threads. */
  readonly tasksMax: number;
}

/** For a machine without a description of its own: the reference's. */
export const DEFAULT_LIMITS: SessionLimits = { memoryMiB: 3891, tmpMiB: 512, tasksMax: 8192 };

/** Open files of one process, as in the reference. */
export const OPEN_FILES = 524_288;

/** There once the session disk is mounted with project quotas (guest/boot/session-disk.sh). */
export const QUOTA_FILE = "/run/cloister/quota";

/** What share of the session disk, of its space and of its files, one session's home may hold: the other half is for the others. */
const HOME_SHARE = 0.5;

/** What one session's home may hold. */
export interface HomeLimit {
  readonly mib: number;
  readonly files: number;
}

/** The limit of a home; undefined where the machine cannot set any. */
export async function homeLimit(homes: string, quotaFile: string = QUOTA_FILE): Promise<HomeLimit | undefined> {
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
