import assert from "node:assert/strict";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import type { ChangeDocument } from "../../../preview/change-set/document.ts";
import { aheadOf } from "../../../preview/policy/ahead.ts";
import { packIn } from "../../../preview/policy/pack.ts";
import { rehearsedEngine } from "../../../preview/rehearsed.ts";
import { previewStack } from "../../../preview/run.ts";
import { REPOSITORY } from "../../../rehearsal/project-copy.ts";
import { Rehearsal } from "../../../rehearsal/rehearsal.ts";

describe("the policy pack under the real engine (rehearsed with moto)", function () {
  this.timeout(240_000);
  let stack: Rehearsal;

  before(async () => {
    stack = await Rehearsal.create({ stack: "dev" });
    // The pack of another folder than the program's, as in CI the base branch's.
    for (const name of ["policy", "preview"])
      await cp(join(REPOSITORY, name), join(stack.engine.folder, name), { recursive: true });
  });
  after(async () => await stack.dispose());

  const preview = async (dev: string, exceptions = "[]"): Promise<ChangeDocument> => {
    const settings = await stack.engine.read("policy/settings.yaml");
    const changed = settings
      .replace(/ {2}dev: .*\n/, `  dev: ${dev}\n`)
      .replace(/exceptions: (?:.|\n)*/, `exceptions: ${exceptions}\n`);
    await stack.engine.write("policy/settings.yaml", changed);
    const pack = await packIn(join(stack.engine.folder, "policy"));
    const head = await stack.engine.read("Pulumi.dev.yaml");
    // As `npm run preview` does it.
    const ahead = await aheadOf(pack);
    assert.ok(ahead);
    try {
      return await previewStack({
        engine: rehearsedEngine(stack),
        stack: "dev",
        base: "",
        head,
        pack: ahead.pack,
        started: ahead.start,
        run: { at: new Date().toISOString() },
      });
    } finally {
      ahead.end();
    }
  };

  it("passes, leaves undecided what only the deploy knows, and stops what is mandatory", async () => {
    const limits = "imageMaxAgeDays: 100000, retentionDays: 90";
    const document = await preview(`{level: mandatory, ${limits}}`);
    const state = Object.fromEntries(document.policies.results.map((one) => [one.policy, `${one.level} ${one.state}`]));
    assert.equal(document.result, "failed", "the engine stops at a mandatory policy");
    assert.equal(state["log-retention"], "mandatory failed");
    assert.equal(state["imds-v2"], "mandatory passed");
    assert.equal(state["user-data-secrets"], "mandatory not-decided");
    assert.deepEqual(
      Object.entries(state).filter(([, one]) => one.endsWith("failed")),
      [["log-retention", "mandatory failed"]],
    );
  });

  it("warns only, where it is advisory, and is silent where an exception holds", async () => {
    const until = new Date(Date.now() + 30 * 86_400_000).toISOString().slice(0, 10);
    const since = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
    const dev = "{level: advisory, imageMaxAgeDays: 100000, retentionDays: 90}";
    const warned = await preview(dev);
    const failed = ({ policies }: ChangeDocument): string[] =>
      policies.results.filter((one) => one.state === "failed").map((one) => one.policy);
    assert.deepEqual([warned.result, failed(warned)], ["succeeded", ["log-retention"]]);
    assert.equal(warned.policies.wholeStack, true);
    const exception = `[{rule: log-retention, stack: dev, resource: "*", reason: Dev is thrown away each week., by: ada, since: ${since}, until: ${until}}]`;
    const covered = await preview(dev, exception);
    assert.deepEqual(failed(covered), []);
    assert.deepEqual(
      covered.policies.exceptions.map((one) => [one.policy, one.until, one.state]),
      [["log-retention", until, "in force"]],
    );
  });
});
