import { execa } from "execa";
import type { Machine } from "./machine.ts";

/** A call that takes longer has no end: its exit code is 255. */
const LONGEST_MS = 300_000;

/** The operator's command, as a user of this project calls it. */
export function operatorHere(
  project: string,
  stack: string,
  env: Readonly<Record<string, string>> = {},
): Machine["operator"] {
  return async (args, more = {}) => {
    const { exitCode, stdout, stderr } = await execa("node", ["cli/bin.mjs", "--stack", stack, ...args], {
      cwd: project,
      env: { ...env, ...more },
      reject: false,
      stdin: "ignore",
      timeout: LONGEST_MS,
    });
    return { exitCode: exitCode ?? 255, stdout, stderr };
  };
}
