import { AgentSettings } from "../../contract/machine.ts";
import type { Problem } from "../../contract/problem.ts";
import { REFERENCE } from "../../contract/reference.ts";
import type { AuditLog } from "../egress/audit.ts";
import type { EgressDecision } from "../egress/decision.ts";
import { type EgressPolicy, parsePolicy } from "../egress/policy.ts";
import { parsePrivate } from "../egress/private.ts";
import { inSession, type Place } from "../run/in-session.ts";
import { problemsOf, requestIn, type SealedSpec } from "../run/request.ts";
import { now, resultOf } from "../run/result.ts";
import { OPEN_FILES } from "../sessions/limits.ts";
import { checkMounts, closeMounts, type Mount } from "../sessions/mounts.ts";
import { RunRefused, type RunResult, SessionFailed } from "../sessions/request.ts";
import { auditFile, auditProblem, fileAudit } from "./audit.ts";
import { readLimits } from "./limits.ts";
import { type ContainerFacts, lookAtContainer } from "./look.ts";
import { judgeContainer, lackingProblem } from "./promises.ts";
import { type ContainedSession, closeContained, openContained, PROGRAMS } from "./session.ts";

/** One command to run in one sealed session of a container. */
export interface ContainedSpec extends Omit<SealedSpec, "keep" | "verifying"> {
  /**
   * True to run also in a container that lacks something it should have, as far as that is possible. The run then says
   * so. Default: false.
   */
  readonly acceptWeaker?: boolean;
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
    const unwritable = (await auditProblem(facts.mounts)) ?? [];
    const problems = [
      ...lacking.concat(unwritable).map(lackingProblem),
      ...written,
      ...folders,
      ...belowLimits(spec, facts),
    ];
    if (problems.length > 0 || policy === undefined) throw new RunRefused(problems);
    const { exceptions } = parsePrivate(spec.allowPrivate ?? []);
    const audit = auditFile(facts.mounts);
    return {
      ...(await carryOut(spec, { ...policy, privateExceptions: exceptions }, mounts, { weaker, audit })),
      weaker,
    };
  } finally {
    await closeMounts(mounts);
  }
}

/** Limits hold for the container: a session of it cannot have less than its container may use. */
function belowLimits({ limits = {} }: ContainedSpec, { limits: engine, mounts }: ContainerFacts): Problem[] {
  const size = mounts.findLast(({ path }) => path === "/tmp")?.options.find((option) => option.startsWith("size="));
  const tmpMiB = size === undefined ? undefined : Number.parseInt(size.slice("size=".length), 10) / 1024;
  const shared = (
    subject: "memory" | "tasks" | "tmp",
    asked: number | undefined,
    has: number | undefined,
  ): Problem[] =>
    asked === undefined || (has !== undefined && has <= asked)
      ? []
      : [
          {
            code: "CLOISTER_E_LIMIT",
            subject,
            value: String(asked),
            message: `sessions share the container's own limit, which is ${has ?? "none"}: start the container with less, or leave it out`,
          },
        ];
  return [
    ...shared("memory", limits.memoryMiB, engine.memoryMiB),
    ...shared("tasks", limits.tasksMax, engine.pids),
    ...shared("tmp", limits.tmpMiB, tmpMiB),
  ];
}

async function carryOut(
  spec: ContainedSpec,
  policy: EgressPolicy,
  mounts: readonly Mount[],
  { weaker, audit }: { readonly weaker: readonly string[]; readonly audit: string },
): Promise<RunResult> {
  const acceptedAt = now();
  const nodeStartMs = performance.now();
  const notice = spec.onNotice ?? ((line: string) => process.stderr.write(`cloister: ${line}\n`));
  for (const line of weaker) notice(`weaker than it should be: ${line}`);
  const session = await openContained(spec.name, mounts);
  const decisions: EgressDecision[] = [];
  const started = { readyAt: acceptedAt, endedAt: acceptedAt };
  let problems: string[] = [];
  // A command that succeeded without its record is no success: it may have filled the disk itself.
  const unkept: string[] = [];
  const keep = (line: string) => void unkept.push(line);
  let closed = false;
  try {
    spec.signal?.throwIfAborted();
    const output = await inSession(await placeOf(session, spec, policy, fileAudit(keep, audit, session.name)), spec, {
      decisions,
      notice,
      started,
    });
    const closedAt = now();
    problems = [...(await closeContained(session)), ...unkept];
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
    if (spec.signal?.aborted) {
      throw new SessionFailed(`the session ${session.name} was stopped`, {
        code: "CLOISTER_E_SESSION_STOPPED",
        cause: error,
      });
    }
    throw error;
  } finally {
    if (!closed) problems = [...(await closeContained(session)), ...unkept];
    for (const problem of problems) notice(problem);
  }
}

/** The parts of a run in which a container differs from a machine: its one user, its files, the engine's limits. */
async function placeOf(
  session: ContainedSession,
  spec: ContainedSpec,
  policy: EgressPolicy,
  audit: AuditLog,
): Promise<Place> {
  const { uid, gid, tmp, shm, bound, since } = session;
  const before = await readLimits();
  return {
    session: session.name,
    paths: session.paths,
    policy,
    agent: AgentSettings.parse(spec.model === undefined ? {} : { model: spec.model }),
    audit,
    files: { mode: 0o644 },
    seal: async () => ({
      uid,
      gid,
      hostname: REFERENCE.O3,
      scratch: { kind: "folders", tmp, shm, programs: PROGRAMS, bound },
      outside: { ordinary: true, openFiles: OPEN_FILES, parent: process.pid, since },
    }),
    // The session has no control group of its own. The chain's first process is bubblewrap, and its PID namespace dies
    // with it.
    kill: () => Promise.reject(new Error("no control group")),
    outOfMemoryKills: async () => (await readLimits()).outOfMemoryKills - before.outOfMemoryKills,
  };
}
