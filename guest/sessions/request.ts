import type { EgressDecision } from "../egress/decision.ts";

/**
 * What a mount lets the session do (row N3):
 * `ro` read only; `rw` read and write, but what was there before the session cannot be deleted; `rwd` read, write and delete; `trash`
 * as `rwd`, but what was there before the session is moved to the folder's trash instead of deleted.
 */
export const MOUNT_MODES = ["ro", "rw", "rwd", "trash"] as const;
export type MountMode = (typeof MOUNT_MODES)[number];

/** One folder of the machine, shown to the session as `/sessions/<session>/mnt/<name>`. */
export interface MountRequest {
  /** Absolute path of the folder on the machine. No part of it may be a symbolic link. */
  readonly source: string;
  /** Name below `mnt/`: one path component. */
  readonly name: string;
  readonly mode: MountMode;
}

/** One command to run in one sealed session. */
export interface SealedSpec {
  /** Program and arguments. The program is looked up on the session's PATH. */
  readonly command: readonly string[];
  /**
   * Hosts the session may reach through its proxy: `host`, `host:port`, `*.host`. Default: none.
   * Addresses of the machine itself, of its networks and of its metadata service are never reachable.
   */
  readonly allow?: readonly string[];
  readonly mounts?: readonly MountRequest[];
  /**
   * Name of the session. Default: a random `<adjective>-<adjective>-<noun>`. A named session's home is kept when its
   * command ends, and used again by the next run of that name.
   */
  readonly name?: string;
  /** Keeps the session (home and user) after its command. Default: false for a random name, true for a given one. */
  readonly keep?: boolean;
  /** Variables added to the session's own small environment. The proxy's variables cannot be replaced. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Working directory inside the session. Default: the session's home. */
  readonly cwd?: string;
  /**
   * `inherit`: the command has the caller's stdin, stdout and stderr. `capture`: stdin is empty and both outputs are
   * returned. Default: `inherit`.
   */
  readonly stdio?: "inherit" | "capture";
  /** Runs Claude Code's relay beside the session and gives the session its token. Default: false. */
  readonly agent?: boolean;
  /** For the verification, which looks at sessions also on a machine that is not ready (yet). Default: false. */
  readonly verifying?: boolean;
  /** Stops the command, and with it everything in the session, when aborted. */
  readonly signal?: AbortSignal;
  /** Ends the command after this many milliseconds. Default: no limit. */
  readonly timeoutMs?: number;
  /** Called for every decision about the network, allowed or denied, as it is made. */
  readonly onDecision?: (decision: EgressDecision) => void;
  /** Called with lines for a person: warnings, such as that the demo model answers. */
  readonly onNotice?: (line: string) => void;
}

/** Milliseconds spent on the way to the command's first instruction, and in it. */
export interface RunTimings {
  /** Since the start of this Node process until the request was accepted (checked). */
  readonly nodeStartMs: number;
  /** Accepted until the session is there: user, home, mounts, proxies. */
  readonly sessionMs: number;
  /** Session there until the command's first instruction: systemd, bubblewrap, bridges, filters. */
  readonly launchMs: number | null;
  /** First instruction until the exit was seen. */
  readonly commandMs: number | null;
  /** Removal of the session. */
  readonly cleanupMs: number;
}

export interface RunResult {
  /** Name of the session. */
  readonly session: string;
  /** Exit code of the command; 128 + n when it died by signal n. */
  readonly exitCode: number;
  /** With `stdio: "capture"`; empty otherwise. */
  readonly stdout: string;
  readonly stderr: string;
  readonly timings: RunTimings;
  readonly decisions: readonly EgressDecision[];
  /** Whether the session's home is still there. */
  readonly kept: boolean;
  /** What of the session could not be removed, in words; empty when all is well. */
  readonly problems: readonly string[];
  /** The unit's result when systemd ended it: `oom-kill`, `timeout`, `signal` ... */
  readonly unitResult?: string;
}

/** A request that cannot be run: every problem found, each with the value and what to write instead. */
export class RunRefused extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(
      problems.length === 1
        ? `${problems[0]}`
        : `this cannot be run, for ${problems.length} reasons:\n  ${problems.join("\n  ")}`,
    );
    this.name = "RunRefused";
    this.problems = problems;
  }
}

/** The session could not be made or started, though the request was right. */
export class SessionFailed extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "SessionFailed";
  }
}
