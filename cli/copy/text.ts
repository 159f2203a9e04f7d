/** An end names this many entries of each kind; it only counts the others. */
export const LISTED = 20;

/**
 * Makes a text safe for a terminal: on one line, without control characters, invisible characters and those that change
 * the direction of a text. Bytes that are no UTF-8 have arrived as lone surrogates.
 */
export function shown(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}\\]/gu, (character) => {
    if (character === "\\") return "\\\\";
    const code = character.codePointAt(0) ?? 0;
    if (code >= 0xdc80 && code <= 0xdcff) return `\\x${(code - 0xdc00).toString(16)}`;
    if (code < 0x80) return { 9: "\\t", 10: "\\n", 13: "\\r" }[code] ?? `\\x${code.toString(16).padStart(2, "0")}`;
    return `\\u{${code.toString(16)}}`;
  });
}

/** A name's bytes as text, by Python's rule: a byte that is no UTF-8 becomes a lone surrogate. */
export function textOf(name: Buffer): string {
  const text = name.toString("utf8");
  if (Buffer.from(text).equals(name)) return text;
  return name.toString("latin1").replace(/[\x80-\xff]/g, (byte) => String.fromCharCode(0xdc00 + byte.charCodeAt(0)));
}
