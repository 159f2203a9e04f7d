/** `cloister-aws.service`: speaks for a machine on AWS with AWS. It is the only part of the guest that knows AWS. */
import { setTimeout as sleep } from "node:timers/promises";
import { fromInstanceMetadata } from "@smithy/credential-provider-imds";
import { readMachine } from "../../contract/machine.ts";
import { KEY_REFUSED, MODEL_KEY } from "../agent/model-key.ts";
import { run } from "../lib/exec.ts";
import { setDraining } from "../sessions/draining.ts";
import { countRunning } from "../sessions/state.ts";
import { SESSIONS_SLICE } from "../sessions/unit.ts";
import { readBootState, verdictOf } from "../verify/readiness.ts";
import { groupOf, Imds } from "./imds.ts";
import { LifeCycle } from "./life-cycle.ts";
import { spotEnd } from "./look.ts";
import { ModelKey, secretsManager } from "./model-key.ts";
import { say } from "./say.ts";
import { autoScaling } from "./signals.ts";

/** Time between two looks, in milliseconds. It can be short: the metadata service is on the machine's own host. */
const INTERVAL_MS = 3_000;
/**
 * After this time the machine may be ready although nothing is known of its key: the hook does not wait for the key.
 * Milliseconds.
 */
const KEY_MS = 60_000;

const { aws } = await readMachine();
if (!aws) throw new Error("machine.json has no part `aws`: this is no machine of the AWS target");
const imds = new Imds();
const config = {
  region: aws.region,
  credentials: fromInstanceMetadata({ timeout: 5_000, maxRetries: 3 }),
  maxAttempts: 3,
};
const instance = await instanceId();
const lifeCycle = new LifeCycle(aws.pool, autoScaling(groupOf(imds), instance, config), {
  setDraining,
  say,
  async stopCommands() {
    await run(["systemctl", "stop", SESSIONS_SLICE]);
    await run(["sync"]);
  },
});
const key =
  aws.modelKeySecret === undefined
    ? undefined
    : new ModelKey({
        read: secretsManager(aws.modelKeySecret, config),
        file: MODEL_KEY,
        refused: KEY_REFUSED,
        say,
      });
if (!key) say("the stack names no secret for the model's key: the scripted demo model answers");

let complaint = "";
for (; ; await sleep(INTERVAL_MS)) {
  const now = performance.now();
  await key?.tick(now);
  try {
    const verdict = verdictOf(await readBootState(), aws.logsRequired);
    const waits = key !== undefined && !key.settled && now < KEY_MS;
    await lifeCycle.tick({
      now,
      target: await imds.item("autoscaling/target-lifecycle-state"),
      verdict: verdict?.ok && waits ? undefined : verdict,
      commands: await countRunning(),
      spotEnd: await spotEnd(imds, now),
    });
    complaint = "";
  } catch (error) {
    const { message } = error as Error;
    if (message !== complaint) say(`life cycle: ${message}; it is tried again`);
    complaint = message;
  }
}

async function instanceId(): Promise<string> {
  for (let said = false; ; await sleep(INTERVAL_MS)) {
    try {
      const id = await imds.item("instance-id");
      if (id !== undefined) return id;
    } catch (error) {
      if (!said) say(`life cycle: ${(error as Error).message}; it is tried again`);
      said = true;
    }
  }
}
