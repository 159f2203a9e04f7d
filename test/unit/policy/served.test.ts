/** The pack as an engine has it: a process of its own, asked by its calls. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as grpc from "@grpc/grpc-js";
import * as rpc from "@pulumi/pulumi/proto/analyzer_grpc_pb.js";
import * as pb from "@pulumi/pulumi/proto/analyzer_pb.js";
import { type JavaScriptValue, Struct } from "google-protobuf/google/protobuf/struct_pb.js";
import { REPOSITORY } from "../../../rehearsal/project-copy.ts";
import { call, type Method } from "../../../toolchain/standins/policy-proxy.ts";

const HOST = join(REPOSITORY, "node_modules/@pulumi/pulumi/cmd/run-policy-pack/index.js");
const VOLUME = "aws:ebs/volume:Volume";
const BUDGET = "aws:budgets/budget:Budget";
/** Type, name and properties of a resource. */
type Asked = [string, string, Properties];
type Properties = Readonly<Record<string, JavaScriptValue>>;

describe("the policy pack, served", function () {
  this.timeout(60_000);
  let folder: string;
  let child: ChildProcess;
  let client: grpc.Client;
  let errors: string[];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "cloister-served-"));
    await mkdir(join(folder, "toolchain"));
    for (const name of ["policy", "preview", "lib", "infra", "contract", "toolchain/lean-sdk.cjs", "package.json"])
      await cp(join(REPOSITORY, name), join(folder, name), { recursive: true });
    for (const name of ["node_modules", "cloud-init", "guest", "images"])
      await symlink(join(REPOSITORY, name), join(folder, name));
  });
  after(async () => await rm(folder, { recursive: true, force: true }));
  afterEach(() => {
    client.close();
    child.kill("SIGKILL");
  });

  async function serve(change: (settings: string) => string = (settings) => settings): Promise<void> {
    const settings = await readFile(join(REPOSITORY, "policy/settings.yaml"), "utf8");
    await writeFile(join(folder, "policy/settings.yaml"), change(settings));
    const { PULUMI_NODEJS_STACK: _, ...env } = process.env;
    child = spawn(
      "node",
      ["--require", join(folder, "policy/preload.cjs"), HOST, "127.0.0.1:1", join(folder, "policy")],
      {
        cwd: join(folder, "policy"),
        env,
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    errors = [];
    child.stderr?.on("data", (data: Buffer) => errors.push(data.toString()));
    const ended = once(child, "exit").then(() => assert.fail(`the pack ended: ${errors.join("")}`));
    ended.catch(() => {});
    const [port] = (await Promise.race([once(child.stdout ?? assert.fail(), "data"), ended])) as [Buffer];
    client = new grpc.Client(`127.0.0.1:${port.toString().trim()}`, grpc.credentials.createInsecure());
  }

  const methodOf = (name: string): Method => {
    const method = (rpc.AnalyzerService as unknown as Record<string, Method>)[name];
    return method ?? assert.fail(name);
  };
  const ask = async (name: string, request: object): Promise<object> => await call(client, methodOf(name), request);
  const configure = async (stack: string): Promise<object> =>
    await ask("configureStack", new pb.AnalyzerStackConfigureRequest().setStack(stack).setProject("cloister"));
  const requestOf = (type: string, name: string, properties: Properties): pb.AnalyzeRequest =>
    new pb.AnalyzeRequest()
      .setType(type)
      .setName(name)
      .setUrn(`urn:pulumi:prod::cloister::${type}::${name}`)
      .setProperties(Struct.fromJavaScript({ ...properties }))
      .setOptions(new pb.AnalyzerResourceOptions().setProtect(true));
  const found = (response: object): string[] =>
    (response as pb.AnalyzeResponse).getDiagnosticsList().map((one) => `${one.getPolicyname()}: ${one.getMessage()}`);
  /** As the engine does it with each resource. */
  const judged = async (type: string, name: string, properties: Properties): Promise<string[]> => {
    const request = requestOf(type, name, properties);
    await ask("remediate", request);
    return found(await ask("analyze", request));
  };

  it("judges the whole stack by all that was asked for, whichever rules are off", async () => {
    const budget = { notifications: [{ subscriberEmailAddresses: ["a@example.com"] }] };
    const stackFound = async (): Promise<string[]> =>
      found(await ask("analyzeStack", new pb.AnalyzeStackRequest())).filter((one) => one.startsWith("budget:"));
    for (const levels of ["{}", "{known-type: disabled, tags: disabled}"]) {
      await serve((settings) => settings.replace("  levels: {}", `  levels: ${levels}`));
      await configure("prod");
      await judged("pulumi:pulumi:Stack", "cloister-prod", {});
      assert.equal((await stackFound()).length, 1, `${levels}: the control, without a budget`);
      await judged(BUDGET, "budget", budget);
      assert.deepEqual(await stackFound(), [], levels);
      client.close();
      child.kill("SIGKILL");
    }
  });

  it("judges resources that are asked for at once as one after another", async () => {
    await serve();
    await configure("prod");
    const volumes = Array.from({ length: 12 }, (_, i): Asked => [VOLUME, `disk-${i}`, { encrypted: i % 2 === 0 }]);
    const all = volumes.flatMap((one): Asked[] => [
      one,
      ["aws:ec2/instance:Instance", one[1], { metadataOptions: {} }],
    ]);
    const alone: string[][] = [];
    for (const one of all) alone.push(await judged(...one));
    assert.match(String(alone[2]), /disk-encrypted/, "the control");
    assert.match(String(alone[1]), /imds-v2/, "the control");
    const together = await Promise.all(all.map((one) => judged(...one)));
    assert.deepEqual(together, alone);
  });

  it("judges nothing for a stack that nobody named", async () => {
    await serve();
    await assert.rejects(judged(VOLUME, "disk", { encrypted: false }), /has not said for which stack/);
    await configure("prod");
    assert.match(String(await judged(VOLUME, "disk", { encrypted: false })), /disk-encrypted/, "the control");
  });

  it("goes on when calls are cancelled", async () => {
    await serve();
    await configure("prod");
    const { path, requestSerialize, responseDeserialize } = methodOf("remediate");
    const request = requestOf(VOLUME, "disk", { encrypted: true, tags: { long: "x".repeat(500_000) } });
    await ask("remediate", request);
    for (let i = 0; i < 60; i++) {
      await new Promise<void>((resolve) => {
        const one = client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, () => resolve());
        if (i % 2 === 0) setTimeout(() => one.cancel(), i % 10);
        else setImmediate(() => one.cancel());
      });
    }
    assert.match(String(await judged(VOLUME, "disk", { encrypted: false })), /disk-encrypted/);
    assert.equal(errors.join(""), "");
    assert.equal(child.exitCode, null);
  });
});
