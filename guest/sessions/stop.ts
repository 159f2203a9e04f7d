import { stat } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { SessionFailed } from "./request.ts";
import { holderAlive, sessionPaths } from "./state.ts";

/** Time within which a supervisor must have ended its session. Milliseconds. */
const STOP_MS = 30_000;
const POLL_MS = 100;

/**
 * Ends the command that runs in a session, with everything that it started. The session's supervisor does it, as on a
 * Ctrl-C.
 *
 * @returns false when nothing ran in it
 * @throws {SessionFailed} when there is no such session, or when it does not end
 */
export async function stopSession(
  name: string,
  { paths = sessionPaths(name), patienceMs = STOP_MS, kill = (pid: number) => void process.kill(pid, "SIGTERM") } = {},
): Promise<boolean> {
  const pid = await holderAlive(paths.running);
  if (pid === undefined) {
    if (await stat(paths.home).catch(() => undefined)) return false;
    throw new SessionFailed(`there is no session ${name}`, { code: "CLOISTER_E_SESSION_UNKNOWN" });
  }
  kill(pid);
  for (const deadline = Date.now() + patienceMs; Date.now() < deadline; await sleep(POLL_MS)) {
    if ((await holderAlive(paths.running)) !== pid) return true;
  }
  throw new SessionFailed(
    `the session ${name} has not ended within ${patienceMs / 1000} s: process ${pid} still runs it`,
  );
}
