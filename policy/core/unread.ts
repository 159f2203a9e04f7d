import type { Policies, StackValidation, StackValidationArgs } from "@pulumi/policy";
import * as rpc from "@pulumi/pulumi/proto/analyzer_grpc_pb.js";
import * as pb from "@pulumi/pulumi/proto/analyzer_pb.js";
import { Struct } from "google-protobuf/google/protobuf/struct_pb.js";
import { answerAtOnce } from "./at-once.ts";

interface Method {
  readonly path: string;
  requestDeserialize: (bytes: Buffer) => object;
  responseSerialize: (response: object) => Buffer;
}

/** A request without a resource: the same one for all calls, since nobody changes it. */
function nothing(): pb.AnalyzeRequest {
  return new pb.AnalyzeRequest().setProperties(new Struct()).setOptions(new pb.AnalyzerResourceOptions());
}

/**
 * Lets the pack's server leave requests unread of which no policy uses anything. The engine asks twice for each resource, one
 * after another, and waits: to change it (`Remediate`), which no policy here does, and to judge it. At the end it sends all of
 * them once more (`AnalyzeStack`), though rules about the stack look at what was judged. Reading a request takes longer than
 * judging it.
 *
 * To be called before the server is made.
 */
export function leaveUnread(): void {
  const { remediate, analyzeStack } = rpc.AnalyzerService as unknown as { remediate: Method; analyzeStack: Method };
  const request = nothing();
  remediate.requestDeserialize = () => request;
  // Of the same request the answer is the same: no policy changes resources.
  const write = remediate.responseSerialize;
  let answer: Buffer | undefined;
  remediate.responseSerialize = (response) => {
    answer ??= write(response);
    return answer;
  };
  answerAtOnce(remediate.path, () => answer);
  const stack = new pb.AnalyzeStackRequest();
  analyzeStack.requestDeserialize = () => stack;
}

/**
 * Holds policies to what {@link leaveUnread} leaves: of one that changes resources nothing would be asked, and a stack's resources
 * are none here.
 *
 * @returns the policies; one about the stack that looks at `args.resources` throws
 * @throws Error when a policy changes resources
 */
export function judgingOnly(policies: Policies): Policies {
  return policies.map((policy) => {
    if ("remediateResource" in policy || policy.enforcementLevel === "remediate")
      throw new Error(
        `${policy.name}: a policy of this pack judges, and changes nothing: the engine's requests for it are not read. Take out leaveUnread first`,
      );
    if (!("validateStack" in policy)) return policy;
    const judge = policy.validateStack;
    const validateStack: StackValidation = (args, report) => judge(withoutResources(args, policy.name), report);
    return { ...policy, validateStack };
  });
}

function withoutResources(args: StackValidationArgs, name: string): StackValidationArgs {
  return Object.defineProperty({ ...args }, "resources", {
    get: () => {
      throw new Error(`${name}: the stack's resources are not read here. Take those that were judged`);
    },
  });
}
