import { open } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { type ConsoleLine, PREFIX, parseConsoleLine, unpackedReport } from "../../../contract/console.ts";
import { neutral } from "../../../guest/lib/neutral.ts";
import type { Paths } from "../paths.ts";

/**
 * Marks of the boot's progress; each is told once. Where a second pattern is given, it must come after the first. Both are
 * looked for once: as one pattern, with anything in between, they would take the square of a line's length.
 */
const MILESTONES: readonly (readonly [string, RegExp, RegExp?])[] = [
  ["firmware found the boot loader", /BdsDxe: (?:loading|starting) Boot/],
  ["kernel started", /Linux version \d/],
  ["system is starting", /systemd\[1\]: /, /running in system mode/],
  ["system is starting", /Welcome to /],
  ["cloud-init is running", /cloud-init\[\d+\]: Cloud-init /i, / running 'init'/i],
  ["cloud-init has finished", /cloud-init\[\d+\]: Cloud-init /i, / finished/i],
];

const PANIC = "Kernel panic - not syncing";
const EMERGENCY = "You are in emergency mode";

/** What the lines have that are read at all. */
const MARKS = new RegExp([PREFIX, PANIC, EMERGENCY, ...MILESTONES.map(([, first]) => first.source)].join("|"), "gi");

/** The longest line that is read, in characters; of longer ones only so much. A report's line has some thousands. */
const LONGEST_LINE = 1 << 18;

/** The longest words that are taken from a line, in characters. Ours have 900 at most. */
const LONGEST_WORDS = 1 << 12;

/** So much of a boot's progress is said. A boot has some dozens of lines. */
const MOST_SAID = 1_000;

/**
 * The lines of a console that {@link readRawLine} may know. There may be millions of others, which are not looked at one
 * by one.
 */
export function* linesToRead(text: string): Generator<string> {
  for (let end = 0; ; ) {
    MARKS.lastIndex = end;
    const at = MARKS.exec(text)?.index;
    if (at === undefined) return;
    const start = text.lastIndexOf("\n", at) + 1;
    end = text.indexOf("\n", at);
    if (end === -1) end = text.length;
    yield text.slice(start, Math.min(text[end - 1] === "\r" ? end - 1 : end, start + LONGEST_LINE));
  }
}

/**
 * Reads one line of the console: ours, or the system's own. `told` remembers the milestones that were seen. Who is root in
 * the machine writes there too: nothing in the words acts on a terminal.
 */
export function readConsoleLine(line: string, told: Set<string>): ConsoleLine | undefined {
  const read = readRawLine(line.slice(0, LONGEST_LINE), told);
  if (read?.kind === "failed") return { ...read, why: harmless(read.why) };
  return read?.kind === "progress" ? { ...read, line: harmless(read.line) } : read;
}

/** Makes words of a line harmless for a terminal. */
export function harmless(words: string): string {
  return neutral(words.slice(0, LONGEST_WORDS));
}

/** Does the same as {@link readConsoleLine} for who reads many lines and wants one: {@link harmless} is for that one. */
export function readRawLine(line: string, told: Set<string>): ConsoleLine | undefined {
  const ours = parseConsoleLine(line);
  if (ours) return ours;
  const panic = line.indexOf(PANIC);
  if (panic !== -1) return { kind: "failed", why: line.slice(panic) };
  if (line.includes(EMERGENCY)) return { kind: "failed", why: "the system went into emergency mode" };
  for (const [text, first, then] of MILESTONES) {
    if (told.has(text)) continue;
    const found = first.exec(line);
    if (found && (then === undefined || then.test(line.slice(found.index + found[0].length)))) {
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
  let packed: string | undefined;
  const report = (): string | undefined => (packed === undefined ? undefined : unpackedReport(packed));
  let left = MOST_SAID;
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
        if (event?.kind === "ready") return report();
        if (event?.kind === "failed") throw new NotReadyError(event.why, report());
        if (event?.kind === "report") packed = event.packed;
        if (event?.kind !== "progress" || left === 0) continue;
        left -= 1;
        say(left > 0 ? event.line : `the machine says more, which is in ${paths.console}`);
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
