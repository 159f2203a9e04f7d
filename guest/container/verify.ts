import { createHash } from "node:crypto";
import { access, readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { AgentSettings } from "../../contract/machine.ts";
import { REFERENCE, REFERENCE_ROWS } from "../../contract/reference.ts";
import type { Group, Report } from "../../contract/report.ts";
import { OFFER_PROMPT } from "../agent/demo-script.ts";
import { MODEL_KEY } from "../agent/model-key.ts";
import { RUNTIME_ROOT } from "../sandbox/paths.ts";
import { judgeAgent } from "../verify/judge/agent.ts";
import type { Verdict, Verdicts } from "../verify/judge/verdict.ts";
import { verdict } from "../verify/judge/verdict.ts";
import { readAgentRun } from "../verify/look/agent.ts";
import { makeRows } from "../verify/rows.ts";
import { lookAtContained } from "./live.ts";
import { type ContainerFacts, lookAtContainer } from "./look.ts";
import { judgeContainer, LEAST } from "./promises.ts";
import { runContained } from "./run.ts";

/** The ways in which a container always differs from a machine, whatever its options. They are in every report. */
const DIFFERENT = [
  "a container: its kernel is the host's, shared with everything on it; a machine has its own",
  "a container: it has no disks; homes of sessions are in memory and end with it",
  "a container: all of its sessions have its one user, and its supervisor too; namespaces keep them apart",
];

/**
 * Compares this container with every row of the reference, as far as a row can apply to it. If something cannot be
 * looked at, its rows differ, with the reason.
 */
export async function verifyContainer(depth: "quick" | "full", acceptWeaker: boolean): Promise<Report> {
  const startedAt = new Date();
  const started = performance.now();
  const facts = await lookAtContainer();
  const { problems, weaker } = judgeContainer(facts, acceptWeaker);
  const idsOf = (group: Group) => REFERENCE_ROWS.filter((row) => row.group === group).map(({ id }) => id);
  const all = (group: Group, one: Verdict) => Object.fromEntries(idsOf(group).map((id) => [id, one]));
  const failed = (groups: readonly Group[]) => (error: Error) =>
    Object.assign({}, ...groups.map((group) => all(group, { seen: "", ok: false, reason: error.message }))) as Verdicts;
  const live = await lookAtContained(acceptWeaker).catch(failed(["sandbox", "egress", "sessions"]));
  const agent = await agentRows(depth, acceptWeaker).catch(failed(["agent"]));
  const release = await osRelease();
  const verdicts: Verdicts = {
    ...all("machine", { notApplicable: "the processor is the host's" }),
    ...size(facts, acceptWeaker),
    ...all("disks", { notApplicable: "a container has no disks of its own" }),
    ...all("system", { notApplicable: "the kernel and its boot are the host's" }),
    O1: { notApplicable: "the image's base is an argument", seen: release["PRETTY_NAME"] ?? "unknown" },
    O3: verdict(hostname(), [hostname() !== REFERENCE.O3 && `started without --hostname=${REFERENCE.O3}`]),
    ...live,
    ...agent,
    ...(await containerRows(facts, live["N3"], acceptWeaker, problems)),
  };
  const arch = process.arch === "x64" ? "amd64" : process.arch;
  const rows = makeRows(REFERENCE_ROWS, verdicts, {
    target: "container",
    arch,
    distribution: release["ID"] ?? "unknown",
  });
  const manifest = await readFile(`${RUNTIME_ROOT}/MANIFEST.json`);
  return {
    machine: hostname(),
    target: "container",
    image: release["PRETTY_NAME"] ?? "unknown",
    arch,
    runtime: createHash("sha256").update(manifest).digest("hex"),
    depth,
    startedAt: startedAt.toISOString(),
    durationMs: Math.round(performance.now() - started),
    ok: rows.every((row) => !row.fails) && problems.length === 0,
    rows,
    notices: [...problems, ...weaker.map((line) => `weaker than it should be: ${line}`), ...DIFFERENT],
    ...(problems.length === 0 ? {} : { notReady: problems.join("; ") }),
  };
}

/** A row that differs by an option which was accepted as missing. The report says so, and holds it against nobody. */
const accepted = (one: Verdict, isSo: boolean): Verdict =>
  isSo && "ok" in one && !one.ok ? { ...one, excuse: `${one.reason}; accepted with --accept-weaker` } : one;

/** Judges the machine's rows that the engine's limits decide. */
function size({ limits: { cpus, cpuQuota, memoryMiB, withSwapMiB } }: ContainerFacts, acceptWeaker: boolean): Verdicts {
  const processors = Math.min(cpus, cpuQuota ?? cpus);
  const memory = memoryMiB === undefined ? "without a limit" : `${memoryMiB} MiB`;
  return {
    M2: verdict(`${processors}`, [processors < LEAST.cpus && `fewer than ${LEAST.cpus}`]),
    M4: accepted(
      verdict(memory, [
        memoryMiB !== undefined && memoryMiB < LEAST.memoryMiB && `less than ${LEAST.memoryMiB} MiB`,
        memoryMiB === undefined && "memory has no limit",
      ]),
      acceptWeaker && memoryMiB === undefined,
    ),
    M5: { notApplicable: "nothing of it is used before a session is" },
    M6:
      withSwapMiB === undefined
        ? { notChecked: "this host does not count swap for containers" }
        : verdict(withSwapMiB === memoryMiB ? "none" : "some", [withSwapMiB !== memoryMiB && "swap is allowed"]),
  };
}

async function containerRows(
  facts: ContainerFacts,
  folders: Verdict | undefined,
  acceptWeaker: boolean,
  problems: readonly string[],
): Promise<Verdicts> {
  const base = (await readFile("/usr/share/cloister/base", "utf8").catch(() => "")).trim();
  const inImage = await Promise.all(
    ["/usr/share/cloister/sbom.cdx.json", `${RUNTIME_ROOT}/MANIFEST.json`].map((path) =>
      access(path).then(
        () => undefined,
        () => `${path} is not in the image`,
      ),
    ),
  );
  const exits = await exitCode(acceptWeaker).catch((error: Error) => error.message);
  const { memoryMiB, cpuQuota, cpus } = facts.limits;
  const processors = Math.min(cpus, cpuQuota ?? cpus);
  return {
    C1: verdict(`built on ${base || "?"}`, [base === "" && "the image does not say what it was built on", ...inImage]),
    C2: accepted(
      verdict(`${memoryMiB ?? "?"} MiB, ${processors} processors`, [
        !((memoryMiB ?? 0) >= LEAST.memoryMiB) && `memory: not a limit of ${LEAST.memoryMiB} MiB or more`,
        processors < LEAST.cpus && `fewer than ${LEAST.cpus} processors`,
        ...problems,
      ]),
      // The limit alone: fewer processors, or anything that was refused, is held against the container.
      acceptWeaker && memoryMiB === undefined && processors >= LEAST.cpus && problems.length === 0,
    ),
    C3: folders ?? { seen: "", ok: false, reason: "no session could be run" },
    C4: verdict(`a sealed command that ends with 7 gives ${exits}`, [exits !== 7 && "its exit code is not passed on"]),
  };
}

async function exitCode(acceptWeaker: boolean): Promise<number> {
  const command = ["bash", "-c", "exit 7"];
  return (await runContained({ command, stdio: "capture", acceptWeaker, onNotice: () => {} })).exitCode;
}

async function agentRows(depth: "quick" | "full", acceptWeaker: boolean): Promise<Verdicts> {
  const settings = AgentSettings.parse({});
  const manifest = JSON.parse(await readFile(`${RUNTIME_ROOT}/MANIFEST.json`, "utf8")) as { claudeCode: string };
  const base = {
    manifestVersion: manifest.claudeCode,
    configured: { model: settings.model, tools: settings.tools, mcpServers: Object.keys(settings.mcpServers) },
  };
  if (depth === "quick") return judgeAgent({ ...base, notRun: "left out by --quick" });
  const keyed = await access(MODEL_KEY).then(
    () => true,
    () => false,
  );
  if (keyed) return judgeAgent({ ...base, notRun: `${MODEL_KEY} is there: the real model would be asked` });
  const ran = await runContained({
    command: ["claude", "-p", OFFER_PROMPT, "--output-format", "stream-json", "--verbose"],
    agent: true,
    stdio: "capture",
    timeoutMs: 180_000,
    acceptWeaker,
    onNotice: () => {},
  });
  if (ran.exitCode !== 0) throw new Error(`Claude Code failed (${ran.exitCode}): ${ran.stderr.trim().slice(-500)}`);
  return judgeAgent({ ...base, run: readAgentRun(ran.stdout) });
}

async function osRelease(): Promise<Record<string, string>> {
  const text = await readFile("/etc/os-release", "utf8").catch(() => "");
  return Object.fromEntries(
    text.split("\n").flatMap((line) => {
      const [, name, value] = /^(\w+)="?(.*?)"?$/.exec(line) ?? [];
      return name === undefined || value === undefined ? [] : [[name, value]];
    }),
  );
}
