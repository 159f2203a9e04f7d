/**
 * `npm run bench`: measures the project's figures and writes them to docs/benchmarks.md. `--only NAME` measures some of
 * them, `--cold` includes a first start with empty caches (about ten minutes), `--runs N` repeats more often.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { awsFigures, coldFigures } from "./aws.ts";
import { changeFigures } from "./changes.ts";
import { containerFigures } from "./container.ts";
import { type Figure, row } from "./figure.ts";
import { machineFigures } from "./machine.ts";
import { operatorFigures } from "./operator.ts";
import { previewFigures } from "./preview.ts";
import { previewCommandFigures } from "./preview-command.ts";
import { startFigures } from "./start.ts";

const FILE = fileURLToPath(new URL("../../docs/benchmarks.md", import.meta.url));

const options = new Command("npm run bench --")
  .option("--only <names...>", "preview, changes, command, machine, container, operator, start, cold, aws")
  .option("--cold", "the first start has empty caches")
  .option("--runs <number>", "how often each side of a comparison is measured", Number, 3)
  .parse()
  .opts<{ only?: string[]; cold?: boolean; runs: number }>();

const report = (line: string): void => console.log(`  ${line}`);
const groups: Readonly<Record<string, () => Promise<Figure[]>>> = {
  preview: () => previewFigures(Math.max(options.runs, 5), report),
  changes: () => changeFigures(Math.max(options.runs, 5), report),
  command: () => previewCommandFigures(Math.max(options.runs, 5), report),
  machine: () => machineFigures(options.runs, report),
  container: () => containerFigures(Math.max(options.runs, 5), report),
  operator: () => operatorFigures(options.runs, report),
  cold: () => coldFigures(Math.max(options.runs, 5), report),
  aws: () => awsFigures(Math.max(options.runs, 5), report),
  start: () => startFigures(options.cold ?? false, report),
};

for (const [name, measure] of Object.entries(groups)) {
  if (options.only && !options.only.includes(name)) continue;
  console.log(name);
  write(name, await measure());
}

/** Each group has its own section of the file, between markers: measuring one leaves the others as they are. */
function write(name: string, figures: readonly Figure[]): void {
  const computer = `${cpus().length} cores (${cpus()[0]?.model.trim()}), ${Math.round(totalmem() / 2 ** 30)} GiB, ${process.platform} ${process.arch}`;
  const command = `npm run bench -- --only ${name}${name === "start" && options.cold ? " --cold" : ""}`;
  const section = [
    `<!-- ${name} -->`,
    `\`${command}\` on ${new Date().toISOString().slice(0, 10)},`,
    `${computer}:`,
    "",
    "| figure | measured | compared with | ratio | promise | |",
    "|---|---|---|---|---|---|",
    ...figures.map(row),
    `<!-- /${name} -->`,
  ].join("\n");
  const current = readFileSync(FILE, "utf8");
  const place = new RegExp(`<!-- ${name} -->.*?<!-- /${name} -->`, "s");
  if (!place.test(current))
    throw new Error(`docs/benchmarks.md has no place for ${name}: <!-- ${name} --> ... <!-- /${name} -->`);
  writeFileSync(
    FILE,
    current.replace(place, () => section),
  );
  console.log(figures.map(row).join("\n"));
}
