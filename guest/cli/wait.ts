import { setTimeout as sleep } from "node:timers/promises";
import { RUN_FILES } from "../../contract/run-files.ts";
import { tryRun } from "../lib/exec.ts";
import { textOf, whyNotReady } from "../verify/readiness.ts";

/** Maximum time to wait for a machine that boots, in milliseconds. An emulated machine takes one to three minutes. */
const PATIENCE_MS = 600_000;
const POLL_MS = 1_000;
/** Time between two lines that say that the wait goes on. Milliseconds. */
const SAY_MS = 15_000;

/**
 * Waits while this machine boots, until its verification is over. It also returns when the boot does not continue, or
 * when the maximum time is over. The request is then judged as always.
 */
export async function waitForBoot(options: {
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
  readonly boots?: () => Promise<boolean>;
  readonly pollMs?: number;
}): Promise<void> {
  const { say, signal, boots = bootGoesOn, pollMs = POLL_MS } = options;
  const begun = Date.now();
  let said = 0;
  while (!signal.aborted && (await boots())) {
    const waited = Date.now() - begun;
    if (waited > PATIENCE_MS) return;
    if (said === 0) say("this machine boots: waiting for its verification");
    else if (waited > said * SAY_MS) say(`this machine still boots: waited ${Math.round(waited / 1000)} s`);
    if (said === 0 || waited > said * SAY_MS) said += 1;
    await sleep(pollMs, undefined, { signal }).catch(() => {});
  }
}

async function bootGoesOn(): Promise<boolean> {
  // The common case costs one look at a file.
  if ((await textOf(RUN_FILES.report)) !== undefined) return false;
  if ((await whyNotReady({}))?.code !== "CLOISTER_E_BOOTING") return false;
  const active = async (unit: string) => (await tryRun(["systemctl", "is-active", unit])).stdout.trim();
  // A boot whose verification was interrupted makes no report by itself.
  const [verify, system] = await Promise.all([
    active("cloister-verify.service"),
    tryRun(["systemctl", "is-system-running"]).then(({ stdout }) => stdout.trim()),
  ]).catch(() => ["unknown", "unknown"]);
  return verify === "activating" || system === "starting" || system === "initializing";
}
