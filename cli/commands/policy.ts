import { access } from "node:fs/promises";
import { neutral } from "../../guest/lib/neutral.ts";
import { readPolicyFile } from "../../guest/policy/read.ts";
import { describePolicyProblem, type PolicyRun } from "../../guest/policy/result.ts";
import { POLICY_FILE } from "../../guest/policy/schema.ts";
import { parseRun, toWords } from "../../guest/run/options.ts";
import type { SealedRun } from "../../guest/run/request.ts";
import type { Captured } from "../capture.ts";
import { UsageError } from "../errors.ts";
import {
  alreadyThere,
  askedOf,
  checkLearning,
  denyingAll,
  describeLearned,
  type LearnOptions,
  learnedPolicy,
  readResult,
  writeLearned,
} from "../policy/learn.ts";
import { type Chosen, reach } from "./chosen.ts";
import { withPolicy } from "./run.ts";

/** Shows what a session printed: as text on a terminal, which it must not steer. */
const show = (screen: NodeJS.WriteStream, text: string): void => void screen.write(screen.isTTY ? neutral(text) : text);

const say = (line: string) => void process.stderr.write(`cloister: ${line}\n`);

/**
 * `cloister policy check FILE`: prints every problem of a policy file, with line and column.
 *
 * @returns 0, or 1 when there are problems
 */
export async function checkPolicy(file: string): Promise<number> {
  const { problems, run } = await readPolicyFile(file);
  for (const problem of problems) process.stdout.write(`${describePolicyProblem(file, problem)}\n`);
  if (run === undefined) return 1;
  process.stdout.write(`${file}: no problems (${contents(run)})\n`);
  return 0;
}

function contents({ allow, mount, env, agent }: PolicyRun): string {
  const count = (number: number, one: string, several = `${one}s`) => `${number} ${number === 1 ? one : several}`;
  return [
    count(allow.length, "host or group", "hosts and groups"),
    count(mount.length, "folder"),
    count(env.length, "variable"),
    `the model is ${agent ? "open" : "closed"}`,
  ].join(", ");
}

/**
 * Learns a policy: runs a command once with everything denied, and writes down what it asked for.
 *
 * @param run the checked request
 * @param exec runs it with `--json`
 * @returns 0 when it was learned, whatever the command's exit code
 */
export async function learnPolicy(
  run: SealedRun,
  output: string,
  exec: (run: SealedRun) => Promise<Captured>,
): Promise<number> {
  const { exitCode, stdout, stderr } = await exec(denyingAll(run));
  // Of a caught output the last end of a line is gone.
  show(process.stderr, stderr === "" || stderr.endsWith("\n") ? stderr : `${stderr}\n`);
  const result = readResult(exitCode, stdout);
  show(process.stdout, result.stdout);
  show(process.stderr, result.stderr);
  const asked = askedOf(result.decisions);
  await writeLearned(output, learnedPolicy(asked, run));
  say(`the command ended with ${result.exitCode}`);
  for (const line of describeLearned(output, asked, result)) say(line);
  return 0;
}

/** Checks what can be checked before anything is run. @returns the file that is written */
export async function outputOf(options: LearnOptions): Promise<string> {
  checkLearning(options);
  const output = options.output ?? POLICY_FILE;
  const there = await access(output).then(
    () => true,
    () => false,
  );
  if (there) throw new UsageError(alreadyThere(output));
  return output;
}

/** `cloister policy learn -- COMMAND`, on a machine. */
export async function learnOnMachine(
  chosen: () => Chosen,
  command: readonly string[],
  options: LearnOptions,
): Promise<number> {
  const output = await outputOf(options);
  const merged = await withPolicy(options);
  const parsed = parseRun(command, merged.options, process.env, merged.problems);
  const { transport } = await reach(chosen());
  return await learnPolicy(parsed, output, async (run) => {
    const { words, environment } = toWords(run, { json: true });
    const { capture } = await import("../capture.ts");
    // A result has the first 16 MiB of each output, and a character may be written as six.
    return await capture(transport, words, { environment, signals: true, most: 256 << 20 });
  });
}
