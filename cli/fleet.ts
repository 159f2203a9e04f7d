import type { Transport } from "./transport.ts";

/** What became of a machine's verification, and how that is known. */
export interface Verification {
  /** `unknown` where nobody has said yet: ask the machine (`cloister ls --ask`, `cloister verify`). */
  readonly verdict: "passed" | "failed" | "pending" | "unknown";
  /** Where the verdict is from, for a person. */
  readonly by: string;
}

/** One machine of a stack, as `cloister ls` shows it. */
export interface MachineStatus {
  /** What `--machine` calls it: the name of a named machine, the instance's id in a pool. */
  readonly name: string;
  /** Absent for a named machine. */
  readonly pool?: string;
  /** `running` when it can be reached; `booting` while it cannot, and will be by itself; otherwise the target's own word, such as `stopped` or `pending`. */
  readonly state: string;
  /** What it was made from: a launch template's version on AWS, a runtime image on the local target. */
  readonly template: string;
  /** Whether that is what the stack would make now; absent where it cannot be told. */
  readonly current?: boolean;
  readonly verification: Verification;
  /** What else there is to say, in short parts. */
  readonly remarks: readonly string[];
  /** What to do to make it run; present when it does not. */
  readonly help?: string;
}

/** The machines of a stack, wherever they are. */
export interface Fleet {
  /**
   * All machines; or the one of this name alone, where it is quicker to ask for one. An empty list then says nothing but
   * that this one is not there.
   */
  machines(name?: string): Promise<MachineStatus[]>;
  /** The way to a machine that runs. */
  connect(machine: MachineStatus): Promise<Transport>;
}
