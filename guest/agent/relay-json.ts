/**
 * Maximum depth. It is deeper than any conversation, tool or schema, and far less than the depth that exhausts a stack.
 */
export const MAX_DEPTH = 200;

/**
 * Maximum number of members and elements of all objects and lists. A conversation of 32 MB has some ten thousand. Each
 * takes up to sixty bytes of the supervisor's memory while a request is read.
 */
export const MAX_ITEMS = 200_000;

export type JsonResult = { readonly value: unknown } | { readonly problem: string };

const [QUOTE, BACKSLASH, COLON, COMMA] = [0x22, 0x5c, 0x3a, 0x2c];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

/**
 * Parses JSON as strictly as the strictest reader would: UTF-8 without errors and without a mark, bounded in depth and
 * number, and no object has a key twice. Readers differ in which of two equal keys they take, so a check by one reader
 * says nothing about another reader.
 *
 * Counting finds a key that is there twice: in JSON that JSON.parse accepts, every colon outside of a string is one
 * member, and JSON.parse keeps only one of several members with the same key. No key needs to be decoded for that, and
 * the parser is the runtime's.
 */
export function parseStrictJson(bytes: Uint8Array): JsonResult {
  const counted = countMembers(bytes);
  if ("problem" in counted) return counted;
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    return { problem: "is not JSON in UTF-8" };
  }
  if (keysIn(value) !== counted.members) return { problem: "has a key twice in one object" };
  return { value };
}

/**
 * Counts the members of all objects in a text without parsing it. The count is right for JSON; a text that is not JSON
 * is refused later.
 */
function countMembers(bytes: Uint8Array): { members: number } | { problem: string } {
  let [depth, members, commas, inString] = [0, 0, 0, false];
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (inString) {
      if (byte === BACKSLASH) at++;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) inString = true;
    else if (byte === COLON) members++;
    else if (byte === COMMA) commas++;
    else if (byte === OPEN_OBJECT || byte === OPEN_LIST) {
      if (++depth > MAX_DEPTH) return { problem: `is nested more than ${MAX_DEPTH} deep` };
    } else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) depth--;
  }
  if (members + commas > MAX_ITEMS) return { problem: `has more than ${MAX_ITEMS} members and elements` };
  return { members };
}

/** Counts the keys of all objects in a value. */
function keysIn(value: unknown): number {
  const pending: unknown[] = [value];
  let keys = 0;
  while (pending.length > 0) {
    const next = pending.pop();
    if (typeof next !== "object" || next === null) continue;
    const inside: unknown[] = Array.isArray(next) ? next : Object.values(next);
    if (!Array.isArray(next)) keys += inside.length;
    for (const one of inside) if (typeof one === "object" && one !== null) pending.push(one);
  }
  return keys;
}
