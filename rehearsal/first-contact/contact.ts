/** Goes through the steps, and destroys in the end, whatever happens. */
import { adviceFor } from "../../infra/aws/advice.ts";
import { monthlyEstimate, total } from "../../infra/aws/plan/price.ts";
import { parseSettings } from "../../infra/settings/settings.ts";
import type { EngineResult } from "../engine.ts";
import type { Outcome } from "./report.ts";
import type { Contact, Step } from "./steps.ts";

const HOURS_A_MONTH = 730;
/** Traffic, logs and what the estimate leaves out. */
const MARGIN = 1.25;

/** What a stack costs in some hours, at most. US dollars. @throws Error where a price is not known or a value is wrong */
export function estimate(config: Readonly<Record<string, string>>, hours: number): number {
  const parsed = parseSettings(config);
  if (!("settings" in parsed))
    throw new Error(parsed.problems.map(({ path, message }) => `${path} ${message}`).join("\n"));
  const month = total(monthlyEstimate(parsed.settings, "most"));
  if (month === undefined)
    throw new Error(`the prices of ${parsed.settings.region} are not known, so the cost cannot be bounded`);
  return Math.ceil((month / HOURS_A_MONTH) * hours * MARGIN * 100) / 100;
}

/** Refuses where the estimate is above the budget. */
export function refuseAbove(budgetUSD: number, estimateUSD: number, hours: number): void {
  if (estimateUSD > budgetUSD)
    throw new Error(
      `${hours} hours of the stack cost ${estimateUSD.toFixed(2)} USD at most, above --budget ${budgetUSD}: nothing was made. Raise the budget, or lower --hours.`,
    );
}

/** Goes through all steps. One that fails does not keep the others from being tried, unless it decides. */
export async function walk(
  steps: readonly Step[],
  contact: Contact,
  {
    say,
    stopped,
    until,
  }: {
    readonly say: (line: string) => void;
    readonly stopped: AbortSignal;
    /** No step begins after this time, in milliseconds of the epoch. */
    readonly until: number;
  },
): Promise<{ readonly outcomes: Outcome[]; readonly ended?: string }> {
  const outcomes: Outcome[] = [];
  let ended: string | undefined;
  for (const step of steps) {
    if (stopped.aborted) ended ??= "it was told to stop";
    if (Date.now() > until) ended ??= "its time was over";
    const why =
      ended ??
      (contact.standIn && step.needs ? `needs ${step.needs === "machine" ? "a machine" : "AWS itself"}` : undefined);
    const outcome = why === undefined ? await tried(step, contact) : notTried(step, why);
    outcomes.push(outcome);
    say(`${outcome.is.padEnd(9)} ${step.name}${outcome.is === "holds" ? "" : `: ${outcome.seen}`}`);
    if (outcome.is === "fails") {
      for (const { name, next } of adviceFor([outcome.seen])) say(`  ${name}: ${next}`);
      if (step.decides) ended ??= `${step.name} failed`;
    }
  }
  if (stopped.aborted) ended ??= "it was told to stop";
  return { outcomes, ...(ended === undefined ? {} : { ended }) };
}

const notTried = ({ name, rows }: Step, seen: string): Outcome => ({
  step: name,
  rows,
  is: "not tried",
  seen,
  seconds: 0,
});

async function tried(step: Step, contact: Contact): Promise<Outcome> {
  const startedAt = performance.now();
  const outcome = (is: Outcome["is"], seen: string): Outcome => ({
    step: step.name,
    rows: step.rows,
    is,
    seen,
    seconds: Math.round((performance.now() - startedAt) / 1000),
  });
  try {
    return outcome("holds", await step.run(contact));
  } catch (error) {
    return outcome("fails", (error as Error).message);
  }
}

const TRIES = 3;

/**
 * Destroys the stack, again with a look at AWS where that fails. Lists what could not be destroyed.
 *
 * @param inState what the stack's state still has
 * @param inAccount what the account has that it had not before
 */
export async function takeDown(
  destroy: (args: readonly string[]) => Promise<EngineResult>,
  inState: () => Promise<readonly string[]>,
  inAccount: () => Promise<readonly string[]>,
  say: (line: string) => void,
): Promise<string[]> {
  for (let tries = 1; tries <= TRIES; tries++) {
    say(tries === 1 ? "destroying all of it; this takes some minutes" : "destroying again, after a look at AWS");
    const { exitCode, all } = await destroy(tries === 1 ? [] : ["--refresh"]);
    if (exitCode === 0) break;
    say(all.trim().split("\n").slice(-15).join("\n"));
  }
  const state = await inState().catch((error: Error) => [`the state cannot be read: ${error.message}`]);
  const account = await inAccount().catch((error: Error) => [`AWS cannot be asked for what is left: ${error.message}`]);
  return [
    ...state.map((line) => `in the stack's state: ${line}`),
    ...account.map((line) => `in the account, and not before: ${line}`),
  ];
}
