import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import * as grpc from "@grpc/grpc-js";
import * as rpc from "@pulumi/pulumi/proto/analyzer_grpc_pb.js";
import * as pb from "@pulumi/pulumi/proto/analyzer_pb.js";
import { listen, messageLimits } from "../../lib/grpc-serve.ts";

export type Method = grpc.MethodDefinition<object, object>;

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
 * it in the environment of their process: so the proxy answers the engine's first calls itself, and lets the pack be
 * started with what it learnt. Calls that have come by then are handed on. Then the engine's connection is closed in gRPC's orderly way
 * (GOAWAY), upon which the engine connects anew, at the same port; that connection is the pack's, byte by byte: a call that is read and
 * written again takes twice as long, and a preview makes two for each resource, one after another.
 */
export class PolicyProxy {
  /** The stack's configuration; undefined when the engine asks for something else first (`pulumi policy publish`). */
  readonly configuration: Promise<pb.AnalyzerStackConfigureRequest | undefined>;
  #configure: (request: pb.AnalyzerStackConfigureRequest | undefined) => void = () => {};
  #attached: (client: grpc.Client) => void = () => {};
  #failed: (error: Error) => void = () => {};
  readonly #client: Promise<grpc.Client>;
  readonly #server = new grpc.Server(messageLimits);
  /** What the engine connects to: at first {@link #server}, then the pack. */
  readonly #front = createServer((engine) => this.#join(engine));
  readonly #sockets = new Set<Socket>();
  #port = 0;

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
    this.#port = await listen(this.#server);
    return await new Promise((resolve, reject) => {
      this.#front.once("error", reject);
      this.#front.listen(0, "127.0.0.1", () => resolve((this.#front.address() as AddressInfo).port));
    });
  }

  #join(engine: Socket): void {
    const other = connect(this.#port, "127.0.0.1");
    for (const [socket, peer] of [
      [engine, other],
      [other, engine],
    ] as const) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      // An end is told by the pipe; a broken connection is broken on both sides.
      socket.on("error", () => peer.destroy());
      socket.on("close", () => {
        this.#sockets.delete(socket);
        peer.end();
      });
      socket.pipe(peer);
    }
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
    this.#port = port;
    this.#attached(client);
    // The call that waits, if one does, is answered first.
    this.#server.tryShutdown(() => client.close());
  }

  /** The pack did not come up: all calls that wait and all later ones fail with this. */
  fail(error: Error): void {
    this.#failed(new Error(`policy pack not started: ${error.message}`));
  }

  close(): void {
    this.#front.close();
    for (const socket of this.#sockets) socket.destroy();
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

/** Calls a method once. */
export function call(client: grpc.Client, method: Method, request: object): Promise<object> {
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
