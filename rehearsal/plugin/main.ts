// Stands in for `pulumi-resource-aws` 7.48.0: carries the resource types that cloister uses to the AWS API as moto serves
// it on loopback, by AWS's own SDK. It differs: it knows no other type, and of each type only the properties in its
// schema (all else is an error); it makes the calls that matter, not each that the provider makes; of the provider's
// defaults it has those that documentation names (defaults.ts), and of its lists with an order those of which that was read;
// AWS's time passes only where it is told to (time.ts), and AWS's faults come only by a plan (faults.ts); a thing is ready for
// all at once: only the plan has what is not there yet; what moto lacks it answers itself (answers.ts, launch.ts).
import "../../infra/settings/zod-jitless.ts";
import { createHash, randomBytes } from "node:crypto";
import { status as grpcStatus, Metadata, type UntypedServiceImplementation } from "@grpc/grpc-js";
import * as plugin from "@pulumi/pulumi/proto/plugin_pb.js";
import { ResourceProviderService } from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import * as pb from "@pulumi/pulumi/proto/provider_pb.js";
import { Status } from "@pulumi/pulumi/proto/status_pb.js";
import { Any } from "google-protobuf/google/protobuf/any_pb.js";
import { Empty } from "google-protobuf/google/protobuf/empty_pb.js";
import { Struct, Value } from "google-protobuf/google/protobuf/struct_pb.js";
import type { z } from "zod";
import { ErrorWithDetails, serve, unary } from "../../lib/grpc-serve.ts";
import { type Properties, type Value as PropertyValue, unknown } from "../../toolchain/standins/command/values.ts";
import { type Call, made, onBehalf, required, sts, useRegion } from "./clients.ts";
import { AwsSchemas } from "./cloudformation/schemas.ts";
import { DEFAULTS } from "./defaults.ts";
import { type Difference, differences } from "./difference.ts";
import { INVOKES } from "./invokes.ts";
import { type Context, type Props, pathsOf, type ResourceType } from "./resource.ts";
import { pass } from "./time.ts";
import { TYPES } from "./types/index.ts";

const VERSION = "7.48.0";
/** Properties with which the provider remembers what it filled in by itself, as the official plugin does. */
const OWN = "__defaults";
/** Settings of the provider that mean nothing to moto. */
const SETTINGS = ["region", "version", "allowedAccountIds", "skipCredentialsValidation", "skipRegionValidation"];

let region = "";
let schemas: AwsSchemas | undefined;

const properties = (struct: Struct | undefined): Properties => (struct?.toJavaScript() ?? {}) as Properties;
/** Without what is not there. */
const struct = (value: object): Struct => Struct.fromJavaScript(JSON.parse(JSON.stringify(value)));

const typeToken = (urn: string): string => urn.split("::")[2]?.split("$").at(-1) ?? "";
const nameOf = (urn: string): string => urn.split("::")[3] ?? "";

function typeOf(urn: string): ResourceType {
  const token = typeToken(urn);
  const type = TYPES[token];
  if (!type) throw new Error(`the stand-in for the AWS plugin does not know ${token}: add it to rehearsal/plugin`);
  return type;
}

const contextOf = (urn: string): Context => ({ region, name: nameOf(urn) });

/** Runs what speaks to the API, for one resource. */
async function during<T>(
  urn: string,
  what: Call["during"],
  action: () => Promise<T>,
  /** Properties of what is there although the action failed. */
  half?: { readonly id?: string; readonly properties: Properties },
): Promise<T> {
  const behalf: NonNullable<ReturnType<typeof onBehalf.getStore>> = { urn, during: what };
  try {
    return await onBehalf.run(behalf, action);
  } catch (error) {
    const { name, message } = error as Error;
    const said = `${what} ${typeToken(urn)} ${nameOf(urn)}: ${name === "Error" ? "" : `${name}: `}${message}`;
    const id = half?.id ?? behalf.made;
    if (!half || !id) throw new Error(said);
    throw halfDone(said, id, half.properties);
  }
}

/** As the provider does with what it has made or changed in part: the engine keeps it in its state, and says what failed. */
function halfDone(message: string, id: string, made: Properties): Error {
  const failure = new pb.ErrorResourceInitFailed().setId(id).setReasonsList([message]);
  failure.setProperties(struct(made)).setInputs(struct(made));
  const detail = new Any();
  detail.pack(failure.serializeBinary(), "pulumirpc.ErrorResourceInitFailed");
  const status = new Status();
  status.setCode(grpcStatus.UNKNOWN);
  status.setMessage(message);
  status.addDetails(detail);
  const metadata = new Metadata();
  metadata.add("grpc-status-details-bin", Buffer.from(status.serializeBinary()));
  return new ErrorWithDetails(message, metadata);
}

/** Inputs without the plugin's own remarks. */
function bare(inputs: Properties): Properties {
  const { [OWN]: _, ...rest } = inputs;
  return rest;
}

/** Problems of inputs; a value that is not known yet fits everywhere. */
function failures(schema: z.ZodType, inputs: Properties): pb.CheckFailure[] {
  const { error } = schema.safeParse(inputs);
  return (error?.issues ?? [])
    .filter(({ path }) => !isUnknown(inputs, path))
    .map(({ path, message }) =>
      new pb.CheckFailure().setProperty(path.join(".")).setReason(`${path.join(".")}: ${message}`),
    );
}

function isUnknown(value: PropertyValue | undefined, path: readonly PropertyKey[]): boolean {
  if (value === unknown) return true;
  if (path.length === 0 || typeof value !== "object" || value === null) return false;
  return isUnknown((value as Properties)[String(path[0])], path.slice(1));
}

/** Problems by our own schema, else by AWS's. */
async function problems(urn: string, inputs: Properties): Promise<pb.CheckFailure[]> {
  const token = typeToken(urn);
  const { inputs: schema } = typeOf(urn);
  const found = failures(schema, inputs);
  if (found.length > 0) return found;
  schemas ??= new AwsSchemas(required("CLOISTER_AWS_SCHEMAS"), region);
  const violations = await schemas.violations(token, inputs, pathsOf(schema));
  return violations.map(({ path, message }) =>
    new pb.CheckFailure().setProperty(path).setReason(`AWS would refuse this: ${message}`),
  );
}

async function check(request: pb.CheckRequest): Promise<pb.CheckResponse> {
  const urn = request.getUrn();
  const { autoName } = typeOf(urn);
  const defaults = Object.entries(DEFAULTS[typeToken(urn)] ?? {});
  const news = bare(properties(request.getNews()));
  // Nothing to fill in: the engine's own message goes back.
  if (!autoName && defaults.every(([name]) => news[name] !== undefined)) {
    return new pb.CheckResponse().setInputs(request.getNews()).setFailuresList(await problems(urn, news));
  }
  const named: Properties = { ...news };
  const own: string[] = [];
  if (autoName && named[autoName] === undefined) {
    const olds = properties(request.getOlds());
    const kept = (olds[OWN] as string[] | undefined)?.includes(autoName) ? olds[autoName] : undefined;
    const seed = request.getRandomseed_asU8();
    const digits = (seed.length > 0 ? createHash("sha256").update(seed).digest() : randomBytes(4)).toString("hex");
    named[autoName] = kept ?? `${nameOf(urn)}-${digits.slice(0, 7)}`;
    own.push(autoName);
  }
  const wrong = await problems(urn, named);
  const filled: Properties = { ...Object.fromEntries(defaults), ...named };
  own.push(...defaults.map(([name]) => name).filter((name) => news[name] === undefined));
  if (own.length > 0) filled[OWN] = own;
  return new pb.CheckResponse().setInputs(struct(filled)).setFailuresList(wrong);
}

function changesOf(request: pb.DiffRequest | pb.UpdateRequest): Difference[] {
  const [state, news] = [properties(request.getOlds()), bare(properties(request.getNews()))];
  return differences(state, bare(properties(request.getOldInputs())), news, typeOf(request.getUrn()).ordered);
}

const covers = (list: readonly string[], path: string): boolean =>
  list.some((one) => path === one || path.startsWith(`${one}.`) || one.startsWith(`${path}.`));

function diff(request: pb.DiffRequest): pb.DiffResponse {
  const { replaceOn, autoName } = typeOf(request.getUrn());
  const changed = changesOf(request).filter(({ path }) => !request.getIgnorechangesList().includes(path));
  const replaces = changed.filter(({ path }) => covers(replaceOn, path)).map(({ path }) => path);
  const news = properties(request.getNews());
  const { DIFF_NONE, DIFF_SOME } = pb.DiffResponse.DiffChanges;
  // Two of one name cannot be at once (pulumi-terraform-bridge, nameRequiresDeleteBeforeReplace).
  const named = autoName !== undefined && !(news[OWN] as string[] | undefined)?.includes(autoName);
  const sameName = named && !changed.some(({ path }) => path === autoName);
  const response = new pb.DiffResponse()
    .setChanges(changed.length > 0 ? DIFF_SOME : DIFF_NONE)
    .setDiffsList(changed.map(({ path }) => path))
    .setReplacesList(replaces)
    .setDeletebeforereplace(replaces.length > 0 && sameName)
    .setHasdetaileddiff(true);
  const { Kind } = pb.PropertyDiff;
  const kinds = {
    add: [Kind.ADD, Kind.ADD_REPLACE],
    delete: [Kind.DELETE, Kind.DELETE_REPLACE],
    update: [Kind.UPDATE, Kind.UPDATE_REPLACE],
  } as const;
  for (const { path, kind } of changed) {
    const detail = new pb.PropertyDiff().setKind(kinds[kind][replaces.includes(path) ? 1 : 0]).setInputdiff(true);
    response.getDetaileddiffMap().set(path, detail);
  }
  return response;
}

/** State after creation or an update: what was wanted, and over it what the API says. */
async function stateOf(urn: string, id: string, news: Properties): Promise<Properties> {
  const seen = await typeOf(urn).read(id, bare(news) as Props, contextOf(urn));
  if (!seen) throw new Error(`${id} is not there although the API made it`);
  return { ...news, ...seen } as Properties;
}

async function create(request: pb.CreateRequest): Promise<pb.CreateResponse> {
  const urn = request.getUrn();
  const { create: make, computed } = typeOf(urn);
  if (request.getPreview()) {
    const planned = request.getProperties() ?? new Struct();
    const fields = planned.getFieldsMap();
    for (const name of computed) if (!fields.has(name)) fields.set(name, Value.fromJavaScript(unknown));
    return new pb.CreateResponse().setProperties(planned);
  }
  const news = properties(request.getProperties());
  const action = async (): Promise<pb.CreateResponse> => {
    const id = made(await make(bare(news) as Props, contextOf(urn)));
    await pass(typeToken(urn), "create");
    return new pb.CreateResponse().setId(id).setProperties(struct(await stateOf(urn, id, news)));
  };
  return await during(urn, "create", action, { properties: news });
}

async function read(request: pb.ReadRequest): Promise<pb.ReadResponse> {
  const urn = request.getUrn();
  const [state, inputs] = [properties(request.getProperties()), properties(request.getInputs())];
  return await during(urn, "read", async () => {
    const seen = await typeOf(urn).read(request.getId(), bare(state) as Props, contextOf(urn));
    // An empty id tells the engine that it is gone.
    if (!seen) return new pb.ReadResponse();
    const given = Object.keys(bare(inputs)).filter((name) => seen[name] !== undefined);
    const now = Object.fromEntries(given.map((name) => [name, seen[name] as PropertyValue]));
    return new pb.ReadResponse()
      .setId(request.getId())
      .setProperties(struct({ ...state, ...seen }))
      .setInputs(struct({ ...inputs, ...now }));
  });
}

async function update(request: pb.UpdateRequest): Promise<pb.UpdateResponse> {
  const urn = request.getUrn();
  const { update: change, volatile = [] } = typeOf(urn);
  const [olds, news] = [properties(request.getOlds()), properties(request.getNews())];
  if (request.getPreview()) {
    const changed = changesOf(request).some(({ path }) => !/^(tags|updateDefaultVersion)\b/.test(path));
    const open = changed ? Object.fromEntries(volatile.map((name) => [name, unknown])) : {};
    return new pb.UpdateResponse().setProperties(struct({ ...olds, ...news, ...open }));
  }
  if (!change) throw new Error(`the stand-in cannot update ${typeToken(urn)} in place`);
  // After what failed, an update comes although nothing differs: the provider does nothing then.
  const id = request.getId();
  const action = async (): Promise<pb.UpdateResponse> => {
    if (changesOf(request).length > 0) await change(id, bare(news) as Props, bare(olds) as Props, contextOf(urn));
    return new pb.UpdateResponse().setProperties(struct({ ...olds, ...(await stateOf(urn, id, news)) }));
  };
  return await during(urn, "update", action, { id, properties: { ...olds, ...news } });
}

async function remove(request: pb.DeleteRequest): Promise<Empty> {
  const urn = request.getUrn();
  const state = bare(properties(request.getProperties()));
  await during(urn, "delete", async () => await typeOf(urn).delete(request.getId(), state as Props, contextOf(urn)));
  await pass(typeToken(urn), "delete");
  return new Empty();
}

async function invoke(request: pb.InvokeRequest): Promise<pb.InvokeResponse> {
  const token = request.getTok();
  const known = INVOKES[token];
  if (!known) throw new Error(`the stand-in for the AWS plugin does not know ${token}`);
  const inputs = properties(request.getArgs());
  const wrong = failures(known.inputs, inputs);
  if (wrong.length > 0) return new pb.InvokeResponse().setFailuresList(wrong);
  // On nobody's behalf: to keep track of that would slow every promise of a preview.
  return new pb.InvokeResponse().setReturn(struct(await known.call(inputs)));
}

function checkConfig(request: pb.CheckRequest): pb.CheckResponse {
  const settings = properties(request.getNews());
  const wrong = Object.keys(settings).filter((name) => !SETTINGS.includes(name));
  return new pb.CheckResponse()
    .setInputs(request.getNews())
    .setFailuresList(
      wrong.map((name) => new pb.CheckFailure().setProperty(name).setReason(`${name} is not known to the stand-in`)),
    );
}

/** As the provider does at its configuration (terraform-plugin of AWS, `verifyAccountIDAllowed`). */
async function refuseOtherAccounts(allowed: PropertyValue | undefined): Promise<void> {
  const ids = typeof allowed === "string" ? (JSON.parse(allowed) as string[]) : (allowed as string[] | undefined);
  if (!ids || ids.length === 0) return;
  const { Account } = await (await sts()).getCallerIdentity({});
  if (!ids.includes(Account ?? "")) throw new Error(`AWS account ID not allowed: ${Account}`);
}

const nothing = unary(() => new Empty());

serve<UntypedServiceImplementation>(
  ResourceProviderService,
  {
    handshake: unary(() => new pb.ProviderHandshakeResponse()),
    attach: nothing,
    getPluginInfo: unary(() => new plugin.PluginInfo().setVersion(VERSION)),
    checkConfig: unary(checkConfig),
    diffConfig: unary((request: pb.DiffRequest) => {
      const changed = properties(request.getOlds())["region"] !== properties(request.getNews())["region"];
      const { DIFF_NONE, DIFF_SOME } = pb.DiffResponse.DiffChanges;
      // A resource in another region is another resource.
      return new pb.DiffResponse()
        .setChanges(changed ? DIFF_SOME : DIFF_NONE)
        .setReplacesList(changed ? ["region"] : []);
    }),
    configure: unary(async (request: pb.ConfigureRequest) => {
      const settings = properties(request.getArgs());
      region = String(settings["region"] ?? "");
      if (!region) throw new Error("the stand-in for the AWS plugin got no region");
      useRegion(region);
      schemas = undefined;
      // As the provider does, it gets ready to ask for the account; here while the engine goes on.
      setImmediate(() => void sts().catch(() => {}));
      await refuseOtherAccounts(settings["allowedAccountIds"]);
      return new pb.ConfigureResponse().setSupportspreview(true);
    }),
    check: unary(check),
    diff: unary(diff),
    create: unary(create),
    read: unary(read),
    update: unary(update),
    delete: unary(remove),
    invoke: unary(invoke),
    cancel: nothing,
  },
  () => {},
);
