import { randomBytes } from "node:crypto";
import { EventEmitter } from "node:events";
import { chmod, chown, rm } from "node:fs/promises";
import type { Server as HttpServer, IncomingMessage } from "node:http";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import {
  matchesDomainPattern,
  matchesDomainPatternWithPort,
} from "@anthropic-ai/sandbox-runtime/dist/sandbox/domain-pattern.js";
import { createHttpProxyServer } from "@anthropic-ai/sandbox-runtime/dist/sandbox/http-proxy.js";
import { canonicalizeHost, isValidHost } from "@anthropic-ai/sandbox-runtime/dist/sandbox/parent-proxy.js";
import {
  createResolvedAddressGuard,
  isResolvedAddressDenied,
  type ResolvedAddressGuard,
  type Resolver,
} from "@anthropic-ai/sandbox-runtime/dist/sandbox/resolved-address-guard.js";
import {
  createSocksProxyServer,
  type SocksProxyWrapper,
} from "@anthropic-ai/sandbox-runtime/dist/sandbox/socks-proxy.js";
import { HTTP_SOCKET, SOCKS_SOCKET } from "../sandbox/paths.ts";
import type { EgressDecision } from "./decision.ts";
import type { EgressPolicy } from "./policy.ts";

/** A host that is not reached by the network but by a UNIX socket of the machine: the model's relay. */
export interface InternalHost {
  readonly host: string;
  /** Plain HTTP on this port only. */
  readonly port: number;
  readonly socketPath: string;
}

export interface EgressProxyOptions {
  /** Name of the session: it is in every row of the audit log. */
  readonly session: string;
  /** Folder for the two sockets. It must let the session's group in, and nobody else. */
  readonly folder: string;
  /** Who may use the sockets. Default: this process's own user and group. */
  readonly owner?: { readonly uid: number; readonly gid: number };
  readonly policy: EgressPolicy;
  readonly internal?: InternalHost;
  /** Looks names up. Default: the system's resolver. Tests give their own, so that they need no network. */
  readonly resolver?: Resolver;
}

/** What the decision about a request needs to know beside host and port. */
type Asked = Pick<EgressDecision, "via" | "method" | "path">;

/**
 * One session's way out: sandbox-runtime's HTTP and SOCKS proxies on two UNIX sockets, under the session's own policy
 * and token. The bridges inside the session are the only ones that connect to them; there is no TCP port, so no other
 * process of the machine, and no other session, has anything to connect to.
 *
 * sandbox-runtime's proxies are used directly instead of by its `SandboxManager`, which is one per process, listens on
 * a TCP port of the machine, starts a bridge of its own and reports nothing of what it allows. How names are compared,
 * which addresses they may resolve to, and what is dialled are sandbox-runtime's: see {@link decide} for the order,
 * which is that of its `filterNetworkRequest` under `strictAllowlist`.
 *
 * @event decision every decision, allowed or denied, as it is made
 */
export class EgressProxy extends EventEmitter<{ decision: [EgressDecision] }> {
  readonly token = randomBytes(16).toString("hex");
  readonly httpSocket: string;
  readonly socksSocket: string;
  readonly #options: EgressProxyOptions;
  readonly #guard: ResolvedAddressGuard;
  /** What a connection to the HTTP proxy is asking right now. */
  readonly #asked = new WeakMap<object, Asked>();
  /** What was allowed last. */
  #latest: Asked = { via: "connect" };
  #http: HttpServer | undefined;
  #socks: SocksProxyWrapper | undefined;
  #socksListener: Server | undefined;

  constructor(options: EgressProxyOptions) {
    super();
    this.#options = options;
    this.httpSocket = join(options.folder, HTTP_SOCKET);
    this.socksSocket = join(options.folder, SOCKS_SOCKET);
    const { policy, resolver } = options;
    this.#guard = createResolvedAddressGuard({
      allowedDomains: policy.allowedDomains,
      deniedResolvedAddresses: policy.deniedResolvedAddresses,
      ...(resolver === undefined ? {} : { resolve: resolver }),
    });
  }

  /** Listens on both sockets. Nothing can be asked before this has resolved. */
  async start(): Promise<void> {
    const { internal } = this.#options;
    const http = createHttpProxyServer({
      filter: (port, host, socket) => this.#decide(host, port, this.#asked.get(socket) ?? { via: "connect" }),
      getMitmSocketPath: (host) =>
        internal !== undefined && matchesDomainPattern(canonicalizeHost(host) ?? host, internal.host)
          ? internal.socketPath
          : undefined,
      lookupFor: (port) => this.#lookUp(port),
      proxyAuthToken: this.token,
    });
    // Before sandbox-runtime's own listeners: its filter is told neither the method nor the path.
    http.prependListener("request", (request) => this.#note(request.socket, request, "http"));
    http.prependListener("connect", (request, socket) => this.#note(socket, request, "connect"));
    const socks = createSocksProxyServer({
      filter: (port, host) => this.#decide(host, port, { via: "socks" }),
      lookupFor: (port) => this.#lookUp(port),
      proxyAuthToken: this.token,
      probeUnauthenticated: async (port, host) => {
        this.#report(host, port, { via: "socks" }, "denied", NO_TOKEN);
        return {};
      },
    });
    const socksListener = createServer((socket) => {
      socket.on("error", () => socket.destroy());
      socks.handleConnection(socket);
    });
    this.#http = http;
    this.#socks = socks;
    this.#socksListener = socksListener;
    await Promise.all([this.#listen(http, this.httpSocket), this.#listen(socksListener, this.socksSocket)]);
  }

  /** Ends every connection and removes the sockets. */
  async stop(): Promise<void> {
    const closed = [this.#http, this.#socksListener].map(
      (server) => new Promise<void>((resolve) => (server === undefined ? resolve() : server.close(() => resolve()))),
    );
    this.#http?.closeAllConnections();
    await this.#socks?.close();
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

  #note(connection: Duplex, request: IncomingMessage, via: "http" | "connect"): void {
    const asked: Asked = via === "connect" ? { via } : { via, ...describe(request) };
    this.#asked.set(connection, asked);
    if (hasToken(request.headers["proxy-authorization"], this.token)) return;
    const { host, port } = target(request, via);
    this.#report(host, port, asked, "denied", NO_TOKEN);
  }

  /** In the order of sandbox-runtime's own filter: is it a host, how is it spelled properly, is it on the list. */
  #decide(host: string, port: number, asked: Asked): boolean {
    const deny = (reason: string) => {
      this.#report(host, port, asked, "denied", reason);
      return false;
    };
    if (!isValidHost(host)) return deny("not a host name");
    const canonical = canonicalizeHost(host) ?? host;
    const { policy, internal } = this.#options;
    if (internal !== undefined && matchesDomainPattern(canonical, internal.host)) {
      // Reached by its socket only: looked up in DNS it would be somebody else's.
      if (asked.via !== "http" || port !== internal.port) return deny(`${internal.host} takes plain HTTP only`);
      this.#report(host, port, asked, "allowed", "internal");
      return true;
    }
    const rule = policy.allowedDomains.find((pattern) => matchesDomainPatternWithPort(canonical, port, pattern));
    if (rule === undefined) return deny("not on the allow list");
    this.#latest = asked;
    this.#report(host, port, asked, "allowed", `allowed by ${rule}`);
    return true;
  }

  /**
   * sandbox-runtime's guarded lookup, with what it refuses reported. It is asked for right after the decision, before
   * anything else can be asked; only of requests that a client sends in one go may the wrong one's path be in the row.
   */
  #lookUp(port: number): ReturnType<ResolvedAddressGuard["lookupFor"]> {
    const lookup = this.#guard.lookupFor(port);
    const asked = this.#latest;
    return (host, options, callback) =>
      lookup(host, options, (error, address, family) => {
        if (isResolvedAddressDenied(error)) this.#report(host, port, asked, "denied", error.reason);
        callback(error, address, family);
      });
  }

  #report(host: string, port: number, asked: Asked, verdict: EgressDecision["verdict"], reason: string): void {
    this.emit("decision", {
      time: new Date().toISOString(),
      session: this.#options.session,
      host: printable(host),
      port,
      via: asked.via,
      verdict,
      reason,
      ...(asked.method === undefined ? {} : { method: asked.method }),
      ...(asked.path === undefined ? {} : { path: asked.path }),
    });
  }
}

const NO_TOKEN = "wrong or missing proxy token";

/** How much of a path goes to the audit log. */
const PATH_LIMIT = 1024;

function describe(request: IncomingMessage): Pick<Asked, "method" | "path"> {
  const url = parse(request.url ?? "");
  return { method: request.method ?? "?", path: printable(url?.pathname ?? "").slice(0, PATH_LIMIT) };
}

/** Where a request without a token wanted to go, for the audit log alone: it goes nowhere. */
function target(request: IncomingMessage, via: "http" | "connect"): { host: string; port: number } {
  const url = parse(via === "connect" ? `http://${request.url}` : (request.url ?? ""));
  return { host: url?.hostname || "?", port: Number(url?.port) || 80 };
}

function parse(url: string): URL | undefined {
  return URL.canParse(url) ? new URL(url) : undefined;
}

/** The same reading of the header as sandbox-runtime's own, for the audit log alone: it is what refuses. */
function hasToken(header: string | undefined, token: string): boolean {
  const [, encoded = ""] = /^basic\s+([a-z0-9+/=]+)\s*$/i.exec(header ?? "") ?? [];
  const credentials = Buffer.from(encoded, "base64").toString("utf8");
  const colon = credentials.indexOf(":");
  return colon > 0 && credentials.slice(colon + 1) === token;
}

/** A session chooses these texts: nothing in them may end a line or move a terminal's cursor. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, "?").slice(0, PATH_LIMIT);
}
