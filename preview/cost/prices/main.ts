/** `npm run cost:prices -- [--region eu-central-1]`: renews the table of prices from AWS's public price list. See docs/cost.md. */
import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { PRICE_FILE, readPrices } from "../../../infra/aws/plan/prices.ts";
import { watchStandardStreams } from "../../../lib/standard-streams.ts";
import { readConfig } from "../../parts/config.ts";
import { PRICE_LIST } from "./read.ts";
import { refreshed, writeTable } from "./refresh.ts";

const folder = new URL("../../../", import.meta.url);

interface Options {
  readonly region?: readonly string[];
  readonly from: string;
  readonly file: string;
}

/** The regions of this folder's stacks on AWS. */
async function regionsHere(): Promise<string[]> {
  const files = (await readdir(folder)).filter((file) => /^Pulumi\.[\w.-]+\.yaml$/.test(file));
  const texts = await Promise.all(files.map((file) => readFile(new URL(file, folder), "utf8")));
  const regions = texts.flatMap((text) => {
    const { values } = readConfig(text);
    const region = values["cloister:region"];
    return values["cloister:target"] === "aws" && typeof region === "string" ? [region] : [];
  });
  return [...new Set(regions)].sort();
}

async function main(): Promise<void> {
  watchStandardStreams();
  const command = new Command("npm run cost:prices --")
    .description("Renews the table of prices from AWS's public price list. When that fails, the old table stays.")
    .option("--region <name...>", "regions; default: those of this folder's stacks")
    .option("--from <url>", "address of the price list", PRICE_LIST)
    .option("--file <file>", "the table", fileURLToPath(PRICE_FILE))
    .parse();
  const { region, from, file } = command.opts<Options>();
  const regions = region ?? (await regionsHere());
  const wrong = regions.filter((one) => !/^[a-z]{2}(?:-[a-z]+)+-\d$/.test(one));
  if (wrong.length > 0) command.error(`--region: ${wrong.map((one) => JSON.stringify(one)).join(", ")} is no region`);
  if (regions.length === 0) command.error("no stack here is on AWS: say which region with --region");
  const before = readPrices(await readFile(file, "utf8"));
  const { table, regions: done } = await refreshed(before, regions, { from }, (line) => console.error(line));
  await writeTable(file, table);
  for (const { region: name, row, unknown } of done) {
    const { vcpuHour, typeHour, date } = row;
    const families = [...Object.keys(vcpuHour), ...new Set(Object.keys(typeHour).map((type) => type.split(".")[0]))];
    console.log(`${name}: prices of ${date}, of the families ${families.join(", ")}`);
    for (const one of unknown) console.log(`${name}: not known, because the list has none or several: ${one}`);
  }
}

main().catch((error: Error) => {
  console.error(`${error.message}\nThe table is as it was.`);
  process.exitCode = 1;
});
