import { rm } from "node:fs/promises";
import type { Problem } from "../../contract/problem.ts";
import { RUN_FILES } from "../../contract/run-files.ts";
import { writeFileAtomic } from "../lib/atomic-write.ts";
import { textOf } from "../verify/readiness.ts";

/**
 * The file with the reason why this machine takes no new commands. It exists only while that is so. Root writes it, and
 * it is gone after a boot.
 */
const DRAINING_FILE = RUN_FILES.draining;

/**
 * Returns why this machine takes no new commands; undefined while it takes them. Ask again after a session's name is
 * claimed: the process that stops the machine first writes the file and then looks for claimed names, so at least one
 * of the two sees the other.
 */
export async function whyDraining(path: string = DRAINING_FILE): Promise<string | undefined> {
  return (await textOf(path))?.trim();
}

/** Refuses new commands from now on, with this reason. Without a reason, takes them again. */
export async function setDraining(why: string | undefined, path: string = DRAINING_FILE): Promise<void> {
  if (why === undefined) return await rm(path, { force: true });
  await writeFileAtomic(path, `${why}\n`);
}

/** The problem to report to a user who wants to run a command on a machine that stops. */
export const drainingProblem = (why: string): Problem => ({
  code: "CLOISTER_E_STOPPING",
  subject: "machine",
  message: `this machine takes no new commands: ${why}. Run it on another one`,
});
