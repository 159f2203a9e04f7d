import assert from "node:assert/strict";
import { mkdir, mkdtemp, realpath, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { EngineProject } from "../../../rehearsal/engine.ts";
import type { Moto } from "../../../rehearsal/moto.ts";
import { copyProject } from "../../../rehearsal/project-copy.ts";
import { standInAws } from "../../../rehearsal/rehearsal.ts";

interface Step {
  readonly op: string;
  readonly urn: string;
  readonly newState?: { readonly type: string; readonly inputs?: Readonly<Record<string, unknown>> };
}

/** Configuration of the examples whose bucket, image, role and secret another stack makes. */
const MADE_ELSEWHERE = {
  amiId: "ami-0123456789abcdef0",
  runtimeDigest: "ab".repeat(32),
  runtimeSize: "1000",
  instanceProfile: "machines",
  bucket: "images",
  modelKeySecret: "arn:aws:secretsmanager:eu-central-1:123456789012:secret:key",
};

/** Each example is a Pulumi project of its own, which knows the package by its name only. */
describe("the examples", function () {
  this.timeout(300_000);
  this.slow(60_000);
  let folder: string;
  let moto: Moto;
  let env: Record<string, string>;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "cloister-examples-"));
    await copyProject(join(folder, "project"), ["examples"]);
    ({ moto, env } = await standInAws(folder));
  });

  after(async () => {
    await moto?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  async function preview(example: string, config: Readonly<Record<string, string>>): Promise<Step[]> {
    const project = join(folder, "project/examples", example);
    // As `npm install` in the example lays it.
    await mkdir(join(project, "node_modules"), { recursive: true });
    await symlink(join(folder, "project"), join(project, "node_modules/cloister"));
    const engine = await EngineProject.create({ folder: project, stack: "dev", env });
    try {
      for (const [key, value] of Object.entries(config)) {
        const set = await engine.run(["config", "set", `${example}:${key}`, value, "--plaintext", "-s", "dev"]);
        assert.equal(set.exitCode, 0, set.all);
      }
      const { exitCode, stdout, all } = await engine.preview("--json");
      const { diagnostics = [] } = JSON.parse(stdout.trim() || "{}") as { diagnostics?: { message: string }[] };
      assert.equal(exitCode, 0, diagnostics.map(({ message }) => message).join("") || all);
      return (JSON.parse(stdout) as { steps: Step[] }).steps;
    } finally {
      await engine.dispose();
    }
  }

  const count = (steps: readonly Step[], type: string): number =>
    steps.filter(({ op, newState }) => op === "create" && newState?.type === type).length;

  it("single-machine previews: a machine with role, bucket, image and secret", async () => {
    const steps = await preview("single-machine", { amiId: MADE_ELSEWHERE.amiId });
    for (const type of [
      "aws:ec2/instance:Instance",
      "aws:iam/role:Role",
      "aws:s3/bucket:Bucket",
      "aws:secretsmanager/secret:Secret",
    ])
      assert.equal(count(steps, type), 1, type);
    assert.equal(count(steps, "command:local:Command"), 2, "the image's upload, and the taking over of the disk");
    // The image is made in the package's folder, which the command finds by the package's name.
    const create =
      steps.map(({ newState }) => String(newState?.inputs?.["create"])).find((one) => /upload/.test(one)) ?? "";
    assert.match(create, / && exec node --import tsx infra\/aws\/steps\/upload\.ts$/);
    const { stdout } = await execa("sh", ["-c", create.replace(/exec .*/, "pwd -P")], {
      cwd: join(folder, "project/examples/single-machine"),
    });
    assert.equal(stdout, await realpath(join(folder, "project")));
  });

  it("refuse to do without what they need", async () => {
    await assert.rejects(preview("spot-pool", {}), /missing configuration values 'amiId', 'bucket'/);
  });

  it("spot-pool previews: one group", async () => {
    await rm(join(folder, "project/examples/spot-pool/node_modules"), { recursive: true, force: true });
    assert.equal(count(await preview("spot-pool", MADE_ELSEWHERE), "aws:autoscaling/group:Group"), 1);
  });

  it("own-network previews: three groups, and no VPC", async () => {
    const steps = await preview("own-network", MADE_ELSEWHERE);
    assert.equal(count(steps, "aws:autoscaling/group:Group"), 3);
    assert.equal(count(steps, "aws:ec2/vpc:Vpc"), 0);
  });
});
