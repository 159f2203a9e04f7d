import { rm, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { endConnection } from "../connection.ts";
import type { Paths } from "../paths.ts";
import {
  folderOf,
  isMachine,
  livingFilter,
  livingProcess,
  type Names,
  namesOf,
  type StartedMachine,
} from "./living.ts";
import { qmp } from "./qmp.ts";

/**
 * Records the coming start of the machine. QEMU itself adds the number of its process: so a machine is found even when
 * its starter was killed a moment later.
 */
export async function rememberStart(paths: Paths, started: StartedMachine): Promise<void> {
  const { root, control } = paths;
  const folder = folderOf(root);
  await writeFile(paths.process, `${JSON.stringify({ ...started, root, ...(folder ? { folder } : {}), control })}\n`);
}

/**
 * Stops the machine. It asks the machine to shut down, which leaves its disks clean, and ends QEMU when the machine
 * still runs after `graceMs`. It does nothing when the machine is not running.
 *
 * @returns the way in which it ended
 */
export async function stopMachine(paths: Paths, graceMs = 30_000): Promise<"was not running" | "shut down" | "killed"> {
  const running = livingProcess(paths);
  if (!running) {
    await endFilter(paths);
    await forget(paths);
    return "was not running";
  }
  let outcome: "shut down" | "killed" = "shut down";
  if (!(graceMs > 0 && (await powerDown(running.names, running.pid, graceMs)))) {
    outcome = "killed";
    signal(running.pid, "SIGTERM");
    if (!(await gone(running.names, running.pid, 5_000))) signal(running.pid, "SIGKILL");
    if (!(await gone(running.names, running.pid, 10_000)))
      throw new Error(`QEMU (process ${running.pid}) does not end: stop it by hand`);
  }
  await endFilter(paths);
  await forget(paths);
  return outcome;
}

/** The machine's packet filter ends by itself after QEMU. This waits for it, and ends it when it hangs. */
async function endFilter(paths: Paths): Promise<void> {
  const filter = livingFilter(paths);
  const marker = { marker: namesOf(paths)?.filterMarker ?? paths.filterMarker };
  if (filter === undefined || (await gone(marker, filter, 3_000))) return;
  signal(filter, "SIGKILL");
  await gone(marker, filter, 10_000);
}

async function forget(paths: Paths): Promise<void> {
  await endConnection(paths);
  const control = namesOf(paths)?.control;
  for (const file of [paths.process, paths.pid, ...(control ? [control] : [])]) await rm(file, { force: true });
}

/** Presses the machine's power button over QMP and waits for QEMU to end. */
async function powerDown(names: Names, pid: number, graceMs: number): Promise<boolean> {
  if (names.control === "") return false;
  try {
    await qmp(names.control, "system_powerdown");
  } catch {
    return false;
  }
  return await gone(names, pid, graceMs);
}

/** Waits for the process itself: QEMU removes the file with its number a moment before it ends. */
async function gone(names: Pick<Names, "marker">, pid: number, withinMs: number): Promise<boolean> {
  const deadline = Date.now() + withinMs;
  while (isMachine(pid, names)) {
    if (Date.now() > deadline) return false;
    await sleep(100);
  }
  return true;
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
