import { Transform, type TransformCallback } from "node:stream";

/** One line of the remote helper's, in parts; see `remote_helper.py`. */
export type Frame =
  | { readonly kind: "ready" }
  | { readonly kind: "output"; readonly stream: "stdout" | "stderr"; readonly data: Buffer }
  | { readonly kind: "taken"; readonly count: number }
  | { readonly kind: "exit"; readonly code: number; readonly stdout: number; readonly stderr: number }
  /** A line that is not from the remote helper, but from SSM's plugin, sudo or a terminal. */
  | { readonly kind: "noise"; readonly text: string };

/** Characters of a line that are kept: its last ones. The remote helper's own have some thousands. */
const LONGEST = 1 << 16;

/** Reads the remote helper's lines out of a stream of bytes that may hold anything else as well. */
export class FrameReader extends Transform {
  readonly #word: string;
  #rest = "";

  constructor(word: string) {
    super({ readableObjectMode: true });
    this.#word = word;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    // Our own lines are ASCII. Other lines only lose a few characters, which a person would not miss.
    const lines = (this.#rest + chunk.toString("latin1")).split("\n");
    // The machine may be in anybody's hands, and a line without an end.
    this.#rest = (lines.pop() ?? "").slice(-LONGEST);
    for (const line of lines) this.push(parseFrame(line, this.#word));
    done();
  }

  override _flush(done: TransformCallback): void {
    if (this.#rest.trim() !== "") this.push(parseFrame(this.#rest, this.#word));
    done();
  }
}

/** Reads one line. */
export function parseFrame(line: string, word: string): Frame {
  const text = line.replace(/\r$/, "");
  // Text that was printed without an end of line may stand before the word.
  const at = text.indexOf(`${word} `);
  const [letter, ...rest] = at < 0 ? [] : text.slice(at + word.length + 1).split(" ");
  const [first = "", second = "", third = ""] = rest;
  const whole = (...words: string[]): boolean => words.every((part) => /^\d{1,15}$/.test(part));
  if (letter === "r" && rest.length === 0) return { kind: "ready" };
  if ((letter === "o" || letter === "e") && rest.length === 1) {
    return { kind: "output", stream: letter === "o" ? "stdout" : "stderr", data: Buffer.from(first, "base64") };
  }
  if (letter === "c" && rest.length === 1 && whole(first)) return { kind: "taken", count: Number(first) };
  if (letter === "x" && rest.length === 3 && whole(first, second, third)) {
    return { kind: "exit", code: Number(first), stdout: Number(second), stderr: Number(third) };
  }
  return { kind: "noise", text };
}

/** Lines for the remote helper. */
export const say = {
  start: (user: string | undefined, terminal: Terminal | undefined, command: readonly string[]): string =>
    [
      "s",
      user ?? "-",
      terminal ? `${terminal.rows}x${terminal.columns}x${terminal.term}` : "-",
      ...command.map(base64),
    ].join(" "),
  /** Sets a variable for the command, before it is started. The variable is in no command line. */
  variable: (name: string, value: string): string => `v ${base64(name)} ${base64(value)}`,
  input: (data: Buffer): string => `i ${data.toString("base64")}`,
  inputEnded: "z",
  taken: (count: number): string => `c ${count}`,
  signal: (number: number): string => `k ${number}`,
  resized: ({ rows, columns }: Pick<Terminal, "rows" | "columns">): string => `w ${rows} ${columns}`,
  nothing: "p",
} as const;

/** A terminal that the command shall have. */
export interface Terminal {
  readonly rows: number;
  readonly columns: number;
  /** The terminal's type, as in `TERM`. */
  readonly term: string;
}

const base64 = (word: string): string => Buffer.from(word).toString("base64");
