import { isUnknownText } from "../../preview/events/values.ts";

/** A property that only the deploy knows was needed: the rule is not decided. */
export class Undecided extends Error {
  /** Path of the property. */
  readonly path: string;

  constructor(path: string) {
    super(`${path || "the value"} is known after the deploy`);
    this.path = path;
  }
}

/**
 * A property's value with its path. Whoever reads a value that is not known gets {@link Undecided}: a rule cannot take it
 * for absent by mistake.
 */
export class Value {
  readonly path: string;
  readonly #raw: unknown;

  constructor(raw: unknown, path = "") {
    this.#raw = raw;
    this.path = path;
  }

  /** The member at a path. An absent value has absent members. */
  at(...keys: readonly (string | number)[]): Value {
    return keys.reduce<Value>((value, key) => value.#member(key), this);
  }

  #member(key: string | number): Value {
    const raw = this.#known();
    const path = typeof key === "number" ? `${this.path}[${key}]` : this.path === "" ? key : `${this.path}.${key}`;
    const isThere = typeof raw === "object" && raw !== null && Object.hasOwn(raw, key);
    return new Value(isThere ? (raw as Record<string, unknown>)[key] : undefined, path);
  }

  #known(): unknown {
    if (isUnknownText(this.#raw)) throw new Undecided(this.path);
    return this.#raw;
  }

  /** True when the property is set, also to a value that is not known yet. */
  get isSet(): boolean {
    return this.#raw !== undefined && this.#raw !== null && this.#raw !== "";
  }

  /** The text; undefined when there is none. A number is no text. */
  text(): string | undefined {
    const raw = this.#known();
    return typeof raw === "string" ? raw : undefined;
  }

  /** The number; undefined when there is none. AWS's types write some as text. */
  number(): number | undefined {
    const raw = this.#known();
    if (typeof raw === "number") return raw;
    return typeof raw === "string" && /^-?\d+(?:\.\d+)?$/.test(raw) ? Number(raw) : undefined;
  }

  /** True or false; undefined when it is neither. AWS's types write some as text. */
  flag(): boolean | undefined {
    const raw = this.#known();
    if (raw === true || raw === "true") return true;
    return raw === false || raw === "false" ? false : undefined;
  }

  /** The members of a list. One value counts as a list of one, an absent one as an empty list. */
  list(): Value[] {
    const raw = this.#known();
    if (raw === undefined || raw === null) return [];
    if (!Array.isArray(raw)) return [this];
    return raw.map((one, i) => new Value(one, `${this.path}[${i}]`));
  }

  /** The members of an object, by name. */
  entries(): [string, Value][] {
    const raw = this.#known();
    if (typeof raw !== "object" || raw === null) return [];
    return Object.keys(raw).map((key) => [key, this.at(key)]);
  }

  /** The value of a property that is JSON in a text. An object is taken as it is. */
  json(): Value {
    const raw = this.#known();
    if (typeof raw !== "string") return this;
    try {
      return new Value(JSON.parse(raw), this.path);
    } catch {
      return new Value(undefined, this.path);
    }
  }
}

/**
 * Does something with each one of a list. What is not known of one does not hide what is known of the others: they come
 * first, and then {@link Undecided}.
 */
export function each<T>(all: Iterable<T>, look: (one: T) => void): void {
  let undecided: Undecided | undefined;
  for (const one of all) {
    try {
      look(one);
    } catch (error) {
      if (!(error instanceof Undecided)) throw error;
      undecided ??= error;
    }
  }
  if (undecided) throw undecided;
}
