import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { execaSync } from "execa";

/** Waits until a process is gone, or waits only for whoever must take note of its end (ps(1), state Z). Fails after 15 s. */
export async function ends(pid: number): Promise<void> {
  for (let i = 0; i < 150; i += 1) {
    const { stdout } = execaSync("ps", ["-o", "stat=", "-p", String(pid)], { reject: false });
    if (/^(Z.*)?$/.test(stdout.trim())) return;
    await sleep(100);
  }
  assert.fail(`process ${pid} still runs`);
}

/** Numbers of the processes that a process has started and that still run. */
export function childrenOf(parent: number): number[] {
  const rows = execaSync("ps", ["-eo", "pid=,ppid="])
    .stdout.split("\n")
    .map((row) => row.trim().split(/\s+/).map(Number));
  return rows.filter(([, of]) => of === parent).map(([pid = 0]) => pid);
}
