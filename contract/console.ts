import { gunzipSync, gzipSync } from "node:zlib";
import type { Report } from "./report.ts";

/** The serial console, where a machine tells the computer that started it how it is. */
export const CONSOLE = "/dev/console";

/**
 * Our lines begin with this. The kernel or the firmware may write text before it on the same line: we ignore that text.
 */
export const PREFIX = "cloister: ";
const NOT_READY = "not ready: ";
const REPORT = "report ";

/** The largest report that is unpacked, in bytes: some bytes of a console can be packed gigabytes. A real one has 30 KB. */
export const LARGEST_REPORT = 1 << 20;

/** The longest line of words that the console gets, in characters. A report is longer. */
const LONGEST = 900;

/** One line of ours on the console. */
export type ConsoleLine =
  /** The machine verified itself: it takes sealed commands. The last line of a boot that went well. */
  | { readonly kind: "ready" }
  /** The machine is not ready, for this reason. */
  | { readonly kind: "failed"; readonly why: string }
  /** The report of its verification, for {@link unpackedReport}. */
  | { readonly kind: "report"; readonly packed: string }
  /** Anything else that the operator may want to read. */
  | { readonly kind: "progress"; readonly line: string };

/**
 * Writes a line, without its end. Shell scripts write the same lines: `say` and `not_ready` of guest/boot/lib.sh, `say`
 * and `fail` of cloud-init/files/boot.sh, and cloister-boot.service.
 */
export function consoleLine(line: Exclude<ConsoleLine, { kind: "report" }>): string {
  if (line.kind === "ready") return `${PREFIX}ready`;
  const text = line.kind === "failed" ? `${NOT_READY}${line.why}` : line.line;
  return `${PREFIX}${text.replace(/\s+/g, " ")}`.slice(0, LONGEST);
}

/** The report as one line: gzip, base64, about 3 KB. So a reader of the console needs no login to get it. */
export function reportLine(report: Report): string {
  return `${PREFIX}${REPORT}${gzipSync(JSON.stringify(report)).toString("base64")}`;
}

/** Reads one line of the console; undefined where it is none of ours. */
export function parseConsoleLine(line: string): ConsoleLine | undefined {
  // The reason of a failure may quote other lines.
  const why = after(line, `${PREFIX}${NOT_READY}`);
  if (why !== undefined) return { kind: "failed", why };
  // A message of the kernel may follow at once, with its time in brackets.
  if (/^ready($|\s*\[ *\d+\.\d)/.test(after(line, PREFIX) ?? "")) return { kind: "ready" };
  const packed = after(line, `${PREFIX}${REPORT}`);
  if (packed) return { kind: "report", packed };
  // Progress counts only at the start of a line: systemd names units by their descriptions, and breaks long lines
  // anywhere.
  const text = /^(?:\[ *\d+\.\d+\] )?cloister: (.+)/.exec(line)?.[1]?.trim();
  return text ? { kind: "progress", line: text } : undefined;
}

/** The text after the first occurrence of a mark, without white space at its ends. */
function after(line: string, mark: string): string | undefined {
  const at = line.indexOf(mark);
  return at === -1 ? undefined : line.slice(at + mark.length).trim();
}

/**
 * A report as JSON; undefined where a message of the kernel came into the middle of it. A console may have thousands of them,
 * each of which takes as long as the largest: only the one that is wanted is unpacked.
 */
export function unpackedReport(packed: string): string | undefined {
  try {
    return gunzipSync(Buffer.from(packed, "base64"), { maxOutputLength: LARGEST_REPORT }).toString("utf8");
  } catch {
    return undefined;
  }
}
