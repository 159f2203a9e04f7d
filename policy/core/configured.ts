import * as rpc from "@pulumi/pulumi/proto/analyzer_grpc_pb.js";
import type * as pb from "@pulumi/pulumi/proto/analyzer_pb.js";

interface Method {
  requestDeserialize: (bytes: Buffer) => pb.AnalyzerStackConfigureRequest;
}

/**
 * Has the pack told for which stack it judges, by the engine's call (`ConfigureStack`), before it is asked for anything else.
 * Hosts put the same into the pack's environment, for which they must wait before they start it.
 *
 * To be called before the server is made.
 *
 * @param take gets the stack's name, its configuration by key, and the name of its project
 */
export function whenConfigured(
  take: (stack: string, config: Readonly<Record<string, string>>, project: string) => void,
): void {
  const { configureStack } = rpc.AnalyzerService as unknown as { configureStack: Method };
  const read = configureStack.requestDeserialize;
  configureStack.requestDeserialize = (bytes) => {
    const request = read(bytes);
    take(request.getStack(), Object.fromEntries(request.getConfigMap().toArray()), request.getProject());
    return request;
  };
}
