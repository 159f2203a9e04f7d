import { spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { FIELDS, parseRow, type Row } from "./rows.ts";

/** A part of the machine's journal. */
export interface JournalPart {
  /** journalctl's arguments that choose it: a namespace, matches. */
  readonly choose: readonly string[];
  /** True where the message alone is the event. */
  readonly plain: boolean;
  /** Without a cursor: begins at the start of this boot, and not with all that there is. */
  readonly thisBoot: boolean;
}

/** The longest line that is read, in bytes. Whoever may write to the journal shall not fill this program's memory. */
const MOST_LINE = 4_000_000;

/**
 * Rows of the journal from a place on, and then those that come. It ends when journalctl does, or by the signal.
 *
 * First all that is there is read without `--follow`, which would leave out earlier boots (journalctl(1)).
 *
 * @throws when journalctl cannot be started, or fails
 */
export async function* rowsOf(
  part: JournalPart,
  cursor: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<Row, void> {
  let last = cursor;
  // A damaged file of the cursor shall not end the shipping for good.
  if (last !== undefined && !/^s=[0-9a-f]+;/.test(last)) last = undefined;
  const begin = () => (last === undefined ? [] : [`--after-cursor=${last}`]);
  for (const follow of [false, true]) {
    const where = follow
      ? ["--follow", "--no-tail", ...begin()]
      : last === undefined && part.thisBoot
        ? ["--boot"]
        : begin();
    for await (const line of journalctl([...where, ...part.choose], signal)) {
      const row = parseRow(line, part.plain);
      if (row === undefined) continue;
      last = row.cursor;
      yield row;
    }
    if (signal.aborted) return;
  }
}

async function* journalctl(args: readonly string[], signal: AbortSignal): AsyncGenerator<string, void> {
  const all = ["--output=json", "--all", "--no-pager", "--quiet", `--output-fields=${FIELDS.join(",")}`, ...args];
  const child = spawn("journalctl", all, { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said = `${said}${text}`.slice(0, 2_000);
  });
  const end = () => void child.kill();
  signal.addEventListener("abort", end, { once: true });
  if (signal.aborted) end();
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve(code));
  });
  // Awaited below; until then a failure to start is no unhandled one.
  ended.catch(() => {});
  try {
    yield* linesOf(child.stdout, MOST_LINE);
    const code = await ended;
    // There may be nothing of this boot yet, which is an error to journalctl.
    if (code !== 0 && code !== null && !signal.aborted && !/No such boot|No journal files|not available/.test(said))
      throw new Error(`journalctl ended with ${code}: ${said.trim() || "it said nothing"}`);
  } finally {
    signal.removeEventListener("abort", end);
    child.kill();
  }
}

/** Lines of a stream, without those that are longer than `most` bytes. */
export async function* linesOf(stream: Readable, most: number): AsyncGenerator<string, void> {
  let kept: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    let from = 0;
    for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, from)) {
      length += at - from;
      if (length <= most) yield Buffer.concat([...kept, chunk.subarray(from, at)]).toString("utf8");
      kept = [];
      length = 0;
      from = at + 1;
    }
    length += chunk.length - from;
    if (length <= most) kept.push(chunk.subarray(from));
    else kept = [];
  }
}
