import { AsyncLocalStorage } from "node:async_hooks";
import { subscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";
import type { EgressDecision } from "./decision.ts";

/** One request on its way through a proxy, for the rows about it. */
export interface Attempt {
  readonly via: "http" | "connect" | "socks";
  readonly method?: string;
  readonly path?: string;
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

// sandbox-runtime answers every error of its dialling with "502". Node's diagnostics report every new socket, and so
// its error.
subscribe("net.client.socket", (message) => {
  const attempt = attempts.getStore();
  if (attempt === undefined) return;
  const { socket } = message as { socket: Socket };
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
