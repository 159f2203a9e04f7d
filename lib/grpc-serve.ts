import { parseArgs } from "node:util";
import * as grpc from "@grpc/grpc-js";

/** The engine's own limit on the size of one message (rpcutil, 400 MB). */
const maxMessageBytes = 400 * 1024 * 1024;

/** Options of every server and client here. */
export const messageLimits = {
  "grpc.max_receive_message_length": maxMessageBytes,
  "grpc.max_send_message_length": maxMessageBytes,
};

/** Starts a server on a free port of the loopback interface; resolves with the port. */
export function listen(server: grpc.Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) =>
      error ? reject(error) : resolve(port),
    );
  });
}

/** The engine passes a plugin its own address for logging, after flags of which `--tracing` has a value. */
export function engineAddressOf(argv: readonly string[]): string {
  const { positionals } = parseArgs({
    args: [...argv],
    options: { tracing: { type: "string" }, runtime: { type: "string" } },
    strict: false,
    allowPositionals: true,
  });
  return positionals[0] ?? "";
}

/**
 * Serves one gRPC service as Pulumi plugins do: on a free port of the loopback interface, whose number is the first
 * line on stdout. `stop` is called once when the engine ends the plugin (SIGINT, SIGTERM) or is gone (its process died
 * without saying so); then the process exits.
 */
export function serve<Service extends grpc.UntypedServiceImplementation>(
  definition: grpc.ServiceDefinition<Service>,
  service: Service,
  stop: () => void,
): void {
  const server = new grpc.Server(messageLimits);
  server.addService(definition, service);
  listen(server).then((port) => process.stdout.write(`${port}\n`));
  const end = (): void => {
    stop();
    process.exit(0);
  };
  process.on("SIGINT", end);
  process.on("SIGTERM", end);
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) end();
  }, 500).unref();
}

/** A handler of a call that is not served: an error that says so. */
export function notSupported(who: string, what: string): grpc.handleUnaryCall<unknown, never> {
  return (_call, done) =>
    done({
      code: grpc.status.UNIMPLEMENTED,
      details: `${what} is not supported by cloister's stand-in for ${who}: install the official Pulumi release`,
    });
}

/** An error with details that gRPC carries beside its message. */
export class ErrorWithDetails extends Error {
  readonly metadata: grpc.Metadata;

  constructor(message: string, metadata: grpc.Metadata) {
    super(message);
    this.metadata = metadata;
  }
}

/** Turns an async function into a handler; what it throws becomes the call's error, its message unchanged. */
export function unary<Request, Response>(
  action: (request: Request) => Response | Promise<Response>,
): grpc.handleUnaryCall<Request, Response> {
  return (call, done) => {
    Promise.resolve()
      .then(() => action(call.request))
      .then(
        (response) => done(null, response),
        (error: unknown) =>
          done({
            code: grpc.status.UNKNOWN,
            details: error instanceof Error ? error.message : String(error),
            ...(error instanceof ErrorWithDetails ? { metadata: error.metadata } : {}),
          }),
      );
  };
}
