/**
 * `npm run promote -- --from staging --to prod [--keys ami,tools]`: how one stack's configuration differs from another's, and
 * a branch that takes the chosen keys over. See docs/promotion.md.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import Table from "cli-table3";
import { Command } from "commander";
import { execa } from "execa";
import { watchStandardStreams } from "../../lib/standard-streams.ts";
import { stackName } from "../options.ts";
import { valueText } from "../render/changes.ts";
import { credentialsIn } from "../secrets/environment.ts";
import { Scrubber } from "../secrets/scrub.ts";
import { type Branched, branchWith, refuseUnready } from "./branch.ts";
import { type Compared, compareStacks, type StackDifference, type StackFile } from "./differences.ts";
import { type Promoted, promote } from "./promote.ts";
import { PURPOSE_FILE, readPurposes, today } from "./purpose.ts";

const folder = fileURLToPath(new URL("../../", import.meta.url)).replace(/\/$/, "");

interface Options {
  readonly from: string;
  readonly to: string;
  readonly keys?: readonly string[];
  readonly branch?: string;
  readonly preview: boolean;
  readonly json?: boolean;
}

function parsed(): Options {
  const keyList = (text: string): string[] =>
    text
      .split(",")
      .map((one) => one.trim())
      .filter(Boolean);
  const command = new Command("npm run promote --")
    .description("Says how a stack's configuration differs from another's, and takes chosen keys over in a branch.")
    .requiredOption("--from <name>", "the stack whose values are taken", stackName)
    .requiredOption("--to <name>", "the stack that gets them", stackName)
    .option("--keys <keys>", "keys that are taken, such as ami,pools.workers.max; makes a branch", keyList)
    .option("--branch <name>", "the branch; default: promote-FROM-to-TO")
    .option("--no-preview", "makes no preview of the branch")
    .option("--json", "prints JSON")
    .parse();
  const options = command.opts<Options>();
  if (options.from === options.to) command.error("--from and --to name one stack: write two");
  if (options.keys?.length === 0) command.error("--keys is empty: write some, or leave it out");
  if (options.branch !== undefined && options.keys === undefined)
    command.error("--branch needs --keys: without keys no branch is made");
  return options;
}

async function fileOf(stack: string): Promise<StackFile> {
  const text = await readFile(join(folder, `Pulumi.${stack}.yaml`), "utf8").catch(() => {
    throw new Error(`Pulumi.${stack}.yaml: there is no such file`);
  });
  return { stack, text };
}

const WORDS: Readonly<Record<StackDifference["is"], (one: StackDifference) => string>> = {
  question: () => "? nobody has said why",
  "on purpose": ({ purpose }) => `on purpose since ${purpose?.since}: ${purpose?.reason}`,
  expired: ({ purpose }) => `? was on purpose until ${purpose?.until}: ${purpose?.reason}`,
  secret: () => "secret: not compared, and never taken",
};

function table({ from, to, differences, unused }: Compared): string {
  if (differences.length === 0) return `${from} and ${to} do not differ.`;
  const rows = new Table({
    head: ["key", from, to, "is"],
    style: { head: [], border: [] },
    wordWrap: true,
    colWidths: [30, 26, 26, 44],
  });
  const order = ["question", "expired", "secret", "on purpose"];
  for (const one of [...differences].sort((a, b) => order.indexOf(a.is) - order.indexOf(b.is)))
    rows.push([one.key, valueText(one.from), valueText(one.to), WORDS[one.is](one)]);
  const notes = unused.map(({ key }) => `${PURPOSE_FILE}: ${key} does not differ any more. Take it out`);
  const questions = differences.filter(({ is }) => is === "question" || is === "expired").length;
  const asked =
    questions === 0
      ? []
      : [`${questions} to decide: take them over (--keys), or write into ${PURPOSE_FILE} why they differ.`];
  return [rows.toString(), ...notes, ...asked].join("\n");
}

async function branchFor(options: Options, files: { from: StackFile; to: StackFile }, compared: Compared) {
  const { keys = [], from, to } = options;
  const branch = options.branch ?? `promote-${from}-to-${to}`;
  const file = `Pulumi.${to}.yaml`;
  const promoted = promote(files.from, files.to, keys, compared);
  if (promoted.taken.length === 0) throw new Error(`Nothing was changed: ${leftText(promoted).join("; ")}`);
  await refuseUnready(folder, branch, [file, `Pulumi.${from}.yaml`]);
  const message = `${to}: ${promoted.taken.length === 1 ? promoted.taken[0] : `${promoted.taken.length} keys`} from ${from}\n\n${promoted.taken.join("\n")}\n`;
  return { promoted, branched: await branchWith(folder, { branch, file, text: promoted.text, message }) };
}

function leftText({ left }: Promoted): string[] {
  return left.map(({ key, is }) => {
    if (is === "secret") return `${key} is a secret and stays: set it with pulumi config set --secret`;
    return `${key} differs on purpose and stays`;
  });
}

/** Previews the branch that the folder is on. The preview's own words come on the terminal. */
async function previewOf(stack: string, { base }: Branched): Promise<boolean> {
  const args = ["lib/run-bundled.cjs", "preview/main.ts", "--stack", stack, "--base", base];
  const { exitCode } = await execa(process.execPath, args, {
    cwd: folder,
    reject: false,
    stdio: ["ignore", 2, "inherit"],
  });
  return exitCode === 0;
}

async function main(): Promise<void> {
  watchStandardStreams();
  const options = parsed();
  const files = { from: await fileOf(options.from), to: await fileOf(options.to) };
  const purposes = readPurposes(await readFile(join(folder, PURPOSE_FILE), "utf8").catch(() => ""));
  const compared = compareStacks(files.from, files.to, purposes, today(), new Scrubber(credentialsIn(process.env)));
  if (options.keys === undefined) {
    console.log(options.json ? JSON.stringify(compared, undefined, 2) : table(compared));
    return;
  }
  const { promoted, branched } = await branchFor(options, files, compared);
  const { taken } = promoted;
  const left = promoted.left.map(({ key, is }) => ({ key, is }));
  const isPreviewed = options.preview ? await previewOf(options.to, branched) : null;
  if (options.json)
    console.log(JSON.stringify({ ...compared, ...branched, taken, left, previewed: isPreviewed }, undefined, 2));
  else {
    console.log(`The branch ${branched.branch} takes ${taken.join(", ")} from ${options.from} into ${options.to}.`);
    for (const line of leftText(promoted)) console.log(line);
    console.log(`Look at it, and then: ${branched.next}`);
  }
  if (isPreviewed === false) {
    console.error("The preview failed: the branch is there, and is not to be merged as it is.");
    process.exitCode = 1;
  }
}

main().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 2;
});
