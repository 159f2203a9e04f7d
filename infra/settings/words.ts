import { z } from "zod";
import { nearest } from "../../contract/nearest.ts";

/** A kind of value, as a sentence has it. */
const KINDS: Readonly<Record<string, string>> = {
  record: "an object",
  object: "an object",
  array: "a list",
  string: "text",
  int: "a whole number",
  number: "a number",
  boolean: "true or false",
};

/** What is wrong with a value, in plain words: zod's own are used for what a key's check says itself. */
export function inWords(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "invalid_value":
      return oneOf(issue.values.map((value) => `"${String(value)}"`));
    case "invalid_key":
      // The rule for the key itself says more than "invalid key".
      return issue.issues[0] === undefined ? issue.message : inWords(issue.issues[0]);
    case "invalid_union": {
      const values = issue.errors.flat().flatMap((one) => (one.code === "invalid_value" ? one.values.map(String) : []));
      return issue.message === "Invalid input" && values.length > 0 ? oneOf(values) : issue.message;
    }
    case "invalid_type":
      return isOwn(issue.message) ? `must be ${KINDS[issue.expected] ?? issue.expected}` : issue.message;
    case "too_small":
      return isOwn(issue.message) ? small(issue.origin, Number(issue.minimum)) : issue.message;
    case "too_big":
      return isOwn(issue.message) ? `must have at most ${issue.maximum} characters` : issue.message;
    case "invalid_format":
      return issue.message === "Invalid URL" ? "must be an address such as https://example.com" : issue.message;
    default:
      return issue.message;
  }
}

/** Tells whether a message is one of zod's own. */
const isOwn = (message: string): boolean => /^(Invalid input|Too (small|big)): /.test(message);

const oneOf = (values: readonly string[]): string => `must be one of ${values.join(", ")}`;

const small = (origin: string, minimum: number): string =>
  origin === "number" ? `must be at least ${minimum}` : "must not be empty";

/**
 * What to do about a key that a part of a value does not have.
 *
 * @param path where that part is in the schema's value
 */
export function unknownPart(schema: z.ZodType, path: readonly PropertyKey[], name: string): string {
  const known = keysAt(schema, path);
  const close = nearest(name, known);
  const hint = close === undefined ? "" : ` Did you mean ${close}?`;
  const all = known.length === 0 ? "" : ` There are: ${known.join(", ")}.`;
  return `unknown key: remove it or correct its name.${hint}${all}`;
}

/** The keys of the object that is at a path. */
function keysAt(schema: z.ZodType, path: readonly PropertyKey[]): readonly string[] {
  let here: z.core.$ZodType | undefined = bare(schema);
  for (const part of path) {
    if (here instanceof z.ZodObject) here = here.shape[String(part)] as z.ZodType | undefined;
    else if (here instanceof z.ZodRecord) here = here.valueType;
    else if (here instanceof z.ZodArray) here = here.element;
    else return [];
    here = here === undefined ? undefined : bare(here);
  }
  return here instanceof z.ZodObject ? Object.keys(here.shape) : [];
}

/** A schema without what wraps it: a default, or that it may be missing or null. */
function bare(schema: z.core.$ZodType): z.core.$ZodType {
  let here = schema;
  while (
    here instanceof z.ZodDefault ||
    here instanceof z.ZodPrefault ||
    here instanceof z.ZodOptional ||
    here instanceof z.ZodNullable
  )
    here = here.unwrap();
  return here;
}
