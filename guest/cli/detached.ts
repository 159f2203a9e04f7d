import { spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { codeOf, type ErrorCode, withCode } from "../../contract/errors.ts";
import type { Problem } from "../../contract/problem.ts";
import type { SealedRun } from "../run/request.ts";
import { runSealed } from "../run/run.ts";
import { reportLines } from "../run/tell.ts";
import { SessionLog } from "../sessions/log.ts";
import { RunRefused, SessionFailed } from "../sessions/request.ts";
import { say } from "./exit.ts";
import { SUPERVISE } from "./supervise.ts";
import { waitForBoot } from "./wait.ts";

/** The first and only word of a detached supervisor: the session is there, or why not. */
type Answer =
  | { readonly session: string }
  | { readonly problems: readonly Problem[] }
  | { readonly failed: string; readonly code: ErrorCode };

/** The descriptor for the answer. */
const ANSWER = 3;

/**
 * `cloister run --detach`: starts a supervisor that outlives this process, and prints the session's name. The session is
 * kept, and its output goes to its log.
 *
 * @returns 0 once the session is there
 */
export async function runDetached(run: SealedRun): Promise<number> {
  await waitForBoot({ say, signal: new AbortController().signal });
  const [, program = ""] = process.argv;
  // A process group of its own: what ends the connection to the operator does not end it. The request goes by a pipe:
  // everybody on a machine may read the arguments of processes.
  const child = spawn(process.execPath, [...process.execArgv, program, SUPERVISE], {
    stdio: ["pipe", "ignore", "ignore", "pipe"],
    detached: true,
  });
  child.stdin?.on("error", () => {});
  child.stdin?.end(JSON.stringify({ ...run, keep: true }));
  const said = await text(child.stdio[ANSWER] as Readable);
  child.unref();
  const answer = parse(said);
  if (answer === undefined) throw new SessionFailed("the session's supervisor ended before the session was there");
  if ("problems" in answer) throw new RunRefused(answer.problems);
  if ("failed" in answer) throw new SessionFailed(answer.failed, { code: answer.code });
  process.stdout.write(`${answer.session}\n`);
  say(
    `it runs on; its output: cloister logs ${answer.session} --follow; to end it: cloister sessions stop ${answer.session}`,
  );
  return 0;
}

/** Supervises a detached run: its request comes by standard input. */
export async function superviseDetached(): Promise<number> {
  const run = JSON.parse(await text(process.stdin)) as SealedRun;
  const answers = createWriteStream("", { fd: ANSWER });
  answers.on("error", () => {});
  const answer = (what: Answer) => void answers.end(JSON.stringify(what));
  const stopped = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => stopped.abort());
  process.on("SIGHUP", () => {});
  let log: SessionLog | undefined;
  const tell = async (line: string) => await log?.write(Buffer.from(`cloister: ${line}\n`));
  try {
    const result = await runSealed({
      ...run,
      keep: true,
      stdio: "capture",
      signal: stopped.signal,
      onOpened: async (session) => {
        log = await SessionLog.begin(session);
        answer({ session });
      },
      onOutput: async (data) => await log?.write(data),
      onNotice: (line) => void tell(line),
    });
    for (const line of reportLines(result)) await tell(line);
    await log?.end(result.exitCode);
    return result.exitCode;
  } catch (error) {
    const code = codeOf(error);
    const failed = error instanceof Error ? error.message : String(error);
    if (log === undefined) answer(error instanceof RunRefused ? { problems: error.problems } : { failed, code });
    await tell(withCode(failed, code));
    await log?.end(undefined);
    return 1;
  }
}

function parse(said: string): Answer | undefined {
  try {
    return JSON.parse(said) as Answer;
  } catch {
    return undefined;
  }
}
