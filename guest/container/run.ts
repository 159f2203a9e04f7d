import { writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { AgentSettings } from "../../contract/machine.ts";
import { REFERENCE } from "../../contract/reference.ts";
import type { EgressDecision } from "../egress/decision.ts";
import type { EgressPolicy } from "../egress/policy.ts";
import { parsePolicy } from "../egress/policy.ts";
import { EgressProxy } from "../egress/proxy.ts";
import { type Model, startModel } from "../run/agent.ts";
import { type Output, runCommand } from "../run/command.ts";
import { problemsOf, requestIn, type SealedSpec } from "../run/request.ts";
import { MOST_DECISIONS, now, resultOf } from "../run/result.ts";
import { launchArguments } from "../sandbox/bwrap.ts";
import { sessionEnvironment } from "../sandbox/environment.ts";
import { readLayout } from "../sandbox/layout.ts";
import { RUNTIME_ROOT, runtimeFiles } from "../sandbox/paths.ts";
import { OPEN_FILES } from "../sessions/limits.ts";
import { checkMounts, closeMounts, type Mount } from "../sessions/mounts.ts";
import { RunRefused, type RunResult, SessionFailed } from "../sessions/request.ts";
import { auditFile, fileAudit } from "./audit.ts";
import { readLimits } from "./limits.ts";
import { lookAtContainer } from "./look.ts";
import { judgeContainer, lackingProblem } from "./promises.ts";
import { type ContainedSession, closeContained, openContained, PROGRAMS } from "./session.ts";

/** One command to run in one sealed session of a container. */
export interface ContainedSpec extends Omit<SealedSpec, "keep" | "verifying"> {
  /**
   * True to run also in a container that lacks something it should have, as far as that is possible. The run then says
   * so. Default: false.
   */
  readonly acceptWeaker?: boolean;
  /** Model, tools and MCP servers. Default: the reference's. */
  readonly agentSettings?: AgentSettings;
}

/** The result of a run, and the accepted faults of the container. */
export interface ContainedResult extends RunResult {
  readonly weaker: readonly string[];
}

/**
 * Runs one command in one sealed session of this container. The chain is that of a machine (guest/sandbox), begun by an
 * ordinary user in a user namespace of its own. The engine's options do what needs root on a machine. They are checked
 * first.
 *
 * @throws {RunRefused} when the request is wrong or the container lacks something: nothing was made
 * @throws {SessionFailed} when the session could not be made
 */
export async function runContained(spec: ContainedSpec): Promise<ContainedResult> {
  const { policy } = parsePolicy(spec.allow ?? []);
  const [facts, { mounts, problems: folders }] = await Promise.all([lookAtContainer(), checkMounts(spec.mounts ?? [])]);
  try {
    const { problems: lacking, weaker } = judgeContainer(facts, spec.acceptWeaker ?? false);
    const written = problemsOf(requestIn(spec)).filter(({ subject }) => subject !== "mounts");
    const problems = [...lacking.map(lackingProblem), ...written, ...folders];
    if (problems.length > 0 || policy === undefined) throw new RunRefused(problems);
    return { ...(await carryOut(spec, policy, mounts, weaker)), weaker };
  } finally {
    await closeMounts(mounts);
  }
}

async function carryOut(
  spec: ContainedSpec,
  policy: EgressPolicy,
  mounts: readonly Mount[],
  weaker: readonly string[],
): Promise<RunResult> {
  const acceptedAt = now();
  const nodeStartMs = performance.now();
  const notice = spec.onNotice ?? ((line: string) => process.stderr.write(`cloister: ${line}\n`));
  for (const line of weaker) notice(`weaker than it should be: ${line}`);
  const session = await openContained(spec.name, mounts);
  const decisions: EgressDecision[] = [];
  const started = { readyAt: acceptedAt, endedAt: acceptedAt };
  let problems: string[] = [];
  let closed = false;
  try {
    spec.signal?.throwIfAborted();
    const output = await inSession(session, spec, policy, { decisions, notice, started });
    const closedAt = now();
    problems = await closeContained(session);
    closed = true;
    return resultOf({
      session: session.name,
      output,
      moments: { nodeStartMs, acceptedAt, ...started, closedAt },
      decisions,
      kept: false,
      problems,
    });
  } catch (error) {
    if (spec.signal?.aborted) throw new SessionFailed(`the session ${session.name} was stopped`, { cause: error });
    throw error;
  } finally {
    if (!closed) problems = await closeContained(session);
    for (const problem of problems) notice(problem);
  }
}

interface Observed {
  readonly started: { readyAt: number; endedAt: number };
  readonly decisions: EgressDecision[];
  readonly notice: (line: string) => void;
}

async function inSession(
  session: ContainedSession,
  spec: ContainedSpec,
  policy: EgressPolicy,
  { started, decisions, notice }: Observed,
): Promise<Output> {
  const { name, paths } = session;
  const audit = fileAudit(notice, await auditFile());
  const onDecision = (decision: EgressDecision) => {
    if (decisions.length < MOST_DECISIONS) decisions.push(decision);
    audit.write(decision);
    spec.onDecision?.(decision);
  };
  const model = spec.agent
    ? await startModel({ session: name, paths, settings: spec.agentSettings, notice, onDecision })
    : undefined;
  const proxy = new EgressProxy({
    session: name,
    folder: paths.sockets,
    policy,
    ...(model === undefined ? {} : { internal: model.internal }),
  });
  proxy.on("decision", onDecision);
  try {
    const [layout, before] = await Promise.all([
      readLayout(),
      readLimits(),
      proxy.start(),
      ...Object.entries(model?.files ?? {}).map(([file, text]) =>
        writeFile(join(paths.sockets, file), text, { mode: 0o644 }),
      ),
    ]);
    const launch = launchArguments({
      home: paths.home,
      cwd: resolve(paths.home, spec.cwd ?? ""),
      uid: session.uid,
      gid: session.gid,
      hostname: REFERENCE.O3,
      layout,
      empty: paths.empty,
      scratch: { kind: "folders", tmp: session.tmp, shm: session.shm, programs: PROGRAMS, bound: session.bound },
      passwd: paths.passwd,
      group: paths.group,
      sockets: paths.sockets,
      runtime: runtimeFiles(),
      environment: environment(spec, session, proxy.token, model),
      outside: { ordinary: true, openFiles: OPEN_FILES, parent: process.pid, since: session.since },
      command: spec.command,
    });
    started.readyAt = now();
    const output = await runCommand({
      ...launch,
      stdio: spec.stdio ?? "inherit",
      // The session has no control group of its own. The chain's first process is bubblewrap, and its PID namespace
      // dies with it.
      kill: () => Promise.reject(new Error("no control group")),
      outOfMemoryKills: async () => (await readLimits()).outOfMemoryKills - before.outOfMemoryKills,
      ...(spec.signal === undefined ? {} : { signal: spec.signal }),
      ...(spec.timeoutMs === undefined ? {} : { timeoutMs: spec.timeoutMs }),
    });
    started.endedAt = now();
    return output;
  } finally {
    await Promise.allSettled([proxy.stop(), model?.close()]);
    await audit.close();
  }
}

function environment(spec: ContainedSpec, { name, paths }: ContainedSession, token: string, model: Model | undefined) {
  return sessionEnvironment({
    session: name,
    home: paths.home,
    token,
    path: [`${RUNTIME_ROOT}/bin`, `${paths.home}/.local/bin`],
    ...(spec.stdio === "capture" || !process.stdout.isTTY ? {} : { term: process.env["TERM"] ?? "dumb" }),
    extra: { ...model?.environment, ...spec.environment },
  });
}
