import { writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { AgentSettings } from "../../contract/machine.ts";
import type { AuditLog } from "../egress/audit.ts";
import type { EgressDecision } from "../egress/decision.ts";
import type { EgressPolicy } from "../egress/policy.ts";
import { EgressProxy } from "../egress/proxy.ts";
import { authorityEnvironment } from "../sandbox/authorities.ts";
import { launchArguments, type SandboxSpec } from "../sandbox/bwrap.ts";
import { sessionEnvironment } from "../sandbox/environment.ts";
import { readLayout } from "../sandbox/layout.ts";
import { RUNTIME_ROOT, runtimeFiles } from "../sandbox/paths.ts";
import type { SessionPaths } from "../sessions/state.ts";
import { startModel } from "./agent.ts";
import { type CommandRun, runCommand } from "./command.ts";
import type { SealedSpec } from "./request.ts";
import { MOST_DECISIONS, now, type Output } from "./result.ts";

/** The times and decisions of a run, filled in as it goes on. */
export interface Observed {
  readonly started: { readyAt: number; endedAt: number };
  readonly decisions: EgressDecision[];
  readonly notice: (line: string) => void;
}

/** A session that is open, and all in which machines and containers differ. */
export interface Place extends Pick<CommandRun, "kill" | "outOfMemoryKills"> {
  readonly session: string;
  readonly paths: SessionPaths;
  readonly policy: EgressPolicy;
  readonly agent: AgentSettings | undefined;
  readonly audit: AuditLog;
  /** Mode of files for the session, and owner of them and of the proxy's sockets. Without an owner: this process's user. */
  readonly files: {
    readonly mode: number;
    readonly owner?: { readonly uid: number; readonly gid: number };
    /** Gives a file to the session. Default: it is readable as it is. */
    readonly give?: (path: string) => Promise<void>;
  };
  /** Looks at what the command line depends on. */
  readonly seal: () => Promise<Pick<SandboxSpec, "uid" | "gid" | "hostname" | "scratch" | "outside">>;
}

/** Opens a session's way out, runs the command, and closes the way out again. */
export async function inSession(place: Place, spec: SealedSpec, observed: Observed): Promise<Output> {
  const { session, paths, audit, files } = place;
  const { decisions, notice, started } = observed;
  const onDecision = (decision: EgressDecision) => {
    if (decisions.length < MOST_DECISIONS) decisions.push(decision);
    audit.write(decision);
    spec.onDecision?.(decision);
  };
  const model = spec.agent
    ? await startModel({ session, paths, settings: place.agent, notice, onDecision })
    : undefined;
  const proxy = new EgressProxy({
    session,
    folder: paths.sockets,
    ...(files.owner === undefined ? {} : { owner: files.owner }),
    policy: place.policy,
    ...(model === undefined ? {} : { internal: model.internal }),
  });
  proxy.on("decision", onDecision);
  try {
    const [layout, seal] = await Promise.all([
      readLayout(),
      place.seal(),
      proxy.start(),
      ...Object.entries(model?.files ?? {}).map(async ([name, text]) => {
        const path = join(paths.sockets, name);
        await writeFile(path, text, { mode: files.mode });
        await files.give?.(path);
      }),
    ]);
    const launch = launchArguments({
      ...seal,
      home: paths.home,
      cwd: resolve(paths.home, spec.cwd ?? ""),
      layout,
      empty: paths.empty,
      passwd: paths.passwd,
      group: paths.group,
      sockets: paths.sockets,
      runtime: runtimeFiles(),
      environment: sessionEnvironment({
        session,
        home: paths.home,
        token: proxy.token,
        path: [`${RUNTIME_ROOT}/bin`, `${paths.home}/.local/bin`],
        ...(spec.stdio === "capture" || !process.stdout.isTTY ? {} : { term: process.env["TERM"] ?? "dumb" }),
        extra: { ...authorityEnvironment(), ...model?.environment, ...spec.environment },
      }),
      command: spec.command,
    });
    started.readyAt = now();
    const output = await runCommand({
      ...launch,
      stdio: spec.stdio ?? "inherit",
      kill: place.kill,
      outOfMemoryKills: place.outOfMemoryKills,
      ...(spec.onOutput === undefined ? {} : { onOutput: spec.onOutput }),
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
