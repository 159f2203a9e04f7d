import { parse } from "yaml";
import { type SettingsInput, settingsSchema } from "../../infra/settings/schema.ts";
import { parseSettings, type Settings } from "../../infra/settings/settings.ts";
import { compare } from "../change-set/differences.ts";
import type { ConfigChange } from "../change-set/document.ts";
import { openly } from "../change-set/show.ts";
import { isObject, type Plain, plain, secret } from "../events/values.ts";
import type { Scrubber } from "../secrets/scrub.ts";

/** A stack's configuration, read from its file. */
export interface StackConfig {
  /** Values by full key, such as `cloister:ami`; secrets are marked. */
  readonly values: Readonly<Record<string, Plain>>;
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
  let parsed: Plain;
  try {
    parsed = plain(parse(text) ?? {});
  } catch {
    // We do not show the parser's message: it quotes the file, which may contain anything.
    return { values: {}, problem: "the stack's configuration is no YAML" };
  }
  const config = isObject(parsed) && isObject(parsed["config"]) ? parsed["config"] : {};
  const values = Object.fromEntries(Object.entries(config).map(([key, value]) => [key, withSecrets(value)]));
  const raw = Object.fromEntries(
    Object.entries(values)
      .filter(([, value]) => value !== secret)
      .map(([key, value]) => [key, typeof value === "string" ? value : JSON.stringify(value)]),
  );
  const settings = parseSettings(raw);
  return { values, ...("settings" in settings ? { settings: settings.settings } : {}) };
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

/** The differences between two configurations, in the order of keys. */
export function configDifferences(base: StackConfig, head: StackConfig, secretChanged: boolean): ConfigDifference[] {
  const found: ConfigDifference[] = [];
  const keys = [...new Set([...Object.keys(base.values), ...Object.keys(head.values)])].sort();
  for (const key of keys) {
    const path = key.startsWith(`${PROJECT}:`) ? key.slice(PROJECT.length + 1) : key;
    const [before, after] = [base, head].map(({ values }) => values[key] ?? defaultOf(path));
    if (before === secret && after === secret) {
      if (secretChanged) found.push({ path, before, after });
    } else compare(path, before, after, (at, a, b) => found.push({ path: at, before: a, after: b }));
  }
  return found;
}

function defaultOf(key: string): Plain | undefined {
  const result = settingsSchema.shape[key as keyof SettingsInput]?.safeParse(undefined);
  return result?.success ? plain(result.data) : undefined;
}

/** Keys whose values may be anything, also secrets. */
const INNER = /^mcpServers\..*\.(?:env|args|command)\b/;

/** The rows of the comment. Values of other namespaces are not shown, because we do not know their meaning. */
export function configRows(differences: readonly ConfigDifference[], scrubber: Scrubber): ConfigChange[] {
  return differences.map(({ path, before, after }) => {
    const top = /^[A-Za-z0-9]+/.exec(path)?.[0] ?? "";
    const isOurs = top in settingsSchema.shape && !path.includes(":");
    const show = (value: Plain | undefined): ConfigChange["before"] => {
      if (value === undefined) return { absent: true };
      if (value === secret) return { secret: true };
      if (!isOurs || INNER.test(path) || (top === "mcpServers" && typeof value === "object"))
        return { hidden: "not shown" };
      return openly(value, scrubber);
    };
    const key = isOurs || !path.includes(":") ? `${PROJECT}:${path}` : path;
    return { key: scrubber.text(key), before: show(before), after: show(after) };
  });
}
