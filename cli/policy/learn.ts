import { writeFile } from "node:fs/promises";
import { Document } from "yaml";
import { z } from "zod";
import { type AskedOf, askedOf } from "../../guest/egress/asked.ts";
import type { EgressDecision } from "../../guest/egress/decision.ts";
import type { RunOptions } from "../../guest/run/options.ts";
import type { SealedRun } from "../../guest/run/request.ts";
import { CAPTURE_LIMIT, MOST_DECISIONS } from "../../guest/run/result.ts";
import { OperatorError, UsageError } from "../errors.ts";

/** Options of a run that learns. */
export interface LearnOptions extends RunOptions {
  /** The file that is written. Default: `cloister.policy.yaml`. */
  readonly output?: string;
}

/** The part of a run's result that is needed here. */
const Result = z.object({
  exitCode: z.number(),
  stdout: z.string(),
  stderr: z.string(),
  cut: z.boolean().default(false),
  decisions: z.array(z.custom<EgressDecision>((row) => typeof row === "object" && row !== null)),
});

/**
 * Refuses options that mean nothing while everything is denied.
 *
 * @throws {UsageError}
 */
export function checkLearning(options: LearnOptions): void {
  const given = [
    ...(options.allow.length > 0 ? ["--allow"] : []),
    ...((options.allowPrivate ?? []).length > 0 ? ["--allow-private"] : []),
    ...(options.json ? ["--json"] : []),
  ];
  if (given.length > 0) {
    throw new UsageError(`everything is denied while a policy is learned: leave out ${given.join(", ")}`);
  }
}

/** The run that learns: all hosts are taken from it, also those of a policy file. */
export function denyingAll({ allow: _, allowPrivate: __, ...run }: SealedRun): SealedRun {
  return run;
}

/**
 * Reads the result of a run that was started with `--json`.
 *
 * @throws {OperatorError} when there is none: the command never ran
 */
export function readResult(exitCode: number, stdout: string) {
  const line = stdout.trim().split("\n").at(-1) ?? "";
  const parsed = Result.safeParse(asJson(line));
  if (parsed.success) return parsed.data;
  throw new OperatorError(`the command did not run (exit code ${exitCode}), so there is nothing to learn`);
}

function asJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Hosts that were asked for, as a policy file. Each is commented out: whoever reviews it takes the sign away. */
export function learnedPolicy(asked: AskedOf, run: Pick<SealedRun, "mounts" | "environment" | "agent">): string {
  const rest = new Document({
    ...(run.mounts?.length
      ? { folders: Object.fromEntries(run.mounts.map(({ name, source, mode }) => [name, { path: source, mode }])) }
      : {}),
    // The values are the caller's, and no file is a place for them.
    ...(run.environment
      ? { environment: Object.fromEntries(Object.keys(run.environment).map((name) => [name, null])) }
      : {}),
    ...(run.agent ? { model: { use: true } } : {}),
  });
  return [
    "version: 1",
    "# A command asked for these hosts while everything was denied. Every host is a way out for what the session knows:",
    "# take the # away from those that it may reach, and delete the others.",
    "hosts:",
    ...asked.denied.map(({ entry, times }) => `  # - "${entry}" # asked ${times === 1 ? "once" : `${times} times`}`),
    ...(asked.denied.length === 0 ? ["  # It asked for none."] : []),
    ...(Object.keys(rest.toJS() as object).length === 0 ? [] : [rest.toString().trimEnd()]),
    "",
  ].join("\n");
}

/**
 * Writes a learned policy where no file is yet.
 *
 * @throws {UsageError} when there is one
 */
export async function writeLearned(file: string, text: string): Promise<void> {
  await writeFile(file, text, { flag: "wx" }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "EEXIST") throw new UsageError(alreadyThere(file));
    throw new OperatorError(`${file} cannot be written: ${error.message}`, { cause: error });
  });
}

/** Tells that a file is there already. */
export const alreadyThere = (file: string): string => `${file} is there, and is never overwritten: write --output FILE`;

/** Describes what was learned, for the person who started it. */
export function describeLearned(
  file: string,
  asked: AskedOf,
  { decisions, cut }: Pick<z.infer<typeof Result>, "decisions" | "cut">,
): string[] {
  const { denied, unusable } = asked;
  return [
    `${file}: ${denied.length === 1 ? "1 entry" : `${denied.length} entries`} to review; each is commented out`,
    ...unusable
      .slice(0, 20)
      .map(({ text, reason, times }) => `not written: ${JSON.stringify(text)} (${reason}), ${times}x`),
    ...(unusable.length > 20 ? [`not written: ${unusable.length - 20} more`] : []),
    ...(decisions.length >= MOST_DECISIONS
      ? [`only the first ${MOST_DECISIONS} requests were looked at: allow some, and learn again with --policy`]
      : []),
    ...(cut ? [`only the first ${CAPTURE_LIMIT / 2 ** 20} MiB of an output are shown`] : []),
  ];
}

export { askedOf };
