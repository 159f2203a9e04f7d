import type { Transport } from "./transport.ts";

/** The result of a machine's verification, and the source of that knowledge. */
export interface Verification {
  /** `unknown` when there is no result yet: ask the machine (`cloister ls --ask`, `cloister verify`). */
  readonly verdict: "passed" | "failed" | "pending" | "unknown";
  /** The source of the verdict, for a person. */
  readonly by: string;
}

/** One machine of a stack, as `cloister ls` shows it. */
export interface MachineStatus {
  /** Its name for `--machine`: the name of a named machine, the instance's id in a pool. */
  readonly name: string;
  /** Absent for a named machine. */
  readonly pool?: string;
  /**
   * `running` when the machine can be reached; `booting` when it will soon be, without help; otherwise the target's own
   * word, such as `stopped` or `pending`.
   */
  readonly state: string;
  /** Its source: a launch template's version on AWS, a runtime image on the local target. */
  readonly template: string;
  /** True when the stack would use the same template now; absent when we cannot tell. */
  readonly current?: boolean;
  readonly verification: Verification;
  /** Other remarks, in short parts. */
  readonly remarks: readonly string[];
  /** The action that makes it run; present when it does not run. */
  readonly help?: string;
}

/** The machines of a stack, wherever they are. */
export interface Fleet {
  /** Without `name`: all machines. With `name`: that machine, or an empty list. */
  machines(name?: string): Promise<MachineStatus[]>;
  /** The way to a machine that runs. */
  connect(machine: MachineStatus): Promise<Transport>;
}
