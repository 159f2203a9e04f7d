/** A first contact from its estimate to its report. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { REPOSITORY } from "../project-copy.ts";
import { estimate, refuseAbove, takeDown, walk } from "./contact.ts";
import { isGood, markdown, type Report } from "./report.ts";
import { BY_HAND, CONFIG, STEPS, type Step } from "./steps.ts";
import type { World } from "./world.ts";

export interface FirstContactArgs {
  readonly open: () => Promise<World>;
  readonly standIn: boolean;
  /** For people. */
  readonly place: string;
  readonly region: string;
  /** Gets `report.md` and `report.json`. */
  readonly folder: string;
  readonly budgetUSD: number;
  readonly hours: number;
  readonly consent: (question: string) => Promise<boolean>;
  readonly say: (line: string) => void;
  readonly stopped: AbortSignal;
  /** @default all */
  readonly steps?: readonly Step[];
}

const ALOUD =
  "THIS IS NO AWS: moto stands in for it. What needs a machine or AWS itself is not tried. Name --account for the real one.";

/**
 * Estimates, asks, goes through the steps, destroys, and writes the report.
 *
 * @returns true when all that was tried holds and nothing is left
 * @throws Error before anything is made: the budget is too small, nobody consents, the account is another one
 */
export async function firstContact(args: FirstContactArgs): Promise<boolean> {
  const { say, standIn, hours, budgetUSD, folder, place, region, stopped, steps = STEPS } = args;
  if (standIn) say(ALOUD);
  const estimateUSD = estimate(configured(region), hours);
  refuseAbove(budgetUSD, estimateUSD, hours);
  say(`${hours} hours of the stack cost ${estimateUSD.toFixed(2)} USD at most, by list prices and a quarter more`);
  if (!standIn && !(await args.consent(`Make a stack in ${place}, and destroy it in the end?`)))
    throw new Error("not agreed: nothing was made");
  const startedAt = new Date();
  const world = await args.open();
  try {
    const before = await world.inventory();
    const until = startedAt.getTime() + hours * 3_600_000;
    const { outcomes, ended } = await walk(steps, world, { say, stopped, until });
    const left = await takeDown(
      async (more) => await world.pulumi(["destroy", "--yes", "--skip-preview", "-s", world.stack, ...more]),
      world.inState,
      async () => (await world.inventory()).filter((line) => !before.includes(line)),
      say,
    );
    const report: Report = {
      startedAt: startedAt.toISOString(),
      endedAt: new Date().toISOString(),
      standIn,
      account: world.account,
      region: world.region,
      stack: world.stack,
      commit: await commit(),
      budgetUSD,
      estimateUSD,
      outcomes,
      byHand: BY_HAND,
      left,
      ...(ended === undefined ? {} : { ended }),
    };
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, "report.json"), `${JSON.stringify(report, undefined, 2)}\n`);
    await writeFile(join(folder, "report.md"), markdown(report));
    await writeFile(join(folder, "pulumi.log"), world.said());
    if (left.length > 0) {
      say("THIS IS LEFT, and may cost. It was not here before; some may be of others, who made it meanwhile:");
      for (const line of left) say(`  ${line}`);
    } else say("all of it is destroyed");
    say(`${standIn ? "against moto, and not AWS: " : ""}${join(folder, "report.md")}`);
    return isGood(report);
  } finally {
    await world.leave();
  }
}

const configured = (region: string): Record<string, string> => ({
  "cloister:target": "aws",
  "cloister:region": region,
  ...Object.fromEntries(Object.entries(CONFIG).map(([key, value]) => [`cloister:${key}`, asText(value)])),
});

const asText = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));

async function commit(): Promise<string> {
  const { stdout, exitCode } = await execa("git", ["rev-parse", "--short", "HEAD"], { cwd: REPOSITORY, reject: false });
  return exitCode === 0 ? stdout : "unknown";
}
