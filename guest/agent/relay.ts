import { randomBytes, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { Refused } from "./relay-check.ts";
import { forward, type Upstream } from "./relay-forward.ts";
import { forwardedHeaders, refuseFraming, sortBetas } from "./relay-headers.ts";
import { lookUpName } from "./relay-names.ts";
import { asksForLife, describeRequest, MAX_BODY_BYTES, MODEL_HOST, refuseTarget, remakeBody } from "./relay-rules.ts";
import { listenPrivately } from "./unix-server.ts";

export { ANTHROPIC_API, type Upstream } from "./relay-forward.ts";
export { MODEL_HOST } from "./relay-rules.ts";

/** One decision of the relay, as it goes to the audit log. It contains no header, query, body or key. */
export interface RelayDecision {
  readonly method: string;
  readonly path: string;
  /** `failed`: allowed, but the API could not be reached. */
  readonly verdict: "allowed" | "denied" | "failed";
  readonly reason: string;
}

/** One request seen by the relay, after its end. It never contains a key, a token or a body. */
export interface RelayEvent {
  readonly method: string;
  readonly path: string;
  /** Status sent back into the session. */
  readonly status: number;
  /** The reason why it was refused or failed. Absent when it was passed on and answered. */
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
  /** The session's token. It is valid for this relay only, while the relay runs. */
  readonly token: string;
  /**
   * Returns the real key; called for every request. Without it, requests are sent on without a key, which is right for
   * the demo model only.
   */
  readonly key?: () => Promise<string>;
  readonly upstream: Upstream;
  readonly onDecision?: (decision: RelayDecision) => void;
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
 * (`POST http://model.cloister.internal/v1/messages`). It accepts the session's token and nothing else, makes the
 * request anew from what it knows (see relay-names.ts), adds the key, and streams the answer back as it comes. It
 * refuses requests that would let the API fetch, store or run things on the caller's behalf: an allowed host is a
 * capability, not a mere destination.
 */
export async function startRelay(options: RelayOptions): Promise<Relay> {
  const bodies: Bodies = { held: 0 };
  // Connections with a request that is being read or answered: an error of such a request is reported once only.
  const busy = new WeakSet<Duplex>();
  // Otherwise the server would itself answer a request without a Host header, and nothing would be reported.
  const server = createServer({ requestTimeout: 60_000, requireHostHeader: false }, (request, response) => {
    const { socket } = request;
    busy.add(socket);
    void relay(request, response, options, bodies).finally(() => busy.delete(socket));
  });
  const malformed = (method: string, reason: string) => {
    options.onDecision?.({ method, path: "?", verdict: "denied", reason });
    options.onEvent?.({ method, path: "?", status: 400, reason, durationMs: 0 });
  };
  server.on("connect", (_request, socket) => {
    malformed("CONNECT", "the model's relay takes plain HTTP only");
    socket.on("error", () => socket.destroy());
    socket.end(
      "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nx-deny-reason: model_relay_takes_plain_http_only\r\n\r\n",
    );
  });
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    socket.on("error", () => socket.destroy());
    if (error.code === "ECONNRESET" || !socket.writable) return void socket.destroy();
    if (!busy.has(socket)) malformed("?", `malformed HTTP (${error.code})`);
    socket.end("HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n", () => socket.destroy());
  });
  // Answers of a model may take minutes before and between two events.
  server.keepAliveTimeout = 5_000;
  return { socketPath: options.socketPath, close: await listenPrivately(server, options.socketPath) };
}

/** The bodies that are in memory, of all requests. */
interface Bodies {
  /** Bytes that are taken for them: while one is read, this is up to twice what has come of it. */
  held: number;
}

/**
 * The most bytes of all bodies at a time. A body is there several times over while it is read, checked and sent. The
 * supervisor's memory is not the session's, so a session must not fill it.
 */
const MOST_HELD = 3 * MAX_BODY_BYTES;

async function relay(
  request: IncomingMessage,
  response: ServerResponse,
  options: RelayOptions,
  bodies: Bodies,
): Promise<void> {
  let size = 0;
  const hold = (bytes: number) => {
    size += bytes;
    bodies.held += bytes;
    // Giving back is never refused.
    if (bytes <= 0 || bodies.held <= MOST_HELD) return;
    const reason = `requests of this session have more than ${MOST_HELD} bytes together: send them one after the other`;
    throw new Refused({ status: 429, type: "rate_limit_error", reason });
  };
  try {
    await pass(request, response, options, hold);
  } finally {
    bodies.held -= size;
  }
}

async function pass(
  request: IncomingMessage,
  response: ServerResponse,
  options: RelayOptions,
  hold: (bytes: number) => void,
): Promise<void> {
  const started = performance.now();
  const method = request.method ?? "GET";
  const target = parseTarget(request);
  const path = target?.pathname ?? "(not a URL)";
  let seen: { model?: string; tools?: readonly string[] } = {};
  const decide = (verdict: RelayDecision["verdict"], reason: string) =>
    options.onDecision?.({ method, path, verdict, reason });
  const note = (status: number, reason?: string) =>
    options.onEvent?.({
      method,
      path,
      status,
      ...(reason === undefined ? {} : { reason }),
      ...seen,
      durationMs: Math.round(performance.now() - started),
    });
  try {
    refuseTarget(method, target);
    if (asksForLife(method, target)) {
      decide("allowed", "answered by the relay itself");
      response.writeHead(200, { "content-length": "0" }).end();
      return note(200);
    }
    refuseKey(request, options.token);
    refuseFraming(request);
    const headers = forwardedHeaders(request);
    const { body, ...described } = remade(await readBody(request, hold));
    seen = described;
    decide("allowed", passedOn(request));
    const key = await options.key?.();
    if (key !== undefined) headers["x-api-key"] = key;
    const status = await forward(response, { path: target.pathname + target.search, headers, body }, options.upstream);
    if (status === 401 && key !== undefined) options.onKeyRefused?.();
    note(status);
  } catch (error) {
    if (error instanceof Refused) {
      const { status, type, reason, row = reason } = error.refusal;
      decide("denied", row);
      // Read no more of the request: the connection is closed with the answer.
      response.shouldKeepAlive = false;
      sendError(response, status, type, reason);
      return note(status, row);
    }
    const ended = response.destroyed;
    const reason = ended ? "the session ended its request" : `the model's API cannot be reached: ${errorCode(error)}`;
    if (!ended) decide("failed", reason);
    if (!response.headersSent) sendError(response, 502, "api_error", reason);
    else response.destroy();
    note(502, reason);
  }
}

/**
 * Returns why a request was allowed, and which of its betas were left out. It names only those that the relay knows.
 */
function passedOn(request: IncomingMessage): string {
  const { dropped } = sortBetas([request.headers["anthropic-beta"] ?? []].flat().join(","));
  const known = dropped.filter((name) => lookUpName("beta", name) !== undefined);
  const left = [...known, ...(known.length < dropped.length ? [`${dropped.length - known.length} unknown`] : [])];
  return left.length === 0 ? "passed on to the model" : `passed on to the model, without the betas ${left.join(", ")}`;
}

function parseTarget(request: IncomingMessage): URL | undefined {
  const raw = request.url ?? "";
  try {
    return new URL(raw.startsWith("/") ? `http://${request.headers.host ?? MODEL_HOST}${raw}` : raw);
  } catch {
    return undefined;
  }
}

/**
 * Refuses a request with a key that is not the session's token: such a key may be somebody else's, and the request
 * could carry data to that account.
 */
function refuseKey({ headers }: IncomingMessage, token: string): void {
  const given: string[] = [];
  const apiKey = headers["x-api-key"];
  if (apiKey !== undefined) given.push(...[apiKey].flat());
  if (headers.authorization !== undefined) given.push(headers.authorization.replace(/^Bearer +/i, ""));
  if (given.length === 0) {
    throw new Refused({
      status: 401,
      type: "authentication_error",
      reason: "the request carries no key: use the session's token",
    });
  }
  if (given.every((key) => sameSecret(key, token))) return;
  throw new Refused({
    status: 403,
    type: "permission_error",
    reason: "the request carries a key that is not this session's token: other keys may not be used from a session",
  });
}

function sameSecret(a: string, b: string): boolean {
  const [x, y] = [Buffer.from(a), Buffer.from(b)];
  return x.length === y.length && timingSafeEqual(x, y);
}

/** Room for a body at first, in bytes: little, since a session may begin thousands and send one byte of each. */
const FIRST_BYTES = 4 * 1024;

/**
 * Makes the body to send on, as text. What was read of it is left behind here: three megabytes of empty lists are sixty
 * in memory, and an answer may take minutes.
 */
function remade(bytes: Uint8Array): ReturnType<typeof describeRequest> & { readonly body: string } {
  const value = remakeBody(bytes);
  return { body: JSON.stringify(value), ...describeRequest(value) };
}

/**
 * Reads a body into one piece as it comes: a list of pieces of one byte each would take two hundred times their size.
 *
 * @param hold counts the bytes that are taken, and throws when all requests together have too much. What is left over at
 *   the end is given back: the piece goes as soon as the body is remade.
 */
async function readBody(request: IncomingMessage, hold: (bytes: number) => void): Promise<Buffer> {
  let body = Buffer.alloc(0);
  let size = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      const from = size;
      size += chunk.length;
      if (size > MAX_BODY_BYTES) break;
      if (size > body.length) {
        const room = Math.max(size, Math.min(2 * body.length, MAX_BODY_BYTES), FIRST_BYTES);
        hold(room - body.length);
        const larger = Buffer.alloc(room);
        body.copy(larger);
        body = larger;
      }
      chunk.copy(body, from);
    }
  } catch (error) {
    if (error instanceof Refused) throw error;
    throw new Refused({ status: 400, type: "invalid_request_error", reason: "the request ended before it was whole" });
  }
  if (size > MAX_BODY_BYTES) {
    const reason = `the request is larger than ${MAX_BODY_BYTES} bytes`;
    throw new Refused({ status: 413, type: "request_too_large", reason });
  }
  hold(size - body.length);
  return body.subarray(0, size);
}

/** Sends an error in the shape of the API's own errors, so that the agent shows the reason instead of guessing. */
function sendError(response: ServerResponse, status: number, type: string, message: string): void {
  const body = JSON.stringify({ type: "error", error: { type, message: `cloister: ${message}` } });
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
    "x-should-retry": status === 502 || status === 429 ? "true" : "false",
  });
  response.end(body);
}

/**
 * Returns an error's code, or its message when it has no code. Node's messages about sockets and TLS contain no header
 * and no key.
 */
function errorCode(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code ?? message;
}
