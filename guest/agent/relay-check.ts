import type { z } from "zod";
import { type Kind, lookUpName, namesOf } from "./relay-names.ts";

/*
 * Checks that end with the first problem. zod looks at all of a value and collects every problem in it: a list of a million wrong
 * blocks, which fits into a request, took it 17 seconds and a gigabyte. So lists, objects and the choice by `type` are checked here,
 * one after the other, and zod checks what is at the leaves.
 */

/** A refusal, in the API's own terms. */
export interface Refusal {
  readonly status: number;
  readonly type: string;
  /** For the session. It may name what the session sent. */
  readonly reason: string;
  /** For the audit log, where nothing of a request's content may be. Absent where the reason has none. */
  readonly row?: string;
}

/** Why a request as a whole is not sent on. */
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

/** A session's word in an answer: one line, and short. */
export function quote(text: string): string {
  return JSON.stringify(text.length > QUOTE_LIMIT ? `${text.slice(0, QUOTE_LIMIT)}...` : text);
}

/** Refuses a name: with the table's reason where it has one, as unknown otherwise. */
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

/** Refuses what has a known name and the wrong shape. */
export function refuseShape(what: string, at = ""): Refused {
  return new Refused({
    status: 400,
    type: "invalid_request_error",
    reason: `${at === "" ? "the request" : at} ${what}`,
    row: "the request has not the shape of the API's",
  });
}

/** One check of a value: gives what is sent on, or throws {@link Refused}. `at` is where in the request it stands. */
export type Check = (value: unknown, at: string) => unknown;

/**
 * Checks with a zod schema. The first problem ends it: of a request with a million faults nothing is collected.
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

/** Checks every element of a list, and that it is one: something else with `length` or numbers for keys is none. */
export function listOf(element: Check): Check {
  return (value, at) => {
    if (!Array.isArray(value)) throw refuseShape("must be a list", at);
    return value.map((one: unknown, index) => element(one, `${at}[${index}]`));
  };
}

/** Takes one of two: a text, or what the check says. */
export function textOr(check: Check): Check {
  return (value, at) => (typeof value === "string" ? value : check(value, at));
}

/** Takes `null` too, as many clients write what is absent. */
export function orNull(check: Check): Check {
  return (value, at) => (value === null ? null : check(value, at));
}

/**
 * Checks an object whose members are all named. A member that is absent stays absent; one that no check is named for refuses the
 * request.
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

/** Checks an object by its `type`, which must be a name that passes. `missing` stands for no type, where there may be none. */
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

/** Refuses a member by the table, but where it says nothing: `null`, and an empty list. */
function refusedField(name: string): Check {
  return (value, at) => {
    if (value === null || (Array.isArray(value) && value.length === 0)) return value;
    throw refuseName("field", name, at === name ? "" : at);
  };
}

/** Checks for every field that the table does not pass: what is dropped is left out, what is refused is refused. */
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
