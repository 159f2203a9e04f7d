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

/** Does the same with a stream of bytes: a session's output that a person looks at later. */
export class Neutral extends Transform {
  readonly #decoder = new StringDecoder("utf8");
  #held = "";

  override _transform(data: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    const text = this.#held + this.#decoder.write(data);
    // The line feed after a carriage return may be in the next piece.
    const whole = text.endsWith("\r") ? text.length - 1 : text.length;
    this.#held = text.slice(whole);
    done(null, neutral(text.slice(0, whole)));
  }

  override _flush(done: TransformCallback): void {
    done(null, neutral(this.#held + this.#decoder.end()));
  }
}
