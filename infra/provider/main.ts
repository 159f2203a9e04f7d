/**
 * The plugin `cloister`: serves one resource, which tells the engine whether a local machine runs (`power-state.ts`).
 * Built on the protocol itself, not on `@pulumi/pulumi/provider`, which takes half a second longer to load at every preview.
 */
import type * as grpc from "@grpc/grpc-js";
import { PluginInfo } from "@pulumi/pulumi/proto/plugin_pb.js";
import { ResourceProviderService } from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import * as pb from "@pulumi/pulumi/proto/provider_pb.js";
import { Empty } from "google-protobuf/google/protobuf/empty_pb.js";
import { Struct } from "google-protobuf/google/protobuf/struct_pb.js";
import { VERSION } from "../../contract/version.ts";
import { serve, unary } from "../../lib/grpc-serve.ts";
import * as powerState from "./power-state.ts";

type Properties = Record<string, unknown>;

const read = (struct: Struct | undefined): Properties => (struct?.toJavaScript() ?? {}) as Properties;
const write = (properties: Properties): Struct =>
  Struct.fromJavaScript(properties as Parameters<typeof Struct.fromJavaScript>[0]);
const nothing = unary(() => new Empty());

serve<grpc.UntypedServiceImplementation>(
  ResourceProviderService,
  {
    handshake: unary(() => new pb.ProviderHandshakeResponse()),
    attach: nothing,
    getPluginInfo: unary(() => new PluginInfo().setVersion(VERSION)),
    checkConfig: unary((request: pb.CheckRequest) => new pb.CheckResponse().setInputs(request.getNews())),
    diffConfig: unary(() => new pb.DiffResponse().setChanges(pb.DiffResponse.DiffChanges.DIFF_NONE)),
    configure: unary(() => new pb.ConfigureResponse().setSupportspreview(true)),
    check: unary((request: pb.CheckRequest) => {
      const failures = powerState.check(request.getUrn(), read(request.getNews()));
      return new pb.CheckResponse()
        .setInputs(request.getNews())
        .setFailuresList(failures.map((reason) => new pb.CheckFailure().setProperty("root").setReason(reason)));
    }),
    diff: unary((request: pb.DiffRequest) => {
      const [olds, news] = [read(request.getOlds()), read(request.getNews())];
      const replace = powerState.mustReplace(news);
      const { DIFF_NONE, DIFF_SOME } = pb.DiffResponse.DiffChanges;
      const changes = replace || olds["root"] !== news["root"] ? DIFF_SOME : DIFF_NONE;
      return new pb.DiffResponse().setChanges(changes).setReplacesList(replace ? ["root"] : []);
    }),
    create: unary((request: pb.CreateRequest) => {
      const id = request.getPreview() ? "" : powerState.newId();
      return new pb.CreateResponse().setId(id).setProperties(request.getProperties());
    }),
    read: unary((request: pb.ReadRequest) => {
      const properties = read(request.getProperties());
      // An empty id tells the engine that the resource is gone.
      if (!powerState.exists(properties)) return new pb.ReadResponse();
      return new pb.ReadResponse()
        .setId(request.getId())
        .setProperties(write(properties))
        .setInputs(write({ root: properties["root"] }));
    }),
    // Its folder was moved.
    update: unary((request: pb.UpdateRequest) => new pb.UpdateResponse().setProperties(request.getNews())),
    delete: nothing,
    cancel: nothing,
  },
  () => {},
);
