import { open } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { Paths } from "../paths.ts";

/** What a line of the serial console means to one who waits for the machine. */
export type ConsoleEvent =
  | { readonly kind: "ready" }
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
  if (/Kernel panic - not syncing/.test(line)) return { kind: "failed", why: line.slice(line.indexOf("Kernel panic")) };
  if (/You are in emergency mode/.test(line)) return { kind: "failed", why: "the system went into emergency mode" };
  const progress = /cloister: (.+)/.exec(line)?.[1]?.trim();
  if (progress) return { kind: "progress", line: progress };
  for (const [pattern, text] of MILESTONES) {
    if (pattern.test(line) && !told.has(text)) {
      told.add(text);
      return { kind: "progress", line: text };
    }
  }
  return undefined;
}

/**
 * Waits until the machine says on its console that it is ready.
 *
 * @throws when it says that it is not, when its kernel panics, when QEMU ends, or when `signal` aborts
 */
export async function followConsole(
  paths: Pick<Paths, "console" | "qemuLog">,
  alive: () => boolean,
  signal: AbortSignal,
  report: (line: string) => void,
): Promise<void> {
  const told = new Set<string>();
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
        if (event?.kind === "ready") return;
        if (event?.kind === "failed") throw new Error(`the machine is not ready: ${event.why}`);
        if (event) report(event.line);
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
