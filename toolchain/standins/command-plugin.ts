// Stands in for `pulumi-resource-command` 1.2.1 where the official plugin cannot be had. It does `command:local:Command`
// and `command:local:run`, nothing else (no `remote`), and has no schema. It differs: cancelling kills all that a
// command started, not only its shell; unknown properties are refused; archives carry a hash of its own making.
import { randomBytes } from "node:crypto";
import * as grpc from "@grpc/grpc-js";
import * as engineRpc from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import * as engine from "@pulumi/pulumi/proto/engine_pb.js";
import * as plugin from "@pulumi/pulumi/proto/plugin_pb.js";
import * as rpc from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import * as pb from "@pulumi/pulumi/proto/provider_pb.js";
import { Empty } from "google-protobuf/google/protobuf/empty_pb.js";
import { Struct } from "google-protobuf/google/protobuf/struct_pb.js";
import { engineAddressOf, notSupported, serve, unary } from "../../lib/grpc-serve.ts";
import { archiveOf, assetsOf, chosenFiles, restored } from "./command/assets.ts";
import {
  type CommandInputs,
  type Failure,
  failuresOf,
  functionChecks,
  inputsOf,
  resourceChecks,
} from "./command/inputs.ts";
import { cancelAll, runCommand } from "./command/run.ts";
import { changesBetween, equal, type Properties, reveal, unknown, type Value } from "./command/values.ts";

declare const STAND_IN_VERSION: string;

const who = "the `command` plugin";
const resourceType = "command:local:Command";
const functionToken = "command:local:run";
const inputNames = Object.keys(resourceChecks);

let engineAddress = engineAddressOf(process.argv.slice(2));
let engineClient: engineRpc.EngineClient | undefined;

/** Outputs of the command, beside its inputs. */
interface Results {
  stdout: string;
  stderr: string;
  assets?: Properties;
  archive?: Properties;
}

async function run(urn: string, command: string, inputs: CommandInputs, previous: Results): Promise<Results> {
  const logged: Promise<void>[] = [];
  const outputs = await runCommand(command, inputs, previous, (line) => logged.push(log(urn, line)));
  // The engine does not show messages that come after the resource is done.
  await Promise.all(logged);
  const dir = inputs.dir ?? process.cwd();
  return {
    ...previous,
    ...outputs,
    ...(inputs.assetPaths ? { assets: assetsOf(dir, chosenFiles(dir, inputs.assetPaths)) } : {}),
    ...(inputs.archivePaths ? { archive: archiveOf(dir, chosenFiles(dir, inputs.archivePaths)) } : {}),
  };
}

/** Shows a line beside the resource while it is worked on; nothing depends on whether that succeeds. */
async function log(urn: string, message: string): Promise<void> {
  if (!engineAddress) return;
  engineClient ??= new engineRpc.EngineClient(engineAddress, grpc.credentials.createInsecure());
  const client = engineClient;
  const request = new engine.LogRequest().setSeverity(engine.LogSeverity.INFO).setMessage(message).setUrn(urn);
  await new Promise<void>((done) => client.log(request.setEphemeral(true), () => done()));
}

function resultsOf(state: Properties): Results {
  const { stdout, stderr, assets, archive } = state;
  return {
    stdout: textOf(stdout),
    stderr: textOf(stderr),
    ...(assets ? { assets: assets as Properties } : {}),
    ...(archive ? { archive: archive as Properties } : {}),
  };
}

function textOf(value: Value | undefined): string {
  const text = reveal(value ?? "");
  return typeof text === "string" ? text : "";
}

/** In a preview of a change nobody knows what the command will write. */
function unknownResults(inputs: CommandInputs): Properties {
  return {
    stdout: unknown,
    stderr: unknown,
    ...(inputs.assetPaths ? { assets: unknown } : {}),
    ...(inputs.archivePaths ? { archive: unknown } : {}),
  };
}

function check(request: pb.CheckRequest): pb.CheckResponse {
  typeOf(request.getUrn());
  const news = read(request.getNews());
  // The original's default, which it also writes to the state.
  const inputs = { addPreviousOutputInEnv: true, ...withoutNull(news) };
  return new pb.CheckResponse()
    .setInputs(write(inputs))
    .setFailuresList(checkFailures(failuresOf(news, resourceChecks)));
}

function diff(request: pb.DiffRequest): pb.DiffResponse {
  const olds = read(request.getOlds());
  const news = ignoring(read(request.getNews()), olds, request.getIgnorechangesList());
  const before = Object.fromEntries(inputNames.flatMap((name) => (name in olds ? [[name, olds[name] ?? null]] : [])));
  const changes = Object.entries(changesBetween(reveal(before) as Properties, reveal(news) as Properties));
  const response = new pb.DiffResponse().setHasdetaileddiff(true);
  response.setChanges(
    changes.length > 0 ? pb.DiffResponse.DiffChanges.DIFF_SOME : pb.DiffResponse.DiffChanges.DIFF_NONE,
  );
  const { Kind } = pb.PropertyDiff;
  for (const [path, change] of changes) {
    const replaces = /^triggers\b/.test(path);
    const kind = {
      add: replaces ? Kind.ADD_REPLACE : Kind.ADD,
      delete: replaces ? Kind.DELETE_REPLACE : Kind.DELETE,
      update: replaces ? Kind.UPDATE_REPLACE : Kind.UPDATE,
    }[change];
    response.getDetaileddiffMap().set(path, new pb.PropertyDiff().setKind(kind).setInputdiff(true));
  }
  const tops = [...new Set(changes.map(([path]) => path.replace(/[.[].*$/s, "")))];
  return response.setDiffsList(tops).setReplacesList(tops.filter((name) => name === "triggers"));
}

async function create(request: pb.CreateRequest): Promise<pb.CreateResponse> {
  const urn = request.getUrn();
  const properties = withoutNull(read(request.getProperties()));
  const inputs = inputsOf(properties);
  const response = new pb.CreateResponse().setId(`${nameOf(urn)}${randomBytes(4).toString("hex")}`);
  if (request.getPreview()) return response.setProperties(write({ ...properties, ...unknownResults(inputs) }));
  const nothing = { stdout: "", stderr: "" };
  const results = inputs.create === undefined ? nothing : await run(urn, inputs.create, inputs, nothing);
  return response.setProperties(write({ ...properties, ...results }));
}

async function update(request: pb.UpdateRequest): Promise<pb.UpdateResponse> {
  const olds = read(request.getOlds());
  const news = withoutNull(ignoring(read(request.getNews()), olds, request.getIgnorechangesList()));
  const inputs = inputsOf(news);
  const previous = resultsOf(restored(olds));
  const response = new pb.UpdateResponse();
  if (request.getPreview()) {
    const changed = inputNames.some((name) => !equal(reveal(olds[name] ?? null), reveal(news[name] ?? null)));
    return response.setProperties(write({ ...news, ...(changed ? unknownResults(inputs) : previous) }));
  }
  const command = inputs.update ?? inputs.create;
  const results = command === undefined ? previous : await run(request.getUrn(), command, inputs, previous);
  return response.setProperties(write({ ...news, ...results }));
}

async function remove(request: pb.DeleteRequest): Promise<Empty> {
  const state = read(request.getProperties());
  const inputs = inputsOf(state);
  if (inputs.delete !== undefined) await run(request.getUrn(), inputs.delete, inputs, resultsOf(state));
  return new Empty();
}

async function invoke(request: pb.InvokeRequest): Promise<pb.InvokeResponse> {
  if (request.getTok() !== functionToken) {
    throw new Error(`${request.getTok()} is not supported by cloister's stand-in for ${who}: it has ${functionToken}`);
  }
  const args = withoutNull(read(request.getArgs()));
  const failures = failuresOf(args, functionChecks);
  if (!("command" in args)) failures.push({ property: "command", reason: "command is missing" });
  const response = new pb.InvokeResponse();
  if (failures.length > 0) return response.setFailuresList(checkFailures(failures));
  const results = await run("", reveal(args["command"] ?? "") as string, inputsOf(args), { stdout: "", stderr: "" });
  return response.setReturn(write({ ...args, ...results }));
}

/** Refuses every type but ours. URN: urn:pulumi:STACK::PROJECT::PARENT$TYPE::NAME */
function typeOf(urn: string): void {
  const type = (urn.split("::")[2] ?? "").split("$").at(-1);
  if (type === resourceType) return;
  throw new Error(`${type} is not supported by cloister's stand-in for ${who}: it has ${resourceType}`);
}

function nameOf(urn: string): string {
  return urn.split("::").slice(3).join("::");
}

function ignoring(news: Properties, olds: Properties, names: readonly string[]): Properties {
  return { ...news, ...Object.fromEntries(names.map((name) => [name, olds[name] ?? null])) };
}

function withoutNull(properties: Properties): Properties {
  return Object.fromEntries(Object.entries(properties).filter(([, value]) => value !== null));
}

function checkFailures(failures: readonly Failure[]): pb.CheckFailure[] {
  return failures.map(({ property, reason }) => new pb.CheckFailure().setProperty(property).setReason(reason));
}

function read(struct: Struct | undefined): Properties {
  return (struct?.toJavaScript() ?? {}) as Properties;
}

function write(properties: object): Struct {
  return Struct.fromJavaScript(properties as Parameters<typeof Struct.fromJavaScript>[0]);
}

serve<grpc.UntypedServiceImplementation>(
  rpc.ResourceProviderService,
  {
    handshake: unary((request: pb.ProviderHandshakeRequest) => {
      engineAddress = request.getEngineAddress() || engineAddress;
      return new pb.ProviderHandshakeResponse().setAcceptSecrets(true);
    }),
    attach: unary((request: plugin.PluginAttach) => {
      engineAddress = request.getAddress();
      return new Empty();
    }),
    getPluginInfo: unary(() => new plugin.PluginInfo().setVersion(STAND_IN_VERSION)),
    getSchema: notSupported(who, "a schema"),
    parameterize: notSupported(who, "parameterization"),
    checkConfig: unary((request: pb.CheckRequest) => new pb.CheckResponse().setInputs(request.getNews())),
    diffConfig: unary(() => new pb.DiffResponse().setChanges(pb.DiffResponse.DiffChanges.DIFF_NONE)),
    configure: unary(() => new pb.ConfigureResponse().setAcceptsecrets(true).setSupportspreview(true)),
    check: unary(check),
    diff: unary(diff),
    create: unary(create),
    read: unary((request: pb.ReadRequest) => {
      typeOf(request.getUrn());
      const response = new pb.ReadResponse().setId(request.getId());
      return response.setProperties(write(restored(read(request.getProperties())))).setInputs(request.getInputs());
    }),
    update: unary(update),
    delete: unary(remove),
    invoke: unary(invoke),
    call: notSupported(who, "calling methods"),
    construct: notSupported(who, "components"),
    getMapping: unary(() => new pb.GetMappingResponse()),
    getMappings: unary(() => new pb.GetMappingsResponse()),
    cancel: unary(() => {
      cancelAll();
      return new Empty();
    }),
  },
  cancelAll,
);
