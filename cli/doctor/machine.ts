import { existsSync, statSync } from "node:fs";
import { failures, isReady } from "../../contract/report.ts";
import { isWithoutDisks, livingProcess } from "../../infra/local/host/living.ts";
import type { Paths } from "../../infra/local/paths.ts";
import { capture } from "../capture.ts";
import { isBooting } from "../commands/wait.ts";
import { messageOf, OperatorError } from "../errors.ts";
import type { Fleet, MachineStatus } from "../fleet.ts";
import { verifiedAtBoot } from "../report.ts";
import type { Transport } from "../transport.ts";
import { type Finding, note, ok, problem } from "./finding.ts";

type Told = Omit<Finding, "about">;

/** Differences of the clocks, in seconds: worth knowing; in the way of certificates and of AWS's signatures. */
const CLOCK = { note: 5, problem: 60 } as const;
/** Share of the session disk that is used: worth knowing; in the way of sessions. Percent. */
const DISK = { note: 85, problem: 97 } as const;

/** One machine: its state and, when it runs, its own words. */
export async function machineLooks(fleet: Fleet, machine: MachineStatus): Promise<readonly Told[]> {
  const { name, state, verification, help = "" } = machine;
  if (isBooting(machine)) {
    return [
      note("booting", `the machine ${name} boots: ${verification.by}`, "Wait a minute or two, and run doctor again."),
    ];
  }
  if (state !== "running") return [problem("machine-stopped", `the machine ${name} is ${state}`, help)];
  const old =
    machine.current === false
      ? [
          note(
            "machine-old",
            `the machine ${name} was made from an older template`,
            "Replace it when it suits: npm run -s pulumi -- up.",
          ),
        ]
      : [];
  let transport: Transport;
  try {
    transport = await fleet.connect(machine);
    return [
      ...old,
      ...(await clockLook(name, transport)),
      await diskLook(name, transport),
      ...(await reportLook(fleet, machine)),
    ];
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    const [seen = "", ...said] = messageOf(error).split("\n");
    const words = said.length > 0 ? ` (${said.map((line) => line.trim()).join("; ")})` : "";
    return [...old, problem("machine-silent", `${seen}${words}`, remedyOf(error, words))];
  }
}

function remedyOf({ code }: OperatorError, said: string): string {
  if (code === "CLOISTER_E_PROGRAM_MISSING") return "Install the program that the message names.";
  if (code === "CLOISTER_E_AWS")
    return "Sign in to AWS (aws sso login); docs/operating.md lists what an operator needs.";
  if (/Permission denied \(publickey/.test(said)) {
    return "The machine does not take this stack's key: bring it up again (npm run -s pulumi -- up).";
  }
  if (/HOST IDENTIFICATION|host key/i.test(said)) {
    return "Another machine answers on this port: bring the stack up again, which makes its list of known hosts anew.";
  }
  return "Look at its console and its state with `cloister ls`; docs/operating.md, When a machine does not answer.";
}

/** Compares the clocks. Half of the time that the question took is in doubt. */
async function clockLook(name: string, transport: Transport): Promise<readonly Told[]> {
  const before = Date.now();
  const { stdout } = await capture(transport, ["date", "+%s.%N"]);
  const after = Date.now();
  return [clockTold(name, Number(stdout) * 1000, before, after)];
}

/** @param there the machine's time, which was read between `before` and `after`. All in milliseconds. */
export function clockTold(name: string, there: number, before: number, after: number): Told {
  if (Number.isNaN(there)) return note("clock", `the machine ${name} does not tell its time`, "Run doctor again.");
  const off = there < before ? there - before : there > after ? there - after : 0;
  const seconds = Math.abs(off) / 1000;
  const seen = `the clock of ${name} is ${seconds.toFixed(0)} s ${off < 0 ? "behind" : "ahead of"} this computer's`;
  const remedy =
    "This computer slept, or its own clock is wrong. A local machine sets its clock within a minute; else: cloister shell, then sudo systemctl restart cloister-clock. On AWS: sudo systemctl restart chrony.";
  if (seconds >= CLOCK.problem) return problem("clock", seen, remedy);
  return seconds >= CLOCK.note
    ? note("clock", seen, remedy)
    : ok("clock", `the clocks of ${name} and of this computer agree`);
}

async function diskLook(name: string, transport: Transport): Promise<Told> {
  const { stdout } = await capture(transport, ["df", "-Pk", "/sessions"]);
  return diskTold(name, stdout);
}

/** @param table what df(1) prints with -P */
export function diskTold(name: string, table: string): Told {
  const [, percent] = /\s(\d+)%\s+\S+\s*$/.exec(table) ?? [];
  const used = Number(percent);
  if (percent === undefined)
    return note("session-disk", `the machine ${name} has no /sessions`, "Look at `cloister verify`.");
  const remedy =
    "Remove kept sessions (cloister sessions ls, rm) and what is in /sessions/folders, or let the disk grow: cloister:sessionDiskGiB.";
  const seen = `the session disk of ${name} is ${used} % full`;
  if (used >= DISK.problem) return problem("session-disk", seen, remedy);
  return used >= DISK.note ? note("session-disk", seen, remedy) : ok("session-disk", seen);
}

/** What the machine found of itself at this boot. */
async function reportLook(fleet: Fleet, machine: MachineStatus): Promise<readonly Told[]> {
  const { name } = machine;
  const report = await verifiedAtBoot(fleet, machine);
  const stuck = (report.unremoved ?? []).map((session) =>
    note(
      "session-left",
      `the session ${session.name} could not be removed: ${session.reason}`,
      `Remove it: cloister sessions rm ${session.name}, or start the machine again.`,
    ),
  );
  const noticed = (report.notices ?? []).map((line) =>
    note(
      "notice",
      `the boot of ${name} noticed: ${line}`,
      "The line says what; docs/operating.md has what a boot can notice. Start the machine again once it is mended.",
    ),
  );
  stuck.push(...noticed);
  if (isReady(report)) return [ok("verified", `the machine ${name} is verified and takes sealed commands`), ...stuck];
  const why = report.notReady ?? failures(report).join("; ");
  return [
    problem(
      "not-verified",
      `the machine ${name} takes no sealed commands: ${why}`,
      "Mend that (cloister verify shows all), then: cloister shell, and there sudo systemctl restart cloister-verify.",
    ),
    ...stuck,
  ];
}

/** The files of a local machine on this computer. */
export function localMachineLook(paths: Paths): readonly Told[] {
  const living = livingProcess(paths);
  const disks =
    living && isWithoutDisks(living.pid)
      ? [
          problem(
            "disks-deleted",
            "the machine runs with disks that were deleted: all that it writes is lost",
            "Take it down and start it again: npm run down, then npm start.",
          ),
        ]
      : [];
  return [keyLook(paths), ...disks];
}

/** ssh refuses a key that others may read. */
function keyLook({ sshKey }: Paths): Told {
  const remake = "Bring the stack up again: npm run -s pulumi -- up --refresh.";
  if (!existsSync(sshKey)) return problem("ssh-key", `the machine's key is not there: ${sshKey}`, remake);
  const { mode, uid } = statSync(sshKey);
  if ((mode & 0o077) !== 0) {
    const rights = (mode & 0o777).toString(8).padStart(3, "0");
    return problem(
      "ssh-key",
      `others may read the machine's key (${rights}), so ssh does not take it`,
      `chmod 600 ${sshKey}`,
    );
  }
  const me = process.getuid?.();
  if (me !== undefined && uid !== me && me !== 0) {
    return problem(
      "ssh-key",
      `the machine's key belongs to user ${uid}, you are ${me}`,
      "Work as the user who started the machine.",
    );
  }
  return ok("ssh-key", "the machine's key is there, for you alone");
}
