import {
  type ClientRequest,
  request as httpRequest,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type RequestOptions,
  type ServerResponse,
} from "node:http";
import { request as httpsRequest } from "node:https";

/** The destination of requests, after the key has replaced the session's token. */
export interface Upstream {
  /** Origin, such as `https://api.anthropic.com`. */
  readonly origin: string;
  /** UNIX socket to dial instead of the origin's host: the scripted demo model. */
  readonly socketPath?: string;
}

/** The real API. */
export const ANTHROPIC_API: Upstream = { origin: "https://api.anthropic.com" };

/** A request as it is sent on. All of it is made anew: nothing is copied as the session wrote it. */
export interface Forwarded {
  /** Path and query. */
  readonly path: string;
  readonly headers: OutgoingHttpHeaders;
  readonly body: string;
}

/** Sends a request on, and its answer back; resolves with the status when the answer was sent whole. */
export function forward(response: ServerResponse, sent: Forwarded, upstream: Upstream): Promise<number> {
  return new Promise((resolve, reject) => {
    const url = new URL(sent.path, upstream.origin);
    const send: (options: RequestOptions) => ClientRequest = url.protocol === "https:" ? httpsRequest : httpRequest;
    const outgoing = send({
      ...(upstream.socketPath === undefined
        ? { host: url.hostname, port: url.port || undefined }
        : { socketPath: upstream.socketPath }),
      path: url.pathname + url.search,
      method: "POST",
      headers: { ...sent.headers, host: url.host, "content-length": Buffer.byteLength(sent.body) },
    });
    response.once("close", () => outgoing.destroy());
    outgoing.setTimeout(600_000, () => outgoing.destroy(new Error("no answer for 10 minutes")));
    outgoing.once("error", reject);
    outgoing.once("response", (answer) => {
      answer.once("error", reject);
      const status = answer.statusCode ?? 502;
      // Node refuses to send such a status on: it would throw an error that nobody catches here.
      if (status < 200 || status > 599) return void outgoing.destroy(new Error("no HTTP status"));
      response.writeHead(status, returnedHeaders(answer.headers));
      // An event stream's first bytes must not wait for its first event.
      response.flushHeaders();
      answer.pipe(response);
      answer.once("end", () => resolve(status));
    });
    outgoing.end(sent.body);
  });
}

/**
 * The headers of an answer that an agent reads. All others are left out: they can name the operator's account, another
 * place, or what was sent.
 */
const RETURNED =
  /^(?:cache-control|content-encoding|content-length|content-type|date|request-id|retry-after|retry-after-ms|vary|x-should-retry|anthropic-ratelimit-.+|anthropic-priority-.+)$/;

function returnedHeaders(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => RETURNED.test(name)));
}
