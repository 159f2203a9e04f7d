import { distance } from "fastest-levenshtein";
import type { z } from "zod";
import { DEFAULT_MCP_SERVERS, type DeepReadonly, type MachineInput } from "../../contract/machine.ts";
import { DEFAULTS } from "../../contract/reference.ts";
import { defined } from "../../lib/defined.ts";
import { authoritiesText } from "./certificate.ts";
import type { Problem } from "./problem.ts";
import { providerKeyProblems } from "./provider-keys.ts";
import { type SettingsInput, settingsSchema } from "./schema.ts";
import { inWords, unknownPart } from "./words.ts";

export type { Problem };

/** A stack's configuration, checked and frozen; every key has its value. See `docs/config.md`. */
export type Settings = DeepReadonly<SettingsInput>;

/** Everything that is wrong, at once. Its message is what the user reads. */
export class SettingsError extends Error {
  readonly problems: readonly Problem[];

  constructor(stack: string, problems: readonly Problem[]) {
    const lines = problems.map(
      ({ path, value, message }) => `  ${path}${value === undefined ? "" : ` = ${value}`}: ${message}`,
    );
    const count = problems.length === 1 ? "a problem" : `${problems.length} problems`;
    super(`stack "${stack}" has ${count}; nothing was created or changed:\n${lines.join("\n")}`);
    this.name = "SettingsError";
    this.problems = problems;
  }
}

/** Result of {@link parseSettings}. */
export type Parsed =
  | { readonly settings: Settings; readonly problems: [] }
  | {
      readonly problems: [Problem, ...Problem[]];
      /** The settings without {@link wrong}: what a target finds wrong with the rest is told in the same round. */
      readonly rest: Settings;
      /** Everything that was left out: keys, or parts of their values, such as `budget` and `machines.One`. */
      readonly wrong: readonly string[];
    };

/**
 * Turns a stack's raw configuration into {@link Settings}.
 *
 * @param config all keys with their namespace, values as the engine hands them over (strings; JSON for arrays and objects)
 * @param project the namespace of our keys. Keys of `aws:` are refused: the program configures that provider itself. Those of other
 *   namespaces belong to other providers and are left alone
 * @param isSecret whether a key, or a part of its value, is encrypted in the stack's file. Ours go into user data and into
 *   Pulumi's state in clear: a secret one is refused, and its value is in no message
 * @returns the settings, or every problem found
 */
export function parseSettings(
  config: Readonly<Record<string, string>>,
  project = "cloister",
  isSecret: (key: string) => boolean = () => false,
): Parsed {
  const prefix = `${project}:`;
  const raw: Record<string, string> = {};
  for (const [key, value] of Object.entries(config)) {
    if (key.startsWith(prefix)) raw[key.slice(prefix.length)] = value;
  }
  const problems: Problem[] = providerKeyProblems(config);
  const known = Object.keys(settingsSchema.shape) as (keyof SettingsInput)[];
  const input: Record<string, unknown> = {};
  const secret: string[] = [];
  for (const [key, value] of Object.entries(raw)) {
    if (isSecret(prefix + key)) {
      problems.push({ path: prefix + key, message: notKept(prefix + key) });
      secret.push(key);
    } else if ((known as string[]).includes(key))
      input[key] = decode(settingsSchema.shape[key as keyof SettingsInput], value);
    else problems.push({ path: prefix + key, value: quote(value), message: unknownKey(key, known, prefix) });
  }
  const parsed = settingsSchema.safeParse(input);
  if (!parsed.success) {
    const found = parsed.error.issues.flatMap((issue) => explain(issue, raw, input, prefix));
    // A number that is both no whole one and too large is one mistake.
    problems.push(...found.filter(({ path }, index) => found.findIndex((one) => one.path === path) === index));
  } else {
    problems.push(...contradictions(parsed.data, prefix));
  }
  const [first, ...rest] = problems;
  if (first === undefined) return { settings: freeze(parsed.data as SettingsInput), problems: [] };
  const { rest: right, wrong } = withoutWrong(input, parsed.error?.issues ?? []);
  return { problems: [first, ...rest], rest: right, wrong: [...wrong, ...secret] };
}

/** Drops the invalid parts of `input` (the whole key where a value is invalid without them), so that targets can check the rest. */
function withoutWrong(
  input: Record<string, unknown>,
  issues: readonly z.core.$ZodIssue[],
): { rest: Settings; wrong: string[] } {
  const right = structuredClone(input);
  const wrong: string[] = [];
  for (const { path } of issues) {
    const [key = "", part] = path.slice(0, 2).map(String);
    const value = right[key];
    if (part === undefined) delete right[key];
    else if (typeof value === "object" && value !== null) delete (value as Record<string, unknown>)[part];
    wrong.push(part === undefined ? key : `${key}.${part}`);
  }
  const again = settingsSchema.safeParse(right);
  for (const { path } of again.error?.issues ?? []) {
    delete right[String(path[0])];
    wrong.push(String(path[0]));
  }
  return { rest: freeze(settingsSchema.parse(right)), wrong: [...new Set(wrong)] };
}

/** Rules that tie several keys together. */
function contradictions(settings: SettingsInput, prefix: string): Problem[] {
  const problems: Problem[] = [];
  const room = settings.memoryMiB - 512;
  if (settings.sessionMemoryMiB !== 0 && (settings.sessionMemoryMiB > room || settings.sessionMemoryMiB < 256)) {
    problems.push({
      path: `${prefix}sessionMemoryMiB`,
      value: String(settings.sessionMemoryMiB),
      message: `must be 0 or from 256 to ${room}, which leaves 512 MiB of ${prefix}memoryMiB (${settings.memoryMiB}) to the machine itself. Change it, or give the machine more memory.`,
    });
  }
  if (settings.boot === "direct-kernel" && settings.baseImage.startsWith("ubuntu-")) {
    problems.push({
      path: `${prefix}boot`,
      value: settings.boot,
      message: `works with the stand-in image only. Write "uefi", or set ${prefix}baseImage to "debian-13-stand-in".`,
    });
  }
  return problems;
}

/** Memory that all sessions may use together, in MiB: as configured, or what the key's 0 stands for. */
export function sessionMemoryMiB(settings: Pick<Settings, "memoryMiB" | "sessionMemoryMiB">): number {
  return settings.sessionMemoryMiB || Math.min(settings.memoryMiB - 1024, DEFAULTS.sessionMemoryMiB);
}

/**
 * The agent of every machine of a stack. Its MCP servers are those of the runtime image that are wanted, and the
 * configured ones; a machine that gets none named has all of the runtime image.
 */
export function agentOf({ model, tools, mcpServers, builtInMcpServers }: Settings): NonNullable<MachineInput["agent"]> {
  const all = Object.keys(DEFAULT_MCP_SERVERS).length === new Set(builtInMcpServers).size;
  if (all && Object.keys(mcpServers).length === 0) return { model, tools };
  const builtIn = Object.fromEntries(builtInMcpServers.map((name) => [name, DEFAULT_MCP_SERVERS[name]]));
  return { model, tools, mcpServers: { ...builtIn, ...mcpServers } };
}

/** The certificate authorities of a stack, as its machines get them; undefined where there are none. */
export function authoritiesOf({ certificateAuthorities }: Settings): string | undefined {
  return certificateAuthorities.length > 0 ? authoritiesText(certificateAuthorities) : undefined;
}

/** The engine hands every value over as a string: numbers, booleans, arrays and objects are read back as JSON. */
export function decode(schema: z.ZodType, value: string): unknown {
  if (schema.safeParse(value).success) return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

function explain(
  issue: z.core.$ZodIssue,
  raw: Readonly<Record<string, string>>,
  input: unknown,
  prefix: string,
): Problem[] {
  const [head, ...rest] = issue.path;
  const key = String(head);
  const path =
    prefix + key + rest.map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`)).join("");
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((name) => ({
      path: `${path}.${name}`,
      message: unknownPart(settingsSchema, issue.path, name),
    }));
  }
  const isPart = issue.path.length > 1;
  const value = isPart ? at(input, issue.path) : raw[key];
  // The default of the whole key says nothing of a part of its value.
  const example = isPart ? undefined : exampleOf(key as keyof SettingsInput);
  return [
    defined({
      path,
      value: value === undefined ? undefined : quote(value),
      message: `${value === undefined ? "is missing: it " : ""}${inWords(issue)}.${example === undefined ? "" : ` The default is ${example}.`}`,
    }),
  ];
}

/** The value at a path of the decoded input, as text. */
function at(input: unknown, path: readonly PropertyKey[]): string | undefined {
  let value = input;
  for (const part of path) value = (value as Record<PropertyKey, unknown> | undefined)?.[part];
  return value === undefined ? undefined : typeof value === "string" ? value : JSON.stringify(value);
}

function exampleOf(key: keyof SettingsInput): string | undefined {
  const fallback = settingsSchema.shape[key]?.safeParse(undefined);
  return fallback?.success ? JSON.stringify(fallback.data) : undefined;
}

function unknownKey(key: string, known: readonly string[], prefix: string): string {
  const nearest = [...known].sort((a, b) => similarity(key, a) - similarity(key, b))[0];
  if (nearest !== undefined && similarity(key, nearest) <= Math.max(2, nearest.length / 2)) {
    return `unknown key. Did you mean ${prefix}${nearest}? Otherwise remove it: pulumi config rm ${prefix}${key}`;
  }
  return `unknown key. docs/config.md lists the known ones; remove it: pulumi config rm ${prefix}${key}`;
}

const notKept = (key: string): string =>
  `is a secret, and would stand in user data and Pulumi's state in clear: take it out (pulumi config rm ${key}) and set what is not secret of it without --secret. The model's key is none of these: locally it is ANTHROPIC_API_KEY at npm start, on AWS the secret of cloister:modelKeySecret.`;

const similarity = (a: string, b: string): number => distance(a.toLowerCase(), b.toLowerCase());

/** A value for a message, which ends up in logs: no key is in it. */
const quote = (value: string): string =>
  value.includes("PRIVATE KEY")
    ? "(a private key)"
    : JSON.stringify(value.length > 80 ? `${value.slice(0, 77)}...` : value);

function freeze<T>(value: T): DeepReadonly<T> {
  if (typeof value === "object" && value !== null) {
    for (const child of Object.values(value)) freeze(child);
    Object.freeze(value);
  }
  return value as DeepReadonly<T>;
}
