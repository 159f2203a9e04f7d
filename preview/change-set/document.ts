/** The document that is the result of a preview. The comment, the terminal view and the page are made only of it. */
import { z } from "zod";

/** A value as it may be shown. Unknown and secret values are distinguished, and neither is text. */
export const shownSchema = z.union([
  z.strictObject({ value: z.string().describe("text, or JSON of what is no text") }),
  z.strictObject({ unknown: z.literal(true).describe("known after the deploy") }),
  z.strictObject({ secret: z.literal(true) }),
  z.strictObject({ hidden: z.string().describe("in words what is not shown, such as its length") }),
  z.strictObject({ absent: z.literal(true) }),
]);

const linkSchema = z.strictObject({
  urn: z.string().optional(),
  name: z.string().optional().describe("type and name of the resource, in short"),
  path: z.string().optional(),
  config: z.string().optional().describe("key of the configuration: the end of the chain"),
});

const propertySchema = z.strictObject({
  path: z.string(),
  before: shownSchema,
  after: shownSchema,
  forces: z.boolean().describe("whether it forces the replacement"),
});

const changeSchema = z.strictObject({
  urn: z.string(),
  type: z.string(),
  name: z.string(),
  component: z.string().describe("machine or pool that it is part of, or empty"),
  op: z.enum(["create", "update", "delete", "replace", "keep"]).describe("keep: only its protection differs"),
  imported: z.boolean().default(false).describe("true: it is in the account already, and comes under the stack"),
  protect: z.strictObject({ before: z.boolean(), after: z.boolean() }),
  retain: z
    .strictObject({ before: z.boolean(), after: z.boolean() })
    .describe("whether a deletion leaves it in the account"),
  forcedBy: z.array(z.string()),
  because: z.array(z.array(linkSchema)).describe("chains from this resource to keys of the configuration"),
  properties: z.array(propertySchema),
});

export const FATES = [
  "lost",
  "unknown",
  "orphaned",
  "gone",
  "locked",
  "shortened",
  "refused",
  "refused-by-aws",
  "refused-in-deploy",
  "loosened",
  "detached",
  "reattached",
] as const;

const dataSchema = z.strictObject({
  fate: z.enum(FATES),
  kind: z.string().describe("disk, log, key, bucket, secret, snapshots, ..."),
  urn: z.string(),
  name: z.string(),
  component: z.string(),
  id: z.string(),
  gib: z.number().nullable(),
  why: z.string().describe("one sentence"),
  also: z.array(z.string()).describe("what goes with it"),
  renamedTo: z.string().nullable(),
});

const renameSchema = z.strictObject({
  kind: z.enum(["machine", "pool"]),
  from: z.string(),
  to: z.string(),
  equal: z.number().describe("resources that are equal but for the name"),
  of: z.number(),
  zone: z.strictObject({ before: z.string(), after: z.string() }).nullable(),
  remedy: z
    .strictObject({ config: z.string(), deleted: z.number(), replaced: z.number() })
    .nullable()
    .describe("only what a preview of its own has shown to delete no data"),
});

const machineSchema = z.strictObject({
  name: z.string(),
  kind: z.enum(["machine", "pool"]),
  effect: z.enum([
    "created",
    "deleted",
    "replaced",
    "restarts",
    "rolls",
    "resized",
    "shrinks",
    "rescheduled",
    "shrinks by schedule",
  ]),
  order: z.number().describe("those of one number go at the same time"),
  minutes: z.strictObject({ least: z.number(), most: z.number() }).nullable(),
  note: z.string(),
});

const cloudInitSchema = z.strictObject({
  machines: z.array(z.string()),
  bytes: z.strictObject({ before: z.number().nullable(), after: z.number().nullable() }),
  limit: z.number(),
  files: z.array(
    z.strictObject({
      path: z.string(),
      change: z.enum(["added", "removed", "changed"]),
      diff: z.string().nullable().describe("unified; null where the file's content may not be shown"),
    }),
  ),
  note: z.string(),
});

const iamSchema = z.strictObject({
  on: z.string(),
  change: z.enum(["added", "removed", "unknown"]),
  effect: z.string(),
  principals: z.array(z.string()),
  actions: z.array(z.string()),
  resources: z.array(z.string()),
  condition: z.string(),
  means: z.enum(["broadens", "narrows", "same", "unknown"]),
});

const networkSchema = z.strictObject({
  change: z.enum(["added", "removed"]),
  what: z.string(),
  on: z.string(),
  from: z.string(),
  to: z.string(),
  ports: z.string(),
});

const exposureSchema = z.strictObject({
  kind: z
    .enum(["network", "rights", "guard", "told", "clear"])
    .describe("told: others than before are warned; clear: what was a secret is none"),
  on: z.string().describe("type and name of the resource"),
  what: z.string().describe("in words the wall that is lower after the change"),
});

const thingSchema = z.strictObject({
  kind: z.enum(["machine", "pool", "disk", "secret", "key", "log", "bucket", "network"]),
  urn: z.string(),
  name: z.string(),
  formerly: z.string().describe("its name before the change; empty where it was not there"),
  component: z.string(),
  op: z.enum(["create", "update", "delete", "replace", "keep"]),
  before: z.string().describe("its size in words, such as 10 GiB; empty where it has none"),
  after: z.string(),
});

const configSchema = z.strictObject({ key: z.string(), before: shownSchema, after: shownSchema });

const rangeSchema = z
  .strictObject({ least: z.number().nullable(), most: z.number().nullable() })
  .describe("US dollars, from the least to the most; null: a price is not known");
const oneCostSchema = z.strictObject({ what: z.string(), ...rangeSchema.shape });

const costSchema = z.strictObject({
  before: rangeSchema.describe("a month"),
  after: rangeSchema.describe("a month"),
  delta: rangeSchema,
  usual: z
    .strictObject({ before: rangeSchema, after: rangeSchema, delta: rangeSchema })
    .nullable()
    .default(null)
    .describe(
      "with pools as large as their schedules ask for on average; null: the change is of no pool with schedules",
    ),
  lines: z.array(z.strictObject({ what: z.string(), before: rangeSchema, after: rangeSchema, delta: rangeSchema })),
  left: z.array(oneCostSchema).describe("what goes on to cost outside of the stack, a month"),
  once: z.array(oneCostSchema).describe("what the deploy itself costs"),
  prices: z.strictObject({
    region: z.string(),
    date: z.string(),
    isOwn: z.boolean().describe("false: the prices are another region's, and the least that they may be"),
  }),
});

const policySchema = z.strictObject({
  pack: z.string(),
  policy: z.string(),
  level: z.enum(["mandatory", "advisory", "disabled"]).describe("level of the rule for this stack"),
  severity: z.string(),
  state: z.enum(["failed", "not-decided", "passed"]).describe("not-decided: it needs what only the deploy knows"),
  passed: z.number().describe("resources that it passed"),
  findings: z.array(z.strictObject({ on: z.string(), message: z.string() })),
  undecided: z.array(z.strictObject({ on: z.string(), path: z.string() })),
});

const exceptionSchema = z.strictObject({
  policy: z.string(),
  on: z.string(),
  reason: z.string(),
  by: z.string(),
  since: z.string(),
  until: z.string(),
  state: z.enum(["in force", "expired", "not yet"]),
});

const rightsSchema = z.strictObject({
  from: z.string().describe("in words, the policy that the calls were held against"),
  needed: z.number().describe("actions that the rehearsed deploy needs"),
  missing: z.array(z.strictObject({ action: z.string(), denied: z.boolean(), on: z.array(z.string()) })),
});

const policiesSchema = z.strictObject({
  packs: z.array(z.string()).describe("packs that judged; none: nobody did"),
  wholeStack: z
    .boolean()
    .describe("false: rules about the whole stack were not asked, because something failed before"),
  results: z.array(policySchema),
  exceptions: z.array(exceptionSchema),
});

const driftedSchema = z.strictObject({
  is: z.enum(["gone", "changed", "added"]).describe("added: something that no resource of the stack is"),
  urn: z.string().describe("of the resource; of what was added, that of the resource to which it belongs"),
  type: z.string(),
  name: z.string(),
  component: z.string(),
  id: z.string(),
  what: z.string().describe("in words what was added; else empty"),
  properties: z
    .array(z.strictObject({ path: z.string(), before: shownSchema, after: shownSchema }))
    .describe("before: as the last deploy left it; after: as it is in the account"),
});

const driftSchema = z.strictObject({
  at: z.string(),
  result: z.enum(["succeeded", "failed", "canceled", "incomplete"]),
  looked: z.number().describe("resources that were looked at in the account"),
  blind: z.number().describe("resources that cannot be looked at, such as commands"),
  found: z.array(driftedSchema),
  varies: z
    .array(z.strictObject({ on: z.string(), path: z.string(), reason: z.string() }))
    .describe("differences that are no drift, with the reason"),
});

export const documentSchema = z.strictObject({
  version: z.literal(1),
  project: z.string(),
  stack: z.string(),
  command: z.enum(["preview", "destroy", "drift"]),
  result: z.enum(["succeeded", "failed", "canceled", "incomplete"]),
  commit: z.string(),
  base: z.string(),
  at: z.string(),
  state: z.strictObject({ sha256: z.string(), time: z.string() }),
  digest: z.string().describe("SHA-256 of the changes in canonical form: equal digests, equal changes"),
  complete: z.boolean().describe("false: not to be approved"),
  doubts: z.array(z.string()).describe("why it is not complete"),
  counts: z.strictObject({
    replaced: z.number(),
    deleted: z.number(),
    updated: z.number(),
    created: z.number(),
    same: z.number(),
    onlyOrder: z.number().describe("updates that change nothing but an order or a notation; they are left out"),
  }),
  data: z.array(dataSchema),
  renames: z.array(renameSchema),
  machines: z.array(machineSchema),
  things: z.array(thingSchema).default([]).describe("all that a picture of the stack shows, changed or not"),
  changes: z.array(changeSchema),
  cloudInit: z.array(cloudInitSchema),
  iam: z.array(iamSchema),
  network: z.array(networkSchema),
  exposures: z.array(exposureSchema).default([]).describe("ways, rights and guards that are looser than before"),
  config: z.array(configSchema),
  cost: costSchema.nullable(),
  policies: policiesSchema,
  rights: rightsSchema.nullable().describe("null: the deploy was not rehearsed"),
  pending: z
    .array(z.string())
    .nullable()
    .describe(
      "URNs of changes that the base makes just so: they are not this change's. null: the base was not previewed",
    ),
  programChanged: z
    .boolean()
    .default(false)
    .describe("true: the program is another one than the base's, so that what the base makes just so may be its doing"),
  drift: driftSchema.nullable().describe("null: it was not looked up"),
  rehearsed: z.boolean().describe("true: this is not the account, but a stand-in for AWS"),
  diagnostics: z.array(z.strictObject({ severity: z.string(), on: z.string(), message: z.string() })),
});

export type ChangeDocument = z.infer<typeof documentSchema>;
export type Shown = z.infer<typeof shownSchema>;
export type Change = z.infer<typeof changeSchema>;
export type Link = z.infer<typeof linkSchema>;
export type DataAtRisk = z.infer<typeof dataSchema>;
export type Rename = z.infer<typeof renameSchema>;
export type MachineEffect = z.infer<typeof machineSchema>;
export type Thing = z.infer<typeof thingSchema>;
export type CloudInitChange = z.infer<typeof cloudInitSchema>;
export type IamChange = z.infer<typeof iamSchema>;
export type NetworkChange = z.infer<typeof networkSchema>;
export type Exposure = z.infer<typeof exposureSchema>;
export type ConfigChange = z.infer<typeof configSchema>;
export type Rights = z.infer<typeof rightsSchema>;
export type Policies = z.infer<typeof policiesSchema>;
export type PolicyResult = z.infer<typeof policySchema>;
export type Drift = z.infer<typeof driftSchema>;
export type Drifted = z.infer<typeof driftedSchema>;
export type Cost = z.infer<typeof costSchema>;

/** The published schema, as `preview/change-set/schema.json` has it. */
export function jsonSchema(): object {
  return {
    title: "What a change of a cloister stack does",
    ...z.toJSONSchema(documentSchema, { target: "draft-7" }),
  };
}
