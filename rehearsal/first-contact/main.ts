/**
 * `npm run aws:first-contact -- --budget 5 --account ID --region NAME`: carries out the last column of docs/fidelity.md in an
 * account, within a budget, writes a dated report, and destroys all of it. Without `--account` moto stands in for AWS.
 */

import { resolve } from "node:path";
import { createInterface } from "node:readline/promises";
import { Command, InvalidArgumentError } from "commander";
import { stopped } from "../signals.ts";
import { firstContact } from "./run.ts";
import { awsWorld, standInWorld } from "./world.ts";

interface Options {
  readonly budget: number;
  readonly account?: string;
  readonly region: string;
  readonly hours: number;
  readonly out: string;
  readonly yes?: boolean;
}

const positive = (text: string): number => {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError("It must be a number above 0.");
  return value;
};
const accountId = (text: string): string => {
  if (!/^\d{12}$/.test(text)) throw new InvalidArgumentError("An account's id has twelve digits.");
  return text;
};

const { account, region, budget, hours, out, yes } = new Command("npm run aws:first-contact --")
  .description("Looks at what has not met AWS, in an account, and destroys all of it in the end. See docs/fidelity.md.")
  .requiredOption("--budget <USD>", "most that it may cost; above that nothing is made", positive)
  .option("--account <id>", "the only account in which it may run; without it moto stands in for AWS", accountId)
  .option("--region <name>", "where", "eu-central-1")
  .option("--hours <number>", "time after which no step begins", positive, 4)
  .option("--out <folder>", "folder of the reports, and of the stack's state", ".cloister/first-contact")
  .option("--yes", "asks nobody")
  .parse()
  .opts<Options>();

// The SDK speaks of Node's next version at every start.
process.removeAllListeners("warning");

async function consent(question: string): Promise<boolean> {
  if (yes) return true;
  if (!process.stdin.isTTY) throw new Error("nobody can be asked here: write --yes");
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return (await lines.question(`${question} Write yes: `, { signal: stopped })) === "yes";
  } finally {
    lines.close();
  }
}

const say = (line: string): void => console.log(line);
const folder = resolve(out, new Date().toISOString().slice(0, 19).replaceAll(":", ""));
try {
  const open =
    account === undefined
      ? async () => await standInWorld({ report: say })
      : async () => await awsWorld({ account, region, folder });
  const good = await firstContact({
    open,
    standIn: account === undefined,
    place: account === undefined ? "moto, which stands in for AWS" : `account ${account}, ${region}`,
    region: account === undefined ? "eu-central-1" : region,
    folder,
    budgetUSD: budget,
    hours,
    consent,
    say,
    stopped,
  });
  process.exitCode = good ? 0 : 1;
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 2;
}
