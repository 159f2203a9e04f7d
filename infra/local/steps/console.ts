import { open } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { type ConsoleLine, parseConsoleLine } from "../../../contract/console.ts";
import { neutral } from "../../../guest/lib/neutral.ts";
import type { Paths } from "../paths.ts";

/** Marks of the boot's progress; each is told once. */
const MILESTONES: readonly (readonly [RegExp, string])[] = [
  [/BdsDxe: (loading|starting) Boot/, "firmware found the boot loader"],
  [/Linux version \d/, "kernel started"],
  [/systemd\[1\]: .*running in system mode|Welcome to /, "system is starting"],
  [/cloud-init\[\d+\]: Cloud-init .* running 'init'/i, "cloud-init is running"],
  [/cloud-init\[\d+\]: Cloud-init .* finished/i, "cloud-init has finished"],
];

/** The longest line that is read, in characters; of longer ones only so much. A report's line has some thousands. */
const LONGEST_LINE = 1 << 18;

/**
 * Reads one line of the console: ours, or the system's own. `told` remembers the milestones that were seen. Who is root in
 * the machine writes there too: nothing in the words acts on a terminal.
 */
export function readConsoleLine(line: string, told: Set<string>): ConsoleLine | undefined {
  const read = readWords(line.slice(0, LONGEST_LINE), told);
  if (read?.kind === "failed") return { ...read, why: neutral(read.why) };
  return read?.kind === "progress" ? { ...read, line: neutral(read.line) } : read;
}

function readWords(line: string, told: Set<string>): ConsoleLine | undefined {
  const ours = parseConsoleLine(line);
  if (ours) return ours;
  if (/Kernel panic - not syncing/.test(line)) return { kind: "failed", why: line.slice(line.indexOf("Kernel panic")) };
  if (/You are in emergency mode/.test(line)) return { kind: "failed", why: "the system went into emergency mode" };
  for (const [pattern, text] of MILESTONES) {
    if (pattern.test(line) && !told.has(text)) {
      told.add(text);
      return { kind: "progress", line: text };
    }
  }
  return undefined;
}

/** The machine says that it is not ready. */
export class NotReadyError extends Error {
  /** The report of its verification, when the console gave it. */
  readonly report: string | undefined;

  constructor(why: string, report: string | undefined) {
    super(`the machine is not ready: ${why}`);
    this.name = "NotReadyError";
    this.report = report;
  }
}

/**
 * Waits until the machine says on its console that it is ready.
 *
 * @returns the report of its verification, when the console gave it whole
 * @throws {NotReadyError} when the machine says that it is not ready, or its kernel panics
 * @throws an Error when QEMU ends, or when `signal` aborts
 */
export async function followConsole(
  paths: Pick<Paths, "console" | "qemuLog">,
  alive: () => boolean,
  signal: AbortSignal,
  say: (line: string) => void,
): Promise<string | undefined> {
  const told = new Set<string>();
  let report: string | undefined;
  const file = await open(paths.console, "r");
  try {
    let rest = "";
    let position = 0;
    for (;;) {
      signal.throwIfAborted();
      const living = alive();
      // Its beginning was cut away, because the machine writes without end.
      if ((await file.stat()).size < position) position = 0;
      const { bytesRead, buffer } = await file.read(Buffer.alloc(1 << 16), 0, 1 << 16, position);
      position += bytesRead;
      const lines = (rest + buffer.toString("utf8", 0, bytesRead)).split(/\r?\n/);
      rest = (lines.pop() ?? "").slice(0, LONGEST_LINE);
      for (const line of lines) {
        const event = readConsoleLine(line, told);
        if (event?.kind === "ready") return report;
        if (event?.kind === "failed") throw new NotReadyError(event.why, report);
        if (event?.kind === "report") report = event.report;
        if (event?.kind === "progress") say(event.line);
      }
      if (bytesRead > 0) continue;
      if (!living)
        throw new Error(`QEMU ended while the machine was starting: see ${paths.qemuLog} and ${paths.console}`);
      await sleep(100);
    }
  } finally {
    await file.close();
  }
}
