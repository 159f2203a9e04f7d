import { Writable } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import { z } from "zod";
import { LISTED, shown } from "./text.ts";

/**
 * A line that an end writes on standard error. `left` tells of an entry that was left out, `note` of something else.
 */
const lineSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.enum(["left", "note"]), path: z.string(), why: z.string() }),
  z.object({ kind: z.literal("sum"), left: z.int().nonnegative(), note: z.int().nonnegative() }),
  z.object({ kind: z.literal("fail"), why: z.string(), cut: z.boolean().default(false) }),
]);

/** One line of an end's. */
export type ReportLine = z.infer<typeof lineSchema>;

/** Something that is worth saying about one entry. */
export interface Remark {
  readonly path: string;
  readonly why: string;
}

/** The findings of a copy. */
export interface CopyReport {
  /** Entries that were not copied: the first ones, and how many there are. */
  readonly left: { readonly first: readonly Remark[]; readonly count: number };
  /** Entries that were copied, but not as they are now, or not as they were. */
  readonly notes: { readonly first: readonly Remark[]; readonly count: number };
}

const LINE_LIMIT = 16_384;
const OTHER_LIMIT = 4_096;

/**
 * Reads the lines of one end of a copy. The end on the machine is not trusted: its lines are limited, and only shown.
 */
export class ReportReader extends Writable {
  readonly left: Remark[] = [];
  readonly notes: Remark[] = [];
  counts: { readonly left: number; readonly note: number } | undefined;
  failure: { readonly why: string; readonly cut: boolean } | undefined;
  /** Other text on standard error: from the system, or from a program that died. */
  other = "";
  readonly #decoder = new StringDecoder("utf8");
  #rest = "";

  override _write(data: Buffer, _encoding: BufferEncoding, done: () => void): void {
    const lines = (this.#rest + this.#decoder.write(data)).split("\n");
    this.#rest = (lines.pop() ?? "").slice(0, LINE_LIMIT);
    for (const line of lines) this.#hear(line.slice(0, LINE_LIMIT));
    done();
  }

  override _final(done: () => void): void {
    this.#hear(this.#rest);
    done();
  }

  #hear(text: string): void {
    const line = parse(text);
    if (line === undefined) this.other = `${this.other}${text}\n`.trimStart().slice(-OTHER_LIMIT);
    else if (line.kind === "sum") this.counts = line;
    else if (line.kind === "fail") this.failure ??= line;
    else {
      const list = line.kind === "left" ? this.left : this.notes;
      if (list.length < LISTED) list.push({ path: line.path, why: line.why });
    }
  }
}

/** Puts what both ends have found together. */
export function reportOf(ends: readonly ReportReader[]): CopyReport {
  const sum = (kind: "left" | "note") => ends.reduce((total, end) => total + (end.counts?.[kind] ?? 0), 0);
  return {
    left: { first: ends.flatMap((end) => end.left).slice(0, LISTED), count: sum("left") },
    notes: { first: ends.flatMap((end) => end.notes).slice(0, LISTED), count: sum("note") },
  };
}

/** Lists the entries that a copy left out, line by line, safe for a terminal. */
export function describeReport({ left, notes }: CopyReport): string[] {
  const list = (what: string, { first, count }: CopyReport["left"]): string[] =>
    count === 0
      ? []
      : [
          `${what}: ${count}`,
          ...first.map(({ path, why }) => `  ${shown(path)}: ${shown(why)}`),
          ...(count > first.length ? [`  and ${count - first.length} more`] : []),
        ];
  return [...list("left out", left), ...list("copied, but", notes)];
}

function parse(text: string): ReportLine | undefined {
  try {
    return lineSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
