import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { IAM } from "@aws-sdk/client-iam";
import { KMS } from "@aws-sdk/client-kms";
import { S3 } from "@aws-sdk/client-s3";
import { execa } from "execa";
import { packIn } from "../../../preview/policy/pack.ts";
import { testToolchain } from "../../../rehearsal/engine.ts";
import type { Moto } from "../../../rehearsal/moto.ts";
import { copyProject, REPOSITORY } from "../../../rehearsal/project-copy.ts";
import { standInAws } from "../../../rehearsal/rehearsal.ts";

const ACCOUNT = "123456789012";
const BUCKET = "fleet-state-of-ada";
const ARGS = ["--account", ACCOUNT, "--region", "eu-central-1", "--bucket", BUCKET, "--repository", "ada/fleet"];

describe("cloister bootstrap (rehearsed with moto)", function () {
  this.timeout(300_000);
  let folder: string;
  let project: string;
  let moto: Moto;
  let env: Record<string, string>;
  let iam: IAM;
  let s3: S3;
  let kms: KMS;

  const bootstrap = async (...args: string[]) =>
    await execa(process.execPath, [join(project, "cli/bin.mjs"), "bootstrap", ...ARGS, ...args], {
      env,
      reject: false,
      stdin: "ignore",
      all: true,
    });
  const roles = async (): Promise<string[]> =>
    ((await iam.listRoles({})).Roles ?? []).map(({ RoleName = "" }) => RoleName).sort();
  const keyOf = async (): Promise<string | undefined> =>
    (await kms.listAliases({})).Aliases?.find(({ AliasName }) => AliasName === "alias/cloister-state")?.TargetKeyId;
  const ownState = async (): Promise<string> => {
    const Key = ".pulumi/stacks/cloister-bootstrap/bootstrap.json";
    return (await (await s3.getObject({ Bucket: BUCKET, Key })).Body?.transformToString()) ?? "";
  };

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "cloister-bootstrap-"));
    project = join(folder, "project");
    await copyProject(project);
    ({ moto, env } = await standInAws(folder));
    const credentials = { accessKeyId: "rehearsal", secretAccessKey: "rehearsal" };
    const settings = { region: "eu-central-1", endpoint: moto.endpoint, credentials };
    [iam, kms, s3] = [new IAM(settings), new KMS(settings), new S3({ ...settings, forcePathStyle: true })];
  });
  after(async () => {
    await moto?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it("previews, changes nothing unasked, makes an account ready, and moves its own state into the bucket", async () => {
    const unasked = await bootstrap();
    assert.match(unasked.all, /\+ s3\/bucket:Bucket state\n/);
    assert.equal(unasked.exitCode, 2, unasked.all);
    assert.deepEqual(await roles(), []);

    const made = await bootstrap("--yes");
    assert.equal(made.exitCode, 0, made.all);
    assert.deepEqual(await roles(), ["fleet-deployer", "fleet-preview"]);
    assert.match(
      made.all,
      /gh variable set CLOISTER_DEPLOY_ROLE --repo ada\/fleet --env prod --body 'arn:aws:iam::123456789012:role\/fleet-deployer'/,
    );
    assert.equal((await s3.getBucketVersioning({ Bucket: BUCKET })).Status, "Enabled");
    const { PublicAccessBlockConfiguration: block } = await s3.getPublicAccessBlock({ Bucket: BUCKET });
    assert.deepEqual(Object.values(block ?? {}), [true, true, true, true]);
    const { ServerSideEncryptionConfiguration: encryption } = await s3.getBucketEncryption({ Bucket: BUCKET });
    const byDefault = encryption?.Rules?.[0]?.ApplyServerSideEncryptionByDefault;
    assert.match(byDefault?.KMSMasterKeyID ?? "", new RegExp(`${await keyOf()}$`));
    // moto would hold this policy against its own plain HTTP: the stand-in keeps it.
    const kept = await readFile(join(folder, "kept.json"), "utf8");
    for (const statement of ["aws:SecureTransport", "AccountsOwnState"]) assert.ok(kept.includes(statement), statement);
    const { AttachedPolicies = [] } = await iam.listAttachedRolePolicies({ RoleName: "fleet-deployer" });
    assert.ok(AttachedPolicies.length > 1 && AttachedPolicies.length <= 10, "ten are all that a role takes");
    const { Role } = await iam.getRole({ RoleName: "fleet-deployer" });
    const trust = decodeURIComponent(Role?.AssumeRolePolicyDocument ?? "");
    assert.match(trust, /"token.actions.githubusercontent.com:sub":\["repo:ada\/fleet:environment:dev",/);
    assert.match(await ownState(), /fleet-deployer/);
    assert.equal(existsSync(join(project, ".cloister/bootstrap/state")), false, "nothing of the state stays here");
  });

  it("changes nothing the second time, also on another computer", async () => {
    const key = await keyOf();
    const before = await ownState();
    await rm(join(project, ".cloister"), { recursive: true });
    const again = await bootstrap();
    assert.equal(again.exitCode, 0, again.all);
    assert.match(again.all, /is ready: nothing to change/);
    assert.deepEqual([await keyOf(), await ownState()], [key, before]);
  });

  it("keeps all rules of the policy pack, decided by the real engine, and no stack of machines may be like it", async () => {
    const cwd = join(project, ".cloister/bootstrap", `${ACCOUNT}-${BUCKET}`);
    const { pulumi, env: own } = await testToolchain();
    const judged = async (folder: string) => {
      const pack = await packIn(folder);
      const PULUMI_BACKEND_URL = `s3://${BUCKET}?region=eu-central-1&use_path_style=true`;
      const all = { ...own, ...env, ...pack.env, PULUMI_BACKEND_URL, PULUMI_CONFIG_PASSPHRASE: "" };
      const args = ["preview", "--stack", "bootstrap", "--policy-pack", folder, "--non-interactive"];
      return await execa(pulumi, args, { cwd, env: all, reject: false, stdin: "ignore", all: true });
    };
    // Beside the program, as where it is cloned.
    for (const name of ["policy", "preview"])
      await cp(join(REPOSITORY, name), join(project, name), { recursive: true });
    const pack = join(project, "policy");
    const good = await judged(pack);
    assert.equal(good.exitCode, 0, good.all);
    assert.match(good.all, /cloister@v0\.1\.0/);
    assert.doesNotMatch(good.all, /can't run policy/, "all are decided");
    const settings = await readFile(join(pack, "settings.yaml"), "utf8");
    await writeFile(join(pack, "settings.yaml"), settings.replace("cloister-bootstrap/bootstrap:", "other:"));
    const bad = await judged(pack);
    assert.notEqual(bad.exitCode, 0, "the control: as a stack of machines it breaks rules");
    assert.match(bad.all, /mandatory.*iam-no-escalation/);
  });

  it("makes nothing in a second region, whichever of its names is taken, and says all of them", async () => {
    const buckets = async (): Promise<number> => ((await s3.listBuckets({})).Buckets ?? []).length;
    const count = await buckets();
    const elsewhere = ["--region", "eu-west-1", "--bucket", "fleet-state-of-eve", "--yes"];
    const refused = await bootstrap(...elsewhere);
    assert.equal(refused.exitCode, 1, refused.all);
    for (const name of [
      "role fleet-deployer",
      "role fleet-preview",
      "policy cloister-boundary",
      "policy cloister-operator",
    ])
      assert.ok(refused.all.includes(name), name);
    assert.match(refused.all, /policy cloister-deployer-1, .*--existing-provider.*Nothing was made/s);
    assert.equal(await buckets(), count);
    const keys = async (region: string): Promise<number> => {
      const credentials = { accessKeyId: "rehearsal", secretAccessKey: "rehearsal" };
      const there = new KMS({ region, endpoint: moto.endpoint, credentials });
      return ((await there.listKeys({})).Keys ?? []).length;
    };
    assert.deepEqual([await keys("eu-west-1"), (await keys("eu-central-1")) > 0], [0, true], "the control: one here");
  });

  it("takes nothing back while a stack is there, and then rights alone: the state stays", async () => {
    const Key = ".pulumi/stacks/cloister/dev.json";
    const state = { version: 3, checkpoint: { stack: "organization/cloister/dev", latest: null } };
    await s3.putObject({ Bucket: BUCKET, Key, Body: JSON.stringify(state) });
    const refused = await bootstrap("--destroy", "--yes");
    assert.equal(refused.exitCode, 1, refused.all);
    assert.match(refused.all, /has the state of 1 stack: (?:organization\/)?cloister\/dev\. Nothing was changed/);
    assert.deepEqual(await roles(), ["fleet-deployer", "fleet-preview"]);

    await s3.deleteObject({ Bucket: BUCKET, Key });
    const key = await keyOf();
    const done = await bootstrap("--destroy", "--yes");
    assert.equal(done.exitCode, 0, done.all);
    assert.deepEqual(await roles(), []);
    const { Versions = [] } = await s3.listObjectVersions({ Bucket: BUCKET, Prefix: Key });
    assert.equal(Versions.length, 1, "an old version is still there");
    assert.equal(await keyOf(), key);
    assert.equal((await kms.describeKey({ KeyId: key })).KeyMetadata?.KeyState, "Enabled");

    const back = await bootstrap("--yes");
    assert.equal(back.exitCode, 0, back.all);
    assert.deepEqual([await roles(), await keyOf()], [["fleet-deployer", "fleet-preview"], key]);
  });
});
