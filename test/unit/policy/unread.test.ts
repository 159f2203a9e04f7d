import assert from "node:assert/strict";
import type { Policies, StackValidation, StackValidationArgs } from "@pulumi/policy";
import * as server from "@pulumi/policy/server.js";
import * as rpc from "@pulumi/pulumi/proto/analyzer_grpc_pb.js";
import * as pb from "@pulumi/pulumi/proto/analyzer_pb.js";
import { Struct } from "google-protobuf/google/protobuf/struct_pb.js";
import { judgingOnly, leaveUnread } from "../../../policy/core/unread.ts";

interface Method {
  requestDeserialize: (bytes: Buffer) => object;
  responseSerialize: (response: object) => Buffer;
}
type Handler = (call: { request: object }, done: (error: unknown, response: object) => void) => void;
/** The SDK's types leave them out. */
const { makeRemediateRpcFun: remediating, makeAnalyzeStackRpcFun: judgingStack } = server as unknown as Record<
  "makeRemediateRpcFun" | "makeAnalyzeStackRpcFun",
  (name: string, version: string, level: string, policies: Policies) => Handler
>;
const methods = rpc.AnalyzerService as unknown as Record<"remediate" | "analyzeStack", Method>;

describe("requests that the policy pack leaves unread", () => {
  const before = { remediate: { ...methods.remediate }, analyzeStack: { ...methods.analyzeStack } };
  afterEach(() => {
    for (const name of ["remediate", "analyzeStack"] as const) Object.assign(methods[name], before[name]);
  });

  const request = (type: string): Buffer =>
    Buffer.from(
      new pb.AnalyzeRequest()
        .setType(type)
        .setName("one")
        .setUrn(`urn:pulumi:dev::cloister::${type}::one`)
        .setProperties(Struct.fromJavaScript({ size: 8 }))
        .setOptions(new pb.AnalyzerResourceOptions())
        .serializeBinary(),
    );
  const answer = async (policies: Policies, bytes: Buffer): Promise<string> => {
    const call = { request: methods.remediate.requestDeserialize(bytes) };
    const response = await new Promise<object>((resolve, reject) =>
      remediating(
        "cloister",
        "1.0.0",
        "mandatory",
        policies,
      )(call, (error, value) => (error ? reject(error) : resolve(value))),
    );
    return methods.remediate.responseSerialize(response).toString("hex");
  };
  const judging: Policies = [
    { name: "a", description: "judges", enforcementLevel: "mandatory", validateResource: () => {} },
    { name: "b", description: "judges all", enforcementLevel: "advisory", validateStack: () => {} },
  ];
  const changing: Policies = [
    { name: "c", description: "changes", enforcementLevel: "remediate", remediateResource: () => ({ size: 10 }) },
  ];

  it("are answered as if they were read, of policies that only judge", async () => {
    const requests = ["aws:ebs/volume:Volume", "aws:kms/key:Key"].map(request);
    const read = await Promise.all(requests.map((one) => answer(judging, one)));
    const [change] = await Promise.all(requests.map((one) => answer(changing, one)));
    assert.notEqual(change, read[0], "the control: a policy that changes resources has another answer");
    leaveUnread();
    for (const [i, bytes] of requests.entries()) assert.equal(await answer(judging, bytes), read[i]);
  });

  it("are refused to a policy that changes resources", () => {
    const remediate: Policies = [{ ...judging[0], enforcementLevel: "remediate" } as Policies[number]];
    const both: Policies = [{ ...changing[0], enforcementLevel: "mandatory" } as Policies[number]];
    for (const policies of [changing, remediate, both])
      assert.throws(() => judgingOnly([...judging, ...policies]), /judges, and changes nothing/);
    assert.deepEqual(
      judgingOnly(judging).map(({ name }) => name),
      ["a", "b"],
      "the control",
    );
  });

  it("are told to a policy that looks at the stack's resources", async () => {
    const judge = async (validateStack: StackValidation): Promise<string[]> => {
      const policies = judgingOnly([{ name: "s", description: "", enforcementLevel: "mandatory", validateStack }]);
      const response = await new Promise<object>((resolve, reject) =>
        judgingStack(
          "cloister",
          "1.0.0",
          "mandatory",
          policies,
        )({ request: new pb.AnalyzeStackRequest() }, (error, value) => (error ? reject(error) : resolve(value))),
      );
      return (response as pb.AnalyzeResponse).getDiagnosticsList().map((one) => one.getMessage().trim());
    };
    for (const looks of [
      ({ resources }: StackValidationArgs) => assert.ok(resources),
      (all: StackValidationArgs) => assert.ok(all.resources.length),
    ])
      await assert.rejects(judge(looks), /Error: s: the stack's resources are not read here/);
    assert.deepEqual(await judge((_, report) => report("seen")), ["seen"], "the control");
  });

  it("are not looked at", () => {
    const garbage = Buffer.from("ff".repeat(9), "hex");
    for (const name of ["remediate", "analyzeStack"] as const)
      assert.throws(() => methods[name].requestDeserialize(garbage));
    leaveUnread();
    for (const name of ["remediate", "analyzeStack"] as const) assert.ok(methods[name].requestDeserialize(garbage));
  });
});
