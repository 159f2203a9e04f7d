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
