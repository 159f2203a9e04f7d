import { type ChildProcessByStdio, spawn } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import type { Readable, Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { SessionLimits } from "./limits.ts";
import { SessionFailed } from "./request.ts";
import { scopeArguments } from "./unit.ts";

/** The folder where control groups (version 2) are mounted. */
const CGROUPS = "/sys/fs/cgroup";

/** Time within which killed processes must be gone. Milliseconds. */
const KILL_MS = 10_000;

/** A session's scope: its limits, and its tie to this process (see {@link scopeArguments}). */
export interface Scope {
  /** Folder of the scope's control group. */
  readonly cgroup: string;
  /** Kills everything in the scope at once. Resolves when nothing is left. */
  kill(): Promise<void>;
  /** Releases the scope, which ends when no process is left in it. Resolves when it has ended. */
  end(): Promise<void>;
  /** Returns the number of processes that the kernel killed for want of memory. */
  outOfMemoryKills(): Promise<number>;
}

/** Makes the scope; resolves once systemd has it. */
export async function startScope(session: string, limits: SessionLimits): Promise<Scope> {
  const [program = "", ...args] = scopeArguments(session, limits);
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"], detached: true });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    said += chunk;
  });
  child.stdin.on("error", () => {});
  const closed = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code, signal) => resolve(`it ended with ${signal ?? code}: ${said.trim()}`));
  });
  child.stdin.write("\n");
  const problem = await Promise.race([answered(child), closed]);
  if (problem !== undefined) throw new SessionFailed(`systemd-run could not make the session's scope: ${problem}`);
  const cgroup = CGROUPS + parseCgroup(await readFile(`/proc/${child.pid}/cgroup`, "utf8"));
  // When memory runs out, all of the session is killed, not one process of it that others wait for. (OOMPolicy= is for
  // scopes since systemd 253 only.)
  await writeFile(`${cgroup}/memory.oom.group`, "1").catch(() => {});
  return {
    cgroup,
    async kill() {
      await writeFile(`${cgroup}/cgroup.kill`, "1").catch(ignoreGone);
      for (const deadline = Date.now() + KILL_MS; Date.now() < deadline; await sleep(10)) {
        const events = await readFile(`${cgroup}/cgroup.events`, "utf8").catch(() => "populated 0");
        if (/^populated 0$/m.test(events)) return;
      }
      throw new Error(`processes of the session ${session} do not die: look at ${cgroup}/cgroup.procs`);
    },
    async end() {
      child.stdin.end();
      await closed;
    },
    async outOfMemoryKills() {
      const events = await readFile(`${cgroup}/memory.events`, "utf8").catch(() => "");
      return Number(/^oom_kill (\d+)$/m.exec(events)?.[1] ?? 0);
    },
  };
}

/** The control group of /proc/PID/cgroup (cgroups(7)): `0::/path` is version 2's. */
export function parseCgroup(text: string): string {
  const path = /^0::(\/.*)$/m.exec(text)?.[1];
  if (path === undefined || path === "/") {
    throw new SessionFailed("this machine has no unified control groups (cgroup v2), which sessions' limits need");
  }
  return path;
}

function answered(child: ChildProcessByStdio<Writable, Readable, Readable>): Promise<undefined> {
  return new Promise((resolve) => child.stdout.once("data", () => resolve(undefined)));
}

function ignoreGone(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT" && error.code !== "ENODEV") throw error;
}
