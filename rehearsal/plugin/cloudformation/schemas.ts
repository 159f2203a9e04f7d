/** Holds inputs against AWS's own schemas of CloudFormation, as cfn-lint carries them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Ajv, ErrorObject, ValidateFunction } from "ajv";
import { type Properties, unknown, type Value } from "../../../toolchain/standins/command/values.ts";
import { MAPPED, type Mapped } from "./names.ts";
import { placesOf, type Translated, translate } from "./translate.ts";

/** An input that a schema forbids. */
export interface Violation {
  /** The property, by our names; empty where it is the resource as a whole. */
  readonly path: string;
  /** Says the value, the schema and its rule. */
  readonly message: string;
}

type Schema = Record<string, unknown>;

const ARN = "^arn:aws[a-zA-Z-]*:";
/** Formats that CloudFormation's schemas name, as cfn-lint's rules have them (`rules/formats`). */
const FORMATS: Readonly<Record<string, RegExp | true>> = {
  "AWS::EC2::SecurityGroup.Id": /^sg-([a-fA-F0-9]{8}|[a-fA-F0-9]{17})$/,
  "AWS::EC2::SecurityGroup.Name": /^[a-zA-Z0-9 ._\-:/()#,@[\]+=&;{}!$*]+$/,
  "AWS::EC2::VPC.Id": /^vpc-([0-9A-Fa-f]{8}|[0-9A-Fa-f]{17})$/,
  "AWS::EC2::Subnet.Id": /^subnet-([0-9A-Fa-f]{8}|[0-9A-Fa-f]{17})$/,
  "AWS::EC2::Image.Id": /^ami-([0-9a-z]{8}|[0-9a-z]{17})$/,
  "AWS::KMS::Key.Arn": new RegExp(`${ARN}kms:[a-z0-9-]+:\\d{12}:(key|alias)/.+$`),
  "AWS::KMS::Key.Id": /^(mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/,
  "AWS::KMS::Alias.AliasName": /^alias\/[a-zA-Z0-9:/_-]+$/,
  "AWS::IAM::Role.Arn": new RegExp(`${ARN}iam::\\d{12}:role/.+$`),
  "AWS::Logs::LogGroup.Name": /^[.\-_/#A-Za-z0-9]{1,512}$/,
  "AWS::SNS::Topic.Arn": new RegExp(`${ARN}sns:[a-z0-9-]+:\\d{12}:.+$`),
  "AWS::S3::Bucket.Name": /^(?![.-])(?!.*\.\.)(?!.*-\.)(?!.*\.-)[a-z0-9.-]{3,63}(?<![.-])$/,
  "ipv4-network": /^(\d{1,3}\.){3}\d{1,3}\/([0-9]|[12][0-9]|3[0-2])$/,
  // Text in the form of JSON is read before; the others belong to properties that the program does not have.
  json: true,
  "ipv6-network": true,
  uri: true,
  "AWS::EC2::SecurityGroup.Ids": true,
  "AWS::EC2::SecurityGroup.Names": true,
};

/** Compiles a type's schema when it is first asked for. */
export class AwsSchemas {
  readonly #folder: string;
  readonly #files: Readonly<Record<string, string>>;
  readonly #compiled = new Map<string, Promise<ValidateFunction>>();
  #ajv: Promise<Ajv> | undefined;

  /**
   * @param folder cfn-lint's `data/schemas`
   * @param region whose schemas count
   */
  constructor(folder: string, region: string) {
    this.#folder = folder;
    this.#files = JSON.parse(readFileSync(join(folder, "providers", `${region}.json`), "utf8")) as Record<
      string,
      string
    >;
  }

  /** AWS's schema of a type, by CloudFormation's name. */
  schemaOf(type: string): Schema {
    const file = this.#files[type];
    if (!file) throw new Error(`cfn-lint has no schema of ${type} in this region`);
    return JSON.parse(readFileSync(join(this.#folder, "resources", `${file}.json`), "utf8")) as Schema;
  }

  /**
   * All violations of a resource's inputs. Values that are not known yet fit everywhere.
   *
   * @param token the provider's type
   * @param paths all properties that the type may have, by dots; the rest of its schema is not compiled
   */
  async violations(token: string, inputs: Properties, paths: readonly string[]): Promise<Violation[]> {
    const mapped = MAPPED[token];
    if (!mapped) throw new Error(`${token} has no counterpart: add it to rehearsal/plugin/cloudformation/names.ts`);
    const found = await this.#hold(token, mapped, inputs, paths);
    for (const [key, part] of Object.entries(mapped.apart ?? {})) {
      const value = inputs[key];
      if (value === undefined || value === unknown) continue;
      const object = typeof value === "object" && value !== null;
      const own = object ? (value as Properties) : { [key]: value };
      const below = await this.#hold(`${token} ${key}`, part, own, Object.keys(own), object ? `${key}.` : "");
      found.push(...below);
    }
    return found;
  }

  async #hold(
    id: string,
    mapped: Mapped,
    inputs: Properties,
    paths: readonly string[],
    above = "",
  ): Promise<Violation[]> {
    const compiled = this.#compiled.get(id) ?? this.#compile(mapped, paths);
    this.#compiled.set(id, compiled);
    const validate = await compiled;
    const translated = translate(mapped, inputs);
    if (validate(translated.value)) return [];
    return (
      (validate.errors ?? [])
        .filter((error) => !touchesUnknown(translated.value, error))
        // The rule inside says it.
        .filter(({ keyword }) => keyword !== "if")
        .map((error) => violation(mapped, translated, error, above))
    );
  }

  async #compile(mapped: Mapped, paths: readonly string[]): Promise<ValidateFunction> {
    this.#ajv ??= makeAjv();
    const schema = this.schemaOf(mapped.cloudFormation);
    const implied = Object.keys(mapped.implied ?? {}).map((place) => place.split("/").slice(1));
    const kept = pruned(schema, schema, [...placesOf(mapped, paths), ...implied]);
    const used = { ...kept, definitions: {} };
    return (await this.#ajv).compile({ ...used, $schema: undefined, definitions: reached(used, schema) });
  }
}

/** The definitions to which a part of a schema refers, and those to which they do. */
function reached(part: Schema, root: Schema): Record<string, Schema> {
  const all = (root["definitions"] ?? {}) as Record<string, Schema>;
  const found: Record<string, Schema> = {};
  const look = (one: Schema): void => {
    for (const [, name = ""] of JSON.stringify(one).matchAll(/"#\/definitions\/([^"]+)"/g)) {
      const definition = all[name];
      if (!definition || found[name]) continue;
      found[name] = definition;
      look(definition);
    }
  };
  look(part);
  return found;
}

/** The part of a schema that is about these places. */
function pruned(schema: Schema, root: Schema, places: readonly (readonly string[])[]): Schema {
  const reference = schema["$ref"];
  if (typeof reference === "string") {
    const definitions = root["definitions"] as Record<string, Schema>;
    const found = definitions[reference.slice("#/definitions/".length)];
    if (!found) throw new Error(`cfn-lint's schema has no ${reference}`);
    return pruned(found, root, places);
  }
  // Such as a map of ours, which is a list there.
  if (places.some((place) => place.length === 0)) return schema;
  const items = schema["items"] as Schema | undefined;
  if (items) return { ...schema, items: pruned(items, root, places) };
  const properties = schema["properties"] as Record<string, Schema> | undefined;
  if (!properties) return schema;
  const kept = Object.entries(properties).flatMap(([name, part]) => {
    const below = places.filter(([first]) => first === name).map((place) => place.slice(1));
    return below.length > 0 ? [[name, pruned(part, root, below)] as const] : [];
  });
  return { ...schema, properties: Object.fromEntries(kept) };
}

/** Patterns are Python's. Some need Unicode's classes, others have escapes that are wrong beside those. */
function regExp(pattern: string): RegExp {
  const ours = pattern.replace(/\\Z/g, "$").replace(/\\A/g, "^");
  try {
    return new RegExp(ours, "u");
  } catch {
    return new RegExp(ours);
  }
}

async function makeAjv(): Promise<Ajv> {
  const { Ajv } = await import("ajv");
  // The schemas are AWS's: checking them would take longer than compiling them.
  const ajv = new Ajv({
    allErrors: true,
    strict: false,
    meta: false,
    validateSchema: false,
    // Each check is made a few times at most: code that runs a little faster is not worth the time to find it.
    code: { optimize: false, regExp: Object.assign(regExp, { code: "regExp" }) },
    verbose: true,
    formats: { ...FORMATS },
    logger: false,
  });
  const named = (data: object, list: readonly string[]): string[] => list.filter((name) => name in data);
  /** JSON schema of CloudFormation has some keywords of its own (cfn-lint, `jsonschema/_keywords.py`). */
  const keyword = (name: string, holds: (value: never, data: never) => boolean, type: "object" | "string"): void => {
    ajv.addKeyword({ keyword: name, type, validate: holds as never });
  };
  keyword("requiredXor", (list: string[], data: object) => named(data, list).length === 1, "object");
  keyword("requiredOr", (list: string[], data: object) => named(data, list).length > 0, "object");
  keyword(
    "dependentExcluded",
    (map: Record<string, string[]>, data: object) =>
      Object.entries(map).every(([name, others]) => !(name in data) || named(data, others).length === 0),
    "object",
  );
  keyword(
    "dependentRequired",
    (map: Record<string, string[]>, data: object) =>
      Object.entries(map).every(([name, others]) => !(name in data) || others.every((one) => one in data)),
    "object",
  );
  keyword("enumCaseInsensitive", (list: string[], data: string) => list.includes(data.toLowerCase()), "string");
  return ajv;
}

const at = (value: unknown, pointer: string): unknown =>
  pointer
    .split("/")
    .slice(1)
    .reduce<unknown>((part, key) => (part as Record<string, unknown> | undefined)?.[key], value);

function touchesUnknown(value: unknown, { instancePath, keyword }: ErrorObject): boolean {
  const found = at(value, instancePath);
  return found === unknown || (keyword === "uniqueItems" && Array.isArray(found) && found.includes(unknown));
}

function violation(
  { cloudFormation }: Mapped,
  { origins, value }: Translated,
  error: ErrorObject,
  above: string,
): Violation {
  const { instancePath } = error;
  let place = instancePath;
  while (place !== "" && !origins.has(place)) place = place.slice(0, place.lastIndexOf("/"));
  const origin = origins.get(place);
  const path = origin === undefined ? "" : `${above}${origin}`;
  const theirs = `${cloudFormation}${instancePath.replaceAll("/", ".")}`;
  const shown = path === "" ? "" : `${path} = ${short(at(value, instancePath))}: `;
  return { path, message: `${shown}${theirs} ${ruleOf(error)}` };
}

/** A schema's rule, with what it allows. */
function ruleOf({ keyword, message, params, schema }: ErrorObject): string {
  const list = (names: unknown): string => short(names, 400);
  if (keyword === "enum") return `must be one of ${list(params["allowedValues"])}`;
  if (keyword === "additionalProperties") return `has no property ${params["additionalProperty"]}`;
  if (keyword === "requiredXor") return `must have exactly one of ${list(schema)}`;
  if (keyword === "requiredOr") return `must have one of ${list(schema)}`;
  if (keyword === "dependentExcluded") return `must not have both of ${list(schema)}`;
  if (keyword === "dependentRequired") return `must have both of ${list(schema)}`;
  if (keyword === "enumCaseInsensitive") return `must be one of ${list(schema)}`;
  return message ?? keyword;
}

function short(value: unknown, most = 80): string {
  const text = JSON.stringify(value as Value) ?? "nothing";
  return text.length > most ? `${text.slice(0, most)}...` : text;
}
