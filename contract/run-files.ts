/**
 * Folder of the files that one boot of a machine makes for its programs. It is in memory, and gone at the next boot.
 */
export const RUN = "/run/cloister";

/**
 * Every path below {@link RUN} on a machine. Shell scripts, units and Go programs have some of these as literals: a
 * test holds them to this list.
 */
export const RUN_FILES = {
  /** Exists when the packet filter of this boot is loaded (guest/boot/system.sh). */
  wall: `${RUN}/wall`,
  /** Exists when the session disk is mounted with project quotas (guest/boot/session-disk.sh). */
  quota: `${RUN}/quota`,
  /** The reason why the machine is not ready after this boot; the boot scripts write it. */
  failure: `${RUN}/failure`,
  /** Messages of the boot for the operator: a line for each thing to look at, such as a full session disk. */
  notices: `${RUN}/notices`,
  /** The folder in which apt works while it installs packages of the runtime image (guest/boot/packages.sh). */
  aptImage: `${RUN}/apt-image`,
  /** Names of apt's timers, which wait until the machine is ready. Exists while they do. */
  heldTimers: `${RUN}/held-timers`,
  /** The report of this boot's verification, as JSON (report.ts). */
  report: `${RUN}/verification.json`,
  /** Empty when logs are shipped, else the reason why they are not. Exists when that is known (guest/aws/logs). */
  logs: `${RUN}/logs`,
  /** The reason why this machine takes no new commands. Exists while it takes none. */
  draining: `${RUN}/draining`,
  /** A folder for each running session: its sockets, its /tmp, its owner. */
  sessions: `${RUN}/sessions`,
  /** A file for each session that is over but could not be removed completely. */
  unremoved: `${RUN}/unremoved`,
  /** The key for the model's API, readable by root only. It never enters a session. */
  modelKey: `${RUN}/model-key`,
  /**
   * A relay makes this file when the API refuses the key. The service that fetches the key (on AWS) then fetches it
   * again.
   */
  modelKeyRefused: `${RUN}/model-key-refused`,
  /** Folder of what V8 compiled of the machine's programs, for their next start. Root's alone, and read-only for supervisors. */
  code: `${RUN}/code`,
} as const;

/** Folders that a session sees in {@link RUN} instead: it sees none of the files above. */
export const INSIDE = {
  /** The session's two proxy sockets. Only the bridges can use them: AF_UNIX is refused to the command. */
  sockets: `${RUN}/egress`,
  /** Programs that only root may read (guest/seal/internal/scratch). */
  programs: `${RUN}/programs`,
} as const;
