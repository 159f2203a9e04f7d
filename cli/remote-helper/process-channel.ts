import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import type { Channel } from "./channel.ts";

/** Time for what a program wrote just before its end. Milliseconds. */
const LAST_WORDS_MS = 300;

/** Starts a program whose standard streams lead to the machine. */
export async function processChannel(
  program: string,
  args: readonly string[],
  options: { readonly env?: NodeJS.ProcessEnv; readonly onClose?: () => void } = {},
): Promise<Channel> {
  // The program gets a process group of its own: we hand on a Ctrl-C, and it must not end the connection to the
  // machine.
  const child = spawn(program, args, {
    stdio: ["pipe", "pipe", "pipe"],
    detached: true,
    env: options.env ?? process.env,
  });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said = (said + text).slice(-4096);
  });
  // ssh may leave a process behind that keeps the connection for the next command, and this one's standard error with it:
  // its end is no part of the program's.
  const gone = Promise.race([once(child, "close"), once(child, "exit").then(() => sleep(LAST_WORDS_MS))]).then(() => {
    child.stderr.destroy();
    return said;
  });
  gone.catch(() => {});
  await once(child, "spawn");
  const end = () => void child.kill("SIGTERM");
  process.once("exit", end);
  return {
    toFar: child.stdin,
    fromFar: child.stdout,
    gone,
    close() {
      process.off("exit", end);
      child.stdin.end();
      end();
      options.onClose?.();
    },
  };
}

/** Gives this process's own terminal to a program until it ends. @returns its exit code */
export async function handOver(program: string, args: readonly string[], env = process.env): Promise<number> {
  const stay = () => {};
  // The program sees the same keys; it decides what they mean.
  for (const signal of ["SIGINT", "SIGQUIT"] as const) process.on(signal, stay);
  try {
    const child: ChildProcess = spawn(program, args, { stdio: "inherit", env });
    const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
    return code ?? 128 + (signal ? constants.signals[signal] : 0);
  } finally {
    for (const signal of ["SIGINT", "SIGQUIT"] as const) process.off(signal, stay);
  }
}
