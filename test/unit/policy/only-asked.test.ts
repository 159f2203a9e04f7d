import assert from "node:assert/strict";
import * as rpc from "@pulumi/pulumi/proto/analyzer_grpc_pb.js";
import * as pb from "@pulumi/pulumi/proto/analyzer_pb.js";
import { whenConfigured } from "../../../policy/core/configured.ts";
import { OnlyAsked } from "../../../policy/core/only-asked.ts";

interface Method {
  requestDeserialize: (bytes: Buffer) => object;
  responseSerialize: (response: object) => Buffer;
}
const methods = rpc.AnalyzerService as unknown as Record<"analyze" | "configureStack", Method>;

describe("what the policy pack learns from the engine's calls", () => {
  const before = { analyze: { ...methods.analyze }, configureStack: { ...methods.configureStack } };
  let asked: OnlyAsked;
  beforeEach(() => {
    asked = new OnlyAsked();
  });
  afterEach(() => {
    for (const name of ["analyze", "configureStack"] as const) Object.assign(methods[name], before[name]);
  });

  const ask = (type: string): string => {
    const request = new pb.AnalyzeRequest().setType(type);
    return (methods.analyze.requestDeserialize(Buffer.from(request.serializeBinary())) as pb.AnalyzeRequest).getType();
  };
  const answer = (): Buffer => methods.analyze.responseSerialize(new pb.AnalyzeResponse());

  it("is the type of the one resource that is judged", () => {
    assert.equal(asked.type, undefined);
    for (const type of ["a", "b"]) {
      assert.equal(ask(type), type, "the request is read as before");
      assert.equal(asked.type, type);
      assert.deepEqual(answer(), before.analyze.responseSerialize(new pb.AnalyzeResponse()));
      assert.equal(asked.type, undefined, "between two calls");
    }
  });

  it("is nothing, from then on, when two are judged at once", () => {
    ask("a");
    ask("b");
    assert.equal(asked.type, undefined);
    answer();
    assert.equal(asked.type, undefined, "nobody knows whose the answer was");
    answer();
    ask("c");
    assert.equal(asked.type, undefined);
  });

  it("counts no request that nobody could read", () => {
    const garbage = Buffer.from("ff".repeat(9), "hex");
    assert.throws(() => methods.analyze.requestDeserialize(garbage));
    ask("a");
    assert.equal(asked.type, "a");
  });

  it("is the stack, before anything is judged", () => {
    const told: unknown[] = [];
    whenConfigured((stack, config) => told.push([stack, config]));
    const request = new pb.AnalyzerStackConfigureRequest().setStack("dev");
    request.getConfigMap().set("cloister:region", "eu-central-1");
    const read = methods.configureStack.requestDeserialize(Buffer.from(request.serializeBinary()));
    assert.equal((read as pb.AnalyzerStackConfigureRequest).getStack(), "dev");
    assert.deepEqual(told, [["dev", { "cloister:region": "eu-central-1" }]]);
  });
});
