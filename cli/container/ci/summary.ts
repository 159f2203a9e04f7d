import type { AskedOf } from "../../../guest/egress/asked.ts";
import type { CountedRow } from "../../../guest/egress/audit-counts.ts";
import type { PolicyProblem } from "../../../guest/policy/result.ts";
import type { PolicyChange } from "./policy-sides.ts";

/** All that a step's summary tells. */
export interface StepReport {
  /** The command's exit code, why it was not run, or the signal that came. */
  readonly outcome:
    | { readonly exitCode: number }
    | { readonly refused: readonly string[] }
    | { readonly stopped: string; readonly exitCode: number };
  readonly policy: {
    readonly file: string;
    /** The side that holds; `none` when that side has no such file. */
    readonly from: "base" | "head" | "none";
    readonly baseCommit?: string;
    readonly change?: PolicyChange;
  };
  readonly asked: AskedOf;
  /** Requests that were too many to be written one by one. */
  readonly counted: readonly CountedRow[];
  /** Why rows of the audit log are missing. */
  readonly lost: readonly string[];
  /** Options of the container that were missing and accepted. */
  readonly weaker: readonly string[];
}

/** Maximum number of lines of one list. A session may ask for any number of hosts. */
const MOST = 50;

/**
 * A text of a session, of a pull request or of a host, as code in Markdown: nothing of it can end the code, be a link,
 * or be a command of the runner.
 */
export function plain(text: string): string {
  const kept = text.slice(0, 200).replace(/[^A-Za-z0-9 ._:;/[\]*=@+,()'"?-]/g, "?");
  return `\`${kept === "" ? "?" : kept}\``;
}

/** The summary of a step whose own settings are wrong, so that nothing else is known of it. */
export const refusedSummary = (refused: readonly string[]): string =>
  [`## Sealed session: ${titleOf({ refused })}`, "", ...refused.map((line) => `- ${plain(line)}`), ""].join("\n");

/** The summary as GitHub-flavoured Markdown. It is plain enough to be read as text. */
export function summaryOf(report: StepReport): string {
  const { outcome, policy, asked, counted, lost, weaker } = report;
  return [
    `## Sealed session: ${titleOf(outcome)}`,
    ...("refused" in outcome ? ["", ...outcome.refused.map((line) => `- ${plain(line)}`)] : []),
    "",
    policyLine(policy),
    ...changeLines(policy),
    ...(weaker.length === 0
      ? []
      : ["", "**Weaker than it should be** (accepted by this job):", "", ...weaker.map((line) => `- ${plain(line)}`)]),
    ...(lost.length === 0
      ? []
      : [
          "",
          "**The audit log is not whole**: it asked for more than this.",
          "",
          ...limited(lost.map((line) => `- ${plain(line)}`)),
        ]),
    ...("refused" in outcome ? [] : networkLines(asked, policy.file, lost.length + counted.length > 0)),
    ...countedLines(counted),
    "",
  ].join("\n");
}

function titleOf(outcome: StepReport["outcome"]): string {
  if ("refused" in outcome) return "not run";
  if ("stopped" in outcome) return outcome.stopped;
  return outcome.exitCode === 0 ? "the command succeeded" : `the command ended with ${outcome.exitCode}`;
}

function policyLine({ file, from, baseCommit }: StepReport["policy"]): string {
  if (from === "none")
    return `Policy: there is no ${plain(file)}, so the network is closed and only the checkout is shown.`;
  if (from === "base") return `Policy: ${plain(file)} of the base, ${plain((baseCommit ?? "").slice(0, 12))}.`;
  return `Policy: ${plain(file)} as it is in the checkout.`;
}

function changeLines({ file, from, change }: StepReport["policy"]): string[] {
  if (change === undefined) return [];
  const list = (sign: string, lines: readonly string[]) => limited(lines.map((line) => `- ${sign} ${plain(line)}`));
  const problems = change.problems.map(
    ({ line, column, path, message }: PolicyProblem) => `- ${plain(`${line}:${column} ${path} ${message}`)}`,
  );
  return [
    "",
    `> **This pull request changes the policy: ${plain(file)} is ${change.kind}.**`,
    `> ${from === "head" ? "Its own version holds in this job." : "Its version holds once it is merged."} Review it as you would review code.`,
    "",
    ...list("takes away", change.removed),
    ...list("adds", change.added),
    ...(change.removed.length + change.added.length === 0 && problems.length === 0 ? ["- only comments or order"] : []),
    ...(problems.length === 0 ? [] : ["", "The new version has problems:", "", ...limited(problems)]),
  ];
}

function networkLines({ allowed, denied, failed, unusable, model }: AskedOf, file: string, more: boolean): string[] {
  const times = (number: number) => (number === 1 ? "once" : `${number} times`);
  const entries = (list: AskedOf["allowed"]) =>
    limited(list.map((one) => `- ${plain(one.entry)}, ${times(one.times)}`));
  const section = (heading: string, lines: readonly string[]) =>
    lines.length === 0 ? [] : ["", `**${heading}**`, "", ...lines];
  if (allowed.length + denied.length + failed.length + unusable.length + model === 0)
    return more ? [] : ["", "It asked nothing of the network."];
  return [
    ...section("Allowed", entries(allowed)),
    ...section("Denied", entries(denied)),
    ...(denied.length === 0
      ? []
      : [
          "",
          `To allow what is meant, add it to ${plain(file)}:`,
          "",
          "```yaml",
          "hosts:",
          ...limited(denied.map(({ entry }) => `  - "${entry}"`)),
          "```",
        ]),
    ...section("Allowed, and not reached", entries(failed)),
    ...section(
      "Denied, and no policy can allow it",
      limited(
        unusable.map(({ text, reason, times: number }) => `- ${plain(text)} (${plain(reason)}), ${times(number)}`),
      ),
    ),
    ...(model === 0 ? [] : ["", `The model was asked ${times(model)}.`]),
  ];
}

/** Hosts of which requests were only counted, and how many of each. */
function countedLines(rows: readonly CountedRow[]): string[] {
  return (["denied", "allowed"] as const).flatMap((verdict) => {
    const ours = rows.filter((row) => row.verdict === verdict);
    if (ours.length === 0) return [];
    const hosts = new Map<string, number>();
    for (const [host, count] of ours.flatMap((row) => row.hosts)) hosts.set(host, (hosts.get(host) ?? 0) + count);
    const others = ours.reduce((sum, row) => sum + row.others, 0);
    const all = ours.reduce((sum, row) => sum + row.counted, 0);
    return [
      "",
      `**Counted, and not written one by one: ${all} ${verdict} requests more**`,
      "",
      ...limited([...hosts].map(([host, count]) => `- ${plain(host)}, ${count} times`)),
      ...(others > 0 ? [`- (${others} to other hosts)`] : []),
    ];
  });
}

function limited(lines: readonly string[]): string[] {
  const more = lines.length - MOST;
  return more > 0 ? [...lines.slice(0, MOST), `- (${more} more)`] : [...lines];
}
