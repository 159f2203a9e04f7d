import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ADVICE } from "../../../infra/aws/advice.ts";
import { EngineProject } from "../../../rehearsal/engine.ts";
import type { Moto } from "../../../rehearsal/moto.ts";
import { planOf } from "../../../rehearsal/plan.ts";
import { standInAws } from "../../../rehearsal/rehearsal.ts";
import { rehearseFaults } from "../../../rehearsal/with-faults.ts";

/**
 * Plans of the seeds 1 to 3 differ in what reaches the user: at the first `up`, at a change, and when the stack goes. Each is a
 * whole life of a stack: `npm test` has the first, `npm run test:faults` all three.
 */
const SEEDS = (process.env.CLOISTER_TEST_FAULT_SEEDS ?? "1").split(",").map(Number);

describe("faults of AWS (rehearsed with moto)", function () {
  this.timeout(600_000);
  this.slow(120_000);

  for (const seed of SEEDS)
    it(`end no stack's life: what was made is known, and the next command goes on (seed ${seed})`, async () => {
      const said: string[] = [];
      const { ended, plan, happened, poolIsOld } = await rehearseFaults(seed, (line) => said.push(line)).catch(
        (error: Error) => {
          throw new Error(`${error.message}\n${said.join("\n")}`);
        },
      );
      assert.ok(ended.length >= 2, said.join("\n"));
      for (const { advice } of ended) assert.ok(advice.length > 0);
      assert.equal(
        poolIsOld,
        plan.some(({ kind, reaches }) => kind === "refresh in progress" && reaches),
      );
      for (const { kind, times } of plan) assert.equal(happened[kind], times, kind);
    });

  it("are told in the documentation, with the same words", () => {
    const page = readFileSync(new URL("../../../docs/trouble.md", import.meta.url), "utf8");
    for (const { name, means, next } of ADVICE) assert.ok(page.includes(`| ${name} | ${means} | ${next} |`), name);
  });

  it("have plans that come from the seed alone, differ, and always reach the user twice or more", () => {
    assert.deepEqual(planOf(5), planOf(5));
    assert.notDeepEqual(planOf(5), planOf(6));
    for (let seed = 0; seed < 200; seed++)
      assert.ok(planOf(seed).filter(({ reaches }) => reaches).length >= 2, String(seed));
  });
});

/** A program of its own: this project's settings let nothing through that AWS refuses. */
describe("a value that AWS would refuse", function () {
  this.timeout(240_000);
  let folder: string;
  let moto: Moto;
  let engine: EngineProject;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "cloister-refused-"));
    const standIn = await standInAws(folder);
    moto = standIn.moto;
    engine = await EngineProject.create({
      env: standIn.env,
      config: { "aws:region": "eu-central-1" },
      program: `
        const { LogGroup } = require("@pulumi/aws/cloudwatch/logGroup.js");
        const retentionInDays = Number(process.env.DAYS);
        const kmsKeyId = "arn:aws:kms:eu-central-1:123456789012:key/dd85cf69-30d8-4382-9743-a2ac71218051";
        new LogGroup("logs", { retentionInDays, kmsKeyId });`,
    });
  });
  after(async () => {
    await engine?.dispose();
    await moto?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it("fails the preview and the up, with the property, the value and AWS's rule; a good one does not", async () => {
    const says = /retentionInDays = 8: AWS::Logs::LogGroup\.RetentionInDays must be one of \[1,3,5,7,14/;
    for (const command of [["preview"], ["up", "--yes", "--skip-preview"]]) {
      const refused = await engine.run([...command, "-s", engine.stack], { DAYS: "8" });
      assert.notEqual(refused.exitCode, 0);
      assert.match(refused.all, says);
    }
    const taken = await engine.run(["preview", "-s", engine.stack], { DAYS: "7" });
    assert.equal(taken.exitCode, 0, taken.all);
  });
});
