import { setTimeout as sleep } from "node:timers/promises";
import pRetry, { AbortError } from "p-retry";
import { COMMENT_LIMIT } from "../render/markdown.ts";

/** A comment of a pull or merge request. */
export interface Note {
  readonly id: number;
  readonly body: string;
  readonly author: string;
}

/** The comments of one pull or merge request. */
export interface Forge {
  /** Name by which this program's own comments are known. */
  readonly self: string;
  list(): Promise<Note[]>;
  create(body: string): Promise<Note>;
  edit(id: number, body: string): Promise<void>;
  /** A comment that is gone already is no error. */
  remove(id: number): Promise<void>;
}

/** The forge does not take a body of this length. */
export class TooLongError extends Error {}

/** A forge may take less than we think: then the comment is cut further. */
export async function shortened(
  body: (limit: number) => string,
  write: (text: string) => Promise<void>,
): Promise<void> {
  for (const limit of [COMMENT_LIMIT, COMMENT_LIMIT / 2]) {
    try {
      return await write(body(limit));
    } catch (error) {
      if (!(error instanceof TooLongError) || limit < COMMENT_LIMIT) throw error;
    }
  }
}

/** One request of a forge's API. */
export interface Request {
  readonly method: "GET" | "POST" | "PATCH" | "PUT" | "DELETE";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: object;
}

/** Times and sizes of requests. */
export interface Patience {
  /** @default 5 */
  readonly tries?: number;
  /** First pause between two tries, which doubles. Milliseconds. @default 1000 */
  readonly pauseMs?: number;
  /** The longest pause that a forge may ask for. Milliseconds. @default 120000 */
  readonly longestMs?: number;
}

const TIMEOUT_MS = 30_000;
/** Pages of 100 comments; nobody reads more. */
const MOST_PAGES = 100;

/**
 * Sends a request, and again where that may help: no answer, 5xx, 429, and the refusals of a rate limit, after the pause
 * that the forge asks for.
 *
 * @returns the answer's JSON; undefined for an empty answer, and for 404 of a DELETE
 * @throws TooLongError when the body is too long
 * @throws Error with the forge's message for every other refusal
 */
export async function request(asked: Request, patience: Patience = {}): Promise<unknown> {
  const { tries = 5, pauseMs = 1000, longestMs = 120_000 } = patience;
  const attempt = async (): Promise<unknown> => {
    const { method, url, headers, body } = asked;
    const answer = await fetch(url, {
      method,
      headers: { ...headers, ...(body ? { "content-type": "application/json" } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
      redirect: "error",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const text = await answer.text();
    if (answer.ok) return text === "" ? undefined : JSON.parse(text);
    if (answer.status === 404 && method === "DELETE") return undefined;
    const error = `${method} ${new URL(url).pathname}: ${answer.status} ${messageOf(text)}`;
    if (/too long/i.test(text)) throw new AbortError(new TooLongError(error));
    const wait = pauseAsked(answer);
    const isLimit = answer.status === 429 || (answer.status === 403 && wait !== undefined);
    if (!isLimit && answer.status < 500) throw new AbortError(`${error}${hint(answer.status)}`);
    if (wait !== undefined) {
      if (wait > longestMs) throw new AbortError(`${error}: the forge asks to wait ${Math.round(wait / 1000)} s`);
      await sleep(wait);
    }
    throw new Error(error);
  };
  return await pRetry(attempt, { retries: tries - 1, minTimeout: pauseMs, factor: 2, randomize: true });
}

/** All entries of a list that comes in pages of 100. */
export async function allPages(asked: (page: number) => Request, patience: Patience): Promise<unknown[]> {
  const all: unknown[] = [];
  for (let page = 1; page <= MOST_PAGES; page++) {
    const some = await request(asked(page), patience);
    if (!Array.isArray(some)) throw new Error(`${new URL(asked(page).url).pathname}: is no list`);
    all.push(...some);
    if (some.length < 100) return all;
  }
  throw new Error(`there are more than ${MOST_PAGES * 100} entries`);
}

/** The pause that a forge asks for, in milliseconds. */
function pauseAsked({ headers }: Response): number | undefined {
  const after = headers.get("retry-after");
  if (after !== null && /^\d+$/.test(after)) return Number(after) * 1000;
  if (headers.get("x-ratelimit-remaining") !== "0") return undefined;
  const reset = Number(headers.get("x-ratelimit-reset") ?? Number.NaN);
  return Number.isNaN(reset) ? undefined : Math.max(0, reset * 1000 - Date.now());
}

/** The forge's own words, in one line. */
function messageOf(text: string): string {
  try {
    const { message } = JSON.parse(text) as { message?: unknown };
    return (typeof message === "string" ? message : JSON.stringify(message ?? "")).slice(0, 300);
  } catch {
    return text.replace(/\s+/g, " ").slice(0, 300);
  }
}

function hint(status: number): string {
  return status === 401 || status === 403
    ? ": the token may not write here (pull-requests: write for comments, issues: write for issues)"
    : "";
}
