import { Report } from "../contract/report.ts";
import { neutral, neutralValue } from "../guest/lib/neutral.ts";
import { capture } from "./capture.ts";
import { OperatorError } from "./errors.ts";
import type { Fleet, MachineStatus } from "./fleet.ts";
import { firstSentence } from "./sentence.ts";

/** Machines that are asked at once: each takes a process here, and a session of SSM. */
const AT_ONCE = 8;

/** Lets a machine verify itself now, in full. This takes a few seconds, or half a minute when it is emulated. */
export async function verifyNow(fleet: Fleet, machine: MachineStatus): Promise<Report> {
  return await reportOf(fleet, machine, ["cloister", "verify", "--json"]);
}

/** The report of a machine's boot; it tells also whether the machine takes sealed commands. */
export async function verifiedAtBoot(fleet: Fleet, machine: MachineStatus): Promise<Report> {
  return await reportOf(fleet, machine, ["cloister", "report"]);
}

async function reportOf(fleet: Fleet, machine: MachineStatus, command: readonly string[]): Promise<Report> {
  const { exitCode, stdout, stderr } = await capture(await fleet.connect(machine), command);
  let said: unknown;
  try {
    // A report quotes what sessions wrote, and a machine may be in a session's hands: none of its texts acts on a terminal.
    said = neutralValue(JSON.parse(stdout));
  } catch {
    const words = neutral(stderr.trim() || stdout.trim()) || "nothing";
    throw new OperatorError(
      `${machine.name} gave no report: ${command.join(" ")} ended with ${exitCode} and said: ${words}`,
      { code: "CLOISTER_E_NO_REPORT" },
    );
  }
  const parsed = Report.safeParse(said);
  if (parsed.success) return parsed.data;
  const [first] = parsed.error.issues;
  const where = first === undefined ? "" : `: ${first.path.join(".") || "it"} ${firstSentence(first.message)}`;
  throw new OperatorError(
    `the report of ${machine.name} is not of this version${where}. Bring the stack up again, so that both are of one version.`,
    { code: "CLOISTER_E_NO_REPORT" },
  );
}

/** Runs an action for each element, some at the same time. The results are in the elements' order. */
export async function each<T, R>(all: readonly T[], action: (one: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let i = next++; i < all.length; i = next++) results[i] = await action(all[i] as T);
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, all.length) }, worker));
  return results;
}
