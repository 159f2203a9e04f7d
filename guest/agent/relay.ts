import { randomBytes, timingSafeEqual } from "node:crypto";
import {
  type ClientRequest,
  createServer,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type RequestOptions,
  type ServerResponse,
} from "node:http";
import { request as httpsRequest } from "node:https";
import {
  describeRequest,
  MAX_BODY_BYTES,
  MODEL_HOST,
  refuseBody,
  refuseTarget,
  stripServerSideBetas,
} from "./relay-rules.ts";

export { MODEL_HOST } from "./relay-rules.ts";

import { listenPrivately } from "./unix-server.ts";

/** Where requests go once the session's token was exchanged for the key. */
export interface Upstream {
  /** Origin, such as `https://api.anthropic.com`. */
  readonly origin: string;
  /** UNIX socket to dial instead of the origin's host: the scripted demo model. */
  readonly socketPath?: string;
}

/** The real API. */
export const ANTHROPIC_API: Upstream = { origin: "https://api.anthropic.com" };

/** One request seen by the relay: never with a key, a token or a body in it. */
export interface RelayEvent {
  readonly method: string;
  readonly path: string;
  /** Status sent back into the session. */
  readonly status: number;
  /** Why it was refused or failed; absent when it was passed on and answered. */
  readonly reason?: string;
  /** Model named in the request. */
  readonly model?: string;
  /** Names of the tools the request offers to the model, in its order. */
  readonly tools?: readonly string[];
  readonly durationMs: number;
}

export interface RelayOptions {
  /** UNIX socket to listen on. Only its owner may connect (mode 0600). */
  readonly socketPath: string;
  /** The session's token: all it is good for is this relay, while it runs. */
  readonly token: string;
  /** The real key, asked for with every request. Without it they go on with no key at all: right for the demo model only. */
  readonly key?: () => Promise<string>;
  readonly upstream: Upstream;
  readonly onEvent?: (event: RelayEvent) => void;
  /** Called when the API answers a request with the real key by 401. */
  readonly onKeyRefused?: () => void;
}

export interface Relay {
  readonly socketPath: string;
  /** Ends every connection and removes the socket. */
  close(): Promise<void>;
}

/** Makes a session's token: 128 random bits behind a prefix that says what it is worth. */
export function makeToken(): string {
  return `cloister-session-${randomBytes(16).toString("hex")}`;
}

/**
 * Starts the relay of one session. The session's proxy hands it every request for {@link MODEL_HOST}, in absolute form
 * (`POST http://model.cloister.internal/v1/messages`). It accepts the session's token and nothing else, replaces it by
 * the key, and streams the answer back as it comes. What would let the API fetch, store or run things on the caller's
 * behalf is refused (see relay-rules.ts): an allowed host is a capability, not a mere destination.
 */
export async function startRelay(options: RelayOptions): Promise<Relay> {
  const server = createServer({ requestTimeout: 60_000 }, (request, response) => {
    void relay(request, response, options);
  });
  server.on("connect", (_request, socket) => {
    socket.end(
      "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nx-deny-reason: model_relay_takes_plain_http_only\r\n\r\n",
    );
  });
  // Answers of a model may take minutes before and between two events.
  server.keepAliveTimeout = 5_000;
  return { socketPath: options.socketPath, close: await listenPrivately(server, options.socketPath) };
}

async function relay(request: IncomingMessage, response: ServerResponse, options: RelayOptions): Promise<void> {
  const started = performance.now();
  const method = request.method ?? "GET";
  const target = parseTarget(request);
  const path = target?.pathname ?? "(not a URL)";
  let seen: { model?: string; tools?: readonly string[] } = {};
  const note = (status: number, reason?: string) =>
    options.onEvent?.({
      method,
      path,
      status,
      ...(reason === undefined ? {} : { reason }),
      ...seen,
      durationMs: Math.round(performance.now() - started),
    });
  const refuse = (status: number, type: string, reason: string) => {
    // Read nothing more of what was sent: the connection is closed with the answer.
    response.shouldKeepAlive = false;
    sendError(response, status, type, reason);
    note(status, reason);
  };
  try {
    const wrongTarget = refuseTarget(method, target);
    if (wrongTarget) return refuse(wrongTarget.status, wrongTarget.type, wrongTarget.reason);
    if (target?.pathname === "/") {
      // Claude Code looks whether its API answers (HEAD /, without any key). Nothing needs to be forwarded for that.
      response.writeHead(200, { "content-length": "0" }).end();
      return note(200);
    }
    const wrongKey = refuseKey(request.headers, options.token);
    if (wrongKey) return refuse(wrongKey.status, wrongKey.type, wrongKey.reason);
    if (request.headers["content-encoding"]) {
      return refuse(415, "invalid_request_error", "cloister's model relay takes no compressed request bodies");
    }
    const body = await readBody(request);
    if (body === undefined) {
      return refuse(413, "request_too_large", `the request is larger than ${MAX_BODY_BYTES} bytes`);
    }
    const parsed = parseJson(body);
    if (parsed === undefined) return refuse(400, "invalid_request_error", "the request's body is not a JSON object");
    seen = describeRequest(parsed);
    const wrongBody = refuseBody(parsed);
    if (wrongBody) return refuse(wrongBody.status, wrongBody.type, wrongBody.reason);
    const key = await options.key?.();
    const status = await forward(request, response, target as URL, body, options.upstream, key);
    if (status === 401 && key !== undefined) options.onKeyRefused?.();
    note(status);
  } catch (error) {
    const reason = `the model's API cannot be reached: ${errorCode(error)}`;
    if (!response.headersSent) sendError(response, 502, "api_error", reason);
    else response.destroy();
    note(502, reason);
  }
}

/** Sends the request on, and its answer back; resolves with the status when the answer was sent whole. */
function forward(
  request: IncomingMessage,
  response: ServerResponse,
  target: URL,
  body: Buffer,
  upstream: Upstream,
  key: string | undefined,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const url = new URL(target.pathname + target.search, upstream.origin);
    const headers = forwardedHeaders(request.headers);
    headers["host"] = url.host;
    headers["content-length"] = body.length;
    if (key !== undefined) headers["x-api-key"] = key;
    const send: (options: RequestOptions) => ClientRequest = url.protocol === "https:" ? httpsRequest : httpRequest;
    const outgoing = send({
      ...(upstream.socketPath === undefined
        ? { host: url.hostname, port: url.port || undefined }
        : { socketPath: upstream.socketPath }),
      path: url.pathname + url.search,
      method: request.method,
      headers,
    });
    response.once("close", () => outgoing.destroy());
    outgoing.setTimeout(600_000, () => outgoing.destroy(new Error("no answer for 10 minutes")));
    outgoing.once("error", reject);
    outgoing.once("response", (answer) => {
      answer.once("error", reject);
      const status = answer.statusCode ?? 502;
      response.writeHead(status, returnedHeaders(answer.headers));
      // An event stream's first bytes must not wait for its first event.
      response.flushHeaders();
      answer.pipe(response);
      answer.once("end", () => resolve(status));
    });
    outgoing.end(body);
  });
}

function parseTarget(request: IncomingMessage): URL | undefined {
  const raw = request.url ?? "";
  try {
    return new URL(raw.startsWith("/") ? `http://${request.headers.host ?? MODEL_HOST}${raw}` : raw);
  } catch {
    return undefined;
  }
}

/** Every key in the request must be the session's token: one that is not may be somebody else's, carrying data out. */
function refuseKey(headers: IncomingHttpHeaders, token: string) {
  const given: string[] = [];
  const apiKey = headers["x-api-key"];
  if (apiKey !== undefined) given.push(...[apiKey].flat());
  if (headers.authorization !== undefined) given.push(headers.authorization.replace(/^Bearer +/i, ""));
  if (given.length === 0) {
    return { status: 401, type: "authentication_error", reason: "the request carries no key: use the session's token" };
  }
  if (given.every((key) => sameSecret(key, token))) return undefined;
  return {
    status: 403,
    type: "permission_error",
    reason: "the request carries a key that is not this session's token: other keys may not be used from a session",
  };
}

function sameSecret(a: string, b: string): boolean {
  const [x, y] = [Buffer.from(a), Buffer.from(b)];
  return x.length === y.length && timingSafeEqual(x, y);
}

/** What a request may carry on: what the API reads, nothing that names a key, a cookie or another place. */
function forwardedHeaders(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  const kept: OutgoingHttpHeaders = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined) continue;
    if (/^(accept|accept-encoding|content-type|user-agent|x-app|anthropic-version|x-stainless-.*)$/.test(name)) {
      kept[name] = value;
    }
    if (name === "anthropic-beta") {
      const betas = stripServerSideBetas([value].flat().join(","));
      if (betas) kept[name] = betas;
    }
  }
  return kept;
}

const NOT_RETURNED = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "set-cookie",
]);

function returnedHeaders(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !NOT_RETURNED.has(name)));
}

async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function parseJson(body: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body.toString("utf8"));
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/** In the shape of the API's own errors, so that the agent shows the reason instead of guessing. */
function sendError(response: ServerResponse, status: number, type: string, message: string): void {
  const body = JSON.stringify({ type: "error", error: { type, message: `cloister: ${message}` } });
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
    "x-should-retry": status === 502 ? "true" : "false",
  });
  response.end(body);
}

/** An error's code, or its message where it has none: what Node says of sockets and TLS holds no header and no key. */
function errorCode(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code ?? message;
}
