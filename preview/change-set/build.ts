import { createHash } from "node:crypto";
import type { Fate } from "../data/fate.ts";
import { fatesOf } from "../data/fates.ts";
import { isLocalDisk, localGib } from "../data/local-disk.ts";
import { renamesIn } from "../data/renames.ts";
import { findDrift } from "../drift/find.ts";
import type { Collected, Merged } from "../events/merge.ts";
import type { Refreshed } from "../events/refresh.ts";
import { hasSecret, type Plain, plain } from "../events/values.ts";
import { cloudInitChanges } from "../parts/cloud-init.ts";
import { type ConfigDifference, configDifferences, configRows, readConfig, secretsInClear } from "../parts/config.ts";
import { costOf, type Leaving } from "../parts/cost.ts";
import { exposures } from "../parts/exposure.ts";
import { iamChanges } from "../parts/iam.ts";
import { machineEffects } from "../parts/machines.ts";
import { networkChanges } from "../parts/network.ts";
import { inOneRegion } from "../parts/region.ts";
import { thingsIn } from "../parts/things.ts";
import { policyResults } from "../policy/results.ts";
import { type RehearsedCall, rightsOf } from "../rights/missing.ts";
import type { PolicyStatement } from "../rights/policy.ts";
import { Scrubber } from "../secrets/scrub.ts";
import { Causes } from "./because.ts";
import { canonicalInputs, canonicalText } from "./canonical.ts";
import { at, type Differences, differencesOf } from "./differences.ts";
import { type Change, type ChangeDocument, type DataAtRisk, FATES, type Shown } from "./document.ts";
import { componentOf, nameOf, shortType } from "./names.ts";
import { fingerprint, shown } from "./show.ts";
import { readState, type State } from "./state.ts";

/** The inputs of a document. */
export interface Inputs {
  readonly project?: string;
  readonly stack: string;
  readonly command: "preview" | "destroy";
  readonly collected: Collected;
  /** Text of `pulumi stack export`. */
  readonly state: string;
  /** Text of Pulumi.STACK.yaml, before the change and with it. */
  readonly base: string;
  readonly head: string;
  /** Texts that identify the run; all may be empty. */
  readonly run?: { readonly commit?: string; readonly base?: string; readonly at?: string };
  /** Credentials of the run. They are removed from every text of the output. */
  readonly secrets?: readonly string[];
  /** Results of the previews of remedies, by the new name. */
  readonly remedies?: Readonly<Record<string, { readonly config: string; readonly tried: ChangeDocument }>>;
  /** Calls that a rehearsed deploy made, and the policies of whoever deploys. */
  readonly rights?: {
    readonly calls: readonly RehearsedCall[];
    readonly statements: readonly PolicyStatement[];
    readonly region: string;
    readonly from: string;
  };
  /** True when the program is another one than the base's. @default false */
  readonly programChanged?: boolean;
  /** True when this was previewed against a stand-in for AWS. @default false */
  readonly rehearsed?: boolean;
  /** Text of the pack's settings, `policy/settings.yaml`. Absent: without levels of one's own and exceptions. */
  readonly policySettings?: string;
  /** True when policies were wanted, and none were asked because the stack seems to be elsewhere. @default false */
  readonly unjudged?: boolean;
  /** What a refresh saw. @default it was not looked up */
  readonly drift?: Refreshed;
  /** Further reasons why the preview must not be approved. */
  readonly doubts?: readonly string[];
}

const OPS = { create: "create", update: "update", delete: "delete", replace: "replace", same: "keep" } as const;

/** Builds the document of a preview. It is a pure function: equal inputs give equal documents. */
export function buildDocument(inputs: Inputs): ChangeDocument {
  const { collected } = inputs;
  const scrubber = new Scrubber(inputs.secrets);
  const state = readState(inputs.state);
  const differences = new Map<string, Differences>();
  let onlyOrder = 0;
  const resources = collected.resources
    .filter(({ type }) => type !== "pulumi:pulumi:Stack")
    .map((said) => {
      const resource = isOtherVersion(said) ? { ...said, op: "update" as const } : said;
      if (resource.op === "same") return resource;
      const found = differencesOf(resource);
      differences.set(resource.urn, found);
      const isSilent = found.onlyOrder && !protectionDiffers(resource);
      if (isSilent) onlyOrder++;
      return isSilent ? { ...resource, op: "same" as const } : resource;
    });
  const changed = resources.filter((resource) => resource.op !== "same" || protectionDiffers(resource));
  const [base, head] = [readConfig(inputs.base), readConfig(inputs.head)];
  // Of a file that cannot be read nobody knows what it sets.
  const unreadable = base.problem ?? head.problem;
  const config = unreadable === undefined ? configDifferences(base, head) : [];
  const causes = new Causes(changed, differences, state, config);
  const fates = fatesOf(resources, state);
  const renames = renamesIn(resources);
  const renamedTo = (resource: Merged): string | null => {
    const own = componentOf(resource);
    const rename = renames.find(({ kind, from }) => `${kind} ${from}` === own);
    return rename ? scrubber.text(rename.to) : null;
  };
  const count = (op: string): number => changed.filter((one) => one.op === op && isCounted(one)).length;
  const text = (value: string): string => scrubber.text(value);
  const data = dataRows(fates, scrubber, renamedTo);
  const unread = head.problem === undefined ? [] : [head.problem];
  const doubts = [
    ...new Set([
      ...collected.doubts,
      ...(inputs.doubts ?? []),
      ...unread,
      ...brokenOff(state),
      ...cannotBe(fates),
      ...unasked(inputs),
    ]),
  ];
  const effects = machineEffects(resources, differences);
  const document: ChangeDocument = {
    version: 1,
    project: text(inputs.project ?? "cloister"),
    stack: text(inputs.stack),
    command: inputs.command,
    result: collected.result,
    commit: inputs.run?.commit ?? "",
    base: inputs.run?.base ?? "",
    at: inputs.run?.at ?? "",
    state: { sha256: state.sha256, time: state.time },
    digest: digestOf(changed, differences, state),
    complete: doubts.length === 0 && collected.result === "succeeded",
    doubts: doubts.map(text),
    counts: {
      replaced: count("replace"),
      deleted: count("delete"),
      updated: count("update"),
      created: count("create"),
      same: resources.filter((one) => one.op === "same" && isCounted(one)).length,
      onlyOrder,
    },
    data,
    renames: renames.map(({ kind, from, to, equal, of, zone }) => {
      const remedy = inputs.remedies?.[to];
      return {
        kind,
        from: text(from),
        to: text(to),
        equal,
        of,
        zone: zone ?? null,
        remedy: remedy && takesNothing(remedy.tried) ? remedyOf(remedy, scrubber) : null,
      };
    }),
    machines: effects.map((one) => ({
      ...one,
      name: text(one.name),
      note: text(one.note),
    })),
    things: thingsIn(resources, text),
    changes: changed.filter(isCounted).map((resource) => changeOf(resource, differences, causes, scrubber)),
    cloudInit: cloudInitChanges(changed, scrubber).map((one) => ({ ...one, machines: one.machines.map(text) })),
    iam: iamChanges(inOneRegion(changed), scrubber),
    network: networkChanges(resources, scrubber),
    exposures: inputs.command === "destroy" ? [] : exposures(resources, scrubber, secretsInClear(config, head)),
    config: configRows(config, scrubber),
    cost: costIn(base.settings, inputs.command === "destroy" ? undefined : head.settings, fates),
    rights: inputs.rights
      ? rightsOf(inputs.rights.calls, inputs.rights.statements, inputs.rights, inputs.rights.from, scrubber)
      : null,
    rehearsed: inputs.rehearsed ?? false,
    policies: policyResults(collected, inputs, scrubber),
    pending: null,
    programChanged: inputs.programChanged ?? false,
    drift: driftIn(inputs, state, scrubber),
    diagnostics: diagnosticRows([...collected.diagnostics, ...unreadBase(base.problem)], scrubber),
  };
  return document;

  function costIn(
    before: typeof base.settings,
    after: typeof base.settings,
    all: typeof fates,
  ): ChangeDocument["cost"] {
    // Nobody knows the cost of a configuration that is refused, and a destroy that is refused saves nothing.
    const isDestroyed = inputs.command === "destroy" && collected.result === "succeeded";
    if (!before || (!after && !isDestroyed)) return null;
    // The program refuses more than the schema does: it came to no resource then.
    if (collected.result !== "succeeded" && changed.length === 0) return null;
    const leaving: Leaving[] = all
      // Of a disk of this computer nothing stays that costs.
      .filter(({ fate, resource }) => (fate === "lost" || fate === "orphaned") && !isLocalDisk(resource))
      .map(({ fate, kind, resource }) => ({
        kind,
        name: text(nameOf(resource.urn)),
        gib: gibOf(resource) ?? 0,
        stays: fate === "orphaned",
      }));
    const known = costOf(before, after, leaving, before.snapshots.keep, effects);
    const cost =
      inputs.command === "preview" && isZero(known.delta) && isPriced(unknownTo(config, changed), differences)
        ? { ...known, delta: NOT_KNOWN }
        : known;
    const named = <T extends { readonly what: string }>(lines: readonly T[]): T[] =>
      lines.map((line) => ({ ...line, what: text(line.what) }));
    return { ...cost, lines: named(cost.lines), left: named(cost.left), once: named(cost.once) };
  }
}

/** The engine calls a provider of another version the same. What that does with a stack is another program's doing. */
const isOtherVersion = ({ op, type, old, new: wanted }: Merged): boolean =>
  op === "same" && type.startsWith("pulumi:providers:") && old?.inputs["version"] !== wanted?.inputs["version"];

const OF_AWS = /^(?:aws[\w-]*:|pulumi:providers:aws)/;

/**
 * The file of the stack decides whether policies are asked, and the engine may read it otherwise: what it makes or keeps is
 * looked at. Of a stack that leaves AWS nothing is left to judge.
 */
function unasked({ unjudged, collected }: Inputs): string[] {
  const isOfAws = collected.resources.some(({ type, op }) => OF_AWS.test(type) && op !== "delete");
  return unjudged && isOfAws
    ? [
        'no policy was asked, and there are resources of AWS: write "cloister:target: aws" in the stack\'s file, or give --no-policies',
      ]
    : [];
}

/** A deploy that is surely refused on its way leaves the stack half changed. */
function cannotBe(fates: readonly Fate[]): string[] {
  if (fates.some(({ fate }) => fate === "refused-in-deploy"))
    return ["no session disk is made smaller: the deploy would fail half-way. Write the size that the disk has"];
  const disks = fates.filter(({ fate, kind }) => fate === "refused-by-aws" && kind === "disk");
  return disks.length === 0
    ? []
    : ["AWS makes no disk smaller: the deploy would fail half-way. Write the sizes that the disks have"];
}

/** The estimate knows the schedules of the configuration: they cost the machines that it counts. */
const unknownTo = (config: readonly ConfigDifference[], changed: readonly Merged[]): readonly Merged[] =>
  config.some(({ path }) => /^pools\.[^.]+\.schedules\b/.test(path))
    ? changed.filter(({ type }) => type !== "aws:autoscaling/schedule:Schedule")
    : changed;

const NOT_KNOWN = { least: null, most: null };
const isZero = ({ least, most }: { readonly least: number | null; readonly most: number | null }): boolean =>
  least === 0 && most === 0;
const PRICED =
  /^aws:(?:ec2\/(?:instance|natGateway|eip|vpcEndpoint|launchTemplate)|ebs\/volume|autoscaling\/(?:group|schedule)|kms\/key|secretsmanager\/secret|rds\/|dynamodb\/|elasticache\/|lb\/):?/;
const PRICED_BY =
  /^(?:size|type|iops|throughput|instanceType|blockDeviceMappings|(?:min|max)Size|desiredCapacity|warmPool|mixedInstancesPolicy|monitoring)\b/;

/**
 * Tells whether something that costs changes, or comes or goes without its like that goes or comes. The estimate knows the
 * configuration alone: where that costs the same and such a thing does not, it must not say that nothing costs more.
 */
function isPriced(changed: readonly Merged[], differences: ReadonlyMap<string, Differences>): boolean {
  const priced = changed.filter(({ type, isImported }) => PRICED.test(type) && !isImported);
  const of = (op: string): string =>
    priced
      .filter((one) => one.op === op)
      .map(({ type, old, new: wanted }) => [type, ...pricesIn(inputsOf(wanted ?? old))].join("\n"))
      .sort()
      .join("\n\n");
  if (of("create") !== of("delete")) return true;
  return priced.some(
    ({ op, urn }) =>
      op !== "create" && op !== "delete" && (differences.get(urn)?.list ?? []).some(({ path }) => PRICED_BY.test(path)),
  );
}

const pricesIn = (inputs: { readonly [key: string]: Plain }): string[] =>
  Object.keys(inputs)
    .filter((key) => PRICED_BY.test(key) && key !== "mixedInstancesPolicy")
    .sort()
    .map((key) => `${key}: ${JSON.stringify(inputs[key])}`);

/** A deploy that was killed leaves operations of which nobody knows whether AWS did them. */
function brokenOff({ begun }: State): string[] {
  if (begun.length === 0) return [];
  const some = begun.slice(0, 5).join(", ");
  const more = begun.length > 5 ? ` and ${begun.length - 5} more` : "";
  return [
    `a deploy was broken off, and nobody knows whether AWS did this: ${some}${more}. First look at the account: npm run pulumi -- refresh`,
  ];
}

/** A change that mends the base's file must not be stopped by it. */
const unreadBase = (problem: string | undefined): Collected["diagnostics"] =>
  problem === undefined
    ? []
    : [{ severity: "warning", urn: "", message: `the base cannot be compared: ${problem}, before this change` }];

/** The engine's messages, as they may be shown. */
export function diagnosticRows(all: Collected["diagnostics"], scrubber: Scrubber): ChangeDocument["diagnostics"] {
  return all.map(({ severity, urn, message }) => ({
    severity: scrubber.text(severity),
    on: scrubber.text(urn === "" ? "" : nameOf(urn)),
    message: scrubber.text(message),
  }));
}

/** The drift that was looked up beside a preview. It is in no digest: what is approved are the changes. */
function driftIn({ drift, run, head }: Inputs, state: State, scrubber: Scrubber): ChangeDocument["drift"] {
  if (drift === undefined) return null;
  return findDrift(drift, { state, scrubber, at: run?.at ?? "", refuses: refusesIn(head) }).section;
}

/** Tells whether a configuration protects the stack's data. */
export const refusesIn = (config: string): boolean => readConfig(config).settings?.onDestroy === "refuse";

/** The rows of data, the worst first. */
export function dataRows(
  fates: readonly Fate[],
  scrubber: Scrubber,
  renamedTo: (resource: Merged) => string | null = () => null,
): DataAtRisk[] {
  const text = (value: string): string => scrubber.text(value);
  return fates
    .map(({ fate, kind, resource, why, also }) => ({
      fate,
      kind,
      urn: text(resource.urn),
      name: text(nameOf(resource.urn)),
      component: text(componentOf(resource)),
      id: text(resource.old?.id ?? ""),
      gib: gibOf(resource),
      why: text(why),
      also: also.map(text),
      renamedTo: fate === "reattached" ? null : renamedTo(resource),
    }))
    .sort(
      (a, b) => FATES.indexOf(a.fate) - FATES.indexOf(b.fate) || (`${a.kind} ${a.urn}` < `${b.kind} ${b.urn}` ? -1 : 1),
    );
}

/** Tells whether a document's change takes no data, and is not refused. */
export function takesNothing({ result, data }: ChangeDocument): boolean {
  const bad = [
    "lost",
    "unknown",
    "orphaned",
    "gone",
    "locked",
    "refused",
    "refused-by-aws",
    "refused-in-deploy",
    "shortened",
  ];
  return result === "succeeded" && !data.some(({ fate }) => bad.includes(fate));
}

function remedyOf(
  { config, tried }: { readonly config: string; readonly tried: ChangeDocument },
  scrubber: Scrubber,
): { config: string; deleted: number; replaced: number } {
  return { config: scrubber.text(config), deleted: tried.counts.deleted, replaced: tried.counts.replaced };
}

function protectionDiffers({ old, new: wanted }: Merged): boolean {
  if (!old || !wanted) return false;
  return old.protect !== wanted.protect || old.retainOnDelete !== wanted.retainOnDelete;
}

/** Tells whether a resource exists in the account: components and providers do not. */
function isCounted({ type }: Merged): boolean {
  return !/^(?:cloister:|pulumi:pulumi:)/.test(type);
}

function changeOf(
  resource: Merged,
  differences: ReadonlyMap<string, Differences>,
  causes: Causes,
  scrubber: Scrubber,
): Change {
  const text = (value: string): string => scrubber.text(value);
  const { urn, type, op, old, new: wanted, keys } = resource;
  return {
    urn: text(urn),
    type: text(type),
    name: text(nameOf(urn)),
    component: text(componentOf(resource)),
    op: OPS[op],
    imported: resource.isImported,
    protect: { before: old?.protect ?? false, after: wanted?.protect ?? false },
    retain: { before: old?.retainOnDelete ?? false, after: wanted?.retainOnDelete ?? false },
    forcedBy: keys.map(text),
    because: causes
      .of(resource)
      .map((chain) =>
        chain.map((link) =>
          Object.fromEntries(Object.entries(link).map(([key, value]) => [key, text(value as string)])),
        ),
      ),
    properties: (differences.get(urn)?.list ?? []).map(({ path, before, after, forces }) => {
      // A value that was or becomes a secret is one on both sides.
      const isSecret = hasSecret(before) || hasSecret(after);
      const show = (value: Plain | undefined): Shown =>
        isSecret && value !== undefined ? { secret: true } : shown(type, path, value, scrubber);
      return { path: text(path), before: show(before), after: show(after), forces };
    }),
  };
}

function gibOf(resource: Merged): number | null {
  const { type, old, new: wanted } = resource;
  if (isLocalDisk(resource)) return localGib(resource);
  if (shortType(type) !== "Volume") return null;
  const size = at(plain((old ?? wanted)?.inputs ?? {}), "size");
  return typeof size === "number" ? size : null;
}

/**
 * The digest that people approve. It covers every value, also values that are not shown, hashed with a key of the
 * state. It does not depend on the order of events, sets or statements, on messages or on time. It covers the place of
 * a secret and the fact that it changes, but not its value: nobody sees that.
 */
function digestOf(changed: readonly Merged[], differences: ReadonlyMap<string, Differences>, state: State): string {
  const rows = changed.map((resource) => {
    const { urn, op, old, new: wanted, keys } = resource;
    const whole = op === "create" || op === "delete" ? canonicalInputs(inputsOf(op === "create" ? wanted : old)) : {};
    return {
      urn,
      op,
      keys,
      protection: [old?.protect, old?.retainOnDelete, wanted?.protect, wanted?.retainOnDelete].map(
        (one) => one ?? false,
      ),
      whole: fingerprint(whole, state.key),
      properties: (differences.get(urn)?.list ?? [])
        .map(({ path, before, after }) => [path, fingerprint(before, state.key), fingerprint(after, state.key)])
        .sort((a, b) => ((a[0] ?? "") < (b[0] ?? "") ? -1 : 1)),
    };
  });
  rows.sort((a, b) => (a.urn < b.urn ? -1 : 1));
  return createHash("sha256").update(canonicalText(rows)).digest("hex");
}

function inputsOf(state: Merged["old"]): { [key: string]: ReturnType<typeof plain> } {
  return plain(state?.inputs ?? {}) as { [key: string]: ReturnType<typeof plain> };
}
