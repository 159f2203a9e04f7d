import { type SettingsInput, settingsSchema } from "../../infra/settings/schema.ts";
import type { ConfigChange } from "../change-set/document.ts";
import { hasSecret, type Plain, plain } from "../events/values.ts";
import { configDifferences, configRows, readConfig, type StackConfig } from "../parts/config.ts";
import type { Scrubber } from "../secrets/scrub.ts";
import { covers, type Purpose } from "./purpose.ts";

/** One value that two stacks do not share. */
export interface StackDifference {
  /** Path in the settings, without `cloister:`. */
  readonly key: string;
  readonly from: ConfigChange["after"];
  readonly to: ConfigChange["before"];
  /**
   * `question`: nobody has said why. `on purpose`: promotion.yaml has it. `expired`: promotion.yaml has it no longer.
   * `secret`: its value is not compared, and never moved.
   */
  readonly is: "question" | "on purpose" | "expired" | "secret";
  readonly purpose: Purpose | null;
}

export interface Compared {
  readonly from: string;
  readonly to: string;
  readonly differences: readonly StackDifference[];
  /** Entries of the list for these stacks that cover no difference any more. */
  readonly unused: readonly Purpose[];
}

/** One stack's file. */
export interface StackFile {
  readonly stack: string;
  readonly text: string;
}

/** Compares two stacks' configurations. A key that is not set has its default. */
export function compareStacks(
  from: StackFile,
  to: StackFile,
  purposes: readonly Purpose[],
  day: string,
  scrubber: Scrubber,
): Compared {
  const [source, target] = [from, to].map(({ stack, text }) => {
    const { problem, ...read } = settled(text);
    if (problem) throw new Error(`Pulumi.${stack}.yaml: ${problem}`);
    return read;
  }) as [StackConfig, StackConfig];
  // Two stacks have keys of their own: of secrets only that they are there can be told.
  const found = configDifferences(target, source, true);
  const rows = configRows(found, scrubber);
  const ours = purposes.filter(({ stacks }) => stacks.includes(from.stack) && stacks.includes(to.stack));
  const differences = found.map((one, i): StackDifference => {
    const { before, after } = rows[i] as ConfigChange;
    const all = ours.filter((purpose) => covers(purpose, one.path, from.stack, to.stack));
    const purpose = all.find((some) => inForce(some, day)) ?? all[0] ?? null;
    const isSecret = hasSecret(one.before) || hasSecret(one.after);
    const is = isSecret ? "secret" : purpose === null ? "question" : inForce(purpose, day) ? "on purpose" : "expired";
    return { key: one.path, from: after, to: before, is, purpose };
  });
  const unused = ours.filter((purpose) => !found.some(({ path }) => covers(purpose, path, from.stack, to.stack)));
  return { from: from.stack, to: to.stack, differences, unused };
}

/** A stack's configuration, in which each value has the defaults of what it does not say. */
export function settled(text: string): StackConfig {
  const read = readConfig(text);
  const values = Object.entries(read.values).map(([key, value]) => [key, withDefaults(key, value)]);
  return { ...read, values: Object.fromEntries(values) };
}

/** A value with the defaults of what it does not say. */
function withDefaults(key: string, value: Plain): Plain {
  const schema = settingsSchema.shape[key.replace(/^cloister:/, "") as keyof SettingsInput];
  if (schema === undefined || hasSecret(value)) return value;
  const parsed = schema.safeParse(value);
  return parsed.success ? plain(parsed.data) : value;
}

const inForce = ({ since, until }: Purpose, day: string): boolean =>
  since <= day && (until === undefined || day <= until);
