import { z } from "zod";

/** Property values as the engine sends them, secrets bare. */
export type Props = Record<string, unknown>;

/** Context of a resource. */
export interface Context {
  readonly region: string;
  /** Last part of the URN. */
  readonly name: string;
}

/**
 * Carries one resource type of the provider to the AWS API. `Inputs` are the properties that the stand-in knows:
 * any other is an error.
 */
export interface ResourceType<Inputs extends Props = Props> {
  readonly inputs: z.ZodType<Inputs>;
  /** The property that gets the resource's name and seven random digits when it is not given. */
  readonly autoName?: string;
  /** Properties whose change replaces the resource, by path. */
  readonly replaceOn: readonly string[];
  /** Source of that list, below `internal/service` of hashicorp/terraform-provider-aws. */
  readonly source: string;
  /** Lists whose order counts (`TypeList` in the source), by path without indexes. All others are sets. */
  readonly ordered?: readonly string[];
  /** Outputs that are not inputs: unknown while it is planned. */
  readonly computed: readonly string[];
  /** Those that an update may change. */
  readonly volatile?: readonly string[];
  /** Returns the id. */
  create(inputs: Inputs, context: Context): Promise<string>;
  /** Reads the resource from the API, as inputs and outputs; undefined when it is gone. */
  read(id: string, state: Inputs & Props, context: Context): Promise<Props | undefined>;
  /** Absent where every change replaces it. */
  update?(id: string, news: Inputs, olds: Inputs & Props, context: Context): Promise<void>;
  delete(id: string, state: Inputs & Props, context: Context): Promise<void>;
}

/** The paths of all that a schema has, by dots and without the indexes of lists. */
export function pathsOf(schema: z.ZodType, path = ""): string[] {
  const { def, shape } = schema as unknown as { def: Record<string, z.ZodType>; shape?: Record<string, z.ZodType> };
  const inner = def["innerType"] ?? def["element"];
  if (inner) return pathsOf(inner, path);
  if (!shape) return [path];
  return Object.entries(shape).flatMap(([key, one]) => pathsOf(one, path === "" ? key : `${path}.${key}`));
}

/** A resource type with its inputs' type forgotten, as the table of all types has it. */
export function resource<Inputs extends Props>(type: ResourceType<Inputs>): ResourceType {
  return type as unknown as ResourceType;
}

export const text = z.string();
export const flag = z.boolean();
export const count = z.number().int();
export const tags = z.record(z.string(), z.string()).optional();
/** An ARN, whatever its service. */
export const arn = z.string().regex(/^arn:[a-z-]+:[a-z0-9-]+:/);

/** Answers undefined instead of an error that says there is no such thing. */
export async function unlessGone<T>(call: Promise<T>): Promise<T | undefined> {
  return await call.catch((error: { name?: string; Code?: string }) => {
    if (/NotFound|NoSuch|DoesNotExist/.test(`${error.name} ${error.Code}`)) return undefined;
    throw error;
  });
}

/** AWS's list of tags, from a map. */
export const tagList = (map: Readonly<Record<string, string>> | undefined): { Key: string; Value: string }[] =>
  Object.entries(map ?? {}).map(([Key, Value]) => ({ Key, Value }));

/** A map from AWS's list of tags, without those of AWS itself. */
export function tagMap(
  list: readonly { Key?: string | undefined; Value?: string | undefined }[] | undefined,
): Record<string, string> {
  const entries = (list ?? []).map(({ Key = "", Value = "" }) => [Key, Value] as const);
  return Object.fromEntries(entries.filter(([key]) => !key.startsWith("aws:")));
}

/** Tags to set and keys to remove, from one map to another. */
export function tagChanges(
  olds: Readonly<Record<string, string>> | undefined,
  news: Readonly<Record<string, string>> | undefined,
): { set: Record<string, string>; remove: string[] } {
  const set = Object.entries(news ?? {}).filter(([key, value]) => olds?.[key] !== value);
  return { set: Object.fromEntries(set), remove: Object.keys(olds ?? {}).filter((key) => news?.[key] === undefined) };
}

/** Waits for what the API does in its own time. */
export async function until(what: string, done: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    if (await done()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`waited in vain for ${what}`);
}
