import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { RUN_FILES } from "../../../contract/run-files.ts";
import { NOBODY, SESSION_USERS } from "../../../contract/users.ts";
import { writeFileAtomic } from "../../lib/atomic-write.ts";
import { type RunResult, runSealed } from "../../run/run.ts";
import { readHostile } from "../../sessions/hostile.ts";
import { sessionPaths } from "../../sessions/state.ts";
import type { EgressFacts } from "../judge/egress.ts";
import type { SandboxFacts } from "../judge/sandbox.ts";
import type { SessionFacts } from "../judge/sessions.ts";
import { type ProbeReport, parseProbe } from "../probe-report.ts";
import { readAudit } from "./audit.ts";
import { readText } from "./files.ts";
import {
  ALLOWED_URL,
  NEIGHBOUR_MARK,
  NEIGHBOUR_PORT,
  NEIGHBOUR_SCRIPT,
  PROBE,
  SUBJECT_SCRIPT,
  script,
} from "./session-scripts.ts";

const exec = promisify(execFile);

/** Names that never exist (RFC 6761): nothing leaves the machine for them. */
const ALLOWED_HOST = "allowed.cloister.invalid";
const DENIED_HOST = "denied.cloister.invalid";

/**
 * The name of the default gateway. The resolver knows it without any network (systemd-resolved.service(8), "Synthetic
 * records").
 */
const NAME = "_gateway";

/**
 * A socket of the machine that everybody may connect to. Outside, connecting to it is the control; inside, it cannot
 * even be tried.
 */
const UNIX_SOCKET = "/run/systemd/journal/stdout";

const ALLOWED_TARGET = `${ALLOWED_HOST}:443`;
const DENIED_URLS = [`http://${DENIED_HOST}/`, `https://${DENIED_HOST}/`];
const DENIED_TARGET = `${DENIED_HOST}:443`;
const FORBIDDEN_URLS = [
  "http://169.254.169.254/latest/meta-data/",
  "http://127.0.0.1:22/",
  "http://localhost:22/",
  "http://10.0.2.2/",
  "http://172.16.0.1/",
  "http://192.168.0.1/",
  "http://[::1]:22/",
  "http://[fd00:ec2::254]/latest/meta-data/",
];
const FORBIDDEN_DIRECT = ["tcp:169.254.169.254:80", "tcp:10.0.2.2:22", "tcp:192.168.0.1:80", "udp:10.0.2.3:53"];

const NEIGHBOUR_TARGET = `tcp:127.0.0.1:${NEIGHBOUR_PORT}`;

/**
 * Time limit of a live session: it must not hang the boot. Emulated machines take ten times as long as real ones.
 * Milliseconds.
 */
const TIME_LIMIT_MS = 180_000;

/** The findings of two sessions that ran at the same time, and of the controls beside them. */
export interface LiveFacts {
  readonly sandbox: SandboxFacts;
  readonly egress: EgressFacts;
  readonly sessions: SessionFacts;
}

/**
 * Runs two sealed sessions at once: one that is looked at, and a neighbour that has what it must not see. Outside, the
 * same probes are run as an ordinary user (what is refused inside must be allowed there, or the refusal proves nothing),
 * and as a session's user without its sandbox (for the second wall).
 *
 * @param meanwhile is called while the sessions run
 */
export async function lookAtSessions<T>(meanwhile: () => Promise<T>): Promise<{ live: LiveFacts; meanwhile: T }> {
  const folder = await mkdtemp("/tmp/cloister-verify-");
  const server = createServer((socket) => socket.end()).listen(0, "127.0.0.1");
  const stop = new AbortController();
  const neighbourName = `quiet-watchful-neighbour-${randomBytes(2).toString("hex")}`;
  let runs: Promise<RunResult>[] = [];
  let failure: Error | undefined;
  try {
    await new Promise<void>((resolve) => server.once("listening", resolve));
    const openTarget = `tcp:127.0.0.1:${(server.address() as { port: number }).port}`;
    // The neighbour and this process talk through the neighbour's own mounted folder: its /tmp is private.
    await Promise.all(["ro", "rw", "rwd", "talk"].map((mode) => mkdir(join(folder, mode), { mode: 0o755 })));
    await Promise.all(["ro", "rw", "rwd"].map((mode) => writeFile(join(folder, mode, "given"), "given\n")));

    const common = {
      verifying: true,
      stdio: "capture",
      signal: stop.signal,
      timeoutMs: TIME_LIMIT_MS,
      onNotice: () => {},
    } as const;
    const neighbour = runSealed({
      ...common,
      name: neighbourName,
      keep: false,
      mounts: [{ source: join(folder, "talk"), name: "talk", mode: "rwd" }],
      command: script(NEIGHBOUR_SCRIPT),
    });
    const subject = runSealed({
      ...common,
      agent: true,
      allow: [ALLOWED_TARGET],
      mounts: (["ro", "rw", "rwd"] as const).map((mode) => ({ source: join(folder, mode), name: mode, mode })),
      command: script(SUBJECT_SCRIPT, ...insideChecks(neighbourName, openTarget)),
    });
    runs = [neighbour, subject];
    // The first failure ends both sessions, and only this one is reported.
    const fail = (error: Error) => {
      failure ??= error;
      stop.abort();
    };
    for (const run of runs) run.catch(fail);
    const introduced = (async () => {
      const told = await waitForFile(join(folder, "talk", "ready"), stop.signal);
      await waitForFile(join(folder, "rw", "begun"), stop.signal);
      // Read the accounts while both sessions run: their users exist by now, and are gone afterwards.
      const account = await readText("/etc/passwd");
      // The file must appear complete: the other side reads it as soon as it is there.
      await writeFileAtomic(join(folder, "ro", "go"), `${told[0]}\n`);
      return { told, account };
    })();
    introduced.catch(fail);
    let met = false;
    introduced.then(
      () => {
        met = true;
      },
      () => {},
    );
    for (const [which, run] of [
      ["second session", neighbour],
      ["session that was looked at", subject],
    ] as const)
      run.then(
        ({ exitCode, stderr }) => {
          if (!met) fail(new Error(`the ${which} ended too early (${exitCode}): ${stderr.trim()}`));
        },
        () => {},
      );
    const controls = ["status", "namespaces", "routes", `dns=${NAME}`, `unix=${UNIX_SOCKET}`, `connect=${openTarget}`];
    const [{ told, account }, outside, escaped, ran, extra] = await Promise.all([
      introduced,
      probeAs(NOBODY, controls),
      probeAs(SESSION_USERS.to, [`connect=${openTarget}`]),
      subject.finally(() => sayDone(join(folder, "talk")).catch(() => stop.abort())),
      introduced.then(() => meanwhile()),
      neighbour,
    ]);
    if (ran.exitCode !== 0)
      throw new Error(`the session that was looked at failed (${ran.exitCode}): ${ran.stderr.trim()}`);
    const [report = "", home = "", withForeignToken = ""] = ran.stdout.split("\n");
    const inside = parseProbe(report);
    const [mode = "", owner = ""] = home.split(" ");
    const foreign = parseProbe(withForeignToken).http?.[0]?.status;
    const neighbourUser = findUser(account, neighbourName);
    const user = findUser(account, ran.session);
    return {
      meanwhile: extra,
      live: {
        sandbox: { inside, outside },
        egress: {
          session: ran.session,
          inside,
          outside,
          escaped,
          audit: await readAudit(ran.session),
          allowedUrl: ALLOWED_URL,
          allowedTarget: ALLOWED_TARGET,
          deniedUrls: DENIED_URLS,
          deniedTarget: DENIED_TARGET,
          forbiddenUrls: FORBIDDEN_URLS,
          forbiddenTargets: [openTarget, ...FORBIDDEN_DIRECT],
        },
        sessions: {
          name: ran.session,
          inside,
          home: { mode, uid: Number(owner) },
          ...(user ? { account: user } : {}),
          mounts: { ro: "ro", rw: "rw", rwd: "rwd" },
          neighbour: {
            name: neighbourName,
            uid: neighbourUser?.uid ?? -1,
            controls: {
              file: told[1] === "1",
              tmp: told[2] === "1",
              shm: told[3] === "1",
              ipc: told[4] === "1",
              port: told[5] === "1",
              token: told[0]?.startsWith("http://") === true,
            },
            paths: neighbourPaths(neighbourName),
            processMark: NEIGHBOUR_MARK,
            target: NEIGHBOUR_TARGET,
            ...(foreign === undefined ? {} : { foreignTokenStatus: foreign }),
          },
        },
      },
    };
  } catch (error) {
    throw failure ?? error;
  } finally {
    stop.abort();
    server.close();
    await Promise.allSettled(runs);
    await rm(folder, { recursive: true, force: true });
  }
}

/** Returns all checks for the probe inside the session. One process runs them all. */
function insideChecks(neighbour: string, openTarget: string): string[] {
  return [
    ...["status", "namespaces", "processes", "identity", "environment", "routes", "shm"],
    `dns=${NAME}`,
    `unix=${UNIX_SOCKET}`,
    ...[ALLOWED_URL, ...DENIED_URLS, ...FORBIDDEN_URLS].map((url) => `http=${url}`),
    ...[ALLOWED_TARGET, DENIED_TARGET].map((target) => `socks=${target}`),
    ...[openTarget, ...FORBIDDEN_DIRECT, NEIGHBOUR_TARGET].map((target) => `connect=${target}`),
    ...neighbourPaths(neighbour).map((path) => `file=${path}`),
    "file=mnt/ro/given",
    ...["ro", "rw", "rwd"].flatMap((mode) => [`write=mnt/${mode}/made`, `remove=mnt/${mode}/given`]),
  ];
}

function neighbourPaths(neighbour: string): string[] {
  const { home } = sessionPaths(neighbour);
  return [home, `${home}/kept`, "/tmp/kept", "/dev/shm/kept", RUN_FILES.sessions];
}

/** Creates the file only if it is new: the neighbour may have put anything in its place. */
async function sayDone(folder: string): Promise<void> {
  await writeFile(join(folder, "done"), "", { flag: "wx" });
}

/** Waits until a file's last line is `end`; returns its lines. */
async function waitForFile(path: string, signal: AbortSignal): Promise<string[]> {
  for (const end = Date.now() + TIME_LIMIT_MS; Date.now() < end; ) {
    const lines = ((await readHostile(path)) ?? "").trim().split("\n");
    if (lines.at(-1) === "end") return lines;
    await sleep(50, undefined, { signal });
  }
  throw new Error(`a session did not come up within ${TIME_LIMIT_MS / 1000} s (${path})`);
}

async function probeAs(uid: number, checks: readonly string[]): Promise<ProbeReport> {
  // The environment has no proxies: these are connections of the machine itself.
  const { stdout } = await exec(PROBE, [...checks], { uid, gid: uid, cwd: "/", env: { PATH: "/usr/bin:/bin" } });
  return parseProbe(stdout);
}

function findUser(passwd: string | undefined, name: string): { uid: number; home: string } | undefined {
  const fields = passwd
    ?.split("\n")
    .map((line) => line.split(":"))
    .find(([user]) => user === name);
  return fields ? { uid: Number(fields[2]), home: fields[5] ?? "" } : undefined;
}
