import { failures, isReady, type Report } from "../../contract/report.ts";
import { neutral, neutralJson } from "../../guest/lib/neutral.ts";
import { tellReport } from "../../guest/verify/table.ts";
import { chooseMachine } from "../choose.ts";
import { messageOf, OperatorError, UsageError } from "../errors.ts";
import { each, verifyNow } from "../report.ts";
import { readStack } from "../stack.ts";
import { fleetOf } from "../targets.ts";
import type { Chosen } from "./chosen.ts";
import { waitForBoot } from "./wait.ts";

/**
 * `cloister verify`: lets the machine verify itself, and prints its report.
 *
 * @returns 0 only when every machine that was asked keeps every promise that it must keep, and takes sealed commands
 */
export async function verify(
  { stack, machine }: Chosen,
  {
    all = false,
    allRows = false,
    json = false,
  }: { readonly all?: boolean; readonly allRows?: boolean; readonly json?: boolean },
): Promise<number> {
  if (all && machine !== undefined) throw new UsageError("--all is all machines: leave out --machine, or --all.");
  const fleet = await fleetOf(await readStack(stack));
  if (!all) {
    const report = await verifyNow(fleet, await chooseMachine(fleet, stack, machine, waitForBoot(fleet)));
    if (json) print(neutralJson(report, 2));
    else tellReport(report, allRows, process);
    return isReady(report) ? 0 : 1;
  }
  const machines = (await fleet.machines()).filter(({ state }) => state === "running");
  if (machines.length === 0) {
    throw new OperatorError(`no machine of the stack ${stack} runs.`, { code: "CLOISTER_E_NOT_RUNNING" });
  }
  const results = await each(machines, async (one) => {
    const result: Result = await verifyNow(fleet, one).then(
      (report) => ({ name: one.name, report }),
      (error: unknown) => ({ name: one.name, problem: messageOf(error) }),
    );
    if (!json) print(lines(result));
    return result;
  });
  if (json) print(neutralJson(results, 2));
  const passed = results.filter(({ report }) => report && isReady(report)).length;
  if (!json)
    print(`${passed} of ${results.length} machines keep every promise that they must keep, and take sealed commands`);
  return passed === results.length ? 0 : 1;
}

interface Result {
  readonly name: string;
  readonly report?: Report;
  /** The reason when there is no report. */
  readonly problem?: string;
}

function lines({ name, report, problem }: Result): string {
  // A problem may quote the machine.
  if (!report) return `${name}: not verified: ${neutral(problem ?? "")}`;
  if (isReady(report))
    return `${name}: verified (${report.rows.filter(({ status }) => status === "ok").length} rows ok)`;
  const refusal = report.notReady === undefined ? [] : [report.notReady];
  const head = report.ok ? `${name}: verified, and NOT ready` : `${name}: NOT verified`;
  return [head, ...[...failures(report), ...refusal].map((line) => `  ${line}`)].join("\n");
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
