/** `npm run cost -- --stack prod [--base REF] [--set pools.workers.max=200]`: what a stack costs a month. See docs/cost.md. */
import Table from "cli-table3";
import { Command } from "commander";
import { pricesFor } from "../../infra/aws/plan/prices.ts";
import { parseSettings, type Settings } from "../../infra/settings/settings.ts";
import { watchStandardStreams } from "../../lib/standard-streams.ts";
import { readConfig } from "../parts/config.ts";
import { presentConfigsOf } from "../project.ts";
import { compared, rangeText } from "./compare.ts";
import { withChange } from "./what-if.ts";

const collect = (one: string, all: string[]): string[] => [...all, one];

/** @throws Error with everything that is wrong in the configuration */
function settingsOf(config: string, what: string): Settings {
  const { values, settings } = readConfig(config);
  if (settings) return settings;
  const raw = Object.fromEntries(
    Object.entries(values)
      .filter(([, value]) => typeof value === "string" || typeof value !== "symbol")
      .map(([key, value]) => [key, typeof value === "string" ? value : JSON.stringify(value)]),
  );
  const parsed = parseSettings(raw);
  const problems = "problems" in parsed ? JSON.stringify(parsed.problems) : "";
  throw new Error(`${what} is refused by the program: ${problems}`);
}

async function main(): Promise<void> {
  watchStandardStreams();
  const { stack, base, set, json } = new Command("npm run cost --")
    .description("Says what a stack costs a month, from the least to the most, and what a change would.")
    .requiredOption("--stack <name>", "the stack, whose file is Pulumi.<name>.yaml")
    .option("--base <ref>", "compares with the configuration of a commit")
    .option("--set <key=value>", "tries a value; may be given several times", collect, [])
    .option("--json", "prints JSON")
    .parse()
    .opts<{ stack: string; base?: string; set: string[]; json?: boolean }>();
  const configs = await presentConfigsOf(stack, base ?? "HEAD");
  const changed = set.reduce(withChange, configs.head);
  const before = base === undefined ? configs.head : configs.base;
  const after = settingsOf(changed, set.length > 0 ? `${stack} with ${set.join(", ")}` : stack);
  const cost = compared(before === "" ? undefined : settingsOf(before, `${stack} before`), after);
  if (json) {
    console.log(JSON.stringify(cost, undefined, 2));
    return;
  }
  const isOne = before === changed;
  const table = new Table({
    head: [
      "USD a month",
      ...(isOne ? [] : ["before"]),
      isOne ? "least to most" : "after",
      ...(isOne ? [] : ["difference"]),
    ],
    style: { head: [], border: [] },
  });
  for (const { what, before: old, after: now, delta } of [...cost.lines, { ...cost.sum, what: "all" }])
    table.push([what, ...(isOne ? [] : [rangeText(old)]), rangeText(now), ...(isOne ? [] : [rangeText(delta, true)])]);
  console.log(table.toString());
  const { region, date, isOwn } = cost.prices;
  console.log(
    isOwn
      ? `Prices of ${region}, ${date}${pricesFor(region).about ? ", about: npm run cost:prices reads its own" : ""}.`
      : `Prices of ${region}, ${date}: those of ${after.region} are not known here, and are higher. Read them: npm run cost:prices -- --region ${after.region}`,
  );
  console.log("Not counted: traffic, and what logs, requests and the model cost by their amount.");
}

main().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 2;
});
