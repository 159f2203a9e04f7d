import { request as httpRequest, type IncomingMessage, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { stripHopByHop } from "@anthropic-ai/sandbox-runtime/dist/sandbox/parent-proxy.js";
import { flushBeforeClose } from "./http.ts";

/** Maximum that a client sends before the host has agreed, in bytes. */
const MOST_EARLY = 64 * 1024;

/** Returns true when a request asks for a WebSocket, and carries nothing else. */
export function asksForWebSocket({ method, headers }: IncomingMessage): boolean {
  const hasBody = headers["content-length"] !== undefined || headers["transfer-encoding"] !== undefined;
  return method === "GET" && !hasBody && /^websocket$/i.test(headers.upgrade ?? "");
}

/** Returns a request's head without its wish for another protocol. The answer to it is then one of HTTP. */
export function withoutUpgrade({ method, url, httpVersion, rawHeaders }: IncomingMessage): Buffer {
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const [name = "", value = ""] = rawHeaders.slice(at, at + 2);
    if (/^connection$/i.test(name)) {
      const left = value.split(",").filter((one) => !WISHES.test(one.trim()));
      if (left.length > 0) lines.push(`${name}: ${left.join(",").trim()}`);
    } else if (!WISHES.test(name)) lines.push(`${name}: ${value}`);
  }
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
}

const WISHES = /^(upgrade|http2-settings)$/i;

/**
 * Passes a client's wish for a WebSocket on, over a connection that has been made, and joins both sides when the host
 * agrees. Otherwise the host's answer is passed back, and the connection ends with it.
 *
 * @param authority the host as it was judged: it is the `Host` of the request
 * @param failed called when the host gives no answer of HTTP: ends the client's connection
 */
export function passUpgrade(
  client: { readonly request: IncomingMessage; readonly socket: Duplex; readonly head: Buffer },
  host: { readonly connection: Socket; readonly authority: string; readonly path: string },
  failed: () => void,
): void {
  const { request, socket, head } = client;
  flushBeforeClose(socket);
  const outgoing = httpRequest({
    createConnection: () => host.connection,
    method: "GET",
    path: host.path,
    headers: {
      ...stripHopByHop(request.headers),
      host: host.authority,
      connection: "Upgrade",
      upgrade: "websocket",
    },
  });
  socket.on("error", () => socket.destroy());
  socket.once("close", () => outgoing.destroy());
  // Nothing tells that a client has gone while its connection is not read.
  const early = [head];
  const onData = (chunk: Buffer) => {
    early.push(chunk);
    if (early.reduce((sum, { length }) => sum + length, 0) > MOST_EARLY) socket.destroy();
  };
  const onEnd = () => socket.destroy();
  socket.on("data", onData).once("end", onEnd);
  let answered = false;
  const answers = () => {
    answered = true;
    socket.off("data", onData).off("end", onEnd);
  };
  outgoing.on("error", () => {
    if (answered) socket.destroy();
    // A client that has gone is told nothing, and nothing has failed.
    else if (!socket.destroyed) failed();
  });
  outgoing.once("response", (answer) => {
    const { statusCode: status = 0, rawHeaders } = answer;
    if (status < 200) return void outgoing.destroy(new Error("no status of HTTP"));
    answers();
    socket.resume();
    // The length may have been told in chunks, which have been put together.
    const left = /^(connection|keep-alive|transfer-encoding|upgrade|trailer|proxy-.*)$/i;
    socket.write(answerHead(status, rawHeaders, (name) => !left.test(name), ["Connection: close"]));
    answer.once("error", () => socket.destroy());
    answer.pipe(socket);
  });
  outgoing.once("upgrade", (answer, upstream, first) => {
    answers();
    socket.write(answerHead(101, answer.rawHeaders, () => true));
    socket.write(first);
    upstream.write(Buffer.concat(early));
    upstream.on("error", () => socket.destroy());
    upstream.once("close", () => socket.destroy());
    socket.once("close", () => upstream.destroy());
    upstream.pipe(socket);
    socket.pipe(upstream);
  });
  outgoing.end();
}

function answerHead(
  status: number,
  rawHeaders: readonly string[],
  keeps: (name: string) => boolean,
  more: readonly string[] = [],
): Buffer {
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}`];
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const [name = "", value = ""] = rawHeaders.slice(at, at + 2);
    if (keeps(name)) lines.push(`${name}: ${value}`);
  }
  return Buffer.from(`${[...lines, ...more].join("\r\n")}\r\n\r\n`, "latin1");
}
