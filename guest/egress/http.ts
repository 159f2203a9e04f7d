import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { Attempt } from "./attempt.ts";
import { UNKNOWN } from "./decision.ts";

/** Reads the destination that a request names, before anything is decided. It is used in the audit log only. */
export function startOf(request: IncomingMessage, via: "http" | "connect"): Attempt {
  const url = parse(via === "connect" ? `http://${request.url}` : (request.url ?? ""));
  const host = url?.hostname || UNKNOWN.host;
  const port = url === undefined ? UNKNOWN.port : Number(url.port) || (url.protocol === "https:" ? 443 : 80);
  if (via === "connect") return { via, host, port };
  return { via, host, port, method: request.method ?? "?", path: url?.pathname ?? "" };
}

/** A request that a proxy cannot pass on. */
export interface WrongRequest {
  readonly status: number;
  readonly reason: string;
}

/** Returns why a proxy cannot pass a plain request on; undefined when it can. */
export function wrongRequest(request: IncomingMessage): WrongRequest | undefined {
  const url = parse(request.url ?? "");
  if (url === undefined) return { status: 400, reason: "a proxy is asked for whole URLs, and this is none" };
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    return { status: 400, reason: "a proxy is asked for URLs of http and https, and this is none" };
  }
  const hosts = hostHeaders(request);
  if (hosts > 1 || (hosts === 0 && request.httpVersion === "1.1")) {
    return { status: 400, reason: "the request must have one Host header" };
  }
  if (expectsTooMuch(request)) return { status: 417, reason: "the only expectation taken is 100-continue" };
  return undefined;
}

/** Counts a request's Host headers. Node joins them. */
export function hostHeaders({ rawHeaders }: IncomingMessage): number {
  return rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === "host").length;
}

/** Returns true when a request has an `Expect` header that no proxy here can fulfil. */
export function expectsTooMuch({ headers }: IncomingMessage): boolean {
  return headers.expect !== undefined && !/^100-continue$/i.test(headers.expect);
}

/** Refuses a request with a reason in the answer, and reads nothing more of it. */
export function answerPlainly(response: ServerResponse, status: number, reason: string): void {
  response.writeHead(status, { "content-type": "text/plain", connection: "close" });
  response.end(`${reason}\n`);
}

/**
 * The bodies, and their statuses, that sandbox-runtime sends when it cannot pass a request on. It never sends an
 * upstream's answer as one text.
 */
const BARE = new Map<unknown, number>([
  ["Bad Gateway", 502],
  ["Internal Server Error", 500],
]);

/**
 * Gives sandbox-runtime's bare answers a reason.
 *
 * @param why called when there is such an answer: gives the reason
 */
export function explainAnswer(response: ServerResponse, why: (status: number) => string): void {
  const end = response.end.bind(response) as (...args: readonly unknown[]) => ServerResponse;
  response.end = (...args: readonly unknown[]) => {
    const status = BARE.get(args[0]);
    return status === response.statusCode ? end(`${why(status)}\n`) : end(...args);
  };
  // An upstream may answer with status 099. Node would then throw in a callback of sandbox-runtime's, where nobody
  // catches it, and the process would end.
  const writeHead = response.writeHead.bind(response) as (...args: readonly unknown[]) => ServerResponse;
  response.writeHead = (...args: readonly unknown[]) => {
    const valid = Number(args[0]) >= 100;
    if (!valid) why(502);
    const written = valid ? writeHead(...args) : writeHead(502);
    // A stream of events may begin with nothing for a long time: its client waits for the headers.
    response.flushHeaders();
    return written;
  };
}

/** Does the same for the answers to CONNECT, which sandbox-runtime writes to the bare socket. */
export function explainTunnel(socket: Duplex, why: (status: number) => string): void {
  flushBeforeClose(socket);
  const end = socket.end.bind(socket) as (...args: readonly unknown[]) => Duplex;
  socket.end = (...args: readonly unknown[]) => {
    const [, head = "", status = ""] =
      (typeof args[0] === "string" && /^(HTTP\/1\.1 (400|500|502) [^\r]*)\r\n\r\n$/.exec(args[0])) || [];
    if (status === "") return end(...args);
    return end(`${head}\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n${why(Number(status))}\n`);
  };
}

/**
 * Lets a connection send what it still has before it is closed. sandbox-runtime closes a client's connection as soon as
 * the host's is closed, when a slow client has not read all of it yet.
 */
export function flushBeforeClose(socket: Duplex): void {
  const destroy = socket.destroy.bind(socket);
  socket.destroy = (error?: Error) => {
    if (error !== undefined || !socket.writableEnded || socket.writableFinished) return destroy(error);
    socket.once("finish", () => destroy());
    return socket;
  };
}

function parse(url: string): URL | undefined {
  return URL.canParse(url) ? new URL(url) : undefined;
}
