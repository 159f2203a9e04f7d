import { canonicalText, POLICY } from "../change-set/canonical.ts";
import type { IamChange } from "../change-set/document.ts";
import { nameOf, shortType } from "../change-set/names.ts";
import type { Merged } from "../events/merge.ts";
import { hasSecret, hasUnknown, isObject, type Plain, plain } from "../events/values.ts";
import type { Scrubber } from "../secrets/scrub.ts";
import { isMissed, passingIn } from "./beside.ts";
import { matches } from "./wildcard.ts";

/** One right: the smallest part of a statement. */
interface Right {
  readonly effect: string;
  readonly principal: string;
  readonly action: string;
  readonly resource: string;
  readonly condition: string;
}

/** Stands for a part that only the deploy knows. */
const LATER = "(known after the deploy)";

/** An endpoint that has no policy lets everything through: AWS gives it this one. */
const EVERYTHING = { Statement: [{ Effect: "Allow", Principal: "*", Action: "*", Resource: "*" }] };

/** Rights that come and go, and their effect on access. New texts, orders and names of statements are no change. */
export function iamChanges(resources: readonly Merged[], scrubber: Scrubber): IamChange[] {
  const passing = passingIn(resources);
  return resources.flatMap((resource) => {
    if (resource.op === "same") return [];
    if (resource.op === "delete") return gone(resource, resources, passing, scrubber);
    const keys = Object.keys({ ...resource.old?.inputs, ...resource.new?.inputs }).filter((key) => POLICY.test(key));
    return keys.flatMap((key) => {
      const on = `${shortType(resource.type)} ${nameOf(resource.urn)}${key === "assumeRolePolicy" ? ", who may take it" : ""}`;
      const before = resource.op === "create" ? undefined : resource.old?.inputs[key];
      const after = resource.op === "delete" ? undefined : resource.new?.inputs[key];
      const none = resource.op !== "create" && shortType(resource.type) === "VpcEndpoint" ? EVERYTHING : null;
      return ofPolicy(on, plain(before ?? none), plain(after ?? none), scrubber);
    });
  });
}

/** The rights that go with a deleted resource. A policy that goes together with what it is on is no change. */
function gone(
  resource: Merged,
  resources: readonly Merged[],
  passing: ReadonlySet<unknown>,
  scrubber: Scrubber,
): IamChange[] {
  const short = shortType(resource.type);
  if (isMissed(resource, resources, passing))
    return ofPolicy(`${short} ${nameOf(resource.urn)}`, plain(resource.old?.inputs["policy"] ?? null), null, scrubber);
  if (short !== "Role") return [];
  return [
    {
      on: scrubber.text(`${short} ${nameOf(resource.urn)}`),
      change: "removed",
      effect: "Allow",
      principals: [],
      actions: ["all that it may"],
      resources: [],
      condition: "",
      means: "narrows",
    },
  ];
}

function ofPolicy(on: string, before: Plain, after: Plain, scrubber: Scrubber): IamChange[] {
  if (canonicalText(before) === canonicalText(after)) return [];
  const [old, wanted] = [rightsIn(before), rightsIn(after)];
  if (old === undefined || wanted === undefined) {
    const empty = { effect: "", principals: [], actions: [], resources: [], condition: "" };
    return [{ on: scrubber.text(on), change: "unknown", ...empty, means: "unknown" }];
  }
  const has = (rights: readonly Right[], right: Right): boolean =>
    rights.some((one) => canonicalText(one) === canonicalText(right));
  const added = wanted.filter((right) => !has(old, right));
  const removed = old.filter((right) => !has(wanted, right));
  const rows = (change: "added" | "removed", rights: readonly Right[], others: readonly Right[]): IamChange[] =>
    grouped(rights, (right) => meaning(change, right, others)).map(({ means, ...row }) => ({
      on: scrubber.text(on),
      change,
      effect: scrubber.text(row.effect),
      principals: row.principals.map((one) => scrubber.text(one)),
      actions: row.actions.map((one) => scrubber.text(one)),
      resources: row.resources.map((one) => scrubber.text(one)),
      condition: scrubber.text(row.condition),
      means,
    }));
  return [...rows("added", added, old), ...rows("removed", removed, wanted)];
}

/** The effect of an added or removed right. There is none when another right covers it. */
function meaning(change: "added" | "removed", right: Right, others: readonly Right[]): IamChange["means"] {
  if (canonicalText(right).includes(LATER) && right.effect !== "Deny")
    return change === "added" ? "broadens" : "narrows";
  const isCovered = others.some((other) => covers(other, right));
  if (isCovered) return "same";
  return (right.effect === "Allow") === (change === "added") ? "broadens" : "narrows";
}

/** Tells whether one right gives everything that another gives. */
function covers(wide: Right, narrow: Right): boolean {
  return (
    wide.effect === narrow.effect &&
    (wide.principal === narrow.principal || wide.principal === "*") &&
    (wide.condition === "" || wide.condition === narrow.condition) &&
    matches(wide.action.toLowerCase(), narrow.action.toLowerCase()) &&
    matches(wide.resource, narrow.resource)
  );
}

function rightsIn(policy: Plain): Right[] | undefined {
  if (policy === null) return [];
  let document: Plain = policy;
  if (typeof policy === "string") {
    try {
      document = plain(JSON.parse(policy));
    } catch {
      return undefined;
    }
  }
  if (!isObject(document) || hasSecret(document)) return undefined;
  return listOf(document["Statement"]).flatMap((statement) => {
    if (!isObject(statement)) return [];
    const effect = textOf(statement["Effect"]);
    const condition = statement["Condition"] === undefined ? "" : canonicalText(statement["Condition"]);
    const not = (name: string): string => (statement[`Not${name}`] === undefined ? "" : "all but ");
    const values = (name: string): string[] => {
      const found = listOf(statement[name] ?? statement[`Not${name}`]).map(textOf);
      return found.length === 0 ? [""] : not(name) ? [`all but ${found.sort().join(", ")}`] : found;
    };
    const principals = statement["Principal"] ?? statement["NotPrincipal"];
    const principal = principals === undefined ? "" : `${not("Principal")}${principalText(principals)}`;
    return values("Action").flatMap((action) =>
      values("Resource").map((resource) => ({ effect, principal, action, resource, condition })),
    );
  });
}

/** `*`, an ARN, or a service's name; several of them in order. */
function principalText(principals: Plain): string {
  if (typeof principals === "string") return principals;
  if (!isObject(principals)) return textOf(principals);
  return Object.values(principals).flatMap(listOf).map(textOf).sort().join(", ");
}

const listOf = (value: Plain | undefined): Plain[] =>
  value === undefined || value === null ? [] : Array.isArray(value) ? value : [value];
const textOf = (value: Plain | undefined): string =>
  typeof value === "string" ? value : hasUnknown(value) ? LATER : canonicalText(value);

type Row = Omit<IamChange, "on" | "change">;

/**
 * Joins rights to rows: first those that differ only in their actions, then those that differ only in their resources.
 */
function grouped(rights: readonly Right[], means: (right: Right) => IamChange["means"]): Row[] {
  const byActions = new Map<string, Row>();
  for (const right of rights) {
    const { effect, principal, action, resource, condition } = right;
    const meant = means(right);
    const key = canonicalText([effect, principal, resource, condition, meant]);
    const have = byActions.get(key);
    if (have) have.actions.push(action);
    else
      byActions.set(key, {
        effect,
        principals: principal === "" ? [] : [principal],
        actions: [action],
        resources: [resource],
        condition,
        means: meant,
      });
  }
  const byResources = new Map<string, Row>();
  for (const row of byActions.values()) {
    row.actions.sort();
    const key = canonicalText([row.effect, row.principals, row.actions, row.condition, row.means]);
    const have = byResources.get(key);
    if (have) have.resources.push(...row.resources);
    else byResources.set(key, row);
  }
  const rows = [...byResources.values()];
  for (const row of rows) row.resources.sort();
  return rows.sort((a, b) => (canonicalText(a) < canonicalText(b) ? -1 : 1));
}
