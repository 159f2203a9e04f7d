/** Checks requests against the service models that botocore ships: what the API itself would accept in form. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { ValidateFunction } from "ajv";

interface Shape {
  readonly type: string;
  readonly members?: Readonly<Record<string, { readonly shape: string; readonly idempotencyToken?: boolean }>>;
  readonly required?: readonly string[];
  readonly member?: { readonly shape: string };
  readonly key?: { readonly shape: string };
  readonly value?: { readonly shape: string };
  readonly enum?: readonly string[];
  readonly min?: number;
  readonly max?: number;
  readonly pattern?: string;
}

interface Model {
  readonly operations: Readonly<Record<string, { readonly input?: { readonly shape: string } }>>;
  readonly shapes: Readonly<Record<string, Shape>>;
}

type Schema = Record<string, unknown>;

/** Validates the inputs of one service's operations; the model is read once, an operation is compiled when first used. */
export class ServiceModel {
  readonly #model: Model;
  readonly #validators = new Map<string, Promise<ValidateFunction>>();

  /**
   * @param data botocore's folder `data`
   * @param service the service's folder in there
   */
  constructor(data: string, service: string) {
    const versions = readdirSync(join(data, service)).filter((name) => /^\d/.test(name));
    const folder = join(data, service, versions.sort().at(-1) ?? "");
    this.#model = JSON.parse(gunzipSync(readFileSync(join(folder, "service-2.json.gz"))).toString("utf8")) as Model;
  }

  /** Problems of an operation's input; empty when there are none. */
  async problems(operation: string, input: object): Promise<string[]> {
    const described = this.#model.operations[operation];
    if (!described) throw new Error(`the service model has no operation ${operation}`);
    const shape = described.input?.shape;
    // Such as a preview's only call, for which nothing need be compiled.
    if (shape === undefined || (Object.keys(input).length === 0 && this.#asksNothing(shape))) return [];
    const compiled = this.#validators.get(operation) ?? this.#compile(shape);
    this.#validators.set(operation, compiled);
    const validate = await compiled;
    if (validate(input)) return [];
    return (validate.errors ?? []).map(
      ({ instancePath, message, params }) =>
        `${operation}${instancePath.replaceAll("/", ".")} ${message}${"additionalProperty" in params ? ` (${params["additionalProperty"]})` : ""}`,
    );
  }

  #asksNothing(shape: string): boolean {
    return (this.#model.shapes[shape]?.required ?? []).length === 0;
  }

  async #compile(shape: string): Promise<ValidateFunction> {
    const { Ajv } = await import("ajv");
    const definitions: Record<string, Schema> = {};
    this.#define(shape, definitions);
    // The schema is ours: checking it would take longer than compiling it.
    const ajv = new Ajv({ allErrors: true, strict: false, meta: false, validateSchema: false });
    return ajv.compile({ $ref: `#/$defs/${shape}`, $defs: definitions });
  }

  /** Adds a shape and all that it is made of. */
  #define(name: string, definitions: Record<string, Schema>): void {
    if (definitions[name]) return;
    definitions[name] = {};
    const shape = this.#model.shapes[name];
    if (!shape) throw new Error(`the service model has no shape ${name}`);
    const schema = schemaOf(shape);
    definitions[name] = schema;
    const parts = [...Object.values(shape.members ?? {}), shape.member, shape.key, shape.value];
    for (const part of parts) if (part) this.#define(part.shape, definitions);
  }
}

const reference = (part: { readonly shape: string }): Schema => ({ $ref: `#/$defs/${part.shape}` });

function schemaOf(shape: Shape): Schema {
  const { min, max } = shape;
  const range = (lower: string, upper: string): Schema => ({
    ...(min === undefined ? {} : { [lower]: min }),
    ...(max === undefined ? {} : { [upper]: max }),
  });
  switch (shape.type) {
    case "structure": {
      const members = Object.entries(shape.members ?? {});
      // The SDK fills in idempotency tokens by itself.
      const required = (shape.required ?? []).filter((name) => !shape.members?.[name]?.idempotencyToken);
      return {
        type: "object",
        properties: Object.fromEntries(members.map(([name, part]) => [name, reference(part)])),
        required,
        additionalProperties: false,
      };
    }
    case "list":
      return { type: "array", items: shape.member ? reference(shape.member) : {}, ...range("minItems", "maxItems") };
    case "map":
      return { type: "object", additionalProperties: shape.value ? reference(shape.value) : {} };
    case "string":
      return {
        type: "string",
        ...(shape.enum ? { enum: shape.enum } : range("minLength", "maxLength")),
        ...(shape.pattern && isRegExp(shape.pattern) ? { pattern: wholly(shape.pattern) } : {}),
      };
    case "integer":
    case "long":
      return { type: "integer", ...range("minimum", "maximum") };
    case "float":
    case "double":
      return { type: "number", ...range("minimum", "maximum") };
    case "boolean":
      return { type: "boolean" };
    // Dates and bytes are objects here, not JSON.
    default:
      return {};
  }
}

/** Models have Java's patterns: some are none of JavaScript's, and those are not checked. */
function isRegExp(pattern: string): boolean {
  try {
    new RegExp(pattern, "u");
    return true;
  } catch {
    return false;
  }
}

const wholly = (pattern: string): string => `^(?:${pattern})$`;
