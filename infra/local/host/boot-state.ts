import { readFileSync } from "node:fs";
import type { Paths } from "../paths.ts";
import { readConsoleLine } from "../steps/console.ts";

/** How far a machine that runs has come, by its serial console. */
export type BootState =
  | { readonly kind: "booting" /** What the console said last, in words. */; readonly step: string }
  | { readonly kind: "ready" }
  | { readonly kind: "failed"; readonly why: string };

/** The first line of a boot: the kernel's. The firmware's are there after a restart only. */
const BEGIN = /Linux version \d|BdsDxe: (loading|starting) Boot/;

/**
 * Reads the console of a machine that runs. A machine that was restarted within its QEMU has earlier boots on it too: the
 * last one counts.
 *
 * @returns undefined when there is no console to read
 */
export function bootState(paths: Pick<Paths, "console">): BootState | undefined {
  let text: string;
  try {
    text = readFileSync(paths.console, "utf8");
  } catch {
    return undefined;
  }
  return bootStateOf(text);
}

/** The same of a console's text. */
export function bootStateOf(text: string): BootState {
  let state: BootState = { kind: "booting", step: "it was just started" };
  let told = new Set<string>();
  for (const line of text.split(/\r?\n/)) {
    if (BEGIN.test(line) && state.kind !== "booting") {
      state = { kind: "booting", step: "it starts again" };
      told = new Set();
    }
    const event = readConsoleLine(line, told);
    if (event?.kind === "ready") state = { kind: "ready" };
    else if (event?.kind === "failed") state = { kind: "failed", why: event.why };
    // After its verification a machine goes on telling things; it is no less ready for that.
    else if (event?.kind === "progress" && state.kind === "booting") state = { kind: "booting", step: event.line };
  }
  return state;
}
