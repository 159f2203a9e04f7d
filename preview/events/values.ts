/** Values as the engine serializes them, with its sentinels (Pulumi, sdk/go/common/resource). */

const SIGNATURE = "4dabf18193072939515e22adb298388d";
const SECRET = "1b47061264138c4ac30d75fd1eb44270";
const OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4";
/** Stands for a value that only the deploy knows; also inside longer strings and in place of other types. */
const UNKNOWNS = [
  "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
  "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
  "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
  "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
  "030794c1-ac77-496b-92df-f27374a8bd58",
  "e48ece36-62e2-4504-bad9-02848725956a",
  "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
];
const UNKNOWN = new RegExp(UNKNOWNS.join("|"));

/** True for a text that only the deploy knows, or in which the provider has joined such a value with others. */
export function isUnknownText(value: unknown): boolean {
  return typeof value === "string" && value.length >= 36 && UNKNOWN.test(value);
}

/** Stands for a value that we cannot see. */
export class Sentinel {
  readonly #isOne = true;
  readonly kind: "secret" | "unknown";

  constructor(kind: "secret" | "unknown") {
    this.kind = kind;
  }

  static is(value: unknown): value is Sentinel {
    return value instanceof Sentinel && value.#isOne;
  }
}

/** A value that the engine marks as secret. We keep its content nowhere. */
export const secret = new Sentinel("secret");
/** A value that only the deploy knows. */
export const unknown = new Sentinel("unknown");

export type Plain = null | boolean | number | string | Sentinel | Plain[] | { [key: string]: Plain };

/** A value without sentinels. */
export function plain(value: unknown): Plain {
  if (typeof value === "string") return isUnknownText(value) ? unknown : value;
  if (typeof value === "number" || typeof value === "boolean") return value;
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return null;
  const fields = value as Record<string, unknown>;
  const signature = fields[SIGNATURE];
  if (signature === SECRET) return secret;
  if (signature === OUTPUT)
    return fields["secret"] === true ? secret : "value" in fields ? plain(fields["value"]) : unknown;
  return Object.fromEntries(
    Object.entries(fields)
      .filter(([key]) => key !== SIGNATURE)
      .map(([key, one]) => [key, plain(one)]),
  );
}

/** Tells whether a value is an object with members. A secret and an unknown value are not. */
export function isObject(value: Plain | undefined): value is { [key: string]: Plain } {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !Sentinel.is(value);
}

/** Tells whether a value contains an unknown value. */
export function hasUnknown(value: Plain | undefined): boolean {
  return has(value, unknown);
}

/** Tells whether a value contains a secret. */
export function hasSecret(value: Plain | undefined): boolean {
  return has(value, secret);
}

function has(value: Plain | undefined, mark: Plain): boolean {
  if (value === mark) return true;
  if (Array.isArray(value)) return value.some((one) => has(one, mark));
  return isObject(value) && Object.values(value).some((one) => has(one, mark));
}
