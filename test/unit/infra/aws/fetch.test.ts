import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { StandInAws } from "../../../support/aws-guest/aws.ts";

const SCRIPT = fileURLToPath(new URL("../../../../cloud-init/files/fetch.py", import.meta.url));

/** The script of first boot, against a metadata service, a bucket and a group on loopback that check its signature. */
describe("fetching the runtime image", function () {
  this.timeout(30_000);
  const image = Buffer.alloc(3_000_000, "a squashfs, as it were. ");
  const digest = createHash("sha256").update(image).digest("hex");
  let aws: StandInAws;
  let folder: string;
  beforeEach(async () => {
    aws = await StandInAws.start();
    aws.objects.set(`images/runtime/${digest}.squashfs`, image);
    folder = mkdtempSync(join(tmpdir(), "cloister-fetch-"));
  });
  afterEach(async () => {
    await aws.close();
    rmSync(folder, { recursive: true });
  });

  const script = (argument: string, more: Record<string, string> = {}, further: readonly string[] = []) => {
    const endpoint = `http://127.0.0.1:${aws.port}`;
    return execa("python3", [SCRIPT, argument, ...further], {
      reject: false,
      env: {
        RUNTIME_DIGEST: digest,
        RUNTIME_SIZE: String(image.length),
        RUNTIME_REGION: "eu-central-1",
        RUNTIME_BUCKET: "images",
        RUNTIME_KEY: `runtime/${digest}.squashfs`,
        AWS_EC2_METADATA_SERVICE_ENDPOINT: endpoint,
        AWS_ENDPOINT_URL_S3: endpoint,
        AWS_ENDPOINT_URL_AUTO_SCALING: endpoint,
        ...more,
      },
    });
  };
  const starts = () =>
    aws.calls.filter(({ action }) => action === "GetObject").map(({ parameters }) => parameters["from"]);

  it("takes the role's credentials by IMDSv2, signs, and checks the digest", async () => {
    const target = join(folder, "runtime.squashfs");
    const { exitCode, stderr } = await script(target);
    assert.equal(exitCode, 0, stderr);
    assert.deepEqual(readFileSync(target), image);
    assert.deepEqual(aws.unsigned, []);
    assert.deepEqual(starts(), ["0"]);
    assert.equal((await script(target)).exitCode, 0);
    assert.deepEqual(starts(), ["0"], "an image that is there is not fetched again");
  });

  it("refuses another digest at once and leaves nothing to mount", async () => {
    const target = join(folder, "wrong.squashfs");
    const { exitCode, stderr } = await script(target, { RUNTIME_DIGEST: "0".repeat(64) });
    assert.notEqual(exitCode, 0);
    assert.match(stderr, /has digest .* it is not used/);
    assert.ok(!existsSync(target) && !existsSync(`${target}.part`));
    assert.deepEqual(starts(), ["0"]);
  });

  it("goes on where a broken connection left off", async () => {
    aws.breakAfter = 1_000_000;
    const target = join(folder, "runtime.squashfs");
    const { exitCode, stderr } = await script(target);
    assert.equal(exitCode, 0, stderr);
    assert.match(stderr, /attempt 1 of 10/);
    assert.deepEqual(readFileSync(target), image);
    const [first, second] = starts();
    assert.equal(first, "0");
    assert.ok(Number(second) > 0, `${second}`);
    assert.deepEqual(aws.unsigned, []);
  });

  it("answers a hook of the group that the instance's tag names, as soon as both are there", async () => {
    const { group } = aws;
    aws.group = undefined;
    const running = script("--complete", {}, ["drained", "CONTINUE"]);
    const soon = async (what: () => boolean): Promise<void> => {
      while (!what()) await new Promise((resolve) => setTimeout(resolve, 50));
    };
    await soon(() => aws.missing.length > 0);
    aws.group = group;
    await soon(() => aws.calls.length > 0);
    aws.waiting = "drained";
    const { exitCode, stderr } = await running;
    assert.equal(exitCode, 0, stderr);
    assert.match(stderr, /attempt 1 of 10: HTTP Error 404/);
    assert.deepEqual(aws.taken("CompleteLifecycleAction", "LifecycleActionResult"), ["CONTINUE"]);
    assert.deepEqual(aws.taken("CompleteLifecycleAction", "AutoScalingGroupName"), ["cloister-dev-pool"]);
    assert.deepEqual(aws.unsigned, []);
  });
});
