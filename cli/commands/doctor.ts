import wrapAnsi from "wrap-ansi";
import { neutralJson } from "../../guest/lib/neutral.ts";
import { pathsIn, pathsOf } from "../../infra/local/paths.ts";
import { parseSettings } from "../../infra/settings/settings.ts";
import { shown } from "../copy/text.ts";
import { computerLooks, engineLook, localLooks } from "../doctor/computer.ts";
import { type Finding, findings } from "../doctor/finding.ts";
import { type Here, type LocalStack, realHere } from "../doctor/here.ts";
import { localMachineLook, machineLooks } from "../doctor/machine.ts";
import { networkLooks } from "../doctor/network.ts";
import { pulumiLook, rawConfig, stackLooks, stackProblem } from "../doctor/pulumi.ts";
import type { MachineStatus } from "../fleet.ts";
import { each } from "../report.ts";
import { type Colours, coloursFor, fields, type Screen, widthOf } from "../screen.ts";
import { readStack } from "../stack.ts";
import { fleetOf } from "../targets.ts";

/** The stack and the machine to look at; without a stack only this computer is looked at. */
export interface Patient {
  readonly stack?: string | undefined;
  readonly machine?: string | undefined;
}

/**
 * `cloister doctor`: looks at this computer, at a stack and at its machines for the causes of docs/trouble.md, and says
 * what to do.
 *
 * @returns 1 when something is in the way, else 0
 */
export async function doctor(patient: Patient, { json = false }: { readonly json?: boolean }): Promise<number> {
  const found = await examine(patient, realHere());
  process.stdout.write(`${json ? neutralJson(found, 2) : rendered(found, process.stdout)}\n`);
  return found.some(({ status }) => status === "problem") ? 1 : 0;
}

/** Looks at everything. */
export async function examine({ stack, machine }: Patient, here: Here): Promise<readonly Finding[]> {
  // Without a stack we look at what `npm start` would need.
  const local = localStack(stack ?? "local", here);
  const [computer, own] = await Promise.all([
    findings("computer", {
      ...computerLooks(here),
      ...networkLooks(here),
      pulumi: async () => await pulumiLook(here),
      ...(local === undefined ? {} : { ...localLooks(here, local), engine: async () => await engineLook() }),
    }),
    stack === undefined ? [] : findings("stack", stackLooks(here, stack)),
  ]);
  if (stack === undefined) return computer;
  // When Pulumi cannot be had, it cannot be asked, and a lock or a passphrase is told already.
  if (computer.some(({ cause, status }) => cause === "pulumi" && status === "problem")) return [...computer, ...own];
  return [...computer, ...own, ...(await examineMachines(stack, machine))];
}

async function examineMachines(name: string, wanted: string | undefined): Promise<readonly Finding[]> {
  let machines: readonly MachineStatus[];
  let fleet: Awaited<ReturnType<typeof fleetOf>>;
  let localRoot: string | undefined;
  try {
    const stack = await readStack(name);
    fleet = await fleetOf(stack);
    machines = await fleet.machines(wanted);
    localRoot = stack.outputs.target === "local" ? stack.outputs.stateDirectory : undefined;
  } catch (error) {
    return await findings("stack", { stack: async () => stackProblem(name, error) });
  }
  const up: Finding = { cause: "stack", about: "stack", status: "ok", seen: `the stack ${name} is up` };
  const files = localRoot === undefined ? [] : localMachineLook(pathsIn(localRoot));
  const told = await each(
    machines,
    async (one) => await findings("machine", { machine: async () => await machineLooks(fleet, one) }),
  );
  return [up, ...files.map((one) => ({ about: "machine" as const, ...one })), ...told.flat()];
}

/** A stack's local machine; undefined for a stack on AWS. */
function localStack(name: string, { project }: Here): LocalStack | undefined {
  const parsed = parseSettings(rawConfig(name, project));
  const settings = "settings" in parsed ? parsed.settings : parsed.rest;
  return settings.target === "local"
    ? { name, settings, paths: pathsOf(project, name, settings.stateDirectory) }
    : undefined;
}

const MARKS = { ok: "ok", note: "note", problem: "PROBLEM" } as const;

/** The findings as lines for a terminal, or as fields for a program. Machines and networks chose some of this text. */
export function rendered(found: readonly Finding[], screen: Screen): string {
  const safe = found.map(({ seen, remedy, ...rest }) => ({
    ...rest,
    seen: shown(seen),
    remedy: remedy === undefined ? undefined : shown(remedy),
  }));
  const width = widthOf(screen);
  if (width === undefined) {
    return safe
      .map(({ about, cause, status, seen, remedy = "" }) => fields([status, about, cause, seen, remedy]))
      .join("\n");
  }
  const colours = coloursFor(screen);
  const lines = safe.flatMap(({ cause, status, seen, remedy }) => [
    indented(`${painted(status, colours)}  ${seen} ${colours.dim(`(${cause})`)}`, width),
    ...(remedy === undefined ? [] : [indented(`         ${colours.bold(remedy)}`, width)]),
  ]);
  const problems = found.filter(({ status }) => status === "problem").length;
  const end =
    problems === 0
      ? "Nothing is in the way."
      : `${problems === 1 ? "One thing is" : `${problems} things are`} in the way.`;
  return [...lines, "", end].join("\n");
}

function painted(status: Finding["status"], colours: Colours): string {
  const word = MARKS[status].padEnd("PROBLEM".length);
  return { ok: colours.green, note: colours.yellow, problem: colours.red }[status](word);
}

/** Continued lines stand below the text, not below the mark. */
const indented = (text: string, width: number): string =>
  wrapAnsi(text, Math.max(40, width - 9), { trim: false }).replaceAll("\n", "\n         ");
