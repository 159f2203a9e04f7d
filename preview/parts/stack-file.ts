/** The keys of a stack's file as the engine reads them. It knows nothing of the settings: it is read before they are loaded. */
import { parse } from "yaml";

/** A stack's file. */
export interface StackFile {
  /** Values by full key, such as `cloister:ami`. */
  readonly config: Readonly<Record<string, unknown>>;
  /** True when the file names environments, from which the engine takes values that are not in it. */
  readonly hasMore: boolean;
}

const PROJECT = "cloister";

/** A file that the program cannot use. Its message has nothing of the file. */
export class StackFileError extends Error {}

/**
 * Reads the text of Pulumi.STACK.yaml. The engine takes `target` and `cloister:config:target` for `cloister:target`, and joins
 * what `<<` names.
 *
 * @throws Error when it is no YAML, or has one key in two spellings: the engine takes any of them
 */
export function readStackFile(text: string): StackFile {
  const file: unknown = parse(text, { merge: true }) ?? {};
  if (!isRecord(file)) throw new StackFileError("the stack's configuration is no YAML of keys and values");
  const found = file["config"] ?? {};
  if (!isRecord(found)) throw new StackFileError("the stack's configuration has no keys in config");
  const config: Record<string, unknown> = {};
  for (const [said, value] of Object.entries(found)) {
    const key = fullKey(said);
    if (Object.hasOwn(config, key)) throw new StackFileError("the stack's configuration has a key in two spellings");
    Object.defineProperty(config, key, { value, enumerable: true, configurable: true, writable: true });
  }
  return { config, hasMore: file["environment"] !== undefined };
}

function fullKey(key: string): string {
  const parts = key.split(":");
  if (parts.length === 1) return `${PROJECT}:${key}`;
  return parts.length === 3 && parts[1] === "config" ? `${parts[0]}:${parts[2]}` : key;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Tells whether a stack's file can be read. */
export function isReadable(text: string): boolean {
  try {
    readStackFile(text);
    return true;
  } catch {
    return false;
  }
}

/** Targets of which no policy knows anything. Without the key it is the first. */
const ELSEWHERE: readonly unknown[] = ["local", "container", undefined];

/**
 * Tells whether a stack may be one of those that the policy pack is about. A wrong yes asks policies that have nothing to say, and
 * a wrong no leaves a deploy unjudged: a file that cannot be read, and any other value, is a yes.
 */
export function isOnAws(text: string): boolean {
  try {
    const { config, hasMore } = readStackFile(text);
    return hasMore || !ELSEWHERE.includes(config["cloister:target"]);
  } catch {
    return true;
  }
}
