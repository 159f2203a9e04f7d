import { AsyncLocalStorage } from "node:async_hooks";
import { subscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";
import type { EgressDecision } from "./decision.ts";

/** Times of the connections between the proxy and the hosts. Milliseconds. */
export interface ConnectionTimes {
  /** A host must have been reached within this time, by whichever of its addresses. */
  readonly connectMs: number;
  /** Time for one of several addresses, before the next one is tried. The last one has the rest of the time. */
  readonly addressMs: number;
  /** A connection on which nothing is sent for this time is kept alive by a probe. */
  readonly keepAliveMs: number;
}

/**
 * AWS's NAT gateways forget a connection after 350 s without a packet, and many routers earlier. An address has time to
 * lose its first packet, which is sent again after a second: Node's own 250 ms are less than a slow way takes.
 */
export const CONNECTION_TIMES: ConnectionTimes = { connectMs: 30_000, addressMs: 1_500, keepAliveMs: 60_000 };

/** One request on its way through a proxy, for the rows about it. */
export interface Attempt {
  readonly via: "http" | "connect" | "socks";
  readonly method?: string;
  readonly path?: string;
  /** True for a plain request that asks for a WebSocket. */
  readonly upgrade?: boolean;
  readonly times?: ConnectionTimes;
  /** Called with each connection to a host that is made for it, before it is made. Without it, none is made now. */
  onConnection?: ((socket: Socket) => void) | undefined;
  host: string;
  port: number;
  /** The last decision about it; absent as long as there is none. */
  verdict?: EgressDecision["verdict"];
  /** The last error between the proxy and the host. */
  error?: NodeJS.ErrnoException;
}

/**
 * The request that is being worked on. sandbox-runtime asks for decisions and lookups without naming the request. All
 * code that works for a request therefore runs in its context, also when a client sends several requests at once.
 */
export const attempts = new AsyncLocalStorage<Attempt>();

// sandbox-runtime answers every error of its dialling with "502", and has no settings for its connections. Node's
// diagnostics report every new socket before it connects.
subscribe("net.client.socket", (message) => {
  const attempt = attempts.getStore();
  const { socket } = message as { socket: Socket };
  const onConnection = attempt?.onConnection;
  if (attempt === undefined || onConnection === undefined) return;
  onConnection(socket);
  // The context of a SOCKS client outlives its one dialling.
  if (attempt.via === "socks") attempt.onConnection = undefined;
  const { times = CONNECTION_TIMES } = attempt;
  socket.setKeepAlive(true, times.keepAliveMs);
  // A host that has sent all it had may still be sent something.
  if (attempt.via !== "http" || attempt.upgrade) socket.allowHalfOpen = true;
  const deadline = setTimeout(() => {
    socket.destroy(Object.assign(new Error("the connection was not made in time"), { code: "ETIMEDOUT" }));
  }, times.connectMs);
  socket.once("connect", () => clearTimeout(deadline));
  socket.once("close", () => clearTimeout(deadline));
  socket.once("error", (error: NodeJS.ErrnoException) => {
    attempt.error = error;
  });
  socket.once("timeout", () => {
    attempt.error ??= Object.assign(new Error("timed out"), { code: "ETIMEDOUT" });
  });
});

const WORDS: Readonly<Record<string, string>> = {
  ENOTFOUND: "its name does not exist",
  EAI_AGAIN: "its name cannot be looked up now",
  ECONNREFUSED: "nothing answers on this port",
  ECONNRESET: "it ended the connection",
  EHOSTUNREACH: "there is no way to it",
  ENETUNREACH: "there is no way to it",
  ETIMEDOUT: "it does not answer in time",
};

/**
 * Describes a failure, with the error's code. It never uses the error's message: the message has the address, which the
 * session must not learn.
 */
export function whyFailed(error: NodeJS.ErrnoException | undefined): string {
  const code = error?.code;
  if (code === undefined) return "it cannot be reached, or does not answer as it should";
  return `${WORDS[code] ?? "it cannot be reached, or does not answer as it should"} (${code})`;
}
