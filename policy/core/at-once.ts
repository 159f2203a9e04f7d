import http2, { type Http2Server, type ServerHttp2Stream } from "node:http2";

/**
 * Has servers of this process that are made later answer a gRPC call on its HTTP/2 stream, without gRPC's own layers: they take
 * most of the time of a call whose answer is always the same.
 *
 * @param path of the call, such as `/pulumirpc.Analyzer/Remediate`
 * @param answer the message that is sent; undefined as long as there is none, and the server has to answer
 */
export function answerAtOnce(path: string, answer: () => Buffer | undefined): void {
  const create = http2.createServer;
  http2.createServer = ((...args: Parameters<typeof create>): Http2Server => {
    const server = create(...args);
    const on = server.on.bind(server) as (event: string, listener: (...args: unknown[]) => void) => Http2Server;
    server.on = ((event: string, listener: (...args: unknown[]) => void) => {
      if (event !== "stream") return on(event, listener);
      return on(event, (...[stream, headers, ...more]: unknown[]) => {
        const message = (headers as Record<string, unknown>)[":path"] === path ? answer() : undefined;
        if (message) reply(stream as ServerHttp2Stream, message);
        else listener.call(server, stream, headers, ...more);
      });
    }) as typeof server.on;
    return server;
  }) as typeof create;
}

function reply(stream: ServerHttp2Stream, message: Buffer): void {
  // gRPC's frame: not compressed, and the length.
  const frame = Buffer.alloc(5 + message.length);
  frame.writeUInt32BE(message.length, 1);
  message.copy(frame, 5);
  // A caller that is gone needs no answer.
  stream.on("error", () => {});
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
  // The request is taken first: a caller may send all of it before it reads.
  stream.on("end", () => {
    if (stream.closed || stream.destroyed) return;
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
    stream.end(frame);
  });
  stream.resume();
}
