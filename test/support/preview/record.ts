/**
 * Records the previews of `scenarios.ts` against the rehearsal: `node --import tsx test/support/preview/record.ts [NAME...]`.
 * Minutes; needs what the rehearsal needs (docs/rehearsal.md).
 */
import { mkdirSync } from "node:fs";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { type Pack, packIn } from "../../../preview/policy/pack.ts";
import { EngineProject, type EngineResult } from "../../../rehearsal/engine.ts";
import { REPOSITORY } from "../../../rehearsal/project-copy.ts";
import { Rehearsal } from "../../../rehearsal/rehearsal.ts";
import { writeRecorded } from "./recorded.ts";
import { BASE, SCENARIOS, type Scenario } from "./scenarios.ts";
import { SECRET_PROGRAM } from "./secret-program.ts";

const STREAM = { PULUMI_ENABLE_STREAMING_JSON_PREVIEW: "true" };
const wanted = process.argv.slice(2);
const isWanted = (name: string): boolean => wanted.length === 0 || wanted.includes(name);

const lines = ({ stdout }: EngineResult): string =>
  stdout
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .join("\n");

function succeeded(result: EngineResult): EngineResult {
  if (result.exitCode !== 0) throw new Error(result.all);
  return result;
}

async function recordStack(): Promise<void> {
  const rehearsal = await Rehearsal.create({ stack: "dev", config: BASE, report: console.error });
  const { engine } = rehearsal;
  const exported = async (): Promise<string> => succeeded(await engine.run(["stack", "export", "-s", "dev"])).stdout;
  try {
    let from = "";
    let base = "";
    let state = "";
    for (const scenario of SCENARIOS.filter(({ name }) => isWanted(name))) {
      if (scenario.from !== from) {
        from = scenario.from;
        await rehearsal.set({ onDestroy: from });
        succeeded(await engine.up());
        base = await engine.read("Pulumi.dev.yaml");
        state = await exported();
        console.error(`up with ${from}`);
      }
      await rehearsal.set(scenario.set);
      const command = scenario.command === "destroy" ? ["destroy", "--preview-only"] : ["preview"];
      const pack = scenario.policy ? await packWith(engine, scenario.policy) : undefined;
      const judged = pack ? ["--policy-pack", pack.folder] : [];
      const result = await engine.run([...command, "--json", "-s", "dev", ...judged], { ...STREAM, ...pack?.env });
      writeRecorded(scenario.name, {
        stack: "dev",
        command: scenario.command ?? "preview",
        events: lines(result),
        state,
        base,
        head: await engine.read("Pulumi.dev.yaml"),
        ...(pack ? { policySettings: pack.settings } : {}),
      });
      console.error(`${scenario.name}: exit code ${result.exitCode}, ${lines(result).split("\n").length} events`);
      await engine.write("Pulumi.dev.yaml", base);
    }
  } finally {
    await rehearsal.dispose();
  }
}

/** The policy pack, copied beside the program, with settings of its own. */
async function packWith(engine: EngineProject, { dev, exceptions }: NonNullable<Scenario["policy"]>): Promise<Pack> {
  for (const name of ["policy", "preview"])
    await cp(join(REPOSITORY, name), join(engine.folder, name), { recursive: true });
  const settings = await engine.read("policy/settings.yaml");
  const changed = settings
    .replace(/ {2}dev: .*\n/, `  dev: ${dev}\n`)
    .replace(/exceptions: (?:.|\n)*/, `exceptions: ${exceptions}\n`);
  await engine.write("policy/settings.yaml", changed);
  return await packIn(join(engine.folder, "policy"));
}

/** Another program: this one refuses secrets in its settings. */
async function recordSecret(): Promise<void> {
  if (!isWanted("secret-changed")) return;
  const project = await EngineProject.create({ program: SECRET_PROGRAM, stack: "dev" });
  try {
    const set = async (token: string): Promise<unknown> =>
      succeeded(await project.run(["config", "set", "--secret", "token", token, "-s", "dev"]));
    await set("canary-before-5f2c");
    succeeded(await project.up());
    const base = await project.read("Pulumi.dev.yaml");
    const state = succeeded(await project.run(["stack", "export", "-s", "dev"])).stdout;
    await set("canary-after-81d0");
    const result = await project.run(["preview", "--json", "-s", "dev"], STREAM);
    const head = await project.read("Pulumi.dev.yaml");
    writeRecorded("secret-changed", { stack: "dev", command: "preview", events: lines(result), state, base, head });
    console.error(`secret-changed: exit code ${result.exitCode}`);
  } finally {
    await project.dispose();
  }
}

mkdirSync(new URL("recorded/", import.meta.url), { recursive: true });
await recordSecret();
await recordStack();
