import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Writable } from "node:stream";
import type { EgressDecision } from "./decision.ts";

/** Under this identifier the rows are in the journal: `journalctl -t cloister-egress -o cat`. */
export const AUDIT_IDENTIFIER = "cloister-egress";

/** Where the rows about the network go, one JSON object a line. */
export interface AuditLog {
  write(decision: EgressDecision): void;
  /** Resolves when every row was handed over. */
  close(): Promise<void>;
}

/**
 * The audit log of a machine: the system's journal, by systemd-cat(1), which is started with the first row. A session
 * that asks for nothing costs nothing.
 *
 * @param onProblem told once when the journal takes no rows: they must not get lost in silence
 */
export function journal(onProblem: (line: string) => void): AuditLog {
  let child: ChildProcessByStdio<Writable, null, null> | undefined;
  let ended: Promise<void> = Promise.resolve();
  let failed = false;
  const fail = (why: string) => {
    if (!failed) onProblem(`the audit log of the network could not be written: ${why}`);
    failed = true;
  };
  const start = () => {
    const started = spawn("systemd-cat", [`--identifier=${AUDIT_IDENTIFIER}`, "--priority=info", "cat"], {
      stdio: ["pipe", "ignore", "ignore"],
      // A Ctrl-C at the terminal is for the command: what it asked for last is still written down.
      detached: true,
    });
    ended = new Promise((resolve) => {
      started.once("error", (error) => {
        fail(error.message);
        resolve();
      });
      started.once("close", (code) => {
        if (code !== 0) fail(`systemd-cat ended with ${code}`);
        resolve();
      });
    });
    started.stdin.on("error", (error) => fail(error.message));
    return started;
  };
  return {
    write(decision) {
      child ??= start();
      if (!failed) child.stdin.write(`${JSON.stringify(decision)}\n`);
    },
    async close() {
      child?.stdin.end();
      await ended;
    },
  };
}
