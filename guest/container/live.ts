import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { Resolver } from "node:dns/promises";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { writeFileAtomic } from "../lib/atomic-write.ts";
import { sessionPaths } from "../sessions/state.ts";
import { judgeEgress } from "../verify/judge/egress.ts";
import { judgeSandbox } from "../verify/judge/sandbox.ts";
import { judgeSessions } from "../verify/judge/sessions.ts";
import type { Verdicts } from "../verify/judge/verdict.ts";
import { ALLOWED_HOST, ALLOWED_TARGET, egressAttempts, insideChecks } from "../verify/look/attempts.ts";
import { neighbourFacts, readSubject, waitForFile } from "../verify/look/meeting.ts";
import { NEIGHBOUR_SCRIPT, PROBE, SUBJECT_SCRIPT, script } from "../verify/look/session-scripts.ts";
import { type ProbeReport, parseProbe } from "../verify/probe-report.ts";
import { readRows } from "./audit.ts";
import { runContained } from "./run.ts";

const exec = promisify(execFile);

const TIME_LIMIT_MS = 120_000;

/** The reason why a session of a container has no user of its own. */
const ONE_USER = "a container has one user: nobody in it could make another; namespaces keep its sessions apart";

/**
 * Runs two sealed sessions at once: one that is looked at, and a neighbour that has what it must not see. Runs the same
 * probes outside of both as the container's own user: the controls.
 */
export async function lookAtContained(acceptWeaker: boolean): Promise<Verdicts> {
  const folder = await mkdtemp("/tmp/cloister-verify-");
  const unixSocket = join(folder, "open.sock");
  const stop = new AbortController();
  const neighbourName = `quiet-watchful-neighbour-${randomBytes(2).toString("hex")}`;
  const servers: Server[] = [];
  const runs: Promise<unknown>[] = [];
  try {
    const tcp = await listen(servers, { port: 0, host: "127.0.0.1" });
    await listen(servers, { path: unixSocket });
    const openTarget = `tcp:127.0.0.1:${(tcp.address() as { port: number }).port}`;
    await Promise.all(["ro", "rw", "rwd", "talk"].map((mode) => mkdir(join(folder, mode))));
    await Promise.all(["ro", "rw", "rwd"].map((mode) => writeFile(join(folder, mode, "given"), "given\n")));
    const common = {
      stdio: "capture",
      signal: stop.signal,
      timeoutMs: TIME_LIMIT_MS,
      onNotice: () => {},
      acceptWeaker,
    } as const;
    const neighbour = runContained({
      ...common,
      name: neighbourName,
      mounts: [{ source: join(folder, "talk"), name: "talk", mode: "rwd" }],
      command: script(NEIGHBOUR_SCRIPT),
    });
    const subject = runContained({
      ...common,
      agent: true,
      allow: [ALLOWED_TARGET],
      mounts: (["ro", "rw", "rwd"] as const).map((mode) => ({ source: join(folder, mode), name: mode, mode })),
      command: script(
        SUBJECT_SCRIPT,
        ...insideChecks(neighbourName, { openTarget, unixSocket, dnsName: ALLOWED_HOST }),
      ),
    });
    runs.push(neighbour, subject);
    for (const run of runs) run.catch(() => stop.abort());
    const introduced = introduce(folder, stop.signal);
    introduced.catch(() => {});
    const ended = Promise.race([neighbour, subject]).then(({ exitCode, stderr }) => {
      throw new Error(`a session ended too early (${exitCode}): ${stderr.trim()}`);
    });
    const told = await Promise.race([introduced, ended]);
    const [outside, ran] = await Promise.all([
      controls(openTarget, unixSocket),
      subject.finally(() => writeFile(join(folder, "talk", "done"), "", { flag: "wx" }).catch(() => stop.abort())),
    ]);
    ended.catch(() => {});
    const { inside, home, foreign } = readSubject(ran);
    const rows = judgeSessions({
      name: ran.session,
      inside,
      home,
      account: { uid: process.getuid?.() ?? -1, home: sessionPaths(ran.session).home },
      mounts: { ro: "ro", rw: "rw", rwd: "rwd" },
      neighbour: neighbourFacts(neighbourName, process.getuid?.() ?? -1, told, foreign),
    });
    const own = rows["N2"];
    return {
      ...judgeSandbox({ inside, outside }),
      ...judgeEgress({
        session: ran.session,
        inside,
        outside,
        audit: await readRows(ran.session),
        ...egressAttempts(openTarget),
      }),
      ...rows,
      // Excuse this problem only: any other problem of the row counts.
      ...(own !== undefined && "reason" in own && own.reason === "two sessions share a user"
        ? { N2: { ...own, excuse: ONE_USER } }
        : {}),
    };
  } finally {
    stop.abort();
    for (const server of servers) server.close();
    await Promise.allSettled(runs);
    await rm(folder, { recursive: true, force: true });
  }
}

async function listen(servers: Server[], where: { port: number; host: string } | { path: string }): Promise<Server> {
  const server = createServer((socket) => socket.end());
  servers.push(server);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(where, resolve);
  });
  return server;
}

async function introduce(folder: string, signal: AbortSignal): Promise<string[]> {
  const told = await waitForFile(join(folder, "talk", "ready"), TIME_LIMIT_MS, signal);
  await waitForFile(join(folder, "rw", "begun"), TIME_LIMIT_MS, signal);
  await writeFileAtomic(join(folder, "ro", "go"), `${told[0]}\n`);
  return told;
}

/**
 * Runs the probes outside of every session. The rights of a user in a user namespace of its own are the control for
 * rights: the container itself has none to begin with.
 */
async function controls(openTarget: string, unixSocket: string): Promise<ProbeReport> {
  const probe = async (command: readonly string[]) => {
    const [program = "", ...rest] = command;
    return parseProbe((await exec(program, rest, { cwd: "/", env: { PATH: "/usr/bin:/bin" } })).stdout);
  };
  const [plain, owner, answered] = await Promise.all([
    probe([PROBE, "namespaces", "routes", `unix=${unixSocket}`, `connect=${openTarget}`]),
    probe(["unshare", "--user", "--map-current-user", "--keep-caps", "--", PROBE, "status"]),
    nameserverAnswers(),
  ]);
  return { ...plain, status: owner.status ?? {}, dns: [{ name: ALLOWED_HOST, ok: answered }] };
}

/** Returns true when a nameserver can be reached. "There is no such name" is an answer too. */
async function nameserverAnswers(): Promise<boolean> {
  const resolver = new Resolver({ timeout: 2_000, tries: 2 });
  return await resolver.resolve4(ALLOWED_HOST).then(
    () => true,
    ({ code }: NodeJS.ErrnoException) =>
      code === "ENOTFOUND" || code === "ENODATA" || code === "ESERVFAIL" || code === "EREFUSED",
  );
}
