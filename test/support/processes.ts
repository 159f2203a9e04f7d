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
