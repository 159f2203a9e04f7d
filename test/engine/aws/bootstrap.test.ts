import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { IAM } from "@aws-sdk/client-iam";
import { KMS } from "@aws-sdk/client-kms";
import { S3 } from "@aws-sdk/client-s3";
import { execa } from "execa";
import type { Moto } from "../../../rehearsal/moto.ts";
import { copyProject } from "../../../rehearsal/project-copy.ts";
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
