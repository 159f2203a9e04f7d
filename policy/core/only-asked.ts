import * as rpc from "@pulumi/pulumi/proto/analyzer_grpc_pb.js";
import type * as pb from "@pulumi/pulumi/proto/analyzer_pb.js";

interface Method {
  requestDeserialize: (bytes: Buffer) => pb.AnalyzeRequest;
  responseSerialize: (response: object) => Buffer;
}

/**
 * Knows the type of the resource that is judged, as long as the engine asks for one after another, as it does. A rule about
 * some types can be left out by it before the SDK prepares what the rule would look at. When two are judged at once, or one of
 * them fails, nothing is known any more, and each rule looks for itself.
 *
 * To be made before the server is.
 */
export class OnlyAsked {
  #type: string | undefined;
  #open = 0;
  #isKnown = true;

  /** @param heard gets each request, before any rule is asked */
  constructor(heard: (request: pb.AnalyzeRequest) => void = () => {}) {
    const { analyze } = rpc.AnalyzerService as unknown as { analyze: Method };
    const [read, write] = [analyze.requestDeserialize, analyze.responseSerialize];
    analyze.requestDeserialize = (bytes) => {
      const request = read(bytes);
      this.#open++;
      if (this.#open > 1) this.#isKnown = false;
      this.#type = request.getType();
      heard(request);
      return request;
    };
    analyze.responseSerialize = (response) => {
      this.#open--;
      return write(response);
    };
  }

  /** The type of the one resource that is judged now; undefined when that is not known. */
  get type(): string | undefined {
    return this.#isKnown && this.#open === 1 ? this.#type : undefined;
  }
}
