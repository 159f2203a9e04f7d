import assert from "node:assert/strict";
import fc from "fast-check";
import { buildDocument } from "../../../preview/change-set/build.ts";
import type { ChangeDocument } from "../../../preview/change-set/document.ts";
import { collect } from "../../../preview/events/merge.ts";
import { documentOf, inputsOf } from "../../support/preview/documents.ts";
import { readRecorded } from "../../support/preview/recorded.ts";

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** The document of a recorded preview whose events were changed. */
const changed = (name: string, change: (events: string) => string): ChangeDocument =>
  buildDocument(inputsOf(name, change));

/** Changes each object in a stream of events. */
function each(events: string, change: (value: { [key: string]: Json }) => void): string {
  const walk = (value: Json): void => {
    if (Array.isArray(value)) for (const one of value) walk(one);
    else if (typeof value === "object" && value !== null) {
      change(value);
      for (const one of Object.values(value)) walk(one);
    }
  };
  return events
    .split("\n")
    .map((line) => {
      const event = JSON.parse(line) as Json;
      walk(event);
      return JSON.stringify(event);
    })
    .join("\n");
}

const change = (document: ChangeDocument, type: string, name: string) =>
  document.changes.find((one) => one.type.endsWith(`:${type}`) && one.name === name);
const chains = (document: ChangeDocument, type: string, name: string): string[] =>
  (change(document, type, name)?.because ?? []).map((chain) =>
    chain.map(({ path, name: link, config }) => config ?? [path, link].filter(Boolean).join(" of ")).join(" < "),
  );

describe("the change set", function () {
  this.timeout(60_000);

  it("is the same whatever the order of events", () => {
    const { events } = readRecorded("ami");
    const lines = events.split("\n");
    const { at: _, ...expected } = documentOf("ami");
    fc.assert(
      fc.property(fc.shuffledSubarray(lines, { minLength: lines.length }), (shuffled) => {
        const { at: __, ...found } = changed("ami", () => shuffled.join("\n"));
        assert.deepEqual(found, expected);
      }),
      { numRuns: 10 },
    );
  });

  it("is the same whatever the order of sets, statements and actions, and without the notation of lists of one", () => {
    const shuffled = (events: string): string =>
      each(events, (value) => {
        for (const key of ["vpcZoneIdentifiers", "securityGroups", "subnetIds", "domains", "tagSpecifications"])
          if (Array.isArray(value[key])) value[key] = [...(value[key] as Json[])].reverse();
        for (const key of ["policy", "assumeRolePolicy"]) {
          if (typeof value[key] !== "string" || !(value[key] as string).startsWith("{")) continue;
          const policy = JSON.parse(value[key] as string) as { Statement: { [key: string]: Json }[] };
          for (const statement of policy.Statement) {
            if (Array.isArray(statement["Action"])) statement["Action"] = [...statement["Action"]].reverse();
            else if (typeof statement["Action"] === "string") statement["Action"] = [statement["Action"]];
          }
          value[key] = JSON.stringify({ Statement: [...policy.Statement].reverse(), Version: "2012-10-17" });
        }
      });
    for (const name of ["network", "own-secret", "zone-moved"]) {
      const [one, other] = [documentOf(name), changed(name, shuffled)];
      assert.equal(other.digest, one.digest, name);
      assert.deepEqual(other.iam, one.iam, name);
      assert.deepEqual(other.changes, one.changes, name);
    }
  });

  it("has another digest for another value, also for one that is not shown (control)", () => {
    const { digest } = documentOf("ami");
    const other = (key: string, value: string) =>
      changed("ami", (events) =>
        each(events, (found) => {
          if (key in found && found[key] !== "04da6b54-80e4-46f7-96ec-b56ff0331ba9") found[key] = value;
        }),
      ).digest;
    assert.notEqual(other("imageId", "ami-0badbadbadbadbad0"), digest);
    assert.notEqual(other("version", "7"), digest);
    // Of what stays the same on both sides nothing is approved.
    const hidden = changed("pool-crosses-500", (events) => events.replaceAll("GroupInServiceInstances", "Another"));
    assert.notEqual(hidden.digest, documentOf("pool-crosses-500").digest);
  });

  it("drops an update of nothing but an order, and says how many there are", () => {
    const reorder = (events: string): string => {
      const order = (event: string): string => {
        const parsed = JSON.parse(event) as { resourcePreEvent?: { metadata: { [key: string]: Json } } };
        const step = parsed.resourcePreEvent?.metadata;
        if (step?.["type"] === "aws:autoscaling/group:Group") {
          const inputs = (step["new"] as { inputs: { [key: string]: Json } }).inputs;
          inputs["vpcZoneIdentifiers"] = [...(inputs["vpcZoneIdentifiers"] as Json[])].reverse();
          Object.assign(step, {
            op: "update",
            detailedDiff: { "vpcZoneIdentifiers[0]": { diffKind: "update", inputDiff: true } },
          });
        }
        return JSON.stringify(parsed);
      };
      return events.split("\n").map(order).join("\n").replace('"same":', '"update":1,"same":');
    };
    const document = changed("none", reorder);
    assert.deepEqual(document.doubts, []);
    assert.deepEqual([document.counts.updated, document.counts.onlyOrder], [0, 1]);
    assert.equal(document.digest, documentOf("none").digest);
  });

  it("keeps secret, unknown and hidden values apart, and has a changed secret as one", () => {
    const replaced = change(documentOf("secret-changed"), "Command", "holder");
    assert.deepEqual(replaced?.forcedBy, ["triggers"]);
    for (const { before, after } of replaced?.properties ?? [])
      assert.deepEqual([before, after], [{ secret: true }, { secret: true }]);
    assert.equal(replaced?.properties.length, 3);
    const instance = change(documentOf("ami"), "Instance", "one");
    assert.deepEqual(instance?.properties, [
      { path: "launchTemplate.version", before: { value: "1" }, after: { unknown: true }, forces: true },
    ]);
    const dashboard = change(documentOf("pool-crosses-500"), "Dashboard", "cloister-dev");
    assert.ok(dashboard?.properties.every(({ before, after }) => "hidden" in before && "hidden" in after));
  });

  it("says what forces a replacement, also of what is replaced only because something else is deleted first", () => {
    const attachment = change(documentOf("ami"), "VolumeAttachment", "one-session");
    assert.deepEqual(attachment?.forcedBy, ["instanceId"]);
    assert.equal(attachment?.op, "replace");
  });

  it("leads from a resource back to the key of the configuration", () => {
    assert.deepEqual(chains(documentOf("ami"), "VolumeAttachment", "one-session"), [
      "instanceId of Instance one < launchTemplate.version of LaunchTemplate one < imageId < cloister:ami.id",
    ]);
    assert.deepEqual(chains(documentOf("rename-delete-data"), "Volume", "one-session"), ["cloister:machines.one"]);
    assert.deepEqual(chains(documentOf("zone-moved"), "Volume", "one-session"), [
      "availabilityZone < cloister:machines.one.zone",
    ]);
    assert.deepEqual(chains(documentOf("disk-grown"), "Volume", "two-session"), ["size < cloister:sessionDiskGiB"]);
    assert.deepEqual(chains(documentOf("on-destroy-loosened"), "Key", "cloister-dev"), ["cloister:onDestroy"]);
    assert.deepEqual(chains(documentOf("retention-lowered"), "LogGroup", "/cloister/dev/audit"), [
      "retentionInDays < cloister:logRetentionDays",
    ]);
  });

  it("names no key that did not change: then it is the program (control)", () => {
    const { head: base, ...rest } = inputsOf("ami");
    const document = buildDocument({ ...rest, base, head: base });
    assert.deepEqual(chains(document, "LaunchTemplate", "one"), []);
    assert.deepEqual(document.config, []);
  });

  it("is not to be approved when the stream was cut, has a step that is not known, or counts otherwise than the engine", () => {
    const { events } = readRecorded("ami");
    const lines = events.split("\n");
    const of = (found: string): ChangeDocument => changed("ami", () => found);
    const cut = of(lines.slice(0, 60).join("\n"));
    assert.equal(cut.result, "incomplete");
    const doubted = [
      cut,
      of(`${events}\n{"sequence":1,`),
      of(events.replaceAll('"op":"update"', '"op":"renovate"')),
      of(lines.filter((line) => !line.includes("Group::small")).join("\n")),
    ];
    for (const document of doubted) {
      assert.equal(document.complete, false);
      assert.notDeepEqual(document.doubts, []);
    }
    // Installers print before the stream begins.
    assert.equal(of(`Downloading plugin\n${events}`).complete, true);
  });

  it("takes the end of an alias for part of its replacement", () => {
    const document = documentOf("rename-with-was");
    assert.deepEqual(
      document.changes.filter(({ op }) => op === "replace").map(({ name }) => name),
      ["build", "build-session"],
    );
    assert.deepEqual(document.doubts, []);
  });

  it("reads colours, policies and messages of the engine as text", () => {
    const policy = {
      sequence: 1,
      timestamp: 1,
      policyEvent: {
        resourceUrn: "urn:pulumi:dev::cloister::aws:ebs/volume:Volume::one-session",
        message: "<{%fg 1%}>disks are encrypted<{%reset%}>",
        policyName: "encrypted",
        policyPackName: "cloister",
        enforcementLevel: "mandatory",
      },
    };
    const { policies } = collect(JSON.stringify(policy));
    assert.deepEqual(
      policies.map(({ message, level }) => [message, level]),
      [["disks are encrypted", "mandatory"]],
    );
  });
});
