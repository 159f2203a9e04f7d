import { setTimeout as sleep } from "node:timers/promises";
import { readHostile } from "../../sessions/hostile.ts";
import type { RunResult } from "../../sessions/request.ts";
import type { SessionFacts } from "../judge/sessions.ts";
import { parseProbe } from "../probe-report.ts";
import { NEIGHBOUR_TARGET, neighbourPaths } from "./attempts.ts";
import { NEIGHBOUR_MARK } from "./session-scripts.ts";

/**
 * Waits until a file's last line is `end`; returns its lines.
 *
 * @param limitMs milliseconds
 * @throws when the file is not complete by then
 */
export async function waitForFile(path: string, limitMs: number, signal: AbortSignal): Promise<string[]> {
  for (const end = Date.now() + limitMs; Date.now() < end; ) {
    const lines = ((await readHostile(path)) ?? "").trim().split("\n");
    if (lines.at(-1) === "end") return lines;
    await sleep(50, undefined, { signal });
  }
  throw new Error(`a session did not come up within ${limitMs / 1000} s (${path})`);
}

/**
 * Reads the output of the session that was looked at (SUBJECT_SCRIPT).
 *
 * @throws when its command failed
 */
export function readSubject(ran: RunResult) {
  if (ran.exitCode !== 0)
    throw new Error(`the session that was looked at failed (${ran.exitCode}): ${ran.stderr.trim()}`);
  const [report = "", home = "", withForeignToken = ""] = ran.stdout.split("\n");
  const [mode = "", owner = ""] = home.split(" ");
  return {
    inside: parseProbe(report),
    home: { mode, uid: Number(owner) },
    foreign: parseProbe(withForeignToken).http?.[0]?.status,
  };
}

/** The facts of the neighbour: what it told of itself (NEIGHBOUR_SCRIPT), and what must not be seen of it. */
export function neighbourFacts(
  name: string,
  uid: number,
  told: readonly string[],
  foreign: ReturnType<typeof readSubject>["foreign"],
): SessionFacts["neighbour"] {
  return {
    name,
    uid,
    controls: {
      file: told[1] === "1",
      tmp: told[2] === "1",
      shm: told[3] === "1",
      ipc: told[4] === "1",
      port: told[5] === "1",
      token: told[0]?.startsWith("http://") === true,
    },
    paths: neighbourPaths(name),
    processMark: NEIGHBOUR_MARK,
    target: NEIGHBOUR_TARGET,
    ...(foreign === undefined ? {} : { foreignTokenStatus: foreign }),
  };
}
