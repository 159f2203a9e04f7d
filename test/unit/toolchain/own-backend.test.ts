import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parse } from "yaml";
import { adoptState } from "../../../toolchain/moved-state.ts";
import { isOfEmptyPassphrase, isOwnStack, ownEnvironment, ownStateFile } from "../../../toolchain/own-backend.ts";
import { ownBackend, pulumiEnvironment, stackIn } from "../../../toolchain/pulumi.ts";

const repository = new URL("../../../", import.meta.url);

describe("the project's own backend", function () {
  this.timeout(20_000);
  let project: string;
  let salt: string;

  before(async () => {
    project = await mkdtemp(join(tmpdir(), "cloister-own-"));
    const text = await readFile(new URL("Pulumi.local.yaml", repository), "utf8");
    salt = (parse(text) as { encryptionsalt: string }).encryptionsalt;
    await writeFile(join(project, "Pulumi.local.yaml"), text);
    await writeFile(join(project, "Pulumi.staging.yaml"), "config: { cloister:target: aws }");
    for (const stack of ["local", "staging"]) {
      await mkdir(dirname(ownStateFile(stack, project)), { recursive: true });
      await writeFile(ownStateFile(stack, project), "{}");
    }
  });
  after(async () => {
    await rm(project, { recursive: true, force: true });
  });

  it("has the local stacks that are in it, whatever the environment says", () => {
    assert.ok(isOwnStack("local", project));
    assert.ok(!isOwnStack("staging", project), "a stack on AWS is where the user says");
    assert.ok(!isOwnStack("other", project));
    const env = { PULUMI_BACKEND_URL: "s3://state", PULUMI_CONFIG_PASSPHRASE: "of staging", PULUMI_ACCESS_TOKEN: "t" };
    const own = ownBackend(env, undefined, project, "local");
    assert.match(own["PULUMI_BACKEND_URL"] ?? "", /^file:.*\.cloister\/state\?metadata=skip$/);
    assert.equal(own["PULUMI_CONFIG_PASSPHRASE"], "");
    assert.ok("PULUMI_ACCESS_TOKEN" in own && own["PULUMI_ACCESS_TOKEN"] === undefined);
    assert.deepEqual(ownBackend(env, undefined, project, "staging"), {});
    assert.deepEqual(ownBackend({}, '{"current":"https://x"}', project, undefined), {});
    assert.ok("PULUMI_BACKEND_URL" in ownBackend({}, '{"current":"https://x"}', project, "local"));
  });

  it("takes away what is meant for another backend, and nothing else", () => {
    const env = {
      PULUMI_STACK: "staging",
      PULUMI_CONFIG_PASSPHRASE_FILE: "/p",
      PULUMI_DIY_BACKEND_GZIP: "true",
      PULUMI_PARALLEL: "4",
    };
    const own = ownEnvironment(env, "local", project);
    assert.deepEqual(
      Object.keys(own)
        .filter((name) => own[name] === undefined)
        .sort(),
      ["PULUMI_CONFIG_PASSPHRASE_FILE", "PULUMI_DIY_BACKEND_GZIP", "PULUMI_STACK"],
    );
    assert.ok(!("PULUMI_PARALLEL" in own));
  });

  it("keeps a passphrase to which a stack's configuration belongs", async () => {
    assert.ok(isOfEmptyPassphrase(salt));
    const other = salt.replace(/^v1:..../, "v1:AAAA");
    assert.ok(!isOfEmptyPassphrase(other));
    assert.ok(!isOfEmptyPassphrase("v2:a:b"));
    await writeFile(join(project, "Pulumi.secret.yaml"), `encryptionsalt: ${other}`);
    const own = ownEnvironment({ PULUMI_CONFIG_PASSPHRASE: "mine" }, "secret", project);
    assert.ok(!("PULUMI_CONFIG_PASSPHRASE" in own));
  });

  it("asks no proxy for this computer, and passes on nothing that another program's run left", () => {
    const names = ["http_proxy", "no_proxy", "no_grpc_proxy", "PULUMI_NODEJS_TSCONFIG_PATH"] as const;
    const before = names.map((name) => [name, process.env[name]] as const);
    try {
      Object.assign(process.env, { http_proxy: "http://127.0.0.1:1", no_proxy: "corp.example" });
      Object.assign(process.env, { PULUMI_NODEJS_TSCONFIG_PATH: "/nonexistent" });
      delete process.env["no_grpc_proxy"];
      const env = pulumiEnvironment({ env: {} }, { stack: "another" });
      assert.match(env["no_grpc_proxy"] ?? "", /^corp\.example,(.*,)?127\.0\.0\.1,/);
      assert.ok("PULUMI_NODEJS_TSCONFIG_PATH" in env && env["PULUMI_NODEJS_TSCONFIG_PATH"] === undefined);
      assert.ok(!("http_proxy" in env), "it stays for all else");
    } finally {
      for (const [name, value] of before) {
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
    }
  });

  it("knows the stack that is meant by Pulumi's arguments", () => {
    assert.equal(stackIn(["up", "--stack", "a"], {}), "a");
    assert.equal(stackIn(["up", "--stack=a", "-y"], {}), "a");
    assert.equal(stackIn(["up", "-s", "a"], { PULUMI_STACK: "b" }), "a");
    assert.equal(stackIn(["up"], { PULUMI_STACK: "b" }), "b");
    assert.equal(stackIn(["up", "--", "-s", "a"], {}), undefined);
    assert.equal(stackIn(["stack", "output", "--show-secrets"], {}), undefined);
  });
});

describe("a state that names a folder that is gone", () => {
  const state = (dir: string) =>
    JSON.stringify({
      version: 3,
      deployment: {
        resources: [
          { type: "pulumi:pulumi:Stack" },
          {
            type: "command:local:Command",
            inputs: { dir, environment: { CLOISTER_STEP_INPUT: JSON.stringify({ root: `${dir}/.cloister/local` }) } },
            outputs: { dir, stdout: `${dir}/.cloister/local`, other: `${dir}er/x` },
          },
        ],
      },
    });

  it("names today's, in every place", () => {
    const { text = "", from } = adoptState(state("/old/project"), "/new", () => false) ?? {};
    assert.equal(from, "/old/project");
    const [, { inputs, outputs }] = JSON.parse(text).deployment.resources;
    assert.equal(inputs.dir, "/new");
    assert.equal(JSON.parse(inputs.environment.CLOISTER_STEP_INPUT).root, "/new/.cloister/local");
    assert.deepEqual(outputs, { dir: "/new", stdout: "/new/.cloister/local", other: "/old/projecter/x" });
  });

  it("is left alone when its folder is there, or is this one", () => {
    assert.equal(
      adoptState(state("/old/project"), "/new", () => true),
      undefined,
    );
    assert.equal(
      adoptState(state("/new"), "/new", () => false),
      undefined,
    );
  });
});
