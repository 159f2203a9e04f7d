/** Entry point of the container target's steps: `main.ts image|container create|delete`. */
import { containerStep } from "./container.ts";
import { imageStep } from "./image.ts";

/** The variable in which a step finds its input, as JSON. */
const INPUT = "CLOISTER_STEP_INPUT";

const STEPS = { image: imageStep, container: containerStep } as const;

async function main(): Promise<void> {
  const [name = "", half = ""] = process.argv.slice(2);
  const step = STEPS[name as keyof typeof STEPS];
  const text = process.env[INPUT];
  if (step === undefined || text === undefined) throw new Error("steps are run by the Pulumi program only");
  const input = JSON.parse(text) as never;
  if (half === "create") process.stdout.write(JSON.stringify(await step.create(input)));
  else if (half === "delete") await step.remove(input);
  else throw new Error(`unknown half of a step: ${half}`);
}

export default main();
