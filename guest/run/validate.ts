import { access, constants } from "node:fs/promises";
import { delimiter, isAbsolute, join } from "node:path";
import { type AgentSettings, type Machine, readMachine } from "../../contract/machine.ts";
import type { Problem } from "../../contract/problem.ts";
import { type EgressPolicy, parsePolicy } from "../egress/policy.ts";
import { parsePrivate } from "../egress/private.ts";
import { runtimeFiles } from "../sandbox/paths.ts";
import { drainingProblem, whyDraining } from "../sessions/draining.ts";
import type { SessionLimits } from "../sessions/limits.ts";
import { checkMounts, closeMounts, type Mount } from "../sessions/mounts.ts";
import { RunRefused } from "../sessions/request.ts";
import { whyNotReady } from "../verify/readiness.ts";
import { problemsOf, requestIn, type SealedSpec } from "./request.ts";

/** A checked request, with everything that is needed to carry it out. */
export interface Validated {
  readonly name?: string;
  readonly keep: boolean;
  readonly mounts: readonly Mount[];
  readonly policy: EgressPolicy;
  /** Host name inside the session. */
  readonly hostname: string;
  readonly limits: SessionLimits;
  readonly agent: AgentSettings | undefined;
}

/** Programs of the distribution that a session needs, and the package that has each (Debian and Ubuntu). */
const PROGRAMS: Readonly<Record<string, string>> = {
  bwrap: "bubblewrap",
  socat: "socat",
  bash: "bash",
  "systemd-run": "systemd",
  systemctl: "systemd",
  useradd: "passwd",
  userdel: "passwd",
};

/**
 * Checks that the request can be run, and that the machine has everything that a run needs.
 *
 * @throws {RunRefused} with every problem at once
 */
export async function validate(spec: SealedSpec): Promise<Validated> {
  const written = problemsOf(requestIn(spec));
  const { policy } = parsePolicy(spec.allow ?? []);
  const { exceptions } = parsePrivate(spec.allowPrivate ?? []);
  const described = readMachine().catch((error: Error) => error);
  const [{ mounts, problems: folders }, here, machine] = await Promise.all([
    checkMounts(spec.mounts ?? []),
    checkMachine(spec, described),
    described,
  ]);
  const { limits, problems: wrongLimits } =
    machine instanceof Error ? { limits: undefined, problems: [] } : lowered(machine.sessions, spec.limits);
  const problems = [
    ...here,
    ...wrongLimits,
    ...(machine instanceof Error ? [lacking(machine.message)] : []),
    // `checkMounts` judges the folders. It also reports the problems of the mounts' text, so leave those out here.
    ...written.filter(({ subject }) => subject !== "mounts"),
    ...folders,
  ];
  if (problems.length > 0 || policy === undefined || machine instanceof Error || limits === undefined) {
    await closeMounts(mounts);
    throw new RunRefused(problems);
  }
  return {
    ...(spec.name === undefined ? {} : { name: spec.name }),
    keep: spec.keep ?? spec.name !== undefined,
    mounts,
    policy: { ...policy, privateExceptions: exceptions },
    hostname: machine.expected.hostname,
    limits,
    agent: spec.agent ? agentOf(machine, spec) : undefined,
  };
}

const agentOf = ({ agent }: Machine, { model }: SealedSpec): AgentSettings =>
  model === undefined ? agent : { ...agent, model };

const LIMITS = { memoryMiB: ["memory", "MiB"], tasksMax: ["tasks", "tasks"], tmpMiB: ["tmp", "MiB"] } as const;

/** Returns the limits of a session, which may ask for less than sessions have, and not for more. */
export function lowered(
  most: SessionLimits,
  asked: SealedSpec["limits"] = {},
): { limits: SessionLimits; problems: Problem[] } {
  const problems: Problem[] = [];
  const limits = { ...most };
  for (const [key, [subject, unit]] of Object.entries(LIMITS) as [keyof SessionLimits, (typeof LIMITS)["tmpMiB"]][]) {
    const value = asked[key];
    if (value === undefined) continue;
    if (value <= most[key]) limits[key] = value;
    else {
      const message = `sessions have ${most[key]} ${unit} here: write at most that`;
      problems.push({ code: "CLOISTER_E_LIMIT", subject, value: String(value), message });
    }
  }
  return { limits, problems };
}

const lacking = (message: string): Problem => ({ code: "CLOISTER_E_MACHINE", subject: "machine", message });

/** Returns what is missing on this machine. */
async function checkMachine(spec: SealedSpec, described: Promise<Machine | Error>): Promise<Problem[]> {
  if (process.platform !== "linux") return [lacking(`sessions need Linux; this is ${process.platform}`)];
  const problems: string[] = [];
  const machine = await described;
  const logsRequired = machine instanceof Error ? false : (machine.aws?.logsRequired ?? false);
  const [notReady, draining] = await Promise.all([
    whyNotReady({ verifying: spec.verifying ?? false, logsRequired }),
    whyDraining(),
  ]);
  if (process.getuid?.() !== 0) problems.push("not root: sessions have users of their own; run it with sudo");
  if (!(await exists("/run/systemd/system"))) problems.push("systemd does not run here: sessions are its units");
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter(isAbsolute);
  const missing = await Promise.all(
    Object.entries(PROGRAMS).map(async ([program, pack]) =>
      (await Promise.all(folders.map((folder) => executable(join(folder, program))))).some(Boolean) ? [] : [pack],
    ),
  );
  const packages = [...new Set(missing.flat())].sort();
  if (packages.length > 0) problems.push(`programs are missing; install them: apt-get install ${packages.join(" ")}`);
  const files = Object.values(runtimeFiles());
  const absent = (await Promise.all(files.map(async (file) => ((await exists(file)) ? [] : [file])))).flat();
  if (absent.length > 0) problems.push(`${absent.join(", ")}: not there; is the runtime image mounted?`);
  return [
    ...(notReady === undefined ? [] : [{ subject: "machine", ...notReady } as const]),
    ...(draining === undefined ? [] : [drainingProblem(draining)]),
    ...problems.map(lacking),
  ];
}

const exists = (path: string) => can(path, constants.F_OK);
const executable = (path: string) => can(path, constants.X_OK);
const can = (path: string, mode: number) =>
  access(path, mode).then(
    () => true,
    () => false,
  );
