/** Entry point of the steps: `main.ts STEP create|delete`. Each step is loaded only when it runs. */
import { runStep, type Step } from "./step.ts";

const steps: Readonly<Record<string, () => Promise<Step<never>>>> = {
  "state-directory": async () => (await import("./state-directory.ts")).stateDirectory,
  "ssh-key": async () => (await import("./ssh-key.ts")).sshKey,
  "runtime-disk": async () => (await import("./runtime-disk.ts")).runtimeDisk,
  seed: async () => (await import("./seed.ts")).seed,
  "root-disk": async () => (await import("./root-disk.ts")).rootDisk,
  "session-disk": async () => (await import("./session-disk.ts")).sessionDisk,
  machine: async () => (await import("./machine.ts")).machine,
};

/** Runs one half of a step, as the command line says. */
async function main(): Promise<void> {
  const [name = "", half = ""] = process.argv.slice(2);
  const load = steps[name];
  if (!load) throw new Error(`unknown step ${JSON.stringify(name)}: one of ${Object.keys(steps).join(", ")}`);
  await runStep(await load(), half);
}

export default main();
