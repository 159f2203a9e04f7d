import { spawn } from "node:child_process";
import type { Command } from "commander";
import { exitCode } from "../lib/exec.ts";
import { RUNTIME_ROOT } from "../sandbox/paths.ts";

/**
 * The Go program that does the work. Sessions arranged the content of a trash, so the program names everything by
 * descriptor.
 */
const PROGRAM = `${RUNTIME_ROOT}/bin/trash`;

/**
 * Registers `cloister trash ls|restore|empty DIR`, for files that sessions deleted in folders of mode trash.
 *
 * @param program the program that runs: tests have another one
 */
export function registerTrash(parent: Command, program: string = PROGRAM): void {
  const trash = parent
    .command("trash")
    .description("Shows, restores or deletes for good what sessions deleted in a folder of mode trash.");
  const act = async (verb: string, folder: string, paths: readonly string[] = []) => {
    process.exitCode = await runTrash(program, [verb, folder, ...paths]);
  };
  trash
    .command("ls")
    .description("Lists what is in the folder's trash.")
    .argument("<dir>", "the folder, as --mount names it")
    .action(async (folder: string) => await act("ls", folder));
  trash
    .command("restore")
    .description("Moves it back to where it was, the newest first. What is there already stays.")
    .argument("<dir>")
    .argument("[path...]", "paths as `ls` shows them; folders with all that is in them (default: everything)")
    .action(async (folder: string, paths: string[]) => await act("restore", folder, paths));
  trash
    .command("empty")
    .description("Deletes it for good.")
    .argument("<dir>")
    .action(async (folder: string) => await act("empty", folder));
}

/** Runs the program with this process's own input and outputs. */
function runTrash(program: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: "inherit" });
    child.once("error", reject);
    child.once("close", (code, signal) => resolve(exitCode(code, signal)));
  });
}
