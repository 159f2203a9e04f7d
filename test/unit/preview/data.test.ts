import assert from "node:assert/strict";
import { buildDocument, takesNothing } from "../../../preview/change-set/build.ts";
import type { ChangeDocument } from "../../../preview/change-set/document.ts";
import { documentOf, inputsOf } from "../../support/preview/documents.ts";
import { documentOfSteps, type Step } from "../../support/preview/steps.ts";

const fates = ({ data }: ChangeDocument): string[] => data.map(({ fate, name }) => `${fate} ${name}`).sort();

/** What becomes of one resource, of a step as the engine would send it. */
const fateOf = (step: Step): string[] => documentOfSteps([step]).data.map(({ fate }) => fate);

const VOLUME = "aws:ebs/volume:Volume";

describe("what becomes of data", function () {
  this.timeout(60_000);

  it("of a renamed machine: lost, orphaned or refused, by what the last deploy left in the state", () => {
    assert.deepEqual(fates(documentOf("rename-delete-data")), ["lost one-session"]);
    assert.deepEqual(fates(documentOf("rename-keep-data")), ["orphaned one-session"]);
    assert.deepEqual(fates(documentOf("rename-refuse")), ["refused one-session"]);
  });

  it("of a moved disk: lost or refused, and orphaned where the same change takes its protection away", () => {
    assert.deepEqual(fates(documentOf("zone-moved")), ["lost one-session"]);
    assert.deepEqual(fates(documentOf("zone-moved-refuse")), ["refused one-session"]);
    const both = documentOf("zone-moved-unprotected");
    const [first] = both.data;
    assert.equal(`${first?.fate} ${first?.name}`, "orphaned one-session");
    assert.match(first?.why ?? "", /this change takes its protection away as well/);
  });

  it("where the engine shows no step: protection that goes, logs and snapshots that are kept for less", () => {
    const loosened = documentOf("on-destroy-loosened").data.filter(({ fate }) => fate === "loosened");
    for (const name of ["one-session", "/cloister/dev/audit", "cloister-dev-model-key", "cloister-onDestroy"])
      assert.ok(
        loosened.some((one) => one.name === name),
        name,
      );
    assert.deepEqual(documentOf("tightened").data, []);
    const kept = documentOf("retention-lowered").data.map(({ fate, kind }) => `${fate} ${kind}`);
    assert.deepEqual(kept, ["shortened log", "shortened log", "shortened log", "shortened snapshots"]);
  });

  it("of a key that is scheduled for deletion: what it encrypts goes as well", () => {
    const key = documentOf("destroy-delete-data").data.find(({ kind }) => kind === "key");
    assert.equal(key?.fate, "lost");
    for (const one of ["disk one-session", "log /cloister/dev/audit", "secret cloister-dev-model-key"])
      assert.ok(key?.also.includes(one), one);
    assert.ok(key?.also.some((one) => one.startsWith("snapshots")));
  });

  it("of a whole stack: by onDestroy", () => {
    const kinds = (name: string, fate: string): string[] =>
      documentOf(name)
        .data.filter((one) => one.fate === fate)
        .map(({ kind }) => kind)
        .sort();
    const all = ["bucket", "disk", "disk", "key", "log", "log", "log", "secret"];
    assert.deepEqual(kinds("destroy-delete-data", "lost"), all);
    assert.deepEqual(kinds("destroy-keep-data", "orphaned"), all);
    assert.equal(documentOf("destroy-refuse").result, "failed");
  });

  it("of a disk that goes from machine to machine: it moves; of one that shrinks: AWS refuses", () => {
    assert.deepEqual(fates(documentOf("ami")), ["reattached one-session", "reattached two-session"]);
    const shrunk = fates(documentOf("disk-shrunk"));
    assert.ok(shrunk.includes("refused-by-aws one-session"));
    assert.deepEqual(fates(documentOf("disk-grown")), []);
  });

  it("step by step", () => {
    const disk = { availabilityZone: "a", size: 10 };
    const moved = { availabilityZone: "b", size: 10 };
    const cases: readonly (readonly [Step, string[]])[] = [
      [{ type: VOLUME, op: "delete", old: disk }, ["lost"]],
      [{ type: VOLUME, op: "delete", old: disk, retain: [true, false] }, ["orphaned"]],
      [{ type: VOLUME, op: "delete", old: disk, protect: [true, false], retain: [true, false] }, ["refused"]],
      [{ type: VOLUME, op: "replace", old: disk, new: moved }, ["lost"]],
      [{ type: VOLUME, op: "replace", old: disk, new: moved, protect: [true, true] }, ["refused"]],
      [{ type: VOLUME, op: "replace", old: disk, new: moved, protect: [true, false] }, ["lost"]],
      [
        { type: VOLUME, op: "replace", old: disk, new: moved, protect: [true, false], retain: [true, true] },
        ["orphaned"],
      ],
      // The switch was set in the program and never deployed: the state decides.
      [{ type: VOLUME, op: "replace", old: disk, new: moved, protect: [false, true], retain: [false, true] }, ["lost"]],
      [{ type: VOLUME, op: "same", old: disk, new: disk, protect: [true, false] }, ["loosened"]],
      [{ type: VOLUME, op: "same", old: disk, new: disk, retain: [true, false] }, ["loosened"]],
      [{ type: VOLUME, op: "same", old: disk, new: disk, protect: [false, true] }, []],
      [{ type: VOLUME, op: "update", old: disk, new: { ...disk, size: 9 } }, ["refused-by-aws"]],
      [{ type: VOLUME, op: "update", old: disk, new: { ...disk, size: 11 } }, []],
      [{ type: VOLUME, op: "create", new: disk }, []],
      [log("update", 30, 7), ["shortened"]],
      [log("update", 7, 30), []],
      // 0 is for ever.
      [log("update", 0, 3653), ["shortened"]],
      [log("update", 3653, 0), []],
      [snapshots(7, 6), ["shortened"]],
      [snapshots(6, 7), []],
      [{ type: "aws:s3/bucket:Bucket", op: "delete", old: { forceDestroy: true } }, ["lost"]],
      [{ type: "aws:s3/bucket:Bucket", op: "delete", old: {} }, ["refused-by-aws"]],
      [{ type: "aws:s3/bucket:Bucket", op: "update", old: {}, new: { forceDestroy: true } }, ["loosened"]],
      [{ type: "aws:kms/key:Key", op: "update", old: {}, new: { deletionWindowInDays: 7 } }, ["loosened"]],
      [{ type: "aws:kms/key:Key", op: "update", old: {}, new: { isEnabled: false } }, ["locked"]],
      [
        { type: "aws:secretsmanager/secret:Secret", op: "update", old: {}, new: { recoveryWindowInDays: 0 } },
        ["loosened"],
      ],
      [{ type: "aws:rds/instance:Instance", op: "delete", old: {} }, ["lost"]],
      [{ type: "aws:dynamodb/table:Table", op: "replace", old: {}, new: { name: "x" } }, ["lost"]],
      [{ type: "aws:ec2/eip:Eip", op: "delete", old: {} }, []],
    ];
    for (const [step, expected] of cases) assert.deepEqual(fateOf(step), expected, JSON.stringify(step));
  });

  function log(op: string, before: number, after: number): Step {
    const type = "aws:cloudwatch/logGroup:LogGroup";
    return { type, op, old: { retentionInDays: before }, new: { retentionInDays: after } };
  }

  function snapshots(before: number, after: number): Step {
    const inputs = (count: number) => ({ policyDetails: { schedules: [{ retainRule: { count } }] } });
    return { type: "aws:dlm/lifecyclePolicy:LifecyclePolicy", op: "update", old: inputs(before), new: inputs(after) };
  }

  it("a rename is seen, with its zones; two machines that differ are none", () => {
    const [rename] = documentOf("rename-keep-data").renames;
    const { from, to, equal, of, zone } = rename ?? {};
    assert.deepEqual([from, to, equal, of], ["one", "build", 5, 5]);
    assert.deepEqual(zone, { before: "eu-central-1b", after: "eu-central-1b" });
    const other = inputsOf("rename-keep-data", (events) =>
      events.replaceAll('"size":10,"tags":{"Name":"build', '"size":99,"tags":{"Name":"build'),
    );
    const [differs] = buildDocument(other).renames;
    assert.equal(differs?.equal ?? 0, 4);
    assert.deepEqual(documentOf("hundred-machines").renames, []);
    assert.deepEqual(documentOf("machines-removed").renames, []);
  });

  it("a remedy is offered only after a preview with it took nothing", () => {
    const config = "cloister:machines: {}";
    const offered = (tried: ChangeDocument) =>
      buildDocument({ ...inputsOf("rename-delete-data"), remedies: { build: { config, tried } } }).renames[0]?.remedy;
    assert.deepEqual(offered(documentOf("rename-with-was")), { config, deleted: 0, replaced: 2 });
    for (const bad of [
      "rename-delete-data",
      "rename-keep-data",
      "rename-refuse",
      "zone-moved",
      "failed",
      "disk-shrunk",
    ]) {
      assert.equal(takesNothing(documentOf(bad)), false, bad);
      assert.equal(offered(documentOf(bad)), null, bad);
    }
  });
});
