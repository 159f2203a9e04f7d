import { writeSync } from "node:fs";
import type { ReportLine } from "./report.ts";
import { LISTED, textOf } from "./text.ts";

/** Writes the report of an end on this computer: lines on its standard error. */
export class Telling {
  readonly #counts = { left: 0, note: 0 };
  readonly #say: (line: ReportLine) => void;

  constructor(say: (line: ReportLine) => void = sayLine) {
    this.#say = say;
  }

  tell(kind: "left" | "note", trail: readonly Buffer[], why: string): void {
    if (++this.#counts[kind] > LISTED) return;
    this.#say({ kind, path: trail.map(textOf).join("/").slice(-1000), why });
  }

  sum(): void {
    this.#say({ kind: "sum", ...this.#counts });
  }
}

/** Says one line. */
export function sayLine(line: ReportLine): void {
  writeSync(2, `${JSON.stringify(line)}\n`);
}

/** An error that ends the copy; its message is for the operator. */
export class CopyFailure extends Error {
  /** True when the other end is gone: its reason is the better one. */
  readonly cut: boolean;

  constructor(message: string, { cut = false }: { readonly cut?: boolean } = {}) {
    super(message);
    this.cut = cut;
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: "Permission denied",
  EPERM: "Operation not permitted",
  ENOENT: "it vanished while it was copied",
  ELOOP: "it was replaced while it was copied",
  ENOTDIR: "it was replaced while it was copied",
  ENOSPC: "no space left on this computer's disk",
  EILSEQ: "its name is not UTF-8",
};

/** The reason why a call failed, without the path that it was called with. */
export function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === undefined) return message;
  return REASONS[code] ?? /^\w+: ([^,]+),/.exec(message)?.[1] ?? code;
}

/** Codes of errors that the next file would meet as well. */
const FATAL = ["ENOSPC", "EDQUOT", "EROFS", "EIO", "EMFILE", "ENFILE", "ENOMEM"];

/** Tells whether the copy must end after this error. */
export function isFatal(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === undefined || FATAL.includes(code);
}
