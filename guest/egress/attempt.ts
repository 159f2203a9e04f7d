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
  /** What went wrong last between here and the host. */
  error?: NodeJS.ErrnoException;
}

/**
 * The request that is being worked on. sandbox-runtime asks for decisions and lookups without saying for what; what runs on
 * behalf of a request runs in its context, also when a client sends several in one go.
 */
export const attempts = new AsyncLocalStorage<Attempt>();

// sandbox-runtime answers "502" to whatever goes wrong when it dials. Node tells of every socket that is made, and of its error.
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

/** What failed, in words, with the error's code. Never the error's message: it has the address, which is not for the session. */
export function whyFailed(error: NodeJS.ErrnoException | undefined): string {
  const code = error?.code;
  if (code === undefined) return "it cannot be reached, or does not answer as it should";
  return `${WORDS[code] ?? "it cannot be reached, or does not answer as it should"} (${code})`;
}
