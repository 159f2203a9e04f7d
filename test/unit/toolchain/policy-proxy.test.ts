import assert from "node:assert/strict";
import * as grpc from "@grpc/grpc-js";
import * as rpc from "@pulumi/pulumi/proto/analyzer_grpc_pb.js";
import * as pb from "@pulumi/pulumi/proto/analyzer_pb.js";
import { listen } from "../../../lib/grpc-serve.ts";
import { call, type Method, PolicyProxy } from "../../../toolchain/standins/policy-proxy.ts";

/** A call, as the engine makes it. */
async function ask(client: grpc.Client, name: string, request: object): Promise<object> {
  const method = (rpc.AnalyzerService as unknown as Record<string, Method>)[name];
  assert.ok(method);
  return await call(client, method, request);
}

describe("the proxy before a policy pack", function () {
  this.timeout(20_000);
  let proxy: PolicyProxy;
  let engine: grpc.Client;
  let pack: grpc.Server;
  /** What the pack was called with, and by which connection. */
  let calls: { readonly urn: string; readonly peer: string }[];
  let stacks: string[];
  let packPort: number;

  beforeEach(async () => {
    [calls, stacks] = [[], []];
    pack = new grpc.Server();
    pack.addService(
      rpc.AnalyzerService as unknown as grpc.ServiceDefinition,
      {
        configureStack: (
          { request }: grpc.ServerUnaryCall<pb.AnalyzerStackConfigureRequest, object>,
          done: grpc.sendUnaryData<object>,
        ) => {
          stacks.push(request.getStack());
          done(null, new pb.AnalyzerStackConfigureResponse());
        },
        analyze: (
          one: grpc.ServerUnaryCall<pb.AnalyzeRequest, pb.AnalyzeResponse>,
          done: grpc.sendUnaryData<pb.AnalyzeResponse>,
        ) => {
          calls.push({ urn: one.request.getUrn(), peer: one.getPeer() });
          const diagnostic = new pb.AnalyzeDiagnostic().setMessage(`judged ${one.request.getUrn()}`);
          done(null, new pb.AnalyzeResponse().setDiagnosticsList([diagnostic]));
        },
      } as unknown as grpc.UntypedServiceImplementation,
    );
    packPort = await listen(pack);
    proxy = new PolicyProxy();
    engine = new grpc.Client(`127.0.0.1:${await proxy.listen()}`, grpc.credentials.createInsecure());
  });
  afterEach(() => {
    engine.close();
    proxy.close();
    pack.forceShutdown();
  });

  const analyze = async (urn: string): Promise<string> => {
    const response = await ask(engine, "analyze", new pb.AnalyzeRequest().setUrn(urn));
    return (response as pb.AnalyzeResponse).getDiagnosticsList()[0]?.getMessage() ?? "";
  };
  const configure = async (): Promise<object> =>
    await ask(engine, "configureStack", new pb.AnalyzerStackConfigureRequest().setStack("dev"));

  it("learns the stack, hands on what waits, and lets later calls reach the pack itself", async () => {
    await configure();
    assert.equal((await proxy.configuration)?.getStack(), "dev");
    const waiting = analyze("first");
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.deepEqual(calls, [], "the pack is not there yet");
    await proxy.attach(packPort);
    assert.equal(await waiting, "judged first");
    assert.deepEqual(stacks, ["dev"]);
    for (const urn of ["second", "third"]) assert.equal(await analyze(urn), `judged ${urn}`);
    const several = ["a", "b", "c"].map(async (urn) => [await analyze(urn), urn] as const);
    for (const [said, urn] of await Promise.all(several)) assert.equal(said, `judged ${urn}`);
    const [first, second, ...more] = calls.map(({ peer }) => peer);
    assert.notEqual(second, first, "another connection");
    assert.deepEqual(new Set(more), new Set([second]));
  });

  it("loses no call that is made while it steps aside", async () => {
    await configure();
    const attaching = proxy.attach(packPort);
    const urns = Array.from({ length: 40 }, (_, i) => `urn ${i}`);
    const said: string[] = [];
    for (const urn of urns) said.push(await analyze(urn));
    await attaching;
    assert.deepEqual(
      said,
      urns.map((urn) => `judged ${urn}`),
    );
    assert.deepEqual(
      calls.map(({ urn }) => urn),
      urns,
      "each once",
    );
  });

  it("fails calls that wait, and later ones, when the pack did not come up", async () => {
    await configure();
    const waiting = analyze("first");
    proxy.fail(new Error("it is broken"));
    await assert.rejects(waiting, /policy pack not started: it is broken/);
    await assert.rejects(analyze("second"), /policy pack not started: it is broken/);
  });

  it("fails calls when the pack is gone", async () => {
    await configure();
    await proxy.attach(packPort);
    assert.equal(await analyze("first"), "judged first");
    pack.forceShutdown();
    await assert.rejects(analyze("second"));
  });
});
