import type { Problem } from "../../contract/problem.ts";
import { parseRun, type RunOptions } from "../run/options.ts";
import type { SealedRun } from "../run/request.ts";
import { checkMounts, closeMounts, parseMount } from "../sessions/mounts.ts";
import { RunRefused } from "../sessions/request.ts";

/**
 * Reads a command line on the machine. Where its text is wrong, its folders are looked at too, so that all problems are
 * told in one round.
 *
 * @param before problems that were found on the way, such as those of a policy file
 * @throws {RunRefused} with every problem
 */
export async function parseHere(
  command: readonly string[],
  options: RunOptions,
  environment: NodeJS.ProcessEnv,
  before: readonly Problem[],
): Promise<SealedRun> {
  try {
    return parseRun(command, options, environment, before);
  } catch (error) {
    if (!(error instanceof RunRefused)) throw error;
    const written = options.mount.map(parseMount).flatMap((one) => ("problem" in one ? [] : [one]));
    const { mounts, problems } = await checkMounts(written);
    await closeMounts(mounts);
    // Those of the mounts' text are told already.
    const told = new Set(error.problems.map(keyOf));
    throw new RunRefused([...error.problems, ...problems.filter((one) => !told.has(keyOf(one)))]);
  }
}

const keyOf = ({ code, value, message }: Problem): string => JSON.stringify([code, value, message]);
