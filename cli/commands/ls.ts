import { isReady } from "../../contract/report.ts";
import { neutralJson } from "../../guest/lib/neutral.ts";
import { messageOf } from "../errors.ts";
import type { Fleet, MachineStatus } from "../fleet.ts";
import { each, verifiedAtBoot } from "../report.ts";
import { firstSentence } from "../sentence.ts";
import { readStack } from "../stack.ts";
import { machineList } from "../table.ts";
import { fleetOf } from "../targets.ts";

/** `cloister ls`. @returns 0 */
export async function ls(
  stack: string,
  { ask = false, json = false }: { readonly ask?: boolean; readonly json?: boolean },
): Promise<number> {
  const fleet = await fleetOf(await readStack(stack));
  const machines = await fleet.machines();
  const told = ask ? await each(machines, (machine) => askMachine(fleet, machine)) : machines;
  const text = json ? neutralJson(told, 2) : machineList(told, process.stdout);
  process.stdout.write(text === "" ? "" : `${text}\n`);
  return 0;
}

/** The verdict by the machine itself; where it gives none, the reason. */
async function askMachine(fleet: Fleet, machine: MachineStatus): Promise<MachineStatus> {
  if (machine.state !== "running") return machine;
  try {
    const report = await verifiedAtBoot(fleet, machine);
    const { rows, notReady, unremoved = [] } = report;
    const kept = rows.filter(({ status }) => status === "ok").length;
    const stuck = unremoved
      .map(({ name, reason }) => `; the session ${name} could not be removed: ${firstSentence(reason)}`)
      .join("");
    const why = notReady ? `; ${firstSentence(notReady)}` : "";
    const by = `it says, of this boot: ${kept} of ${rows.length} rows ok${why}${stuck}`;
    return { ...machine, verification: { verdict: isReady(report) ? "passed" : "failed", by } };
  } catch (error) {
    return { ...machine, verification: { verdict: "unknown", by: firstSentence(messageOf(error)) } };
  }
}
