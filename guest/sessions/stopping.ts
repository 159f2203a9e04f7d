import { rm } from "node:fs/promises";
import type { Problem } from "../../contract/problem.ts";
import { RUN_FILES } from "../../contract/run-files.ts";
import { writeFileAtomic } from "../lib/atomic-write.ts";
import { textOf } from "../verify/readiness.ts";

/** Holds why this machine takes no new commands, while it takes none. Written by root, and gone after a boot. */
const STOPPING_FILE = RUN_FILES.stopping;

/**
 * Why this machine takes no new commands, or undefined while it does. To be asked again once a session's name is claimed:
 * whoever stops the machine writes the file first and looks for claimed names afterwards, so of the two one sees the other.
 */
export async function whyStopping(path: string = STOPPING_FILE): Promise<string | undefined> {
  return (await textOf(path))?.trim();
}

/** From now on new commands are refused, with this reason; without one they are taken again. */
export async function setStopping(why: string | undefined, path: string = STOPPING_FILE): Promise<void> {
  if (why === undefined) return await rm(path, { force: true });
  await writeFileAtomic(path, `${why}\n`);
}

/** What is told to somebody who wants to run a command then. */
export const stoppingProblem = (why: string): Problem => ({
  code: "CLOISTER_E_STOPPING",
  subject: "machine",
  message: `this machine takes no new commands: ${why}. Run it on another one`,
});
