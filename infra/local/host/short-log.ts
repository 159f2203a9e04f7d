import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from "node:fs";
import { consoleLine } from "../../../contract/console.ts";
import type { Paths } from "../paths.ts";
import { bootStateOf } from "./boot-state.ts";

/** A log of a machine's has no more bytes, but for what comes in one second. A boot writes some hundred thousand. */
const MOST = 4 << 20;

/** So many of its last bytes stay when it is cut. */
const KEPT = 1 << 20;

/** The first line of a log that was cut. */
const CUT = "[the beginning of this log was cut away]\n";

const EVERY_MS = 1_000;

/**
 * Keeps the logs of a running machine short. Root in the machine writes as much as it likes to the serial line, and makes QEMU
 * complain as often as it likes: this computer's disk would be full of it. Who writes to them must append.
 */
export function keepLogsShort({ console, qemuLog }: Pick<Paths, "console" | "qemuLog">): void {
  setInterval(() => {
    keepShort(console, lastWord);
    keepShort(qemuLog);
  }, EVERY_MS);
}

/** @param head makes lines of what is cut away, which then stand at the beginning. Default: none */
export function keepShort(file: string, head: (text: string) => string = () => ""): void {
  let log: number | undefined;
  try {
    log = openSync(file, "r+");
    const { size } = fstatSync(log);
    if (size <= MOST) return;
    const part = Buffer.alloc(MOST);
    const [first, last] = [0, size - MOST].map((at) =>
      part.toString("latin1", 0, readSync(log as number, part, 0, MOST, at)),
    ) as [string, string];
    const end = last.slice(-KEPT);
    const now = Buffer.from(`${CUT}${head(`${first}\n${last}`)}${end.slice(end.indexOf("\n") + 1)}`, "latin1");
    ftruncateSync(log, 0);
    writeSync(log, now, 0, now.length, 0);
  } catch {
    // It is gone, or the disk is full: the next time, then.
  } finally {
    if (log !== undefined) closeSync(log);
  }
}

/** The machine's last word about its boot, which `cloister ls` looks for. */
function lastWord(text: string): string {
  const state = bootStateOf(text);
  return state.kind === "booting" ? "" : `${consoleLine(state)}\n`;
}
