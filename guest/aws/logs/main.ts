/** `cloister-logs.service`: ships this machine's journal and its audit rows to CloudWatch Logs. */
import { appendFileSync, existsSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { fromInstanceMetadata } from "@smithy/credential-provider-imds";
import { readMachine } from "../../../contract/machine.ts";
import { RUN_FILES } from "../../../contract/run-files.ts";
import { AUDIT_NAMESPACE } from "../../egress/audit-journal.ts";
import { AUDIT_FIELDS } from "../../egress/audit-read.ts";
import { writeFileAtomic } from "../../lib/atomic-write.ts";
import { Imds } from "../imds.ts";
import { say } from "../say.ts";
import { type LogStream, logStream } from "./cloudwatch.ts";
import { type JournalPart, rowsOf } from "./journal.ts";
import { Shipment } from "./shipment.ts";
import { ShippingState } from "./state.ts";

/** Parts of the journal, each with its cursor: beside the rows, so that a machine goes on where the one before it ended. */
const PARTS: Readonly<Record<"system" | "audit", JournalPart & { readonly cursor: string; readonly after?: string }>> =
  {
    system: { choose: [], plain: false, thisBoot: true, cursor: "/var/lib/cloister-logs/cursor" },
    audit: {
      choose: [
        `--namespace=${AUDIT_NAMESPACE}`,
        ...Object.entries(AUDIT_FIELDS).map(([field, value]) => `${field}=${value}`),
      ],
      plain: true,
      thisBoot: false,
      cursor: "/sessions/.cloister/logs-cursor",
      after: "/sessions/.cloister/audit",
    },
  };
type Part = keyof typeof PARTS;

const { aws } = await readMachine();
if (!aws) throw new Error("machine.json has no part `aws`: this is no machine of the AWS target");
const { logGroups } = aws;
const ending = new AbortController();
for (const name of ["SIGTERM", "SIGINT"] as const) process.once(name, () => ending.abort());
const { signal } = ending;
const wait = (ms: number, until: AbortSignal): Promise<void> => sleep(ms, undefined, { signal: until }).catch(() => {});

const state = new ShippingState(
  ["system", "audit"],
  `${logGroups.system}, audit rows to ${logGroups.audit}`,
  performance.now(),
  {
    write: (text) => writeFileSync(RUN_FILES.logs, text),
    say,
    notice: (line) => appendFileSync(RUN_FILES.notices, `${line}\n`),
  },
);
const clock = setInterval(() => state.look(performance.now()), 10_000);

const instance = await instanceId();
const config = {
  region: aws.region,
  credentials: fromInstanceMetadata({ timeout: 5_000, maxRetries: 3 }),
  // The shipment itself tries again, for good.
  maxAttempts: 2,
};
await Promise.all((["system", "audit"] as const).map(async (part) => await ship(part)));
clearInterval(clock);

async function ship(part: Part): Promise<void> {
  const { cursor, after, ...rows } = PARTS[part];
  const stream = logStream(logGroups[part], instance, config);
  const told = (failure: string | undefined) => state.told(part, failure, performance.now());
  await prepared(stream, told);
  while (after !== undefined && !existsSync(after) && !signal.aborted) await wait(2_000, signal);
  await new Shipment({
    read: (from, until) => rowsOf(rows, from, until),
    destination: stream,
    cursor: {
      load: async () => (await readFile(cursor, "utf8").catch(() => "")).trim() || undefined,
      save: async (place) => await writeFileAtomic(cursor, `${place}\n`, 0o600),
    },
    told,
    lost: (count, why) => say(`logs: ${count} rows of ${part} are in this machine's journal only: ${why}`),
    wait,
  }).run(signal);
}

/** The role's rights may be a moment late, and a group without rows shall have its stream too. */
async function prepared(stream: LogStream, told: (failure: string | undefined) => void): Promise<void> {
  for (let tries = 0; !signal.aborted; tries += 1) {
    try {
      await stream.prepare();
      told(undefined);
      return;
    } catch (error) {
      told((error as Error).message);
      await wait(Math.min(60_000, 1_000 * 2 ** tries), signal);
    }
  }
}

async function instanceId(): Promise<string> {
  const imds = new Imds();
  for (; ; await wait(3_000, signal)) {
    const id = await imds.item("instance-id").catch(() => undefined);
    if (id !== undefined) return id;
    if (signal.aborted) process.exit(0);
  }
}
