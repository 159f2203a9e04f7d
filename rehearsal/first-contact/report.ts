/** The report of a first contact, for people and for programs. */
import type { ByHand } from "./steps.ts";

/** Result of one step. */
export interface Outcome {
  readonly step: string;
  readonly rows: readonly string[];
  readonly is: "holds" | "fails" | "not tried";
  /** What was seen, what is wrong, or why it was not tried. */
  readonly seen: string;
  readonly seconds: number;
}

/** A whole first contact. */
export interface Report {
  readonly startedAt: string;
  readonly endedAt: string;
  /** True where moto stood in for AWS. */
  readonly standIn: boolean;
  readonly account: string;
  readonly region: string;
  readonly stack: string;
  readonly commit: string;
  readonly budgetUSD: number;
  readonly estimateUSD: number;
  readonly outcomes: readonly Outcome[];
  readonly byHand: readonly ByHand[];
  /** How the end went: what is left, one line each. */
  readonly left: readonly string[];
  /** Why the run ended early, if it did. */
  readonly ended?: string;
}

/** True when all that was tried holds, and nothing is left. */
export const isGood = ({ outcomes, left, ended }: Report): boolean =>
  ended === undefined && left.length === 0 && outcomes.every(({ is }) => is !== "fails");

const cell = (text: string): string =>
  text
    .trim()
    .replaceAll("|", "\\|")
    .replace(/\s*\n\s*/g, "<br>")
    .slice(0, 1500);

const SAID_ALOUD =
  "**This was no AWS.** moto stood in for it, on this computer: steps that need a machine, or parts of AWS that moto lacks, were not tried, and the others show what the program does with a model of AWS.";

export function markdown(report: Report): string {
  const { outcomes, byHand, left, ended } = report;
  const count = (is: Outcome["is"]): number => outcomes.filter((one) => one.is === is).length;
  return [
    `# First contact, ${report.startedAt.slice(0, 10)}`,
    "",
    ...(report.standIn ? [SAID_ALOUD, ""] : []),
    `${count("holds")} steps hold, ${count("fails")} fail, ${count("not tried")} were not tried.`,
    ...(ended === undefined ? [] : ["", `It ended early: ${ended}`]),
    "",
    "| | |",
    "|---|---|",
    `| account, region, stack | ${report.standIn ? "none: moto" : report.account}, ${report.region}, ${report.stack} |`,
    `| from, to | ${report.startedAt}, ${report.endedAt} |`,
    `| commit | ${report.commit} |`,
    `| budget, estimate at most | ${report.budgetUSD.toFixed(2)} USD, ${report.estimateUSD.toFixed(2)} USD |`,
    "",
    "| step | result | seen | s |",
    "|---|---|---|---|",
    ...outcomes.map(({ step, is, seen, seconds }) => `| ${cell(step)} | ${is} | ${cell(seen)} | ${seconds} |`),
    "",
    "## What is left",
    "",
    ...(left.length === 0
      ? ["Nothing. The key is deleted after 30 days, and the secret after 7; snapshots that were made stay."]
      : [
          "These were not here before, and may cost. Some may be of others, who made them meanwhile:",
          "",
          ...left.map((line) => `- ${line}`),
        ]),
    "",
    "## What is to be done by hand",
    "",
    "| row of fidelity.md | why no step |",
    "|---|---|",
    ...byHand.map(({ row, why }) => `| ${cell(row)} | ${cell(why)} |`),
    "",
  ].join("\n");
}
