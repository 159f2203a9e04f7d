/** Folder of all that one boot of a machine leaves for its programs: in memory, and gone after the boot. */
export const RUN = "/run/cloister";

/**
 * Every path below {@link RUN} on a machine. Shell scripts, units and Go programs have some of these as literals: a test
 * holds them to this list.
 */
export const RUN_FILES = {
  /** There once the packet filter of this boot is loaded (guest/boot/system.sh). */
  wall: `${RUN}/wall`,
  /** There once the session disk is mounted with project quotas (guest/boot/session-disk.sh). */
  quota: `${RUN}/quota`,
  /** Why this boot did not make a machine that is ready, by the boot scripts. */
  failure: `${RUN}/failure`,
  /** What the boot leaves for the operator: a line for each thing to look at, such as a full session disk. */
  notices: `${RUN}/notices`,
  /** The report of this boot's verification, as JSON (report.ts). */
  report: `${RUN}/verification.json`,
  /** Empty when logs are shipped, else why they are not. There once that is known (guest/aws/logs). */
  logs: `${RUN}/logs`,
  /** Why this machine takes no new commands, while it takes none. */
  stopping: `${RUN}/stopping`,
  /** A folder for each running session: sockets, /tmp, who runs it. */
  sessions: `${RUN}/sessions`,
  /** A file for each session that is over and of which something could not be removed. */
  unremoved: `${RUN}/unremoved`,
  /** The key for the model's API, readable by root only. It never enters a session. */
  modelKey: `${RUN}/model-key`,
  /** Made by a relay when the API refuses the key. Who puts the key there (on AWS) then asks for it anew. */
  modelKeyRefused: `${RUN}/model-key-refused`,
  /** What Node compiled, for its next start. */
  nodeCache: `${RUN}/node-cache`,
} as const;

/** Folders that a session sees at this place instead: none of the above is there. */
export const INSIDE = {
  /** The session's two proxy sockets. Only the bridges can use them: AF_UNIX is refused to the command. */
  sockets: `${RUN}/egress`,
  /** Programs that only root may read (guest/seal/internal/scratch). */
  programs: `${RUN}/programs`,
} as const;
