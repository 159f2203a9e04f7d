import { mkdir, readFile, rm } from "node:fs/promises";
import { dirname } from "node:path";
import type { ErrorCode } from "../../contract/errors.ts";
import { RUN_FILES } from "../../contract/run-files.ts";
import { writeFileAtomic } from "../lib/atomic-write.ts";

/**
 * The file with the key for the model's API. It is on a file system in memory, and only root can read it. The key never
 * enters a session.
 */
export const MODEL_KEY: string = RUN_FILES.modelKey;

/**
 * The file that a relay makes when the API refuses the key. On AWS, the program that writes the key then asks for it
 * again.
 */
export const KEY_REFUSED: string = RUN_FILES.modelKeyRefused;

/** The given text is no key. No message contains the text: it may be a real key with one character too many. */
export class NoKey extends Error {
  readonly code: ErrorCode = "CLOISTER_E_KEY";

  constructor(what: string) {
    super(`${what} is no key for the model's API: it must be 8 to 512 printable characters without spaces`);
    this.name = "NoKey";
  }
}

/**
 * Reads a key: white space around it goes.
 *
 * @param what names the source in the error
 * @throws {NoKey} when it is none
 */
export function parseKey(text: string, what: string): string {
  const key = text.trim();
  if (/^[!-~]{8,512}$/.test(key)) return key;
  throw new NoKey(key === "" ? `${what} is empty, and so` : what);
}

/** Puts a key where relays read it, at once or not at all. Sessions that run have it from their next request on. */
export async function writeKey(key: string, file: string = MODEL_KEY): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o755 });
  await writeFileAtomic(file, key, 0o600);
}

/** Takes the key away: the scripted demo model answers in sessions that begin from now on. */
export async function clearKey(file: string = MODEL_KEY): Promise<void> {
  await rm(file, { force: true });
}

/** The key that is there; empty when there is none. */
export async function readKey(file: string = MODEL_KEY): Promise<string> {
  return (await readFile(file, "utf8").catch(() => "")).trim();
}

/**
 * The state of the key: whether it is set, and whether the API has refused it. It contains no part of the key itself.
 */
export interface KeyStatus {
  readonly key: "set" | "none";
  /** The API has refused it since it was last fetched or set. */
  readonly refused: boolean;
}

export async function keyStatus(files = { key: MODEL_KEY, refused: KEY_REFUSED }): Promise<KeyStatus> {
  const [key, refused] = await Promise.all([
    readKey(files.key),
    readFile(files.refused).then(
      () => true,
      () => false,
    ),
  ]);
  return { key: key === "" ? "none" : "set", refused };
}
