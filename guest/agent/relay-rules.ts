/**
 * Decides what a session may ask of the model's API. These are pure decisions, without input or output.
 *
 * The API can act for its caller: fetch a URL, call an MCP server, run code, keep a file. Each of these carries data
 * past the session's egress policy, so none of them passes. Only names that the relay knows to be harmless pass.
 */
import { quote, Refused } from "./relay-check.ts";
import { parseStrictJson } from "./relay-json.ts";
import { checkBody } from "./relay-schema.ts";

/** The name under which a session reaches the model, by plain HTTP through its own proxy. */
export const MODEL_HOST = "model.cloister.internal";

/** The API's own limit for a request is 32 MB (Anthropic API, "Request size limits"). */
export const MAX_BODY_BYTES = 32 * 1024 * 1024;

const PATHS = new Set(["/v1/messages", "/v1/messages/count_tokens"]);

/** Paths that Claude Code asks without a key, to see whether its API is there. The relay answers by itself. */
const LIVENESS = new Set(["/", "/api/hello"]);

/** Returns true when the relay answers this request by itself. */
export function asksForLife(method: string, target: URL): boolean {
  return LIVENESS.has(target.pathname) && (method === "HEAD" || method === "GET");
}

/**
 * Refuses every method and path except the few that an agent needs.
 *
 * @throws {Refused}
 */
export function refuseTarget(method: string, target: URL | undefined): asserts target is URL {
  if (!target)
    throw new Refused({ status: 400, type: "invalid_request_error", reason: "the request's target is no URL" });
  const { origin, pathname, search } = target;
  const refuse = (reason: string, row: string) => new Refused({ status: 403, type: "permission_error", reason, row });
  if (origin !== `http://${MODEL_HOST}`) {
    throw refuse(`this is the way to http://${MODEL_HOST}, not to ${quote(origin)}`, "another origin is not passed on");
  }
  if (asksForLife(method, target)) return;
  if (!PATHS.has(pathname) || method !== "POST") {
    throw refuse(
      `${method} ${quote(pathname)} is not passed on: a session may only POST to ${[...PATHS].join(" and ")}`,
      "this path is not passed on",
    );
  }
  if (search !== "" && search !== "?beta=true") {
    throw refuse(`the query ${quote(search)} is not passed on`, "a query is not passed on");
  }
}

/**
 * Reads a request's body and makes the one that is sent on, which contains only known names.
 *
 * @throws {Refused}
 */
export function remakeBody(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  const parsed = parseStrictJson(bytes);
  if ("problem" in parsed) {
    throw new Refused({
      status: 400,
      type: "invalid_request_error",
      reason: `the request's body ${parsed.problem}`,
    });
  }
  return checkBody(parsed.value);
}

/**
 * Returns the facts that may be reported of a request that is sent on: the model and the names of the tools offered to
 * it.
 */
export function describeRequest(body: Readonly<Record<string, unknown>>): { model?: string; tools?: string[] } {
  const { model, tools } = body as { model?: string; tools?: readonly { name?: string }[] | null };
  const names = (tools ?? []).flatMap(({ name }) => (name === undefined ? [] : [name]));
  return { ...(model === undefined ? {} : { model }), ...(names.length > 0 ? { tools: names } : {}) };
}
