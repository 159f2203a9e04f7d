import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { SessionFailed } from "../run-types.ts";
import { lifelineArguments } from "./unit.ts";

/** A session's tie to this process: see {@link lifelineArguments}. */
export interface Lifeline {
  /** Ends the scope, and with it what is bound to it. Resolves when its process is gone. */
  cut(): Promise<void>;
}

/** Makes the scope; resolves once systemd has it. */
export async function startLifeline(session: string): Promise<Lifeline> {
  const [program = "", ...args] = lifelineArguments(session);
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
  return {
    async cut() {
      child.stdin.end();
      await closed;
    },
  };
}

function answered(child: ChildProcessByStdio<Writable, Readable, Readable>): Promise<undefined> {
  return new Promise((resolve) => child.stdout.once("data", () => resolve(undefined)));
}
