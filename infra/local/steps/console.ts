import { open } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { gunzipSync } from "node:zlib";
import type { Paths } from "../paths.ts";

/** What a line of the serial console means to one who waits for the machine. */
export type ConsoleEvent =
  | { readonly kind: "ready" }
  | { readonly kind: "report"; readonly report: string | undefined }
  | { readonly kind: "failed"; readonly why: string }
  | { readonly kind: "progress"; readonly line: string };

/** Marks that show how far the boot has come; each is told once. */
const MILESTONES: readonly (readonly [RegExp, string])[] = [
  [/BdsDxe: (loading|starting) Boot/, "firmware found the boot loader"],
  [/Linux version \d/, "kernel started"],
  [/systemd\[1\]: .*running in system mode|Welcome to /, "system is starting"],
  [/cloud-init\[\d+\]: Cloud-init .* running 'init'/i, "cloud-init is running"],
  [/cloud-init\[\d+\]: Cloud-init .* finished/i, "cloud-init has finished"],
];

/** Reads one line of the console. `told` remembers which milestones were seen. */
export function readConsoleLine(line: string, told: Set<string>): ConsoleEvent | undefined {
  const failure = /cloister: not ready: (.*)/.exec(line);
  if (failure) return { kind: "failed", why: (failure[1] ?? "").trim() };
  if (/cloister: ready/.test(line)) return { kind: "ready" };
  const report = /cloister: report (.*)/.exec(line)?.[1];
  if (report) return { kind: "report", report: unpacked(report) };
  if (/Kernel panic - not syncing/.test(line)) return { kind: "failed", why: line.slice(line.indexOf("Kernel panic")) };
  if (/You are in emergency mode/.test(line)) return { kind: "failed", why: "the system went into emergency mode" };
  // At the line's start: systemd names units by their descriptions, and breaks long lines anywhere.
  const progress = /^(?:\[ *\d+\.\d+\] )?cloister: (.+)/.exec(line)?.[1]?.trim();
  if (progress) return { kind: "progress", line: progress };
  for (const [pattern, text] of MILESTONES) {
    if (pattern.test(line) && !told.has(text)) {
      told.add(text);
      return { kind: "progress", line: text };
    }
  }
  return undefined;
}

/** The text of a packed report, or nothing when a message of the kernel came into the middle of it. */
function unpacked(base64: string): string | undefined {
  try {
    return gunzipSync(Buffer.from(base64.trim(), "base64")).toString("utf8");
  } catch {
    return undefined;
  }
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
 * @throws {NotReadyError} when it says that it is not, or its kernel panics
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
    for (;;) {
      signal.throwIfAborted();
      const living = alive();
      const { bytesRead, buffer } = await file.read(Buffer.alloc(1 << 16), 0, 1 << 16);
      const lines = (rest + buffer.toString("utf8", 0, bytesRead)).split(/\r?\n/);
      rest = lines.pop() ?? "";
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
