import { randomBytes } from "node:crypto";
import { lookup } from "node:dns";
import { EventEmitter } from "node:events";
import { chmod, chown, rm } from "node:fs/promises";
import type { Server as HttpServer, IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server, type Socket, setDefaultAutoSelectFamilyAttemptTimeout } from "node:net";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { matchesDomainPattern } from "@anthropic-ai/sandbox-runtime/dist/sandbox/domain-pattern.js";
import { createHttpProxyServer } from "@anthropic-ai/sandbox-runtime/dist/sandbox/http-proxy.js";
import {
  canonicalizeHost,
  dialDirect,
  formatAuthority,
  isValidHost,
  stripBrackets,
} from "@anthropic-ai/sandbox-runtime/dist/sandbox/parent-proxy.js";
import { rawDenied } from "@anthropic-ai/sandbox-runtime/dist/sandbox/request-filter.js";
import {
  createResolvedAddressGuard,
  isResolvedAddressDenied,
  ResolvedAddressDeniedError,
  type ResolvedAddressGuard,
  type Resolver,
} from "@anthropic-ai/sandbox-runtime/dist/sandbox/resolved-address-guard.js";
import { createSocksProxyServer } from "@anthropic-ai/sandbox-runtime/dist/sandbox/socks-proxy.js";
import { HTTP_SOCKET, SOCKS_SOCKET } from "../sandbox/paths.ts";
import { type Attempt, attempts, CONNECTION_TIMES, type ConnectionTimes, whyFailed } from "./attempt.ts";
import { auditRow, type EgressDecision, NO_TOKEN, NOT_ALLOWED, UNKNOWN } from "./decision.ts";
import {
  answerPlainly,
  expectsTooMuch,
  explainAnswer,
  explainTunnel,
  hostHeaders,
  startOf,
  wrongRequest,
} from "./http.ts";
import { type EgressPolicy, ruleFor } from "./policy.ts";
import { explainRefused, explainToSession, guardWith } from "./private.ts";
import { type Handshake, type Reply, WatchedSocks } from "./socks.ts";
import { asksForWebSocket, passUpgrade, withoutUpgrade } from "./upgrade.ts";

/** A host that is reached through a UNIX socket of the machine, not through the network: the model's relay. */
export interface InternalHost {
  readonly host: string;
  /** Plain HTTP on this port only. */
  readonly port: number;
  readonly socketPath: string;
  /**
   * True when the program that listens there writes a row for every request itself. The proxy then writes no "allowed"
   * row of its own. Default: false.
   */
  readonly writesRows?: boolean;
}

export interface EgressProxyOptions {
  /** Name of the session: it is in every row of the audit log. */
  readonly session: string;
  /** Folder for the two sockets. It must let the session's group in, and nobody else. */
  readonly folder: string;
  /** The user and group that may use the sockets. Default: this process's own user and group. */
  readonly owner?: { readonly uid: number; readonly gid: number };
  readonly policy: EgressPolicy;
  readonly internal?: InternalHost;
  /** Looks names up. Default: the system's resolver. Tests give their own, so that they need no network. */
  readonly resolver?: Resolver;
  /** Default: {@link CONNECTION_TIMES} and {@link UPLOAD_TIMES}. */
  readonly times?: Partial<ConnectionTimes & UploadTimes>;
  /** Maximum number of connections to hosts at a time. Default: {@link MOST_CONNECTIONS}. */
  readonly mostConnections?: number;
}

/** Times for a client's request. Milliseconds. */
export interface UploadTimes {
  /** Time for all of a request, with its body. 0: no limit. */
  readonly requestMs: number;
  /** Time between two looks for requests that take too long. */
  readonly checkMs: number;
}

/** An upload may take as long as it takes: Node's own limit would end it after five minutes. Headers have a minute. */
export const UPLOAD_TIMES: UploadTimes = { requestMs: 0, checkMs: 30_000 };

/** Time within which a client must name its destination. Milliseconds. */
const HANDSHAKE_MS = 30_000;

/**
 * Maximum number of connections to hosts at a time. Their memory, descriptors and ports are the machine's, and one
 * connection of a client can ask for any number of them. A browser has some hundred.
 */
export const MOST_CONNECTIONS = 1_000;

/** The reason for a request beyond that. */
const TOO_MANY = "too many connections at once";

/** Time for the headers of a request. Milliseconds. */
const HEADERS_MS = 60_000;

/**
 * One session's way out: sandbox-runtime's HTTP and SOCKS proxies on two UNIX sockets, under the session's own policy
 * and token. The bridges inside the session are the only ones that connect to them; there is no TCP port, so no other
 * process of the machine, and no other session, has anything to connect to.
 *
 * sandbox-runtime's proxies are used directly instead of by its `SandboxManager`, which is one per process, listens on
 * a TCP port of the machine, starts a bridge of its own and reports nothing of what it allows. sandbox-runtime compares
 * the names, checks the addresses that they resolve to, and dials. See {@link decide} for the order, which is that of
 * its `filterNetworkRequest` under `strictAllowlist`.
 *
 * These proxies answer some requests without asking the filter: a wrong token, a malformed request, a host that cannot
 * be reached. The class reads along to see these answers, and adds a reason to the bare ones.
 *
 * @event decision every decision, allowed or denied, as it is made, and every failure after it
 */
export class EgressProxy extends EventEmitter<{ decision: [EgressDecision] }> {
  readonly token = randomBytes(16).toString("hex");
  readonly httpSocket: string;
  readonly socksSocket: string;
  readonly #options: EgressProxyOptions;
  readonly #guard: ResolvedAddressGuard;
  readonly #times: ConnectionTimes & UploadTimes;
  /** The clients' connections, each with those to hosts that were made for it. */
  readonly #clients = new Map<Duplex, Set<Socket>>();
  #connections = 0;
  #http: HttpServer | undefined;
  #socksListener: Server | undefined;

  constructor(options: EgressProxyOptions) {
    super();
    this.#options = options;
    this.httpSocket = join(options.folder, HTTP_SOCKET);
    this.socksSocket = join(options.folder, SOCKS_SOCKET);
    const { policy, resolver } = options;
    this.#times = { ...CONNECTION_TIMES, ...UPLOAD_TIMES, ...options.times };
    this.#guard = createResolvedAddressGuard({
      allowedDomains: policy.rules.map(({ pattern }) => pattern),
      deniedResolvedAddresses: policy.deniedResolvedAddresses,
      ...(resolver === undefined ? {} : { resolve: resolver }),
    });
  }

  /** Listens on both sockets. Nothing can be asked before this has resolved. */
  async start(): Promise<void> {
    // sandbox-runtime has no setting for it, and it is one for the whole process, which has one proxy.
    setDefaultAutoSelectFamilyAttemptTimeout(this.#times.addressMs);
    const http = this.#httpProxy();
    const socksListener = createServer({ allowHalfOpen: true }, (socket) => this.#onSocks(socket));
    this.#http = http;
    this.#socksListener = socksListener;
    await Promise.all([this.#listen(http, this.httpSocket), this.#listen(socksListener, this.socksSocket)]);
  }

  /** Ends every connection, on both sides, and removes the sockets. Neither a client nor a host can delay it. */
  async stop(): Promise<void> {
    const closed = [this.#http, this.#socksListener].map(
      (server) => new Promise<void>((resolve) => (server === undefined ? resolve() : server.close(() => resolve()))),
    );
    // Node's `closeAllConnections` leaves tunnels out. Without an error, a connection would first send what it still has.
    const ended = Object.assign(new Error("the session has ended"), { code: "ECONNRESET" });
    for (const client of this.#clients.keys()) client.destroy(ended);
    await Promise.all(closed);
    await Promise.all([this.httpSocket, this.socksSocket].map((path) => rm(path, { force: true })));
  }

  async #listen(server: HttpServer | Server, path: string): Promise<void> {
    await rm(path, { force: true });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(path, () => {
        server.removeListener("error", reject);
        resolve();
      });
    });
    // Connecting to a socket takes the right to write to it (unix(7)).
    await chmod(path, 0o660);
    const { owner } = this.#options;
    if (owner !== undefined) await chown(path, owner.uid, owner.gid);
  }

  /**
   * Notes a client's connection. When it is closed, so are those to hosts: sandbox-runtime does not end them for all of
   * several requests that a client has sent in one go.
   */
  #accept(client: Duplex): void {
    // A request that asks in vain for another protocol hands its connection to the server a second time.
    if (this.#clients.has(client)) return;
    const made = new Set<Socket>();
    this.#clients.set(client, made);
    client.once("close", () => {
      this.#clients.delete(client);
      for (const socket of made) socket.destroy();
    });
  }

  /** Begins an attempt of HTTP. */
  #begin(client: Duplex, start: Omit<Attempt, "times" | "onConnection">): Attempt {
    return { ...start, times: this.#times, onConnection: (socket) => this.#count(client, socket) };
  }

  /** Counts a connection to a host that is made for a client. */
  #count(client: Duplex, socket: Socket): void {
    this.#connections += 1;
    const made = this.#clients.get(client);
    made?.add(socket);
    socket.once("close", () => {
      this.#connections -= 1;
      made?.delete(socket);
    });
    // The client has gone meanwhile. Node would connect a socket that is destroyed before it has begun to connect.
    if (made === undefined) setImmediate(() => socket.destroy());
  }

  /** Refuses an attempt when there are too many connections to hosts. */
  #refuseTooMany(attempt: Attempt): boolean {
    if (this.#connections < (this.#options.mostConnections ?? MOST_CONNECTIONS)) return false;
    this.#report(attempt, "denied", TOO_MANY);
    return true;
  }

  #httpProxy(): HttpServer {
    const { internal } = this.#options;
    const http = createHttpProxyServer({
      filter: (port, host) => this.#decide(host, port, attempts.getStore() ?? { via: "http", ...UNKNOWN }),
      getMitmSocketPath: (host) =>
        internal !== undefined && matchesDomainPattern(canonicalizeHost(host) ?? host, internal.host)
          ? internal.socketPath
          : undefined,
      lookupFor: (port) => this.#lookUp(port, attempts.getStore()),
      proxyAuthToken: this.token,
    });
    // Call sandbox-runtime's own listeners in the context of the request: its filter is told neither method nor path.
    const onRequest = takeListeners(http, "request");
    const onConnect = takeListeners(http, "connect");
    http.on("connection", (socket) => this.#accept(socket));
    http.on("request", (request, response) => this.#onRequest(request, response, () => onRequest(request, response)));
    http.on("upgrade", (request, socket, head) => void this.#onUpgrade(http, request, socket, head));
    http.on("connect", (request, socket, head) =>
      this.#onConnect(request, socket, () => onConnect(request, socket, head)),
    );
    // Without these two settings Node would itself answer a missing Host header and an unknown expectation, without a
    // row in the audit log.
    const { requestMs, checkMs } = this.#times;
    Object.assign(http, {
      requireHostHeader: false,
      requestTimeout: requestMs,
      headersTimeout: requestMs === 0 ? HEADERS_MS : Math.min(HEADERS_MS, requestMs),
      connectionsCheckingInterval: checkMs,
    });
    http.on("checkExpectation", (request, response) => this.#onRequest(request, response, () => response.destroy()));
    http.prependListener("clientError", (error: NodeJS.ErrnoException) => {
      if (error.code === "ECONNRESET") return;
      this.#report({ via: "http", ...UNKNOWN }, "denied", `malformed HTTP (${error.code ?? "unknown"})`);
    });
    return http;
  }

  #onRequest(request: IncomingMessage, response: ServerResponse, proxy: () => void): void {
    const attempt = this.#begin(request.socket, startOf(request, "http"));
    if (!hasToken(request.headers["proxy-authorization"], this.token)) {
      this.#report(attempt, "denied", NO_TOKEN);
      if (expectsTooMuch(request)) answerPlainly(response, 417, NO_TOKEN);
      else proxy();
      return;
    }
    const wrong = wrongRequest(request);
    if (wrong !== undefined) {
      this.#report(attempt, "denied", wrong.reason);
      answerPlainly(response, wrong.status, wrong.reason);
      return;
    }
    if (this.#refuseTooMany(attempt)) {
      answerPlainly(response, 503, TOO_MANY);
      return;
    }
    explainAnswer(response, (status) => this.#fail(attempt, status));
    attempts.run(attempt, proxy);
  }

  #onConnect(request: IncomingMessage, socket: Duplex, proxy: () => void): void {
    const attempt = this.#begin(socket, startOf(request, "connect"));
    if (!hasToken(request.headers["proxy-authorization"], this.token)) this.#report(attempt, "denied", NO_TOKEN);
    else if (this.#refuseTooMany(attempt)) return void refuseRaw(socket);
    explainTunnel(socket, (status) => this.#fail(attempt, status));
    attempts.run(attempt, proxy);
  }

  /**
   * Passes a WebSocket on that is asked for without a tunnel, which sandbox-runtime does not. It is judged as every
   * request is, and dialled as every tunnel is. Anything else that names another protocol is a plain request.
   */
  async #onUpgrade(http: HttpServer, request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const url = URL.canParse(request.url ?? "") ? new URL(request.url ?? "") : undefined;
    const isPlain = url?.protocol === "http:" || url?.protocol === "ws:";
    if (
      url === undefined ||
      !isPlain ||
      !asksForWebSocket(request) ||
      !hasToken(request.headers["proxy-authorization"], this.token) ||
      hostHeaders(request) !== 1
    ) {
      socket.unshift(Buffer.concat([withoutUpgrade(request), head]));
      http.emit("connection", socket);
      return;
    }
    const host = stripBrackets(url.hostname);
    const port = Number(url.port) || 80;
    const attempt = this.#begin(socket, { ...startOf(request, "http"), upgrade: true });
    socket.on("error", () => socket.destroy());
    if (this.#refuseTooMany(attempt)) return void refuseRaw(socket);
    if (!this.#decide(host, port, attempt)) return void socket.end(rawDenied(...ALLOWLIST_DENY));
    const failed = () => {
      const reason = this.#fail(attempt, 502);
      socket.end(`HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n${reason}\n`);
    };
    const canonical = canonicalizeHost(host) ?? host;
    await attempts.run(attempt, async () => {
      try {
        const connection = await dialDirect(canonical, port, this.#lookUp(port, attempt));
        if (socket.destroyed) return void connection.destroy();
        const target = { connection, authority: formatAuthority(canonical, port, 80), path: url.pathname + url.search };
        passUpgrade({ request, socket, head }, target, failed);
      } catch (error) {
        if (isResolvedAddressDenied(error)) socket.end(rawDenied(error.message));
        else failed();
      }
    });
  }

  /**
   * Writes the row about a request that the proxy answers with an error of its own, and returns the reason for the
   * answer.
   */
  #fail(attempt: Attempt, status: number): string {
    if (attempt.verdict === undefined) {
      const reason = "the target of CONNECT is not HOST:PORT";
      this.#report(attempt, "denied", reason);
      return reason;
    }
    const reason = status === 502 ? whyFailed(attempt.error) : "the proxy cannot pass this request on";
    this.#report(attempt, "failed", reason);
    return status === 502 ? `${attempt.host}:${attempt.port} cannot be reached: ${reason}` : reason;
  }

  #onSocks(socket: Socket): void {
    const client: WatchedSocks = new WatchedSocks(socket, (reply, handshake) =>
      this.#onSocksReply(attempt, reply, handshake),
    );
    const attempt: Attempt = { via: "socks", ...UNKNOWN, times: this.#times };
    this.#accept(client);
    const deadline = setTimeout(() => {
      if (attempt.verdict === undefined) client.destroy();
    }, HANDSHAKE_MS);
    client.once("close", () => clearTimeout(deadline));
    // Make one server for each connection, so that it is known which connection asks.
    const proxy = createSocksProxyServer({
      filter: (port, host) =>
        !this.#refuseTooMany(Object.assign(attempt, { host, port })) && this.#decide(host, port, attempt),
      lookupFor: (port) => {
        // sandbox-runtime asks for the lookup right before it dials the host. The dialling then happens in this
        // context.
        attempt.onConnection = (made) => this.#count(client, made);
        attempts.enterWith(attempt);
        return this.#lookUp(port, attempt);
      },
      proxyAuthToken: this.token,
      probeUnauthenticated: async (port, host) => {
        this.#report(Object.assign(attempt, { host, port }), "denied", NO_TOKEN);
        return {};
      },
    });
    proxy.handleConnection(client as unknown as Socket);
  }

  #onSocksReply(attempt: Attempt, reply: Reply, { host, port, problem }: Handshake): void {
    if (attempt.verdict === "allowed" && typeof reply === "number" && reply > 0) {
      this.#report(attempt, "failed", whyFailed(attempt.error));
    } else if (attempt.verdict === undefined) {
      // sandbox-runtime has refused the request, or given up, without asking the filter.
      const otherwise = reply === undefined ? "malformed SOCKS: the client ended it" : "not a host name";
      const malformed = problem === undefined ? otherwise : `malformed SOCKS: ${problem}`;
      Object.assign(attempt, { host, port });
      this.#report(attempt, "denied", reply === "wrong token" ? NO_TOKEN : malformed);
    }
  }

  /**
   * Decides in the order of sandbox-runtime's own filter: it checks for a host name, spells it canonically, and looks
   * it up on the list.
   */
  #decide(host: string, port: number, attempt: Attempt): boolean {
    Object.assign(attempt, { host, port });
    const deny = (reason: string) => {
      this.#report(attempt, "denied", reason);
      return false;
    };
    if (!isValidHost(host)) return deny("not a host name");
    const canonical = canonicalizeHost(host) ?? host;
    const { policy, internal } = this.#options;
    if (internal !== undefined && matchesDomainPattern(canonical, internal.host)) {
      // This host is reached by its socket only: in DNS the name could belong to somebody else.
      if (attempt.via !== "http" || attempt.upgrade || port !== internal.port)
        return deny(`${internal.host} takes plain HTTP only`);
      if (internal.writesRows) attempt.verdict = "allowed";
      else this.#report(attempt, "allowed", "internal");
      return true;
    }
    const rule = ruleFor(policy, canonical, port);
    if (rule === undefined) return deny(NOT_ALLOWED);
    const { pattern, source } = rule;
    this.#report(attempt, "allowed", `allowed by ${pattern}${source === pattern ? "" : ` of ${source}`}`);
    return true;
  }

  /** Returns sandbox-runtime's guarded lookup, and reports the addresses that it refuses. */
  #lookUp(port: number, attempt: Attempt | undefined): ReturnType<ResolvedAddressGuard["lookupFor"]> {
    return (host, options, callback) =>
      this.#guardOf(host).lookupFor(port)(host, options, (error, address, family) => {
        if (!isResolvedAddressDenied(error)) return callback(error, address, family);
        const { reason, addresses } = error;
        if (attempt !== undefined) this.#report(attempt, "denied", explainRefused(host, addresses, reason));
        // sandbox-runtime sends this error's text to the session.
        callback(new ResolvedAddressDeniedError(host, explainToSession(addresses, reason), addresses), address, family);
      });
  }

  /** Returns the guard for a host. A host that may have private addresses has a guard of its own. */
  #guardOf(host: string): ResolvedAddressGuard {
    const canonical = canonicalizeHost(host) ?? host;
    const { policy, resolver = lookup as Resolver } = this.#options;
    const exceptions = (policy.privateExceptions ?? []).filter((exception) => exception.host === canonical);
    return exceptions.length === 0 ? this.#guard : guardWith(exceptions, resolver);
  }

  #report(attempt: Attempt, verdict: EgressDecision["verdict"], reason: string): void {
    attempt.verdict = verdict;
    const { via, host, port, method, path } = attempt;
    const asked = { ...(method === undefined ? {} : { method }), ...(path === undefined ? {} : { path }) };
    const row = auditRow({ session: this.#options.session, host, port, via, verdict, reason, ...asked });
    // Outside of the attempt: a connection that is made to write the row is none to a host.
    attempts.exit(() => this.emit("decision", row));
  }
}

/** sandbox-runtime's answer for a host that is not allowed: text and tag. */
const ALLOWLIST_DENY = ["Connection blocked by network allowlist", "blocked-by-allowlist"] as const;

/** Refuses a tunnel or a WebSocket for which there are too many connections. */
function refuseRaw(socket: Duplex): void {
  socket.on("error", () => socket.destroy());
  socket.end(`HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n${TOO_MANY}\n`);
}

/** Takes a server's listeners of one event away, and gives a function that calls them. */
function takeListeners(server: HttpServer, event: string): (...args: readonly unknown[]) => void {
  const listeners = server.listeners(event);
  server.removeAllListeners(event);
  return (...args) => {
    for (const listener of listeners) Reflect.apply(listener, server, args);
  };
}

/** Reads the header as sandbox-runtime does, for the audit log only: sandbox-runtime itself refuses the request. */
function hasToken(header: string | undefined, token: string): boolean {
  const [, encoded = ""] = /^basic\s+([a-z0-9+/=]+)\s*$/i.exec(header ?? "") ?? [];
  const credentials = Buffer.from(encoded, "base64").toString("utf8");
  const colon = credentials.indexOf(":");
  return colon > 0 && credentials.slice(colon + 1) === token;
}
