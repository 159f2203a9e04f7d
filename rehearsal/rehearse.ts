import { isDeepStrictEqual } from "node:util";
import { created, type Done, inWords, readEvents } from "./events.ts";
import { clientsOf, inventory } from "./look.ts";
import { IMAGES } from "./moto.ts";
import type { Call } from "./plugin/clients.ts";
import { Rehearsal } from "./rehearsal.ts";

/** Results of one stack's rehearsal. */
export interface Shown {
  readonly stack: string;
  readonly created: Readonly<Record<string, number>>;
  readonly monthlyUSD: number;
  readonly costs: readonly { readonly what: string; readonly usd: number }[];
  /** Calls of the API at creation: all, and those for one named machine and for one pool. */
  readonly calls: { readonly all: number; readonly machine: number; readonly pool: number };
  readonly changes: Readonly<Record<string, string>>;
  /** Resources that a destroy took or refused, as the stack is configured. */
  readonly destroy: string;
  readonly seconds: number;
}

interface Outputs {
  readonly machines: Readonly<Record<string, unknown>>;
  readonly pools: Readonly<Record<string, unknown>>;
  readonly monthlyEstimateUSD: {
    readonly total: number;
    readonly least: number;
    readonly most: number;
    readonly lines: Shown["costs"];
  };
}

/** Kinds of things that `keep-data` leaves in the account. */
const DATA = ["volume", "bucket", "log group", "key", "secret"];

/** A stack's whole life, with its configuration as it is in the repository. Throws where it does not end as it should. */
export async function rehearse(stack: string, say: (line: string) => void): Promise<Shown> {
  const startedAt = performance.now();
  const rehearsal = await Rehearsal.create({ stack, report: say });
  try {
    return { ...(await live(rehearsal, say)), seconds: Math.round((performance.now() - startedAt) / 1000) };
  } finally {
    await rehearsal.dispose();
  }
}

async function live(rehearsal: Rehearsal, say: (line: string) => void): Promise<Omit<Shown, "seconds">> {
  const { engine, stack } = rehearsal;
  const aws = clientsOf(rehearsal.moto.endpoint);
  const there = async (): Promise<string[]> => await inventory(aws, await rehearsal.kept());
  const run = async (command: "up" | "destroy"): Promise<Done> => {
    const { exitCode, stdout, all } = await engine.run([command, "--yes", "--skip-preview", "--json", "-s", stack]);
    const done = readEvents(stdout);
    if (exitCode !== 0) throw new Error(`pulumi ${command} failed:\n${done.errors.join("\n") || all}`);
    return done;
  };
  const up = async (): Promise<Done> => await run("up");

  let empty = await there();
  const made = created(await up());
  say(
    `created ${Object.values(made).reduce((sum, count) => sum + count, 0)} resources of ${Object.keys(made).length} types`,
  );
  const outputs = (await engine.outputs()) as unknown as Outputs;
  const { total, least, most, lines } = outputs.monthlyEstimateUSD;
  for (const { what, usd } of lines) say(`  ${usd.toFixed(2).padStart(9)} USD a month: ${what}`);
  say(`  ${total.toFixed(2).padStart(9)} USD a month by its schedules, of all (${least} at least, ${most} at most)`);
  const calls = await rehearsal.calls();
  const [machine = "", pool = ""] = [Object.keys(outputs.machines)[0], Object.keys(outputs.pools)[0]];
  const count = {
    all: calls.length,
    machine: callsFor(calls, `NamedMachine$`, machine),
    pool: callsFor(calls, "Pool$", pool),
  };
  say(
    `${count.all} calls of the API, of which ${count.machine} for machine ${machine} and ${count.pool} for pool ${pool}`,
  );

  const unchanged = await engine.preview("--expect-no-changes", "--refresh");
  if (unchanged.exitCode !== 0) throw new Error(`a preview shows changes where nothing changed:\n${unchanged.all}`);
  say("a second preview, with AWS looked at again, shows no change");

  const changes: Record<string, string> = {};
  for (const [what, config] of await changesOf(rehearsal)) {
    await rehearsal.set(config);
    changes[what] = inWords(await up());
    say(`${what}: ${changes[what]}`);
  }

  const onDestroy = String(await rehearsal.configured("onDestroy"));
  const before = await there();
  let destroy = `${onDestroy}: everything goes`;
  if (onDestroy === "refuse") {
    // Without its preview, which would stop it as well.
    const refused = await engine.run(["destroy", "--yes", "--skip-preview", "-s", stack]);
    if (refused.exitCode === 0 || !refused.all.includes("because it is protected"))
      throw new Error(`a destroy of data was not refused:\n${refused.all}`);
    if (!isDeepStrictEqual(await there(), before)) throw new Error("a refused destroy took something");
    destroy = "refuse: refused, and nothing went";
  } else if (onDestroy === "keep-data") {
    await run("destroy");
    const left = (await there()).filter((line) => !empty.includes(line));
    const other = left.filter((line) => !DATA.some((kind) => line.startsWith(`${kind} `)));
    if (other.length > 0) throw new Error(`a destroy that keeps data left ${other.join(", ")}`);
    const kinds = DATA.filter((kind) => left.some((line) => line.startsWith(`${kind} `)));
    if (!kinds.includes("volume")) throw new Error("a destroy that keeps data left no session disk");
    for (const [, Bucket] of left.map((line) => /^bucket (?!policy )(.*)/.exec(line) ?? []))
      if (Bucket) await closed(aws, Bucket);
    destroy = `keep-data: all goes but data (${kinds.join(", ")}), and the bucket is closed`;
    // Kept data does not disturb another stack of this name, and stays when that goes.
    empty = await there();
  }
  say(`destroy with ${destroy}`);
  if (onDestroy !== "delete-data") {
    await rehearsal.set({ onDestroy: "delete-data" });
    await up();
  }
  await run("destroy");
  const left = (await there()).filter((line) => !empty.includes(line));
  if (left.length > 0) throw new Error(`a destroy left: ${left.join(", ")}`);
  say("destroy with delete-data: nothing is left (key and secret wait out their recovery time)");
  return { stack, created: made, monthlyUSD: total, costs: lines, calls: count, changes, destroy };
}

/** That nobody can open a bucket that was kept. */
async function closed({ s3 }: Pick<ReturnType<typeof clientsOf>, "s3">, Bucket: string): Promise<void> {
  const block = await s3.getPublicAccessBlock({ Bucket }).catch(() => undefined);
  const { BlockPublicPolicy, RestrictPublicBuckets } = block?.PublicAccessBlockConfiguration ?? {};
  if (!BlockPublicPolicy || !RestrictPublicBuckets) throw new Error(`${Bucket} was kept, and can be opened`);
}

/** Calls for the resources of one component. */
function callsFor(calls: readonly Call[], component: string, name: string): number {
  return calls.filter(({ urn }) => urn.includes(component) && urn.split("::").at(-1)?.startsWith(name)).length;
}

/** Changes to make, one after the other: keys of the configuration, in words and with their values. */
async function changesOf(rehearsal: Rehearsal): Promise<[string, Record<string, unknown>][]> {
  const pools = (await rehearsal.configured("pools")) as Record<string, { max: number }>;
  const machines = (await rehearsal.configured("machines")) as Record<string, object>;
  const larger = Object.fromEntries(
    Object.entries(pools).map(([name, pool]) => [name, { ...pool, max: pool.max + 1 }]),
  );
  return [
    ["another image", { ami: IMAGES[1] }],
    ["another host name", { hostname: "other" }],
    ["pools larger by one", { pools: larger }],
    ["session disks of 12 GiB", { sessionDiskGiB: 12 }],
    ["another machine", { machines: { ...machines, another: {} } }],
  ];
}
