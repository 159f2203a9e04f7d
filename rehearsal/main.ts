/**
 * `npm run rehearse`: the whole life of the stacks dev, staging and prod, as they are configured, with moto in the place of
 * AWS. `--stack NAME` rehearses one, `--json` prints what was shown as JSON. See docs/rehearsal.md.
 */
import { Command, Option } from "commander";
import { rehearse, type Shown } from "./rehearse.ts";

const STACKS = ["dev", "staging", "prod"];

const options = new Command("npm run rehearse --")
  .description("Brings stacks up, changes them and takes them down, with the real engine and moto in the place of AWS.")
  .addOption(new Option("--stack <name...>", "stacks to rehearse").choices(STACKS).default(STACKS))
  .option("--json", "print what was shown as JSON; progress goes to stderr")
  .parse()
  .opts<{ stack: string[]; json?: boolean }>();

// The SDK speaks of Node's next version at every start.
process.removeAllListeners("warning");

const shown: Shown[] = [];
const say = (line: string): void => void (options.json ? process.stderr : process.stdout).write(`${line}\n`);
for (const stack of options.stack) {
  say(`=== ${stack}`);
  try {
    shown.push(await rehearse(stack, say));
    say(`${stack}: as it should, in ${shown.at(-1)?.seconds} s\n`);
  } catch (error) {
    console.error(`${stack}: ${(error as Error).message}\n`);
    process.exitCode = 1;
  }
}
if (options.json) console.log(JSON.stringify(shown, undefined, 2));
