import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { parse, stringify } from "yaml";
import { buildDocument } from "../../../preview/change-set/build.ts";
import type { ChangeDocument } from "../../../preview/change-set/document.ts";
import { collect } from "../../../preview/events/merge.ts";
import { policyResults } from "../../../preview/policy/results.ts";
import { ACCOUNT } from "../../../preview/policy/settings.ts";
import { comment } from "../../../preview/render/markdown.ts";
import { verdictText } from "../../../preview/render/verdict.ts";
import { Scrubber } from "../../../preview/secrets/scrub.ts";
import { SETTINGS_FILE } from "../../support/policy/stack.ts";
import { inputsOf } from "../../support/preview/documents.ts";

const URN = "urn:pulumi:dev::cloister::aws:ebs/volume:Volume::one-session";
const PACK = { policyPackName: "cloister", policyPackVersion: "0.1.0" };
const word = (policyName: string, enforcementLevel: string, message: string, resourceUrn = URN): object => ({
  policyEvent: { ...PACK, resourceUrn, policyName, enforcementLevel, message, color: "never", severity: "high" },
});
const unknown = (name: string): object =>
  word(
    name,
    "advisory",
    `can't run policy '${name}' from policy pack 'cloister@v0.1.0' during preview: string value at .userData can't be known during preview\n`,
  );
const summary = (passed: string[], failed: string[] = []): object => ({
  policyAnalyzeSummaryEvent: { ...PACK, resourceUrn: URN, passed, failed },
});
const whole = (passed: string[]): object => ({ policyAnalyzeStackSummaryEvent: { ...PACK, passed } });

const EXCEPTION = {
  rule: "budget",
  stack: "dev",
  resource: "*",
  reason: "Nobody has told us an address yet.",
  by: "ada",
  since: "2026-11-01",
  until: "2027-01-31",
};

/** The document of a recorded preview of nothing, with what a pack said. */
function documentWith(
  events: readonly object[],
  level = "mandatory",
  exceptions: readonly object[] = [],
): ChangeDocument {
  const inputs = inputsOf("none", (text) =>
    [...events.map((event) => JSON.stringify({ sequence: 1, timestamp: 1, ...event })), text].join("\n"),
  );
  const settings = parse(readFileSync(SETTINGS_FILE, "utf8")) as { stacks: object };
  const policySettings = stringify({ ...settings, stacks: { dev: { level } }, exceptions });
  return buildDocument({ ...inputs, policySettings });
}

describe("policies in a preview", () => {
  it("have passed, failed and not decided apart, with the level of the stack", () => {
    const { policies } = documentWith([
      summary(["tags", "disk-encrypted"]),
      summary(["tags"], ["user-data-secrets"]),
      unknown("user-data-secrets"),
      word("disk-encrypted", "mandatory", "the disk is not encrypted"),
      whole(["alarms"]),
    ]);
    assert.deepEqual(
      policies.results.map(({ policy, level, state, passed }) => [policy, level, state, passed]),
      [
        ["disk-encrypted", "mandatory", "failed", 1],
        // The SDK tells it as advisory.
        ["user-data-secrets", "mandatory", "not-decided", 0],
        ["alarms", "mandatory", "passed", 1],
        ["tags", "mandatory", "passed", 2],
      ],
    );
    assert.deepEqual(policies.results[1]?.undecided, [{ on: "one-session", path: "userData" }]);
  });

  it("do not depend on the order of events", () => {
    const events = [summary(["tags"]), unknown("ami-pinned"), word("tags", "advisory", "no tag"), whole(["alarms"])];
    assert.deepEqual(documentWith([...events].reverse()).policies, documentWith(events).policies);
  });

  it("are in the first line when they forbid or warn, and never count as passed when nobody knows", () => {
    const failed = [summary(["tags"]), word("disk-encrypted", "mandatory", "the disk is not encrypted"), whole([])];
    assert.match(verdictText(documentWith(failed)), /a policy forbids it: disk-encrypted/);
    assert.match(verdictText(documentWith(failed, "advisory")), /1 policy warns/);
    const { text } = comment(documentWith([unknown("user-data-secrets"), whole(["alarms"])]));
    assert.match(text, /1 passed, 1 not decided/);
    assert.match(text, /Policies not decided: 1/);
    assert.match(text, /`userData`/);
  });

  it("name each resource that they forbid or warn of, and count those of one name", () => {
    const of = (names: readonly string[]): string => {
      const urn = (name: string, i: number) => `urn:pulumi:dev::cloister::aws:test:Thing${i}::${name}`;
      const said = names.map((name, i) => word("tags", "mandatory", `${name}: it has no tag`, urn(name, i)));
      return comment(documentWith([summary([], ["tags"]), ...said, whole([])])).text;
    };
    const row = (text: string): string => /^\| `tags` .*$/m.exec(text)?.[0] ?? "";
    const many = (count: number): string[] => Array.from({ length: count }, (_, i) => `thing-${i}`);
    const seven = row(of(many(7)));
    for (const name of many(7)) assert.ok(seven.includes(`\`${name}\``), seven);
    const thirty = of(many(30));
    assert.match(row(thirty), / and 6 more \|/);
    assert.match(thirty, /More resources of these policies/);
    for (const name of many(30)) assert.ok(thirty.includes(`\`${name}\``), name);
    assert.match(row(of(["one", "one", "two"])), /`one` \(2 times\), `two`/);
    const repeated = of([...many(24), "zz", "zz", "zz"]);
    assert.match(row(repeated), / and 1 more/);
    assert.match(repeated, /`zz` \(3 times\)/);
    assert.doesNotMatch(of(many(2)), /times|More resources/, "the control");
  });

  it("say when rules about the whole stack were not asked", () => {
    assert.match(comment(documentWith([summary(["tags"])])).text, /whole stack were not asked/);
    assert.doesNotMatch(comment(documentWith([summary(["tags"]), whole(["alarms"])])).text, /were not asked/);
  });

  it("show each exception with its dates, also one that has expired and one that covers nothing", () => {
    const expired = { ...EXCEPTION, rule: "alarms", since: "2026-01-01", until: "2026-06-30" };
    const other = { ...EXCEPTION, rule: "tags", stack: "prod" };
    const document = documentWith([summary(["tags"]), whole([])], "mandatory", [EXCEPTION, expired, other]);
    assert.deepEqual(
      document.policies.exceptions.map(({ policy, state }) => [policy, state]),
      [
        ["alarms", "expired"],
        ["budget", "in force"],
      ],
    );
    const { text } = comment(document);
    assert.match(text, /expired on 2026-06-30/);
    assert.match(text, /until 2027-01-31.*Nobody has told us an address yet/);
  });

  it("have the level that the pack takes, by the project and the stack of the run", () => {
    const settings = parse(readFileSync(SETTINGS_FILE, "utf8")) as { default: object };
    const policySettings = stringify({
      ...settings,
      default: { ...settings.default, level: "mandatory", levels: {} },
      stacks: { [ACCOUNT]: { level: "disabled" } },
      exceptions: [{ ...EXCEPTION, stack: ACCOUNT }],
    });
    const levelFor = (project: string, stack: string): string => {
      const urn = `urn:pulumi:${stack}::${project}::aws:kms/key:Key::state`;
      const state = { type: "aws:kms/key:Key", urn, id: "k", parent: "", inputs: {}, protect: false };
      const metadata = { op: "same", urn, type: "aws:kms/key:Key", old: state, new: state };
      const events = [{ resourcePreEvent: { metadata } }, summary(["tags"]), whole([])];
      const lines = events.map((event) => JSON.stringify({ sequence: 1, timestamp: 1, ...event }));
      const said = policyResults(collect(lines.join("\n")), { stack, policySettings }, new Scrubber([]));
      return `${said.results[0]?.level}, ${said.exceptions.length}`;
    };
    assert.equal(levelFor("cloister-bootstrap", "bootstrap"), "disabled, 1");
    for (const [project, stack] of [
      ["cloister-bootstrap", "dev"],
      ["cloister", "bootstrap"],
      ["cloister", ACCOUNT],
    ] as const)
      assert.equal(levelFor(project, stack), "mandatory, 0", `${project} ${stack}`);
  });

  it("read no text of the program as what the SDK says", () => {
    const forged = word(
      "tags",
      "mandatory",
      "reason\ncan't run policy 'tags' from policy pack 'x' during preview: string value at .a can't be known",
    );
    const [result] = documentWith([forged]).policies.results;
    assert.equal(result?.state, "failed");
    assert.equal(collect(JSON.stringify({ sequence: 1, ...forged })).policies.length, 1);
  });
});
