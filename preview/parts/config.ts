import { YAMLParseError } from "yaml";
import { type SettingsInput, settingsSchema } from "../../infra/settings/schema.ts";
import { decode, parseSettings, type Settings } from "../../infra/settings/settings.ts";
import { canonicalText } from "../change-set/canonical.ts";
import { at, compare } from "../change-set/differences.ts";
import type { ConfigChange } from "../change-set/document.ts";
import { openly } from "../change-set/show.ts";
import { hasSecret, isObject, type Plain, plain, secret } from "../events/values.ts";
import type { Scrubber } from "../secrets/scrub.ts";
import { readStackFile, StackFileError } from "./stack-file.ts";

/** A stack's configuration, read from its file. */
export interface StackConfig {
  /** Values by full key, such as `cloister:ami`; secrets are marked. */
  readonly values: Readonly<Record<string, Plain>>;
  /** Ciphertexts of keys that have any, in the order of the file. They are compared, and never shown. */
  readonly encrypted: Readonly<Record<string, string>>;
  /** The settings that the program reads from it; undefined when the program refuses it. */
  readonly settings?: Settings;
  /** The problem when the file is no YAML. */
  readonly problem?: string;
}

const PROJECT = "cloister";

const read = new Map<string, StackConfig>();

/** Reads Pulumi.STACK.yaml. An empty text is a stack without configuration. */
export function readConfig(text: string): StackConfig {
  // A preview reads the same two texts several times.
  const have = read.get(text);
  if (have) return have;
  const found = readNow(text);
  if (read.size >= 8) read.clear();
  read.set(text, found);
  return found;
}

function readNow(text: string): StackConfig {
  let config: { [key: string]: Plain };
  try {
    const parsed = plain(readStackFile(text).config);
    config = isObject(parsed) ? parsed : {};
  } catch (error) {
    return { values: {}, encrypted: {}, problem: problemOf(error) };
  }
  const values = Object.fromEntries(Object.entries(config).map(([key, value]) => [key, withSecrets(value)]));
  const raw = Object.fromEntries(
    Object.entries(values)
      .filter(([, value]) => value !== secret)
      .map(([key, value]) => [key, typeof value === "string" ? value : JSON.stringify(value)]),
  );
  const encrypted = Object.entries(config).flatMap(([key, value]) => {
    const found = ciphertexts(value);
    return found.length > 0 ? [[key, found.join("\n")] as const] : [];
  });
  const settings = parseSettings(raw);
  return {
    values,
    encrypted: Object.fromEntries(encrypted),
    ...("settings" in settings ? { settings: settings.settings } : {}),
  };
}

/** In words why a file cannot be read. The parser's message quotes the file, which may contain anything: only its place is told. */
function problemOf(error: unknown): string {
  if (error instanceof StackFileError) return error.message;
  const [{ line, col } = { line: 0, col: 0 }] = (error instanceof YAMLParseError ? error.linePos : undefined) ?? [];
  return `the stack's configuration is no YAML${line > 0 ? `: line ${line}, column ${col}` : ""}`;
}

function ciphertexts(value: Plain): string[] {
  if (Array.isArray(value)) return value.flatMap(ciphertexts);
  if (!isObject(value)) return [];
  const { secure } = value;
  return typeof secure === "string" && Object.keys(value).length === 1
    ? [secure]
    : Object.values(value).flatMap(ciphertexts);
}

/** Marks secrets: the file has encrypted values under `secure:`. */
function withSecrets(value: Plain): Plain {
  if (Array.isArray(value)) return value.map(withSecrets);
  if (!isObject(value)) return value;
  if (Object.keys(value).length === 1 && "secure" in value) return secret;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, withSecrets(one)]));
}

/** One leaf of the configuration that differs. A key that is not set has its default here. */
export interface ConfigDifference {
  /** Path in the settings, such as `machines.one.zone`. Keys of other namespaces keep their namespace. */
  readonly path: string;
  readonly before: Plain | undefined;
  readonly after: Plain | undefined;
}

/**
 * The differences between two configurations, in the order of keys. A part that is not set has its default here, as a
 * key has: `snapshots: {everyHours: 24}` keeps 7 snapshots. A secret differs when its ciphertext does: nobody sees more.
 *
 * @param allSecrets names each secret, also one whose ciphertext is the same: two stacks have keys of their own. Default: false
 */
export function configDifferences(base: StackConfig, head: StackConfig, allSecrets = false): ConfigDifference[] {
  const found: ConfigDifference[] = [];
  const keys = [...new Set([...Object.keys(base.values), ...Object.keys(head.values)])].sort();
  for (const key of keys) {
    const path = key.startsWith(`${PROJECT}:`) ? key.slice(PROJECT.length + 1) : key;
    const [before, after] = [base, head].map(({ values }) => settled(path, values[key])) as [Value, Value];
    const isEncrypted = hasSecret(before.said) && hasSecret(after.said);
    if (isEncrypted && (allSecrets || base.encrypted[key] !== head.encrypted[key]))
      found.push({ path, before: secret, after: secret });
    compare(path, before.said, after.said, (where, a, b) => {
      const part = ({ whole }: Value): Plain | undefined =>
        whole === undefined ? undefined : at({ [path]: whole }, where);
      const [one, other] = [a ?? part(before), b ?? part(after)];
      if (canonicalText(one) !== canonicalText(other)) found.push({ path: where, before: one, after: other });
    });
  }
  return found;
}

/** Keys that were secrets and are in the head's file in clear. One that the file no longer has is shown to nobody. */
export function secretsInClear(differences: readonly ConfigDifference[], head: StackConfig): string[] {
  return differences.flatMap(({ path, before, after }) => {
    const key = path.includes(":") ? path : `${PROJECT}:${path}`;
    const isSaid = Object.keys(head.values).some(
      (one) => key === one || key.startsWith(`${one}.`) || key.startsWith(`${one}[`),
    );
    return hasSecret(before) && after !== undefined && !hasSecret(after) && isSaid ? [key] : [];
  });
}

/** A key's value as the file says it, and with the defaults of all that it leaves out. */
interface Value {
  readonly said: Plain | undefined;
  readonly whole: Plain | undefined;
}

function settled(key: string, said: Plain | undefined): Value {
  const schema = Object.hasOwn(settingsSchema.shape, key)
    ? settingsSchema.shape[key as keyof SettingsInput]
    : undefined;
  if (schema === undefined || said === secret) return { said, whole: undefined };
  // `pulumi config set` writes numbers, lists and objects as texts.
  const value = typeof said === "string" ? plain(decode(schema, said)) : said;
  const result = schema.safeParse(value);
  const whole = result.success ? plain(result.data) : undefined;
  return { said: value ?? whole, whole };
}

/** Values of MCP servers that may be anything, also secrets: all but the kind. */
const INNER = /^mcpServers\.(?!.*\.type$)/;
/** An address of a person. The stack's file has it; a comment is mailed to everybody who watches. */
const PERSON = /^([^@\s])[^@\s]*(@[^@\s]+)$/;

/** The rows of the comment. Values of other namespaces are not shown, because we do not know their meaning. */
export function configRows(differences: readonly ConfigDifference[], scrubber: Scrubber): ConfigChange[] {
  return differences.map(({ path, before, after }) => {
    const top = /^[A-Za-z0-9]+/.exec(path)?.[0] ?? "";
    const isOurs = top in settingsSchema.shape && !path.includes(":");
    const isSecret = hasSecret(before) || hasSecret(after);
    const show = (value: Plain | undefined): ConfigChange["before"] => {
      if (value === undefined || value === null) return { absent: true };
      if (value === secret) return { secret: true };
      // A value that is encrypted from now on, or was until now, is no less a secret on the other side.
      if (isSecret || !isOurs || INNER.test(path) || (top === "mcpServers" && typeof value === "object"))
        return { hidden: "not shown" };
      return openly(withoutPersons(value), scrubber);
    };
    const key = isOurs || !path.includes(":") ? `${PROJECT}:${path}` : path;
    return { key: scrubber.text(key), before: show(before), after: show(after) };
  });
}

/** `ada@example.com` becomes `a…@example.com`, so that it can be told to which domain warnings go. */
function withoutPersons(value: Plain): Plain {
  if (typeof value === "string") return value.replace(PERSON, "$1…$2");
  if (Array.isArray(value)) return value.map(withoutPersons);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, withoutPersons(one)]));
}
