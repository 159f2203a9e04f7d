import { randomInt } from "node:crypto";
import { ADJECTIVES, NOUNS } from "./words.ts";

/** Names of folders in `/sessions` that are no sessions. */
export const RESERVED_NAMES: readonly string[] = ["folders", "lost-found"];

/** The longest name of a Unix user (useradd(8)). */
const LONGEST = 32;

/** A random `<adjective>-<adjective>-<noun>` (row N1), one of more than ten million, with two different adjectives. */
export function randomName(random: (below: number) => number = (below) => randomInt(below)): string {
  const first = random(ADJECTIVES.length);
  const second = (first + 1 + random(ADJECTIVES.length - 1)) % ADJECTIVES.length;
  return [ADJECTIVES[first], ADJECTIVES[second], NOUNS[random(NOUNS.length)]].join("-");
}

/** Returns why a name cannot be a session's, and what to write instead; undefined when it can. */
export function checkName(name: string): string | undefined {
  if (RESERVED_NAMES.includes(name)) return "is a folder of the session disk; choose another name";
  if (name.length > LONGEST) return `has ${name.length} characters; a Unix user's name has at most ${LONGEST}`;
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name)) {
    return "write lower-case letters and digits, with single - between them, beginning with a letter";
  }
  return undefined;
}
