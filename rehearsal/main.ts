/**
 * `npm run rehearse`: the whole life of the stacks dev, staging and prod, as they are configured, with moto in the place of
 * AWS. `--stack NAME` rehearses one, `--json` prints what was shown as JSON, `--faults SEED` lets AWS have
 * faults instead. See docs/rehearsal.md.
 */
import { Command, InvalidArgumentError, Option } from "commander";
import { rehearse, type Shown } from "./rehearse.ts";
import { stopped } from "./signals.ts";
import { type LifeWithFaults, rehearseFaults } from "./with-faults.ts";

const STACKS = ["dev", "staging", "prod"];

function seeds(value: string, before: number[] = []): number[] {
  if (!/^\d{1,9}$/.test(value)) throw new InvalidArgumentError("A seed is a whole number.");
  return [...before, Number(value)];
}

const options = new Command("npm run rehearse --")
  .description("Brings stacks up, changes them and takes them down, with the real engine and moto in the place of AWS.")
  .addOption(new Option("--stack <name...>", "stacks to rehearse").choices(STACKS).default(STACKS))
  .option("--faults <seed...>", "seeds of plans of faults: a stack lives through each of them", seeds)
  .option("--json", "print what was shown as JSON; progress goes to stderr")
  .parse()
  .opts<{ stack: string[]; faults?: number[]; json?: boolean }>();

// The SDK speaks of Node's next version at every start.
process.removeAllListeners("warning");

const shown: (Shown | LifeWithFaults)[] = [];
const say = (line: string): void => void (options.json ? process.stderr : process.stdout).write(`${line}\n`);
const lives = options.faults
  ? options.faults.map((seed) => ({ name: `faults of seed ${seed}`, live: () => rehearseFaults(seed, say) }))
  : options.stack.map((stack) => ({ name: stack, live: () => rehearse(stack, say) }));
for (const { name, live } of lives) {
  if (stopped.aborted) break;
  say(`=== ${name}`);
  try {
    const result = await live();
    shown.push(result);
    say(`${name}: as it should, in ${result.seconds} s\n`);
  } catch (error) {
    console.error(`${name}: ${(error as Error).message}${stopped.aborted ? ", and nothing is left of it" : ""}\n`);
    process.exitCode = 1;
  }
}
if (stopped.aborted) process.exitCode = 130;
if (options.json) console.log(JSON.stringify(shown, undefined, 2));
