import * as grpc from "@grpc/grpc-js";
import * as rpc from "@pulumi/pulumi/proto/analyzer_grpc_pb.js";
import * as pb from "@pulumi/pulumi/proto/analyzer_pb.js";
import { listen, messageLimits } from "../../lib/grpc-serve.ts";

type Method = grpc.MethodDefinition<object, object>;

/** Calls that the proxy answers itself. */
const OWN = ["handshake", "configureStack"];

/** A method whose messages are handed on as they came: reading and writing them again costs a third of each call. */
function raw(method: Method): Method {
  const asItIs = (message: object): Buffer => message as Buffer;
  return {
    ...method,
    requestSerialize: asItIs,
    requestDeserialize: asItIs,
    responseSerialize: asItIs,
    responseDeserialize: asItIs,
  };
}

/**
 * Stands between the engine and a policy pack. The engine tells the stack's configuration by a call, policy packs want
 * it in the environment of their process: so the proxy answers the engine's first calls itself, lets the pack be
 * started with what it learnt, and from then on hands every call on.
 */
export class PolicyProxy {
  /** The stack's configuration; undefined when the engine asks for something else first (`pulumi policy publish`). */
  readonly configuration: Promise<pb.AnalyzerStackConfigureRequest | undefined>;
  #configure: (request: pb.AnalyzerStackConfigureRequest | undefined) => void = () => {};
  #attached: (client: grpc.Client) => void = () => {};
  #failed: (error: Error) => void = () => {};
  readonly #client: Promise<grpc.Client>;
  readonly #server = new grpc.Server(messageLimits);

  constructor() {
    this.configuration = new Promise((resolve) => {
      this.#configure = resolve;
    });
    this.#client = new Promise((resolve, reject) => {
      this.#attached = resolve;
      this.#failed = reject;
    });
    // A waiting caller sees the failure. Without one, it must not end this process.
    this.#client.catch(() => {});
  }

  /** Serves the engine; resolves with the port. */
  async listen(): Promise<number> {
    const service = rpc.AnalyzerService as unknown as Record<string, Method>;
    const handlers = Object.fromEntries(Object.entries(service).map(([name, method]) => [name, this.#forward(method)]));
    const handedOn = Object.entries(service).map(([name, method]) => [name, OWN.includes(name) ? method : raw(method)]);
    this.#server.addService(Object.fromEntries(handedOn) as grpc.ServiceDefinition, {
      ...handlers,
      handshake: (_call: unknown, done: grpc.sendUnaryData<object>) => done(null, new pb.AnalyzerHandshakeResponse()),
      configureStack: (
        call: grpc.ServerUnaryCall<pb.AnalyzerStackConfigureRequest, object>,
        done: grpc.sendUnaryData<object>,
      ) => {
        this.#configure(call.request);
        done(null, new pb.AnalyzerStackConfigureResponse());
      },
    });
    return await listen(this.#server);
  }

  /** The pack serves on this port: it is told the configuration, and gets the calls that waited. */
  async attach(port: number): Promise<void> {
    const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), messageLimits);
    const configuration = await this.configuration;
    if (configuration) {
      const configureStack = (rpc.AnalyzerService as unknown as Record<string, Method>)["configureStack"] as Method;
      // Packs of older SDKs do not know the call; they have the environment.
      await call(client, configureStack, configuration).catch((error: grpc.ServiceError) => {
        if (error.code === grpc.status.UNIMPLEMENTED) return;
        this.fail(error);
        throw error;
      });
    }
    this.#attached(client);
  }

  /** The pack did not come up: all calls that wait and all later ones fail with this. */
  fail(error: Error): void {
    this.#failed(new Error(`policy pack not started: ${error.message}`));
  }

  close(): void {
    this.#server.forceShutdown();
  }

  #forward(method: Method): grpc.handleUnaryCall<object, object> {
    return ({ request }, done) => {
      this.#configure(undefined);
      this.#client
        .then((client) => call(client, raw(method), request))
        .then(
          (response) => done(null, response),
          ({ code = grpc.status.UNKNOWN, details, message }: grpc.ServiceError) =>
            done({ code, details: details ?? message }),
        );
    };
  }
}

function call(client: grpc.Client, method: Method, request: object): Promise<object> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
      (error, response) => (error ? reject(error) : resolve(response as object)),
    );
  });
}
