/**
 * `npm run test:brackets`: the machine's tests on Debian 11 and on Debian 12, whose versions lie below and above those of Ubuntu
 * 22.04. One machine at a time; each is taken down, however its tests end. See docs/testing.md.
 */
import { Command, Option } from "commander";
import { prepare } from "../../cli/start/prepare.ts";
import { hostArchitecture } from "../../infra/local/qemu.ts";
import { allGroups, ensureSystemPackages } from "../../lib/system/index.ts";
import { stopped } from "../../rehearsal/signals.ts";
import { type Outcome, runOn } from "./run.ts";
import { bracketTable } from "./table.ts";

const IMAGES = { bullseye: "debian-11-stand-in", bookworm: "debian-12-stand-in" } as const;
type Suite = keyof typeof IMAGES;

const { release, grep } = new Command("npm run test:brackets --")
  .description("Runs the machine's tests on base images of Debian 11 and 12, which are built and cached.")
  .addOption(new Option("--release <suite...>", "only these").choices(Object.keys(IMAGES)))
  .option("--grep <text>", "only tests whose names have this, and what they need before them")
  .parse()
  .opts<{ release?: Suite[]; grep?: string }>();

const outcomes: Outcome[] = [];
try {
  const architecture = hostArchitecture();
  await ensureSystemPackages({ arch: architecture, groups: allGroups, report: (line) => console.log(line) });
  for (const suite of release ?? (Object.keys(IMAGES) as Suite[])) {
    if (stopped.aborted) break;
    const image = IMAGES[suite];
    console.log(`\n=== ${image}`);
    await prepare(architecture, image);
    const mocha = grep === undefined ? [] : ["--grep", `comes up verified|versions of its system|destroyed|${grep}`];
    outcomes.push(await runOn(image, { mocha, stopped, print: (line) => console.log(line) }));
  }
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
if (outcomes.length > 0) console.log(`\n${bracketTable(outcomes)}`);
for (const { image, left } of outcomes)
  if (left.length > 0) console.log(`${image}: its tests left processes ${left.join(", ")}, which were ended`);
const sum = (pick: (outcome: Outcome) => number) => outcomes.reduce((total, outcome) => total + pick(outcome), 0);
console.log(`\n${sum(({ passed }) => passed)} passed, ${sum(({ failed }) => failed)} failed`);
if (stopped.aborted || outcomes.length === 0 || outcomes.some(({ ok }) => !ok)) process.exitCode = 1;
