import { chown, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { journal } from "../egress/audit.ts";
import type { EgressDecision } from "../egress/decision.ts";
import { EgressProxy } from "../egress/proxy.ts";
import { authorityEnvironment } from "../sandbox/authorities.ts";
import { launchArguments } from "../sandbox/bwrap.ts";
import { sessionEnvironment } from "../sandbox/environment.ts";
import { readLayout } from "../sandbox/layout.ts";
import { RUNTIME_ROOT, runtimeFiles } from "../sandbox/paths.ts";
import { homeLimit, OPEN_FILES } from "../sessions/limits.ts";
import { closeMounts } from "../sessions/mounts.ts";
import { type RunResult, SessionFailed } from "../sessions/request.ts";
import { closeSession, openSession, type Session, sweep } from "../sessions/session.ts";
import { HOMES } from "../sessions/state.ts";
import { startModel } from "./agent.ts";
import { type Output, runCommand } from "./command.ts";
import type { SealedSpec } from "./request.ts";
import { MOST_DECISIONS, now, resultOf } from "./result.ts";
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
    const output = await inSession(session, spec, request, { started, decisions, notice });
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

interface Observed {
  readonly started: { readyAt: number; endedAt: number };
  readonly decisions: EgressDecision[];
  readonly notice: (line: string) => void;
}

/** Opens the session's way out, runs the command, and closes the way out again. */
async function inSession(session: Session, spec: SealedSpec, request: Validated, observed: Observed): Promise<Output> {
  const { name, account, paths } = session;
  const { decisions, notice, started } = observed;
  const audit = journal(notice);
  const onDecision = (decision: EgressDecision) => {
    if (decisions.length < MOST_DECISIONS) decisions.push(decision);
    audit.write(decision);
    spec.onDecision?.(decision);
  };
  const model = spec.agent
    ? await startModel({ session: name, paths, settings: request.agent, notice, onDecision })
    : undefined;
  const proxy = new EgressProxy({
    session: name,
    folder: paths.sockets,
    owner: { uid: 0, gid: account.gid },
    policy: request.policy,
    ...(model === undefined ? {} : { internal: model.internal }),
  });
  proxy.on("decision", onDecision);
  try {
    const [layout, limit] = await Promise.all([
      readLayout(),
      homeLimit(HOMES),
      proxy.start(),
      ...Object.entries(model?.files ?? {}).map(([file, text]) =>
        giveFile(join(paths.sockets, file), text, account.gid),
      ),
    ]);
    const launch = launchArguments({
      home: paths.home,
      cwd: resolve(paths.home, spec.cwd ?? ""),
      uid: account.uid,
      gid: account.gid,
      hostname: request.hostname,
      layout,
      empty: paths.empty,
      scratch: {
        kind: "launcher",
        folder: paths.scratch,
        sizeMiB: request.limits.tmpMiB,
        shown: request.mounts.map(({ name, mode, folder }) => ({ name, mode, descriptor: folder.fd })),
      },
      passwd: paths.passwd,
      group: paths.group,
      sockets: paths.sockets,
      runtime: runtimeFiles(),
      environment: sessionEnvironment({
        session: name,
        home: paths.home,
        token: proxy.token,
        path: [`${RUNTIME_ROOT}/bin`, `${paths.home}/.local/bin`],
        ...(spec.stdio === "capture" || !process.stdout.isTTY ? {} : { term: process.env["TERM"] ?? "dumb" }),
        extra: { ...authorityEnvironment(), ...model?.environment, ...spec.environment },
      }),
      outside: {
        cgroup: session.scope.cgroup,
        openFiles: OPEN_FILES,
        parent: process.pid,
        since: session.since,
        ...(limit === undefined ? {} : { homeLimit: limit }),
      },
      command: spec.command,
    });
    started.readyAt = now();
    const output = await runCommand({
      ...launch,
      stdio: spec.stdio ?? "inherit",
      ...(spec.onOutput === undefined ? {} : { onOutput: spec.onOutput }),
      kill: () => session.scope.kill(),
      outOfMemoryKills: () => session.scope.outOfMemoryKills(),
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

/** Writes a file that the session's group may read, into a folder that it may enter. */
async function giveFile(path: string, text: string, gid: number): Promise<void> {
  await writeFile(path, text, { mode: 0o640 });
  await chown(path, 0, gid);
}
