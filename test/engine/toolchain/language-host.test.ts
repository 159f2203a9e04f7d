import assert from "node:assert/strict";
import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { EngineProject } from "../../../rehearsal/engine.ts";

const provider = `
  const provider = {
    version: "1.0.0",
    async check(urn, olds, news) { return { inputs: news }; },
    async create(urn, inputs) { return { id: "it", outs: { ...inputs, pwd: process.cwd(), how: process.env.HOW ?? "" } }; },
    async diff() { return { changes: false }; },
    async delete() {},
  };
  require("@pulumi/pulumi/provider").main(provider, process.argv.slice(2));`;

const useProvider = (name: string): string => `
  const { CustomResource } = require("@pulumi/pulumi");
  class Thing extends CustomResource {
    constructor() { super("${name}:index:Thing", "thing", { value: 1, pwd: undefined, how: undefined }); }
  }
  exports.thing = new Thing();`;

/** A policy pack as @pulumi/policy makes one, but with one policy that nothing passes. */
const policyPack = `
  const grpc = require("@grpc/grpc-js");
  const { Empty } = require("google-protobuf/google/protobuf/empty_pb");
  const pulumi = require("@pulumi/pulumi");
  const { AnalyzerService } = require("@pulumi/pulumi/proto/analyzer_grpc_pb");
  const pb = require("@pulumi/pulumi/proto/analyzer_pb");
  const { PluginInfo } = require("@pulumi/pulumi/proto/plugin_pb");
  const level = pb.EnforcementLevel.MANDATORY;
  const server = new grpc.Server();
  server.addService(AnalyzerService, {
    getPluginInfo: (_call, done) => done(null, new PluginInfo().setVersion("1.0.0")),
    getAnalyzerInfo: (_call, done) => done(null, new pb.AnalyzerInfo().setName("pack").setVersion("1.0.0").setPoliciesList([
      new pb.PolicyInfo().setName("never").setEnforcementlevel(level),
    ])),
    configure: (_call, done) => done(null, new Empty()),
    remediate: (_call, done) => done(null, new pb.RemediateResponse()),
    analyze: ({ request }, done) => done(null, new pb.AnalyzeResponse().setDiagnosticsList([
      new pb.AnalyzeDiagnostic().setPolicyname("never").setPolicypackname("pack").setPolicypackversion("1.0.0")
        .setEnforcementlevel(level).setUrn(request.getUrn()).setMessage(
          request.getType() + " is forbidden in " + pulumi.getStack() + " of " + pulumi.getProject() +
            ", plain is " + new pulumi.Config("test").get("plain"),
        ),
    ])),
    analyzeStack: (_call, done) => done(null, new pb.AnalyzeResponse()),
  });
  server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (_error, port) => console.log(port));`;

describe("the language host", function () {
  this.timeout(120_000);
  let project: EngineProject;

  before(async () => {
    project = await EngineProject.create({ config: { "test:list": ["a", "b"], "test:plain": "text" } });
  });
  after(async () => await project?.dispose());

  const setProject = async (more: object): Promise<void> =>
    await project.write("Pulumi.yaml", {
      name: "test",
      runtime: { name: "nodejs", options: { typescript: false } },
      ...more,
    });

  it("hands over configuration, secrets, stack and arguments of Node", async () => {
    await setProject({
      main: "src/main.ts",
      runtime: { name: "nodejs", options: { typescript: false, nodeargs: "--import tsx --title='a b'" } },
    });
    await project.write("src/package.json", { type: "module" });
    await project.write(
      "src/main.ts",
      `import * as pulumi from "@pulumi/pulumi";
       const config = new pulumi.Config();
       const list: string[] = config.requireObject("list");
       export const seen = { list, plain: config.get("plain"), stack: pulumi.getStack(), project: pulumi.getProject(),
         organization: pulumi.getOrganization(), dryRun: pulumi.runtime.isDryRun(), title: process.title,
         typescript: process.env.PULUMI_NODEJS_TYPESCRIPT ?? "off" };
       export const hidden = config.requireSecret("hidden");`,
    );
    const set = await project.run(["config", "set", "--secret", "hidden", "hunter2", "-s", project.stack]);
    assert.equal(set.exitCode, 0, set.all);
    const { exitCode, all } = await project.up();
    assert.equal(exitCode, 0, all);
    assert.match(all, /hidden: \[secret\]/);
    const { seen, hidden } = await project.outputs();
    assert.equal(hidden, "hunter2");
    assert.deepEqual(seen, {
      list: ["a", "b"],
      plain: "text",
      stack: "test",
      project: "test",
      organization: "organization",
      dryRun: false,
      title: "a b",
      typescript: "off",
    });
  });

  it("shows a RunError without a stack trace and adds nothing of its own", async () => {
    const nodeargs = `--require ${fileURLToPath(new URL("../../../toolchain/lean-sdk.cjs", import.meta.url))}`;
    await setProject({ main: "bail.js", runtime: { name: "nodejs", options: { typescript: false, nodeargs } } });
    await project.write("bail.js", `throw new (require("@pulumi/pulumi").RunError)("three problems:\\n  one");`);
    const { exitCode, all, durationMs } = await project.preview();
    assert.notEqual(exitCode, 0);
    // Without the preload, Node 20.20 takes 17 s to show an error of the SDK.
    assert.ok(durationMs < 12_000, `it took ${durationMs} ms`);
    assert.match(all, /error: three problems:\n\s+one/);
    assert.doesNotMatch(all, /at .*bail\.js|non-zero exit code/);
  });

  it("tells how a program ended that said nothing", async () => {
    await setProject({ main: "dies.js" });
    await project.write("dies.js", "console.log('last words'); process.exit(5);");
    const { exitCode, all } = await project.preview();
    assert.notEqual(exitCode, 0);
    assert.match(all, /last words/);
    assert.match(all, /Program exited with non-zero exit code: 5/);
  });

  it("complains of options as the original does", async () => {
    await setProject({ main: "bail.js", runtime: { name: "nodejs", options: { nodeargs: true } } });
    const { all } = await project.preview();
    assert.match(all, /nodeargs option must be a string/);
  });

  it("serves a provider from a folder with PulumiPlugin.yaml", async () => {
    const plugins = { providers: [{ name: "thing", path: "./provider" }] };
    await setProject({ main: "index.js", plugins });
    await project.write("provider/PulumiPlugin.yaml", { runtime: "nodejs" });
    await project.write("provider/package.json", { name: "thing", main: "index.js" });
    await project.write("provider/index.js", provider);
    await project.write("index.js", useProvider("thing"));
    const { exitCode, all } = await project.run(["up", "--yes", "--skip-preview", "-s", project.stack], {
      HOW: "by the host",
    });
    assert.equal(exitCode, 0, all);
    const thing = (await project.resources()).find(({ type }) => type === "thing:index:Thing");
    assert.equal(thing?.outputs?.["how"], "by the host");
    assert.equal(thing?.outputs?.["pwd"], project.folder);
  });

  it("is not needed for a provider's folder that holds its executable", async () => {
    const providers = ["thing:./provider", "other:./other"].map((pair) => pair.split(":"));
    const plugins = { providers: providers.map(([name, path]) => ({ name, path })) };
    await setProject({ main: "index.js", plugins });
    await project.write("other/pulumi-resource-other", `#!/usr/bin/env node\n${provider}`);
    await chmod(join(project.folder, "other/pulumi-resource-other"), 0o755);
    await project.write("index.js", useProvider("other"));
    const { exitCode, all } = await project.up();
    assert.equal(exitCode, 0, all);
    assert.ok((await project.resources()).some(({ type }) => type === "other:index:Thing"));
  });

  it("answers `pulumi about` and installs dependencies", async () => {
    await setProject({ main: "index.js" });
    await project.write("package.json", { name: "test", private: true, dependencies: { "@pulumi/pulumi": "3.245.0" } });
    const about = await project.run(["about"]);
    assert.match(about.all, /This project is written in nodejs: executable='.*node' version='v\d+/);
    assert.match(about.all, /@pulumi\/pulumi\s+3\.245\.0/);
    await project.write("empty/Pulumi.yaml", { name: "empty", runtime: "nodejs" });
    await project.write("empty/package.json", { name: "empty", private: true });
    const installed = await project.run(["install", "-C", "empty"]);
    assert.equal(installed.exitCode, 0, installed.all);
    assert.match(
      installed.all,
      /Installing dependencies\.\.\.[\s\S]*up to date[\s\S]*Finished installing dependencies/,
    );
  });

  it("runs a policy pack, which knows the stack and may forbid", async () => {
    await project.write("policy/PulumiPolicy.yaml", { runtime: { name: "nodejs", options: { typescript: false } } });
    await project.write("policy/package.json", { name: "pack", main: "index.js" });
    await project.write("policy/index.js", policyPack);
    const { exitCode, all } = await project.preview("--policy-pack", "policy");
    assert.notEqual(exitCode, 0);
    assert.match(all, /\[mandatory\]\s+never/);
    assert.match(all, /pulumi:pulumi:Stack is forbidden in test of test, plain is text/);
  });

  it("tells why a policy pack did not start", async () => {
    await project.write("policy/index.js", "throw new Error('broken pack');");
    const { exitCode, all } = await project.preview("--policy-pack", "policy");
    assert.notEqual(exitCode, 0);
    assert.match(all, /Error: broken pack/);
    assert.match(all, /policy pack not started/);
  });
});
