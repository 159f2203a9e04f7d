import { readFileSync, statSync } from "node:fs";
import type { Paths } from "../paths.ts";
import { harmless, linesToRead, readRawLine } from "../steps/console.ts";

/** The progress of a running machine's boot, read from its serial console. */
export type BootState =
  | { readonly kind: "booting" /** The last step that the console showed, in words. */; readonly step: string }
  | { readonly kind: "ready" }
  | { readonly kind: "failed"; readonly why: string };

/** A console is kept shorter (short-log.ts): one of more bytes is not read. */
const MOST = 64 << 20;

/** The first line of a boot. It is the kernel's; the firmware's lines are there after a restart only. */
const BEGIN = /Linux version \d|BdsDxe: (loading|starting) Boot/;

/**
 * Reads the console of a running machine. If the machine was restarted within its QEMU, the console has earlier boots
 * too: the last one counts.
 *
 * @returns undefined when there is no console to read
 */
export function bootState(paths: Pick<Paths, "console">): BootState | undefined {
  let text: string;
  try {
    if (statSync(paths.console).size > MOST) return undefined;
    text = readFileSync(paths.console, "utf8");
  } catch {
    return undefined;
  }
  return bootStateOf(text);
}

/** Does the same with a console's text. */
export function bootStateOf(text: string): BootState {
  let state: BootState = { kind: "booting", step: "it was just started" };
  let told = new Set<string>();
  for (const line of linesToRead(text)) {
    if (BEGIN.test(line) && state.kind !== "booting") {
      state = { kind: "booting", step: "it starts again" };
      told = new Set();
    }
    const event = readRawLine(line, told);
    if (event?.kind === "ready") state = { kind: "ready" };
    else if (event?.kind === "failed") state = { kind: "failed", why: event.why };
    // A machine prints more lines after its verification; it stays ready.
    else if (event?.kind === "progress" && state.kind === "booting") state = { kind: "booting", step: event.line };
  }
  if (state.kind === "failed") return { kind: "failed", why: harmless(state.why) };
  return state.kind === "booting" ? { kind: "booting", step: harmless(state.step) } : state;
}
