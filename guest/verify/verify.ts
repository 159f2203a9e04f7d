import type { Machine } from "../../contract/machine.ts";
import { REFERENCE_ROWS } from "../../contract/reference.ts";
import type { Group, Report } from "../../contract/report.ts";
import { RUN_FILES } from "../../contract/run-files.ts";
import { judgeAgent } from "./judge/agent.ts";
import { judgeDisks } from "./judge/disks.ts";
import { judgeEgress } from "./judge/egress.ts";
import { type ExpectedMachine, judgeMachine } from "./judge/machine.ts";
import { judgeSandbox } from "./judge/sandbox.ts";
import { judgeSessions } from "./judge/sessions.ts";
import { sharesNotice } from "./judge/shares.ts";
import { judgeSystem } from "./judge/system.ts";
import type { Verdict, Verdicts } from "./judge/verdict.ts";
import { lookAtAgent } from "./look/agent.ts";
import { lookAtDisks } from "./look/disks.ts";
import { readText } from "./look/files.ts";
import { lookAtMachine, lookAtMemory, lookAtShares } from "./look/machine.ts";
import { lookAtSessions } from "./look/sessions.ts";
import { lookAtSystem } from "./look/system.ts";
import { makeRows } from "./rows.ts";

/**
 * Compares this machine with every row of the reference. If something cannot be looked at, its rows differ, with the
 * reason: a verification never passes by not looking.
 *
 * @param depth `quick` leaves out the run of the agent
 */
export async function verify(machine: Machine, depth: "quick" | "full"): Promise<Report> {
  const startedAt = new Date();
  const expected = { ...machine.expected, sessionMemoryMiB: machine.sessions.memoryMiB };
  const started = performance.now();
  const memory = await lookAtMemory();
  const idsOf = (...groups: Group[]) =>
    REFERENCE_ROWS.filter(({ group }) => groups.includes(group)).map(({ id }) => id);
  const system = await lookAtSystem();
  const [disks, { verdicts: live, sessionHostname, shares }] = await Promise.all([
    attempt(idsOf("disks"), async () => judgeDisks(await lookAtDisks(machine.sessionDisk.label), expected)),
    lookAtLive(idsOf, memory, expected),
  ]);
  // Run the agent after the other checks: it is the heaviest, and they would wait for it.
  const agent = await attempt(idsOf("agent"), async () => judgeAgent(await lookAtAgent(machine.agent, depth)));
  const boots = (await readText(RUN_FILES.notices))?.split("\n").filter(Boolean) ?? [];
  const notices = [...boots, ...(shares === undefined ? [] : [shares])];
  const verdicts: Verdicts = { ...disks, ...live, ...judgeSystem({ ...system, sessionHostname }, expected), ...agent };
  const arch = process.arch === "x64" ? "amd64" : process.arch;
  const rows = makeRows(REFERENCE_ROWS, verdicts, {
    target: machine.target,
    arch,
    distribution: system.osRelease["ID"] ?? "unknown",
  });
  return {
    machine: machine.name,
    target: machine.target,
    image: system.osRelease["PRETTY_NAME"] ?? "unknown",
    arch,
    runtime: machine.runtime.digest,
    depth,
    startedAt: startedAt.toISOString(),
    durationMs: Math.round(performance.now() - started),
    ok: rows.every((row) => !row.fails),
    rows,
    ...(notices.length > 0 ? { notices } : {}),
  };
}

/**
 * Returns the rows that live sessions show, and the machine's rows, some of which can be seen only while sessions run.
 */
async function lookAtLive(
  idsOf: (...groups: Group[]) => string[],
  memory: Awaited<ReturnType<typeof lookAtMemory>>,
  expected: ExpectedMachine,
): Promise<{ verdicts: Verdicts; sessionHostname?: string | undefined; shares?: string | undefined }> {
  try {
    const { live, meanwhile } = await lookAtSessions(() => Promise.all([lookAtMachine(memory), lookAtShares()]));
    const [machine, shares] = meanwhile;
    const verdicts = {
      ...judgeMachine(machine, expected),
      ...judgeSandbox(live.sandbox),
      ...judgeEgress(live.egress),
      ...judgeSessions(live.sessions),
    };
    return { verdicts, sessionHostname: live.sandbox.inside.identity?.hostname, shares: sharesNotice(shares) };
  } catch (error) {
    const verdicts = {
      ...(await attempt(idsOf("machine"), async () => judgeMachine(await lookAtMachine(memory), expected))),
      ...allDiffer(idsOf("sandbox", "egress", "sessions"), `no session could be run: ${(error as Error).message}`),
    };
    return { verdicts };
  }
}

async function attempt(ids: readonly string[], look: () => Promise<Verdicts>): Promise<Verdicts> {
  try {
    return await look();
  } catch (error) {
    return allDiffer(ids, (error as Error).message);
  }
}

function allDiffer(ids: readonly string[], reason: string): Verdicts {
  return Object.fromEntries(ids.map((id): [string, Verdict] => [id, { seen: "", ok: false, reason }]));
}
