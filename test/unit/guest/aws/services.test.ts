import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromInstanceMetadata } from "@smithy/credential-provider-imds";
import { groupOf, Imds } from "../../../../guest/aws/imds.ts";
import { spotEnd } from "../../../../guest/aws/look.ts";
import { ModelKey, secretsManager } from "../../../../guest/aws/model-key.ts";
import { autoScaling } from "../../../../guest/aws/signals.ts";
import { readBootState, verdictOf } from "../../../../guest/verify/readiness.ts";
import { StandInAws } from "../../../support/aws-guest/aws.ts";

const KEY = "sk-ant-the-key-of-the-stack";

/** AWS's own clients, against a stand-in that checks their signatures. */
describe("aws: what the machine says to services", () => {
  let aws: StandInAws;
  let imds: Imds;
  let folder: string;
  let said: string[];
  const variable = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
  const before_ = process.env[variable];
  beforeEach(async () => {
    aws = await StandInAws.start();
    folder = await mkdtemp(join(tmpdir(), "cloister-aws-"));
    said = [];
    process.env[variable] = endpoint();
    imds = new Imds();
  });
  afterEach(async () => {
    if (before_ === undefined) delete process.env[variable];
    else process.env[variable] = before_;
    await aws.close();
    await rm(folder, { recursive: true });
  });
  const endpoint = () => `http://127.0.0.1:${aws.port}`;
  const config = () => ({
    region: "eu-central-1",
    endpoint: endpoint(),
    credentials: fromInstanceMetadata({ timeout: 1_000 }),
    maxAttempts: 1,
  });

  it("completes the hook that waits, prolongs it, protects the instance, and knows when nobody waits", async () => {
    const group = aws.group;
    const signals = autoScaling(groupOf(imds), aws.instance, config());
    aws.waiting = "verified";
    aws.group = undefined;
    await assert.rejects(signals.heartbeat("verified"), /no tag aws:autoscaling:groupName/);
    aws.group = group;
    assert.equal(await signals.heartbeat("verified"), "taken");
    await assert.rejects(signals.protect(true), /not in InService/);
    assert.equal(await signals.complete("verified", "CONTINUE"), "taken");
    assert.equal(await signals.complete("verified", "CONTINUE"), "not-awaited");
    assert.equal(await signals.heartbeat("verified"), "not-awaited");
    await signals.protect(true);
    assert.deepEqual(aws.taken("SetInstanceProtection", "ProtectedFromScaleIn"), ["true"]);
    assert.deepEqual(aws.unsigned, []);
    for (const { parameters } of aws.calls) assert.equal(parameters["AutoScalingGroupName"], "cloister-dev-pool");
  });

  it("reads the metadata by version 2, and takes it that an item is missing", async () => {
    assert.equal(await imds.item("instance-id"), aws.instance);
    assert.equal(await imds.item("spot/instance-action"), undefined);
    assert.equal(await spotEnd(imds, 5_000), undefined);
    aws.spot = JSON.stringify({ action: "terminate", time: new Date(Date.now() + 120_000).toISOString() });
    const end = (await spotEnd(imds, 5_000)) ?? 0;
    assert.ok(end > 120_000 && end < 126_000, `${end}`);
    assert.equal((await fetch(`${endpoint()}/latest/meta-data/instance-id`)).status, 401);
  });

  describe("the model's key", () => {
    const make = () =>
      new ModelKey({
        read: secretsManager(aws.secretArn, config()),
        file: join(folder, "model-key"),
        refused: join(folder, "refused"),
        say: (line) => said.push(line),
      });
    const file = async () => await readFile(join(folder, "model-key"), "utf8").catch(() => undefined);
    const asked = () => aws.calls.length;
    const minutes = (n: number) => n * 60_000;

    it("is written for root alone, and asked for again every quarter of an hour", async () => {
      aws.secret = `${KEY}\n`;
      const key = make();
      assert.ok(!key.settled);
      await key.tick(0);
      assert.ok(key.settled);
      assert.equal(await file(), KEY);
      assert.equal((await stat(join(folder, "model-key"))).mode & 0o777, 0o600);
      await key.tick(minutes(14));
      assert.equal(asked(), 1);
      aws.secret = "sk-ant-another-one";
      await key.tick(minutes(15));
      assert.equal(await file(), "sk-ant-another-one");
      assert.ok(!said.join().includes("sk-ant"), "no line has it");
      assert.deepEqual(aws.unsigned, []);
    });

    it("is asked for at once when the API refused it, but at most every half minute", async () => {
      aws.secret = KEY;
      const key = make();
      await key.tick(0);
      for (let second = 1; second <= 90; second += 1) {
        await writeFile(join(folder, "refused"), "");
        await key.tick(second * 1_000);
      }
      assert.equal(asked(), 4);
    });

    it("is missing where the secret has no value: said once, and asked for every minute", async () => {
      const key = make();
      for (let second = 0; second < 180; second += 3) await key.tick(second * 1_000);
      assert.equal(await file(), undefined);
      assert.ok(key.settled);
      assert.deepEqual(said, ["the model's secret has no value: the scripted demo model answers until it has one"]);
      assert.equal(asked(), 3);
      aws.secret = KEY;
      await key.tick(minutes(4));
      assert.equal(await file(), KEY);
      aws.secret = undefined;
      await key.tick(minutes(20));
      assert.equal(await file(), undefined, "what was taken away is taken away here");
    });

    it("goes on with the key it has when the service is out of reach", async () => {
      aws.secret = KEY;
      const key = make();
      await key.tick(0);
      await aws.close();
      await key.tick(minutes(15));
      await key.tick(minutes(17));
      assert.equal(await file(), KEY);
      assert.equal(said.filter((line) => line.includes("the key of before is used")).length, 1);
      aws = await StandInAws.start();
    });

    it("must look like a key, and is not shown when it does not", async () => {
      aws.secret = '{"key": "sk-ant-in-json"}';
      await make().tick(0);
      assert.equal(await file(), undefined);
      assert.match(said.join(), /is no key/);
      assert.ok(!said.join().includes("sk-ant"));
    });
  });

  describe("the verdict about a boot", () => {
    const REPORT = {
      machine: "m",
      target: "aws",
      image: "x",
      arch: "arm64",
      runtime: "0",
      depth: "quick",
      startedAt: "2026-01-01T00:00:00.000Z",
      durationMs: 1,
      ok: true,
      rows: [],
    };
    const verdict = async (files: Record<string, string>, logsRequired = false) => {
      for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
      const at = (name: string) => join(folder, name);
      const paths = { wall: at("wall"), failure: at("failure"), report: at("report"), logs: at("logs") };
      return verdictOf(await readBootState(paths), logsRequired);
    };

    it("is not known before there is one", async () => {
      assert.equal(await verdict({}), undefined);
    });
    it("is the report's", async () => {
      assert.deepEqual(await verdict({ report: JSON.stringify(REPORT) }), { ok: true, why: "" });
      const row = { id: "S6", group: "sandbox", fact: "capabilities", level: "must", expected: "0", seen: "1" };
      const bad = { ...REPORT, ok: false, rows: [{ ...row, status: "differs", fails: true }] };
      const { ok, why } = (await verdict({ report: JSON.stringify(bad) })) ?? {};
      assert.equal(ok, false);
      assert.match(why ?? "", /^S6 capabilities/);
    });
    it("is bad when the report cannot be read, or a boot script said so", async () => {
      assert.equal((await verdict({ report: "{" }))?.ok, false);
      assert.deepEqual(await verdict({ report: JSON.stringify(REPORT), failure: "no session disk\n" }), {
        ok: false,
        why: "no session disk",
      });
    });
    it("waits for the logs where they are required", async () => {
      const report = JSON.stringify(REPORT);
      assert.equal(await verdict({ report }, true), undefined);
      assert.deepEqual(await verdict({ report, logs: "not signed\n" }, true), { ok: false, why: "logs: not signed" });
      assert.equal((await verdict({ report, logs: "not signed\n" }))?.ok, true);
      assert.equal((await verdict({ report, logs: "" }, true))?.ok, true);
    });
  });
});
