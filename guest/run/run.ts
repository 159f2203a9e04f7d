import { chown } from "node:fs/promises";
import { journal } from "../egress/audit.ts";
import type { EgressDecision } from "../egress/decision.ts";
import { homeLimit, OPEN_FILES } from "../sessions/limits.ts";
import { closeMounts } from "../sessions/mounts.ts";
import { type RunResult, SessionFailed } from "../sessions/request.ts";
import { closeSession, openSession, type Session, sweep } from "../sessions/session.ts";
import { HOMES } from "../sessions/state.ts";
import { inSession, type Observed, type Place } from "./in-session.ts";
import type { SealedSpec } from "./request.ts";
import { now, resultOf } from "./result.ts";
import { type Validated, validate } from "./validate.ts";

export * from "../sessions/request.ts";
export * from "./request.ts";

/**
 * Runs one command in one sealed session: makes the session, opens its way out, starts the command, waits for its end,
 * and removes what is not to be kept. No part of it continues to run after an error or an abort.
 *
 * @throws {RunRefused} when the request is wrong: nothing was made
 * @throws {SessionFailed} when the session could not be made: what was made is removed again
 */
export async function runSealed(spec: SealedSpec): Promise<RunResult> {
  const request = await validate(spec);
  try {
    return await carryOut(spec, request);
  } finally {
    await closeMounts(request.mounts);
  }
}

async function carryOut(spec: SealedSpec, request: Validated): Promise<RunResult> {
  const acceptedAt = now();
  const nodeStartMs = performance.now();
  const notice = spec.onNotice ?? ((line: string) => process.stderr.write(`cloister: ${line}\n`));
  for (const problem of await sweep()) notice(problem);
  const session = await openSession(request);
  let running = true;
  let cleanup: string[] = [];
  const started = { readyAt: acceptedAt, endedAt: acceptedAt };
  const decisions: EgressDecision[] = [];
  try {
    await spec.onOpened?.(session.name);
    spec.signal?.throwIfAborted();
    const output = await inSession(placeOf(session, request, notice), spec, { started, decisions, notice });
    running = false;
    const closedAt = now();
    cleanup = await closeSession(session, false);
    return resultOf({
      session: session.name,
      output,
      moments: { nodeStartMs, acceptedAt, ...started, closedAt },
      decisions,
      kept: session.keep,
      problems: cleanup,
    });
  } catch (error) {
    if (running) cleanup = await closeSession(session, true);
    if (spec.signal?.aborted) {
      throw new SessionFailed(`the session ${session.name} was stopped`, {
        code: "CLOISTER_E_SESSION_STOPPED",
        cause: error,
      });
    }
    throw error;
  } finally {
    for (const problem of cleanup) notice(problem);
  }
}

/** The parts of a run in which a machine differs from a container: journal, users, control groups, disks. */
function placeOf(
  { name, account, paths, scope, since }: Session,
  request: Validated,
  notice: Observed["notice"],
): Place {
  const { mounts, limits } = request;
  return {
    session: name,
    paths,
    policy: request.policy,
    agent: request.agent,
    audit: journal(notice),
    // The session's group may read them.
    files: { mode: 0o640, owner: { uid: 0, gid: account.gid }, give: (path) => chown(path, 0, account.gid) },
    seal: async () => {
      const limit = await homeLimit(HOMES);
      return {
        uid: account.uid,
        gid: account.gid,
        hostname: request.hostname,
        scratch: {
          kind: "launcher",
          folder: paths.scratch,
          sizeMiB: limits.tmpMiB,
          shown: mounts.map(({ name: one, mode, folder }) => ({ name: one, mode, descriptor: folder.fd })),
        },
        outside: {
          cgroup: scope.cgroup,
          openFiles: OPEN_FILES,
          parent: process.pid,
          since,
          ...(limit === undefined ? {} : { homeLimit: limit }),
        },
      };
    },
    kill: () => scope.kill(),
    outOfMemoryKills: () => scope.outOfMemoryKills(),
  };
}
