import type { SealedRun } from "../run/request.ts";
import { runSealed } from "../run/run.ts";
import { tell, untilSignalled } from "../run/tell.ts";
import { say } from "./exit.ts";
import { waitForBoot } from "./wait.ts";

/**
 * Runs a sealed command with this process's streams, and reports how it went.
 *
 * @param json catches the output and prints the result as JSON
 * @returns the command's exit code
 */
export function runCommand(run: SealedRun, json = false): Promise<number> {
  return untilSignalled(async (signal) => {
    await waitForBoot({ say, signal });
    const result = await runSealed({ ...run, signal, stdio: json ? "capture" : "inherit" });
    tell(result, { json, keep: run.keep ?? false, say });
    return result;
  });
}
