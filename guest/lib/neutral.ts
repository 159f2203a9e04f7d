import { Transform, type TransformCallback } from "node:stream";
import { StringDecoder } from "node:string_decoder";

/**
 * Makes text harmless for a terminal. Line ends and tabs stay; all other control characters, characters that are not
 * seen and those that change a text's direction are shown as escapes, such as `\x1b`.
 */
export function neutral(text: string): string {
  return text.replace(/\r\n/g, "\n").replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu, (character) => {
    if (character === "\n" || character === "\t") return character;
    const code = character.codePointAt(0) ?? 0;
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
  });
}

/** Lists and objects in each other. A report has four; some thousands use up the stack. */
const DEEPEST = 100;

/**
 * Does the same with every text of a value that came as JSON, names of members included.
 *
 * @throws {SyntaxError} as the parser does, when it is nested so deep that it can only be meant to do harm
 */
export function neutralValue(value: unknown): unknown {
  return neutralWithin(DEEPEST, value);
}

function neutralWithin(levels: number, value: unknown): unknown {
  if (typeof value === "string") return neutral(value);
  if (typeof value !== "object" || value === null) return value;
  if (levels === 0) throw new SyntaxError(`the JSON is nested more than ${DEEPEST} deep`);
  const within = (member: unknown) => neutralWithin(levels - 1, member);
  if (Array.isArray(value)) return value.map(within);
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [neutral(key), within(member)]));
}

/**
 * A value as JSON that acts on no terminal. JSON itself escapes only the first 32 characters, and some terminals obey those
 * from U+0080 to U+009F.
 */
export function neutralJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, undefined, indent).replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu, (character) =>
    character === "\n"
      ? character
      : Array.from({ length: character.length }, (_, i) => escapeOf(character.charCodeAt(i))).join(""),
  );
}

const escapeOf = (unit: number): string => `\\u${unit.toString(16).padStart(4, "0")}`;

const ESCAPE = "\x1b";
/** Ends what colours a session has left. */
const NO_COLOUR = `${ESCAPE}[0m`;
/** Colours, "erase the rest of this line", and the ways back on one line: what a progress bar needs. */
const PLAIN = new RegExp(`(${ESCAPE}\\[[0-9;:]{0,64}[mK]|[\\r\\b])`);
/** The beginning of one of them, which may go on in the next piece. */
const BEGUN = new RegExp(`${ESCAPE}(?:\\[[0-9;:]{0,64})?$`);

/** Makes text harmless as {@link neutral} does, but leaves colours and progress bars in it. */
export function tame(text: string): string {
  return text
    .split(PLAIN)
    .map((part, index) => (index % 2 === 1 ? part : neutral(part)))
    .join("");
}

/**
 * Does the same with a stream of bytes: a session's output that a person looks at.
 *
 * @param live true for output that comes now, in which colours and progress bars stay. @default false
 */
export class Neutral extends Transform {
  readonly #decoder = new StringDecoder("utf8");
  readonly #live: boolean;
  #held = "";
  #coloured = false;

  constructor({ live = false }: { readonly live?: boolean } = {}) {
    super();
    this.#live = live;
  }

  override _transform(data: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    const text = this.#held + this.#decoder.write(data);
    // The line feed after a carriage return may be in the next piece.
    const whole = this.#live
      ? text.length - (BEGUN.exec(text)?.[0].length ?? 0)
      : text.length - (text.endsWith("\r") ? 1 : 0);
    this.#held = text.slice(whole);
    done(null, this.#harmless(text.slice(0, whole)));
  }

  override _flush(done: TransformCallback): void {
    const left = this.#harmless(this.#held + this.#decoder.end());
    done(null, this.#coloured ? `${left}${NO_COLOUR}` : left);
  }

  #harmless(text: string): string {
    if (!this.#live) return neutral(text);
    this.#coloured ||= text.includes(ESCAPE);
    return tame(text);
  }
}
