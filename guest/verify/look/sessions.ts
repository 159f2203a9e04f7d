import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { NOBODY, SESSION_USERS } from "../../../contract/users.ts";
import { writeFileAtomic } from "../../lib/atomic-write.ts";
import { type RunResult, runSealed } from "../../run/run.ts";
import type { EgressFacts } from "../judge/egress.ts";
import type { SandboxFacts } from "../judge/sandbox.ts";
import type { SessionFacts } from "../judge/sessions.ts";
import { type ProbeReport, parseProbe } from "../probe-report.ts";
import { ALLOWED_TARGET, egressAttempts, insideChecks } from "./attempts.ts";
import { readAudit } from "./audit.ts";
import { readText } from "./files.ts";
import { neighbourFacts, readSubject, waitForFile } from "./meeting.ts";
import { NEIGHBOUR_SCRIPT, PROBE, SUBJECT_SCRIPT, script } from "./session-scripts.ts";

const exec = promisify(execFile);

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
      command: script(
        SUBJECT_SCRIPT,
        ...insideChecks(neighbourName, { openTarget, unixSocket: UNIX_SOCKET, dnsName: NAME }),
      ),
    });
    runs = [neighbour, subject];
    // The first failure ends both sessions, and only this one is reported.
    const fail = (error: Error) => {
      failure ??= error;
      stop.abort();
    };
    for (const run of runs) run.catch(fail);
    const introduced = (async () => {
      const told = await waitForFile(join(folder, "talk", "ready"), TIME_LIMIT_MS, stop.signal);
      await waitForFile(join(folder, "rw", "begun"), TIME_LIMIT_MS, stop.signal);
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
    const { inside, home, foreign } = readSubject(ran);
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
          ...egressAttempts(openTarget),
        },
        sessions: {
          name: ran.session,
          inside,
          home,
          ...(user ? { account: user } : {}),
          mounts: { ro: "ro", rw: "rw", rwd: "rwd" },
          neighbour: neighbourFacts(neighbourName, neighbourUser?.uid ?? -1, told, foreign),
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

/** Creates the file only if it is new: the neighbour may have put anything in its place. */
async function sayDone(folder: string): Promise<void> {
  await writeFile(join(folder, "done"), "", { flag: "wx" });
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
