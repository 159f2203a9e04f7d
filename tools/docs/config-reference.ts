/** Reads the documentation of all keys, down to the last part of their values, out of the schema. */
import { z } from "zod";
import type { Change, Effect, KeyDoc, PartDoc } from "../../infra/settings/documented.ts";
import { settingsSchema } from "../../infra/settings/schema.ts";

/** A JSON schema as zod writes it, with the documentation of `documented()` in it. */
export interface JsonSchema extends Partial<Omit<KeyDoc, "change">> {
  readonly change?: Change;
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly items?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: JsonSchema | false;
  readonly propertyNames?: JsonSchema;
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly format?: string;
}

/** One entry of the reference. */
export interface Entry extends Omit<PartDoc, "parts"> {
  /** Path without `cloister:`, such as `pools.NAME.drainSeconds`. `NAME` stands for a name of the user's. */
  readonly path: string;
  readonly type: string;
  /** JSON of the default, or text where the schema has none. */
  readonly default: string;
  readonly change: Change;
  readonly parts: readonly Entry[];
}

/** An entry for a key. */
export interface KeyEntry extends Entry {
  readonly group: KeyDoc["group"];
  readonly json: JsonSchema;
}

/** The schema of all keys, as JSON schema of draft 7, which is what editors know best. */
export function keysAsJsonSchema(): Readonly<Record<string, JsonSchema>> {
  const { properties } = z.toJSONSchema(settingsSchema, { io: "input", target: "draft-7" }) as JsonSchema;
  return properties ?? {};
}

/** All keys, in the order of the schema. */
export function reference(): KeyEntry[] {
  return Object.entries(keysAsJsonSchema()).map(([key, json]) => {
    const { group, change } = json;
    if (!group || !change) throw new Error(`cloister:${key} has no documentation`);
    return { ...entry(key, json, change, false), group, json };
  });
}

/** All entries, the parts of each after it. */
export function flattened(entries: readonly Entry[] = reference()): Entry[] {
  return entries.flatMap((one) => [one, ...flattened(one.parts)]);
}

function entry(path: string, json: JsonSchema, inherited: Change, required: boolean): Entry {
  const { description, example, change = inherited } = json;
  if (description === undefined || example === undefined) throw new Error(`cloister:${path} has no documentation`);
  return {
    path,
    description,
    example,
    change,
    type: typeInWords(json),
    default: defaultInWords(json, required),
    ...(json.unit === undefined ? {} : { unit: json.unit }),
    ...(json.onAws === undefined ? {} : { onAws: json.onAws }),
    parts: partsOf(path, json, change),
  };
}

/** Parts of an object, or of the objects of a map. A list's and a map's plain values have no entries of their own. */
function partsOf(path: string, json: JsonSchema, change: Change): Entry[] {
  const shapes = alternatives(json).filter(({ type }) => type === "object");
  const named = shapes.flatMap(({ additionalProperties }) => additionalProperties || []);
  const within = (schema: JsonSchema) => alternatives(schema).some(({ properties }) => properties !== undefined);
  if (named.some(within)) {
    const inner = named.map((schema) => (json.parts ? { ...schema, parts: json.parts } : schema));
    return inner.flatMap((schema) => partsOf(`${path}.NAME`, schema, change));
  }
  const parts = new Map<string, JsonSchema[]>();
  for (const { properties = {} } of shapes)
    for (const [part, schema] of Object.entries(properties)) parts.set(part, [...(parts.get(part) ?? []), schema]);
  return [...parts].map(([part, [first = {}, ...others]]) => {
    const required = shapes.every((shape) => shape.required?.includes(part));
    const schema = others.length === 0 ? first : { anyOf: [first, ...others] };
    return entry(`${path}.${part}`, { ...json.parts?.[part], ...schema }, change, required);
  });
}

/** The schemas of which a value must meet one: of a union, or the schema itself. */
const alternatives = (json: JsonSchema): readonly JsonSchema[] => json.anyOf ?? json.oneOf ?? [json];

function defaultInWords(json: JsonSchema, required: boolean): string {
  if (json.fallback !== undefined) return json.fallback;
  if (json.default !== undefined) return code(json.default);
  return required ? "none, it is required" : "none";
}

/** The type of a value, with its limits. */
export function typeInWords(json: JsonSchema): string {
  const listed = alternatives(json).map((one) => one.enum ?? (one.const === undefined ? undefined : [one.const]));
  if (listed.every((values) => values !== undefined)) return oneOf(listed.flat());
  if (json.anyOf ?? json.oneOf) return alternatives(json).map(typeInWords).join(", or ");
  switch (json.type) {
    case "null":
      return "`null`";
    case "integer":
      return `whole number, ${json.minimum} to ${json.maximum}`;
    case "number":
      return json.exclusiveMinimum === 0 ? "number above 0" : "number";
    case "boolean":
      return "`true` or `false`";
    case "array":
      return json.items?.enum ? `list of ${oneOf(json.items.enum)}` : `list of ${typeInWords(json.items ?? {})}s`;
    case "object":
      if (!json.additionalProperties) return "object";
      return alternatives(json.additionalProperties).some(({ properties }) => properties)
        ? "objects by name"
        : "strings by name";
    default:
      return json.format === "email" ? "mail address" : (json.type ?? "value");
  }
}

function oneOf(values: readonly unknown[]): string {
  const words = values.map(code);
  return words.length < 2 ? words.join() : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}

const code = (value: unknown): string =>
  `\`${typeof value === "string" && value !== "" ? value : JSON.stringify(value)}\``;

/** What a change of a key does, in words, by target. A target that does not use the key is left out. */
export function changeInWords({ local, container, aws, note }: Change): {
  local?: string;
  container?: string;
  aws?: string;
  note?: string;
} {
  const targets = {
    ...(local === undefined ? {} : { local }),
    ...(container === undefined ? {} : { container }),
    ...(aws === undefined ? {} : { aws: effectOnAws(aws) }),
  };
  return { ...targets, ...(note === undefined ? {} : { note }) };
}

function effectOnAws(aws: NonNullable<Change["aws"]>): string {
  if (typeof aws === "string") return aws;
  const parts: string[] = [];
  const add = (what: string, effect: Effect | undefined) => effect !== undefined && parts.push(`${effect} (${what})`);
  add("named machines", aws.machines);
  add("pools", aws.pools);
  return parts.join(", ");
}
