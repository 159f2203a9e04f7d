import { execa } from "execa";
import { shellQuoted } from "../../../infra/local/ssh.ts";
import type { Machine } from "./machine.ts";

/** A call that takes longer has no end: its exit code is 255. */
const LONGEST_MS = 900_000;

/** The operator's command, as a user of this project calls it. */
export function operatorHere(
  project: string,
  stack: string,
  env: Readonly<Record<string, string>> = {},
): Machine["operator"] {
  return async (args, { env: more = {}, terminal = false } = {}) => {
    const words = ["node", "cli/bin.mjs", "--stack", stack, ...args];
    // script(1) of util-linux makes a terminal.
    const line = ["script", "-qefc", words.map(shellQuoted).join(" "), "/dev/null"];
    const [program = "", ...rest] = terminal ? line : words;
    const { exitCode, stdout, stderr } = await execa(program, rest, {
      cwd: project,
      env: { ...env, ...more },
      reject: false,
      stdin: "ignore",
      timeout: LONGEST_MS,
    });
    return { exitCode: exitCode ?? 255, stdout, stderr };
  };
}
