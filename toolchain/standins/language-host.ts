// Stands in for `pulumi-language-nodejs`, the language host of Pulumi 3.245's official release, where that cannot be
// had. It differs: no code generation (`pulumi convert`, `package add`, `pack`, `link`), no Bun runtime, no debugger, no
// tracing, no proxy between program and engine (the program talks to the engine itself); the plugins that a program
// needs are found when they are first used.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import * as grpc from "@grpc/grpc-js";
import type { AnalyzerStackConfigureRequest } from "@pulumi/pulumi/proto/analyzer_pb.js";
import * as rpc from "@pulumi/pulumi/proto/language_grpc_pb.js";
import * as pb from "@pulumi/pulumi/proto/language_pb.js";
import * as plugin from "@pulumi/pulumi/proto/plugin_pb.js";
import { Empty } from "google-protobuf/google/protobuf/empty_pb.js";
import { split } from "shlex";
import { engineAddressOf, notSupported, serve, unary } from "../../lib/grpc-serve.ts";
import { isConfiguredByCall } from "./configured-by-call.ts";
import { PolicyProxy } from "./policy-proxy.ts";

declare const STAND_IN_VERSION: string;

/** With this code a program says that it already showed the user what is wrong (@pulumi/pulumi/cmd/run). */
const exitCodeBail = 32;

const who = "pulumi-language-nodejs";

/** How long the engine has to take the reason for which a policy pack did not start. */
const ANSWER_MS = 3000;
let engineAddress = engineAddressOf(process.argv.slice(2));
const children = new Set<ReturnType<typeof spawn>>();

interface Options {
  readonly typescript: boolean;
  readonly tsconfig: string;
  readonly nodeargs: readonly string[];
  readonly packagemanager: string;
}

/** `runtime.options` of Pulumi.yaml or PulumiPlugin.yaml, with the original's defaults and complaints. */
function optionsOf(info: pb.ProgramInfo): Options {
  const raw = (info.getOptions()?.toJavaScript() ?? {}) as Record<string, unknown>;
  const { typescript = true, tsconfig = "", nodeargs = "", packagemanager = "auto" } = raw;
  if (typeof typescript !== "boolean") throw new Error("typescript option must be a boolean");
  if (typeof tsconfig !== "string") throw new Error("tsconfigpath option must be a string");
  if (typeof nodeargs !== "string") throw new Error("nodeargs option must be a string");
  if (typeof packagemanager !== "string") throw new Error("packagemanager option must be a string");
  const managers = ["auto", "npm", "yarn", "pnpm", "bun"];
  if (!managers.includes(packagemanager)) {
    throw new Error(`packagemanager option must be one of auto, npm, yarn, pnpm or bun, got "${packagemanager}"`);
  }
  return { typescript, tsconfig, nodeargs: split(nodeargs), packagemanager };
}

function infoOf(request: { getInfo(): pb.ProgramInfo | undefined }): pb.ProgramInfo {
  const info = request.getInfo();
  if (!info) throw new Error("the engine sent no program information: it is older than this language host");
  return info;
}

/** The file of a module as the program's own `require` would find it. */
function locate(module: string, programDirectory: string, remedy: string): string {
  try {
    return createRequire(join(programDirectory, "index.js")).resolve(module);
  } catch {
    throw new Error(`It looks like the Pulumi SDK has not been installed. Have you run ${remedy}?`);
  }
}

/** Runs a child to its end; resolves with its exit code, or with the signal that ended it. */
function finished(child: ReturnType<typeof spawn>): Promise<{ code: number | null; signal: string | null }> {
  children.add(child);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve({ code, signal }));
  }).finally(() => children.delete(child)) as Promise<{ code: number | null; signal: string | null }>;
}

async function run(request: pb.RunRequest): Promise<pb.RunResponse> {
  const response = new pb.RunResponse();
  try {
    if (!engineAddress) throw new Error("when debugging or running explicitly, must call Handshake before Run");
    if (request.getAttachDebugger()) throw new Error(`cloister's stand-in for ${who} cannot attach a debugger`);
    const info = infoOf(request);
    const options = optionsOf(info);
    const runner = process.env["PULUMI_LANGUAGE_NODEJS_RUN_PATH"] || "@pulumi/pulumi/cmd/run";
    const flags: Record<string, string> = {
      monitor: request.getMonitorAddress(),
      engine: engineAddress,
      organization: request.getOrganization(),
      project: request.getProject(),
      "root-directory": info.getRootDirectory(),
      stack: request.getStack(),
      pwd: info.getProgramDirectory(),
    };
    const args = [
      ...options.nodeargs,
      locate(runner, info.getProgramDirectory(), "`pulumi install`"),
      ...Object.entries(flags).flatMap(([name, value]) => (value ? [`--${name}`, value] : [])),
      ...(request.getDryrun() ? ["--dry-run"] : []),
      "--parallel",
      String(request.getParallel()),
      info.getEntryPoint(),
      ...request.getArgsList(),
    ];
    const config: Record<string, string> = {};
    for (const [key, value] of request.getConfigMap().toArray()) {
      const at = key.indexOf(":");
      // The SDK's older form, `namespace:config:name`, is what the original hands over.
      config[`${key.slice(0, at)}:config:${key.slice(at + 1).replace(/^config:/, "")}`] = value;
    }
    const child = spawn("node", args, {
      stdio: ["ignore", "inherit", "inherit"],
      env: {
        ...process.env,
        PULUMI_CONFIG: JSON.stringify(config),
        PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(request.getConfigsecretkeysList()),
        ...(options.typescript ? { PULUMI_NODEJS_TYPESCRIPT: "true" } : {}),
        ...(options.tsconfig ? { PULUMI_NODEJS_TSCONFIG_PATH: options.tsconfig } : {}),
      },
    });
    const { code, signal } = await finished(child);
    if (code === exitCodeBail) response.setBail(true);
    else if (signal === "SIGABRT") {
      response.setError(
        "Program was aborted. Node ends so when it runs out of memory: consider setting the `nodeargs` runtime option " +
          "in Pulumi.yaml to `--max-old-space-size=<megabytes>`.",
      );
    } else if (signal) response.setError(`Program exited unexpectedly: signal ${signal}`);
    else if (code !== 0) response.setError(`Program exited with non-zero exit code: ${code}`);
  } catch (error) {
    response.setError((error as Error).message);
  }
  return response;
}

/** Serves a plugin that is written for Node: a folder with PulumiPlugin.yaml, or a policy pack with PulumiPolicy.yaml. */
function runPlugin(call: grpc.ServerWritableStream<pb.RunPluginRequest, pb.RunPluginResponse>): void {
  runPluginUntilItEnds(call).then(
    () => call.end(),
    (error: Error) => {
      if (!call.cancelled) call.emit("error", { code: grpc.status.UNKNOWN, details: error.message });
    },
  );
}

async function runPluginUntilItEnds(
  call: grpc.ServerWritableStream<pb.RunPluginRequest, pb.RunPluginResponse>,
): Promise<void> {
  const request = call.request;
  if (request.getAttachDebugger()) throw new Error(`cloister's stand-in for ${who} cannot attach a debugger`);
  const info = infoOf(request);
  const options = optionsOf(info);
  const isPolicyPack = request.getKind() === "analyzer";
  const directory = info.getProgramDirectory();
  const plugin = process.env["PULUMI_LANGUAGE_NODEJS_RUN_PATH"] || "@pulumi/pulumi/cmd/run-plugin";
  const runner = isPolicyPack ? "@pulumi/pulumi/cmd/run-policy-pack" : plugin;
  const args = [
    locate(runner, directory, `npm install in ${directory}`),
    // The original, too, puts nodeargs behind the runner, where Node does not read them.
    ...options.nodeargs,
    ...(isPolicyPack ? [...request.getArgsList(), directory] : [directory, ...request.getArgsList()]),
  ];
  const env: NodeJS.ProcessEnv = {
    ...(request.getEnvList().length > 0
      ? Object.fromEntries(request.getEnvList().map((entry) => splitOnce(entry, "=")))
      : process.env),
    ...(options.typescript ? { PULUMI_NODEJS_TYPESCRIPT: "true" } : {}),
    ...(options.tsconfig ? { PULUMI_NODEJS_TSCONFIG_PATH: options.tsconfig } : {}),
  };
  const toStdout = (data: Buffer | string): void => {
    call.write(new pb.RunPluginResponse().setStdout(Buffer.from(data)));
  };
  const proxy = isPolicyPack && !isConfiguredByCall(directory) ? new PolicyProxy() : undefined;
  try {
    if (proxy) {
      toStdout(`${await proxy.listen()}\n`);
      const ended = new Promise<undefined>((resolve) => call.once("cancelled", () => resolve(undefined)));
      Object.assign(env, policyEnvironment(await Promise.race([proxy.configuration, ended])));
      if (call.cancelled) return;
    }
    const child = spawn("node", args, {
      cwd: isPolicyPack ? directory : request.getPwd(),
      stdio: ["ignore", "pipe", "pipe"],
      env,
    });
    call.on("cancelled", () => child.kill("SIGKILL"));
    child.stderr.on("data", (data: Buffer) => call.write(new pb.RunPluginResponse().setStderr(data)));
    if (proxy) attachWhenItServes(proxy, child.stdout, toStdout);
    else child.stdout.on("data", toStdout);
    const { code, signal } = await finished(child);
    if (code === 0) return;
    const error = new Error(`Program exited ${signal ? `on signal ${signal}` : `with non-zero exit code: ${code}`}`);
    proxy?.fail(error);
    // The engine's call is answered with the reason before its connection goes; then the engine ends this call.
    if (proxy && !call.cancelled)
      await Promise.race([once(call, "cancelled"), delay(ANSWER_MS, undefined, { ref: false })]);
    throw error;
  } finally {
    proxy?.close();
  }
}

/** Reads the port from the policy pack's first line; what it writes after that is its own. */
function attachWhenItServes(proxy: PolicyProxy, stdout: Readable, toStdout: (data: Buffer | string) => void): void {
  let head = "";
  stdout.on("data", (data: Buffer) => {
    if (head.includes("\n")) return toStdout(data);
    head += data.toString("utf8");
    if (!head.includes("\n")) return;
    const [port, rest] = splitOnce(head, "\n");
    if (/^\d+$/.test(port)) proxy.attach(Number(port)).catch((error: Error) => proxy.fail(error));
    else proxy.fail(new Error(`could not read policy pack port: ${port}`));
    if (rest) toStdout(rest);
  });
  stdout.on("end", () => proxy.fail(new Error("could not read policy pack port")));
}

/** The variables in which a policy pack looks for what stack it is run for. */
function policyEnvironment(request: AnalyzerStackConfigureRequest | undefined): Record<string, string> {
  if (!request) return {};
  const config = Object.fromEntries(request.getConfigMap().toArray());
  const variables = {
    PULUMI_NODEJS_ORGANIZATION: request.getOrganization(),
    PULUMI_NODEJS_PROJECT: request.getProject(),
    PULUMI_NODEJS_STACK: request.getStack(),
    PULUMI_NODEJS_DRY_RUN: String(request.getDryRun()),
    PULUMI_CONFIG: JSON.stringify(config),
  };
  return Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== ""));
}

function installDependencies(
  call: grpc.ServerWritableStream<pb.InstallDependenciesRequest, pb.InstallDependenciesResponse>,
): void {
  const fail = (error: unknown): void => {
    call.emit("error", { code: grpc.status.UNKNOWN, details: (error as Error).message });
  };
  const say = (text: string | Buffer): void => {
    call.write(new pb.InstallDependenciesResponse().setStdout(Buffer.from(text)));
  };
  try {
    const info = infoOf(call.request);
    const manager = packageManager(optionsOf(info), info.getProgramDirectory());
    say("Installing dependencies...\n\n");
    const child = spawn(manager, ["install"], { cwd: info.getProgramDirectory(), stdio: ["ignore", "pipe", "pipe"] });
    child.stdout.on("data", say);
    child.stderr.on("data", (data: Buffer) => call.write(new pb.InstallDependenciesResponse().setStderr(data)));
    call.on("cancelled", () => child.kill("SIGKILL"));
    finished(child).then(({ code, signal }) => {
      if (code !== 0)
        return fail(new Error(`${manager} install: ${signal ? `signal ${signal}` : `exit status ${code}`}`));
      say("Finished installing dependencies\n\n");
      call.end();
    }, fail);
  } catch (error) {
    fail(error);
  }
}

/** The package manager that was asked for, else that of the lock file, else npm. */
function packageManager(options: Options, directory: string): string {
  if (options.packagemanager !== "auto") return options.packagemanager;
  const locks = { "yarn.lock": "yarn", "pnpm-lock.yaml": "pnpm", "bun.lock": "bun", "bun.lockb": "bun" };
  for (const [file, manager] of Object.entries(locks)) {
    try {
      readFileSync(join(directory, file));
      return manager;
    } catch {
      // No such lock file.
    }
  }
  return "npm";
}

function about(request: pb.AboutRequest): pb.AboutResponse {
  const info = infoOf(request);
  const response = new pb.AboutResponse().setExecutable(process.execPath).setVersion(process.version);
  response.getMetadataMap().set("packagemanager", packageManager(optionsOf(info), info.getProgramDirectory()));
  return response;
}

/** Names and installed versions: of what package.json asks for, or of everything that npm's lock file lists. */
function programDependencies(request: pb.GetProgramDependenciesRequest): pb.GetProgramDependenciesResponse {
  const directory = infoOf(request).getProgramDirectory();
  const found = new Map<string, string>();
  if (request.getTransitivedependencies()) {
    const lock = readJson(join(directory, "package-lock.json")) as { packages?: Record<string, { version?: string }> };
    for (const [path, { version }] of Object.entries(lock.packages ?? {})) {
      const name = path.split("node_modules/").at(-1);
      if (name && version) found.set(name, version);
    }
  } else {
    const wanted = readJson(join(directory, "package.json")) as Record<string, Record<string, string> | undefined>;
    for (const name of Object.keys({ ...wanted["dependencies"], ...wanted["devDependencies"] })) {
      const { version } = readJson(join(directory, "node_modules", name, "package.json")) as { version?: string };
      found.set(name, version ?? "");
    }
  }
  const list = [...found].map(([name, version]) => new pb.DependencyInfo().setName(name).setVersion(version));
  return new pb.GetProgramDependenciesResponse().setDependenciesList(list);
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw new Error(`failed to get node dependencies: ${(error as Error).message}`);
  }
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

/** Interrupts what runs; what does not end within 5 s is killed. */
function cancel(): void {
  for (const child of children) {
    child.kill("SIGINT");
    setTimeout(() => child.kill("SIGKILL"), 5_000).unref();
  }
}

if (process.argv.includes("--version") || process.argv.includes("-version")) {
  console.log(STAND_IN_VERSION);
  process.exit(0);
}
serve<grpc.UntypedServiceImplementation>(
  rpc.LanguageRuntimeService,
  {
    handshake: unary((request: pb.LanguageHandshakeRequest) => {
      engineAddress = request.getEngineAddress();
      return new pb.LanguageHandshakeResponse();
    }),
    getPluginInfo: unary(() => new plugin.PluginInfo().setVersion(STAND_IN_VERSION)),
    getRequiredPlugins: unary(() => new pb.GetRequiredPluginsResponse()),
    getRequiredPackages: unary(() => new pb.GetRequiredPackagesResponse()),
    run: unary(run),
    runPlugin: runPlugin as grpc.UntypedHandleCall,
    installDependencies: installDependencies as grpc.UntypedHandleCall,
    runtimeOptionsPrompts: unary(() => new pb.RuntimeOptionsResponse()),
    template: unary(() => new pb.TemplateResponse()),
    about: unary(about),
    getProgramDependencies: unary(programDependencies),
    generateProgram: notSupported(who, "generating programs"),
    generateProject: notSupported(who, "generating projects"),
    generatePackage: notSupported(who, "generating packages"),
    pack: notSupported(who, "packing SDKs"),
    link: notSupported(who, "linking local SDKs"),
    cancel: unary(() => {
      cancel();
      return new Empty();
    }),
  },
  () => {
    for (const child of children) child.kill("SIGKILL");
  },
);
