import type { z } from "zod";
import { type Kind, lookUpName, namesOf } from "./relay-names.ts";

/*
 * These checks end with the first problem. zod looks at all of a value and collects every problem in it: a list of a
 * million wrong blocks, which fits into a request, took it 17 seconds and a gigabyte. So lists, objects and the choice
 * by `type` are checked here, one after the other, and zod checks what is at the leaves.
 */

/** A refusal, in the API's own terms. */
export interface Refusal {
  readonly status: number;
  readonly type: string;
  /** The reason for the session. It may name what the session sent. */
  readonly reason: string;
  /**
   * The reason for the audit log, which must not contain anything of a request's content. Absent when {@link reason}
   * contains nothing of it.
   */
  readonly row?: string;
}

/** The error for a request that is not sent on. The whole request is refused. */
export class Refused extends Error {
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(refusal.reason);
    this.name = "Refused";
    this.refusal = refusal;
  }
}

const WORDS: Readonly<Record<Kind, string>> = {
  field: "the field",
  block: "the content block",
  source: "a source of type",
  tool: "the tool",
  edit: "the context edit",
  beta: "the beta feature",
  header: "the header",
};

const QUOTE_LIMIT = 64;

/** Quotes a session's word for an answer: on one line, and short. */
export function quote(text: string): string {
  return JSON.stringify(text.length > QUOTE_LIMIT ? `${text.slice(0, QUOTE_LIMIT)}...` : text);
}

/** Refuses a name: with the table's reason when the table has the name, or else as unknown. */
export function refuseName(kind: Kind, name: string, at = ""): Refused {
  const known = lookUpName(kind, name)?.reason;
  const why = known ?? "the relay does not know it";
  const spelled = known === undefined ? `an unknown ${kind}` : `${WORDS[kind]} ${name}`;
  return new Refused({
    status: 403,
    type: "permission_error",
    reason: `${WORDS[kind]} ${known === undefined ? quote(name) : name}${at === "" ? "" : ` at ${at}`} is not passed on: ${why}`,
    row: `${spelled} is not passed on: ${why}`,
  });
}

/** Refuses a value that has a known name and the wrong shape. */
export function refuseShape(what: string, at = ""): Refused {
  return new Refused({
    status: 400,
    type: "invalid_request_error",
    reason: `${at === "" ? "the request" : at} ${what}`,
    row: "the request has not the shape of the API's",
  });
}

/**
 * One check of a value: it returns the value to send on, or throws {@link Refused}. `at` is the value's place in the
 * request.
 */
export type Check = (value: unknown, at: string) => unknown;

/**
 * Checks with a zod schema. The check ends with the first problem: it does not collect the faults of a request that has
 * a million.
 */
export function shaped(schema: z.ZodType): Check {
  return (value, at) => {
    const result = schema.safeParse(value);
    if (result.success) return result.data;
    const issue = result.error.issues[0];
    const path = [at, ...(issue?.path ?? []).map(String)].filter((part) => part !== "").join(".");
    if (issue?.code === "unrecognized_keys") throw refuseName("field", issue.keys[0] ?? "", path);
    throw refuseShape(`is not as the API takes it (${issue?.message ?? "invalid"})`, path);
  };
}

/**
 * Checks that a value is a list, and checks every element of it. An object with `length` or with numbers for keys is no
 * list.
 */
export function listOf(element: Check): Check {
  return (value, at) => {
    if (!Array.isArray(value)) throw refuseShape("must be a list", at);
    return value.map((one: unknown, index) => element(one, `${at}[${index}]`));
  };
}

/** Accepts a text, or else a value that the check accepts. */
export function textOr(check: Check): Check {
  return (value, at) => (typeof value === "string" ? value : check(value, at));
}

/** Accepts `null` too: many clients write it for an absent member. */
export function orNull(check: Check): Check {
  return (value, at) => (value === null ? null : check(value, at));
}

/**
 * Checks an object whose members are all named. An absent member stays absent. A member without a check leads to a
 * refusal of the request.
 */
export function objectOf(members: Readonly<Record<string, Check>>): Check {
  return (value, at) => {
    const object = asObject(value, at);
    const made: Record<string, unknown> = {};
    for (const [key, member] of Object.entries(object)) {
      const check = Object.hasOwn(members, key) ? members[key] : undefined;
      if (check === undefined) throw refuseName("field", key, at);
      const checked = check(member, at === "" ? key : `${at}.${key}`);
      if (checked !== undefined) made[key] = checked;
    }
    return made;
  };
}

/**
 * Checks an object by its `type`, which must be a name that passes. `missing` is the type of an object without one,
 * where the API allows that.
 */
export function typed(kind: Kind, checks: Readonly<Record<string, Check>>, missing?: string): Check {
  return (value, at) => {
    const object = asObject(value, at);
    const type = object["type"] ?? missing;
    if (typeof type !== "string") throw refuseShape("has no type", at);
    const check = Object.hasOwn(checks, type) ? checks[type] : undefined;
    if (check === undefined) throw refuseName(kind, type, at);
    return check(object, at);
  };
}

/** Leaves a member out. */
export const dropped: Check = () => undefined;

/** Refuses a member with the table's reason, except `null` and an empty list, which ask for nothing. */
function refusedField(name: string): Check {
  return (value, at) => {
    if (value === null || (Array.isArray(value) && value.length === 0)) return value;
    throw refuseName("field", name, at === name ? "" : at);
  };
}

/**
 * Returns a check for every field that the table does not pass. It leaves out a field to drop, and refuses a field to
 * refuse.
 */
export function otherFields(): Record<string, Check> {
  return Object.fromEntries(
    namesOf("field").flatMap((name) => {
      const verdict = lookUpName("field", name)?.verdict;
      if (verdict === "pass") return [];
      return [[name, verdict === "drop" ? dropped : refusedField(name)]];
    }),
  );
}

function asObject(value: unknown, at: string): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw refuseShape("must be an object", at);
  return value as Readonly<Record<string, unknown>>;
}
