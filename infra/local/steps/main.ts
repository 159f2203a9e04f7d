/** Entry point of the steps: `main.ts STEP create|delete`. */
import { runStep, type Step, type StepOutcome } from "./step.ts";
import { STEPS, type StepName } from "./steps.ts";

/** Runs one half of a step, as the command line says. */
async function main(): Promise<void> {
  const [name = "", half = ""] = process.argv.slice(2);
  if (!Object.hasOwn(STEPS, name)) {
    throw new Error(`unknown step ${JSON.stringify(name)}: one of ${Object.keys(STEPS).join(", ")}`);
  }
  // The program that wrote the input wrote it for this step (step-command.ts).
  const step = (await STEPS[name as StepName]()) as Step<never, StepOutcome>;
  await runStep(step, half);
}

export default main();
