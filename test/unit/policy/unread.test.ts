import assert from "node:assert/strict";
import http2 from "node:http2";
import * as grpc from "@grpc/grpc-js";
import type { Policies, StackValidation, StackValidationArgs } from "@pulumi/policy";
import * as server from "@pulumi/policy/server.js";
import * as rpc from "@pulumi/pulumi/proto/analyzer_grpc_pb.js";
import * as pb from "@pulumi/pulumi/proto/analyzer_pb.js";
import { Struct } from "google-protobuf/google/protobuf/struct_pb.js";
import { listen } from "../../../lib/grpc-serve.ts";
import { judgingOnly, leaveUnread } from "../../../policy/core/unread.ts";

interface Method {
  readonly path: string;
  requestDeserialize: (bytes: Buffer) => object;
  responseSerialize: (response: object) => Buffer;
}
type Handler = (call: { request: object }, done: (error: unknown, response: object) => void) => void;
/** The SDK's types leave them out. */
const { makeRemediateRpcFun: remediating, makeAnalyzeStackRpcFun: judgingStack } = server as unknown as Record<
  "makeRemediateRpcFun" | "makeAnalyzeStackRpcFun",
  (name: string, version: string, level: string, policies: Policies) => Handler
>;
const methods = rpc.AnalyzerService as unknown as Record<"remediate" | "analyze" | "analyzeStack", Method>;

describe("requests that the policy pack leaves unread", () => {
  const before = { remediate: { ...methods.remediate }, analyzeStack: { ...methods.analyzeStack } };
  const create = http2.createServer;
  afterEach(() => {
    http2.createServer = create;
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

  it("are answered once by the SDK, and then at once, as large as they are", async () => {
    const served = async (): Promise<{ asked: number; answers: string[] }> => {
      let asked = 0;
      const server = new grpc.Server();
      server.addService(
        rpc.AnalyzerService as unknown as grpc.ServiceDefinition,
        {
          remediate: (_call: unknown, done: grpc.sendUnaryData<object>) => {
            asked++;
            done(null, new pb.RemediateResponse());
          },
          analyze: (one: grpc.ServerUnaryCall<pb.AnalyzeRequest, object>, done: grpc.sendUnaryData<object>) =>
            done(null, new pb.AnalyzeResponse().setDiagnosticsList([diagnosed(one.request.getUrn())])),
        } as unknown as grpc.UntypedServiceImplementation,
      );
      const client = new grpc.Client(`127.0.0.1:${await listen(server)}`, grpc.credentials.createInsecure());
      try {
        const bytes = await Promise.all([1, 2].map(() => Buffer.alloc(2_000_000, "a")));
        const answers: string[] = [];
        for (const one of [...bytes, ...bytes]) answers.push(await ask(client, "remediate", one.toString()));
        answers.push(...(await Promise.all(bytes.map((one) => ask(client, "remediate", one.toString())))));
        answers.push(await ask(client, "analyze", "other"));
        return { asked, answers };
      } finally {
        client.close();
        server.forceShutdown();
      }
    };
    const control = await served();
    assert.equal(control.asked, 6);
    leaveUnread();
    const { asked, answers } = await served();
    assert.deepEqual(answers, control.answers);
    assert.match(answers.at(-1) ?? "", /about other/, "another call is the server's");
    assert.equal(asked, 1);
  });
});

const diagnosed = (urn: string) => new pb.AnalyzeDiagnostic().setMessage(`about ${urn}`);

/** The answer of a call, as it came. */
async function ask(client: grpc.Client, name: "remediate" | "analyze", urn: string): Promise<string> {
  const { path } = methods[name];
  const request = Buffer.from(new pb.AnalyzeRequest().setUrn(urn).serializeBinary());
  const same = (bytes: Buffer): Buffer => bytes;
  return await new Promise((resolve, reject) => {
    client.makeUnaryRequest(path, same, same, request, (error, answer) =>
      error ? reject(error) : resolve(answer?.toString() ?? ""),
    );
  });
}
