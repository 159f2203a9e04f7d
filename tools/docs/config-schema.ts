/** The JSON schema of `Pulumi.<stack>.yaml`, which editors use. */
import { changeInWords, type JsonSchema, keysAsJsonSchema } from "./config-reference.ts";

/** The schema's file, below the project's root. */
export const SCHEMA_FILE = "schemas/pulumi-stack.schema.json";

/** The text of {@link SCHEMA_FILE}. */
export function stackSchema(): string {
  const keys = Object.entries(keysAsJsonSchema()).map(([key, json]) => [`cloister:${key}`, asWritten(json)]);
  const schema = {
    $schema: "http://json-schema.org/draft-07/schema#",
    $comment: "Generated from infra/settings/keys by npm run docs.",
    title: "Configuration of one stack of cloister",
    description: "docs/config.md says the same in full.",
    type: "object",
    properties: {
      config: {
        description: "Keys of cloister, and of providers.",
        type: "object",
        properties: Object.fromEntries(keys),
        // Keys of other namespaces belong to providers.
        patternProperties: { "^(?!cloister:)[^:]+:.": {} },
        additionalProperties: false,
      },
      // The rest is Pulumi's own (Pulumi stack settings file reference).
      encryptionsalt: { description: "Salt of the passphrase. Written by Pulumi.", type: "string" },
      encryptedkey: { description: "Key of the secrets, encrypted. Written by Pulumi.", type: "string" },
      secretsprovider: { description: "What encrypts secrets. Written by Pulumi.", type: "string" },
      environment: { description: "Environments of Pulumi ESC." },
    },
    additionalProperties: false,
  };
  return `${JSON.stringify(schema, null, 2)}\n`;
}

/** A key's value as the file may have it: `pulumi config set` writes numbers, booleans and, without `--path`, JSON as strings. */
function asWritten(json: JsonSchema): object {
  const value = forEditors(json);
  const { description, default: fallback, examples } = value;
  const text = (pattern: string) => ({
    description,
    ...(fallback === undefined ? {} : { default: fallback }),
    examples,
    anyOf: [without(value, "description", "default", "examples"), { type: "string", pattern }],
  });
  if (json.type === "integer" || json.anyOf?.every((one) => typeof one.const === "number")) return text("^[0-9]+$");
  if (json.type === "boolean") return text("^(true|false)$");
  if (json.type === "array") return text("^\\s*\\[");
  if (json.type === "object" || json.anyOf) return text("^\\s*(\\{|null\\s*$)");
  return value;
}

/**
 * The documentation in the words that JSON schema has for it.
 *
 * @param parts documentation of the properties, where it does not stand with them
 */
function forEditors(json: JsonSchema, parts: JsonSchema["parts"] = json.parts): Record<string, unknown> {
  const { description, unit, onAws, fallback, change, example, group: _, parts: __, ...rest } = json;
  const words = change && changeInWords(change);
  const says = [
    description,
    unit && `Unit: ${unit}.`,
    fallback && `Default: ${fallback}.`,
    onAws && `On AWS: ${onAws}`,
    words?.local && `A change, local: ${words.local}.`,
    words?.container && `A change, container: ${words.container}.`,
    words?.aws && `A change, AWS: ${words.aws}.`,
    words?.note,
  ].filter(Boolean);
  const inner = (schemas: Readonly<Record<string, JsonSchema>>) =>
    Object.fromEntries(
      Object.entries(schemas).map(([name, schema]) => [name, forEditors({ ...parts?.[name], ...schema })]),
    );
  const within = (schema: JsonSchema) => forEditors(schema, parts);
  return {
    ...(says.length > 0 ? { description: says.join(" ") } : {}),
    ...rest,
    ...(example === undefined ? {} : { examples: [example] }),
    ...(json.properties ? { properties: inner(json.properties) } : {}),
    ...(json.additionalProperties ? { additionalProperties: within(json.additionalProperties) } : {}),
    ...(json.items ? { items: forEditors(json.items) } : {}),
    ...(json.anyOf ? { anyOf: json.anyOf.map(within) } : {}),
    ...(json.oneOf ? { oneOf: json.oneOf.map(within) } : {}),
  };
}

const without = (object: Record<string, unknown>, ...names: string[]): Record<string, unknown> =>
  Object.fromEntries(Object.entries(object).filter(([name]) => !names.includes(name)));
