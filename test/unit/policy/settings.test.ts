import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { parse, stringify } from "yaml";
import { PROJECT, STACK } from "../../../infra/bootstrap/names.ts";
import { exceptionLines, sentence } from "../../../policy/core/words.ts";
import { RULES } from "../../../policy/rules/index.ts";
import {
  ACCOUNT,
  type Exception,
  exceptionState,
  exceptionsOf,
  levelOf,
  limitsOf,
  readPolicySettings,
  settingsName,
} from "../../../preview/policy/settings.ts";
import { withRules } from "../../../tools/docs/policies.ts";
import { goodStack, SETTINGS_FILE, said, worldOf } from "../../support/policy/stack.ts";

const text = readFileSync(SETTINGS_FILE, "utf8");
const names = RULES.map(({ name }) => name);
const EXCEPTION: Exception = {
  rule: "key-rotates",
  stack: "dev",
  resource: "cloister-dev",
  reason: "The key moves to another account in January.",
  by: "ada",
  since: "2026-01-01",
  until: "2026-03-31",
};
const withExceptions = (...exceptions: object[]): string => stringify({ ...(parse(text) as object), exceptions });

describe("the policy pack's settings", () => {
  it("are mandatory for prod and for a stack that nobody names, advisory for dev", () => {
    const settings = readPolicySettings(text, names);
    for (const name of names) {
      assert.equal(levelOf(settings, "prod", name), "mandatory");
      assert.equal(levelOf(settings, "other", name), "mandatory");
      assert.equal(levelOf(settings, "constructor", name), "mandatory");
      assert.equal(levelOf(settings, "dev", name), "advisory");
    }
    const own = readPolicySettings(text.replace("dev: {level: advisory}", "dev: {levels: {tags: disabled}}"), names);
    assert.deepEqual([levelOf(own, "dev", "tags"), levelOf(own, "dev", "imds-v2")], ["disabled", "mandatory"]);
  });

  it("of the account are for its own project and stack alone, whatever another one is called", () => {
    const settings = readPolicySettings(withExceptions({ ...EXCEPTION, stack: ACCOUNT }), names);
    const [own, other] = [limitsOf(settings, ACCOUNT), limitsOf(settings, "a stack that nobody names")];
    assert.notDeepEqual(own, other, "the account has settings of its own");
    assert.deepEqual(limitsOf(settings, settingsName(PROJECT, STACK)), own, "the control");
    assert.equal(exceptionsOf(settings, settingsName(PROJECT, STACK)).length, 1, "the control");
    const strange = ["", "..", "constructor", "__proto__", "bootstrap ", "Bootstrap", ACCOUNT, `../${ACCOUNT}`];
    const pairs = [
      ...strange.map((stack) => [PROJECT, stack] as const),
      ...strange.map((stack) => ["cloister", stack] as const),
      ...["cloister", "", "__proto__", ACCOUNT].map((project) => [project, STACK] as const),
    ];
    for (const [project, stack] of pairs) {
      const name = settingsName(project, stack);
      assert.deepEqual(limitsOf(settings, name), other, `${project} ${stack}`);
      assert.deepEqual(exceptionsOf(settings, name), [], `${project} ${stack}`);
    }
    assert.equal(settingsName("cloister", "dev"), "dev", "the control");
  });

  it("are in the documentation, with every rule", () => {
    const page = readFileSync(new URL("../../../docs/policy-pack.md", import.meta.url), "utf8");
    assert.equal(page, withRules(page), "run npm run docs");
    for (const name of names) assert.ok(page.includes(`[\`${name}\`]`), name);
  });

  it("are refused with all that is wrong, at once", () => {
    const bad = withExceptions(
      { ...EXCEPTION, until: "2028-01-01" },
      { ...EXCEPTION, reason: "because" },
      { ...EXCEPTION, since: "2026-13-01" },
      { rule: "tags" },
    );
    assert.throws(
      () => readPolicySettings(bad, names),
      (error: Error) => {
        for (const part of [
          /0: lasts longer than 366 days/,
          /1\.reason: is too short/,
          /2\.since: is no day/,
          /3\.until/,
        ])
          assert.match(error.message, part);
        return true;
      },
    );
    assert.throws(
      () => readPolicySettings(withExceptions({ ...EXCEPTION, rule: "no-such" }), names),
      /no rule "no-such"/,
    );
    assert.doesNotThrow(() => readPolicySettings(withExceptions(EXCEPTION), names));
  });

  it("let an exception cover what it names, until the end of its last day", () => {
    const bad = goodStack().map((one) =>
      one.type === "aws:kms/key:Key" ? { ...one, props: { ...one.props, enableKeyRotation: false } } : one,
    );
    const at = (now: string, exception: Exception = EXCEPTION) => {
      const world = worldOf({}, { exceptions: [exception], now: new Date(now) });
      const [finding] = said("key-rotates", bad, world).judgements.flatMap(({ findings }) => findings);
      return [finding?.exception?.by, finding?.expired?.by];
    };
    assert.deepEqual(at("2026-03-31T23:59:59Z"), ["ada", undefined]);
    assert.deepEqual(at("2026-04-01T00:00:00Z"), [undefined, "ada"]);
    assert.deepEqual(at("2025-12-31T00:00:00Z"), [undefined, undefined]);
    assert.deepEqual(at("2026-02-01", { ...EXCEPTION, resource: "cloister-dev-2" }), [undefined, undefined]);
    assert.deepEqual(at("2026-02-01", { ...EXCEPTION, rule: "key-waits" }), [undefined, undefined]);
    assert.deepEqual(at("2026-02-01", { ...EXCEPTION, stack: "prod" }), [undefined, undefined]);
    assert.deepEqual(at("2026-02-01", { ...EXCEPTION, resource: "*" }), ["ada", undefined]);
    assert.equal(exceptionState(EXCEPTION, new Date("2026-04-01")), "expired");
  });

  it("say of each exception until when it holds and what it covers", () => {
    const world = worldOf({}, { exceptions: [EXCEPTION] });
    const [unused] = exceptionLines(world, []);
    assert.match(
      unused ?? "",
      /^key-rotates for cloister-dev, until 2026-03-31: The key moves.*\(ada, 2026-01-01\)\. It covers nothing/,
    );
    const late = exceptionLines({ ...world, now: new Date("2026-05-01") }, []);
    assert.match(late.join(), /expired on 2026-03-31/);
    const [rule] = RULES;
    assert.match(sentence(rule as (typeof RULES)[0], "one", "it is so"), /^one: it is so\. .*\(docs\//);
  });
});
