/** IAM's decision on an action, from policy documents alone. Whoever is not sure is told so, and never "allowed". */

import { z } from "zod";
import { matches } from "../parts/wildcard.ts";

const texts = z.union([z.string(), z.array(z.string())]).transform((value) => (Array.isArray(value) ? value : [value]));
const statementSchema = z
  .object({
    Effect: z.enum(["Allow", "Deny"]),
    Action: texts.optional(),
    NotAction: texts.optional(),
    Resource: texts.optional(),
    NotResource: texts.optional(),
    Condition: z.record(z.string(), z.record(z.string(), z.unknown())).optional(),
  })
  .refine((one) => (one.Action === undefined) !== (one.NotAction === undefined), "needs either Action or NotAction");
const policySchema = z.object({
  Statement: z.preprocess((one) => (Array.isArray(one) ? one : [one]), z.array(statementSchema)),
});

export type PolicyStatement = z.infer<typeof statementSchema>;

/** Circumstances that are known before the call. Other conditions are taken as met, and named. */
export interface Circumstances {
  readonly region: string;
}

/** A decision; `if` names conditions that nobody can check here. */
export type Decision =
  | { readonly is: "allowed"; readonly if: readonly string[] }
  | { readonly is: "denied" }
  | { readonly is: "missing" };

/**
 * Reads policy documents.
 *
 * @throws Error with the name of the file and what is wrong in it
 */
export function readPolicies(files: Readonly<Record<string, string>>): PolicyStatement[] {
  return Object.entries(files).flatMap(([name, text]) => {
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch {
      throw new Error(`${name}: is no JSON. A policy is what \`npm run -s aws:deployer-policy\` prints`);
    }
    const parsed = policySchema.safeParse(json);
    if (parsed.success) return parsed.data.Statement;
    const problems = parsed.error.issues.map(
      ({ path, message }) => `${name}: ${path.join(".") || "the document"}: ${message}`,
    );
    throw new Error(problems.join("\n"));
  });
}

/** Whether statements allow an action on some resource. A statement that denies it wins, if it holds for all resources. */
export function decide(statements: readonly PolicyStatement[], action: string, circumstances: Circumstances): Decision {
  const about = statements.filter((one) => covers(one, action));
  const held = about.map((statement) => ({ statement, holds: holds(statement.Condition ?? {}, circumstances) }));
  const denies = held.some(
    ({ statement, holds: { is, open } }) =>
      statement.Effect === "Deny" && is && open.length === 0 && (statement.Resource ?? []).includes("*"),
  );
  if (denies) return { is: "denied" };
  const allows = held.filter(({ statement, holds: { is } }) => statement.Effect === "Allow" && is);
  if (allows.length === 0) return { is: "missing" };
  const open = allows.map(({ holds: { open: of } }) => of).sort((a, b) => a.length - b.length)[0] ?? [];
  return { is: "allowed", if: open };
}

function covers({ Action, NotAction }: PolicyStatement, action: string): boolean {
  if (Action) return Action.some((one) => matchesAction(one, action));
  return !(NotAction ?? []).some((one) => matchesAction(one, action));
}

/** IAM compares actions without regard to case; `*` stands for any text, `?` for any character. */
export function matchesAction(pattern: string, action: string): boolean {
  return matches(pattern.toLowerCase(), action.toLowerCase());
}

function holds(
  condition: NonNullable<PolicyStatement["Condition"]>,
  { region }: Circumstances,
): { is: boolean; open: string[] } {
  const open: string[] = [];
  for (const [operator, keys] of Object.entries(condition)) {
    for (const [key, value] of Object.entries(keys)) {
      const values = (Array.isArray(value) ? value : [value]).map(String);
      if (key.toLowerCase() !== "aws:requestedregion") open.push(key);
      else if (operator === "StringEquals") {
        if (!values.includes(region)) return { is: false, open };
      } else if (operator === "StringNotEquals") {
        if (values.includes(region)) return { is: false, open };
      } else open.push(key);
    }
  }
  return { is: true, open: [...new Set(open)].sort() };
}
