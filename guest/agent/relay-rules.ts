/**
 * What a session may ask of the model's API: pure decisions, no input or output.
 *
 * The API can act for its caller: fetch a URL, call an MCP server, run code, keep a file. Each of these carries data past
 * the session's egress policy, so none of them passes.
 */

/** The name under which a session reaches the model, by plain HTTP through its own proxy. */
export const MODEL_HOST = "model.cloister.internal";

/** The API's own limit for a request is 32 MB (Anthropic API, "Request size limits"). */
export const MAX_BODY_BYTES = 32 * 1024 * 1024;

/** A refusal, in the API's own terms. */
export interface Refusal {
  readonly status: number;
  readonly type: string;
  readonly reason: string;
}

const PATHS = new Set(["/v1/messages", "/v1/messages/count_tokens"]);

/** Refuses every method and path but the few an agent needs. */
export function refuseTarget(method: string, target: URL | undefined): Refusal | undefined {
  if (!target) return { status: 400, type: "invalid_request_error", reason: "the request's target is not a URL" };
  const { origin, pathname, search } = target;
  if (origin !== `http://${MODEL_HOST}`) {
    return {
      status: 403,
      type: "permission_error",
      reason: `this is the way to http://${MODEL_HOST}, not to ${origin}`,
    };
  }
  if (pathname === "/" && (method === "HEAD" || method === "GET")) return undefined;
  if (!PATHS.has(pathname) || method !== "POST") {
    return {
      status: 403,
      type: "permission_error",
      reason: `${method} ${pathname} is not passed on: a session may only POST to ${[...PATHS].join(" and ")}`,
    };
  }
  if (search !== "" && search !== "?beta=true") {
    return { status: 403, type: "permission_error", reason: `the query ${search} is not passed on` };
  }
  return undefined;
}

/** Tool types the caller itself runs. Everything else with a type is run by the API's servers. */
const CLIENT_TOOLS = /^(custom|(bash|text_editor|computer|memory)_[0-9]{8})$/;

/** Beta features by which the API's servers fetch, run or keep things. */
const SERVER_SIDE_BETAS = /^(files-api|mcp-client|web-fetch|web-search|code-execution|skills|message-batches)-/;

/** Refuses a request that would make the API's servers fetch, call, run or keep something. */
export function refuseBody(body: Readonly<Record<string, unknown>>): Refusal | undefined {
  const no = (what: string): Refusal => ({
    status: 403,
    type: "permission_error",
    reason: `${what} is not passed on: it makes the API reach out on the session's behalf, past its egress policy`,
  });
  if (isNonEmpty(body["mcp_servers"])) return no("mcp_servers");
  if (body["container"] !== undefined && body["container"] !== null) return no("container");
  for (const tool of asArray(body["tools"])) {
    const type = field(tool, "type");
    if (type !== undefined && !(typeof type === "string" && CLIENT_TOOLS.test(type))) return no(`the tool ${type}`);
  }
  for (const block of contentBlocks(body)) {
    const source = field(field(block, "source"), "type");
    if (source === "url" || source === "file") return no(`a source of type ${source}`);
  }
  return undefined;
}

/** A beta header without the features a session may not use; empty when nothing is left. */
export function stripServerSideBetas(header: string): string {
  return header
    .split(",")
    .map((beta) => beta.trim())
    .filter((beta) => beta !== "" && !SERVER_SIDE_BETAS.test(beta))
    .join(",");
}

/** What may be told of a request in a log: the model and the names of the tools offered to it. */
export function describeRequest(body: Readonly<Record<string, unknown>>): { model?: string; tools?: string[] } {
  const model = body["model"];
  const tools = asArray(body["tools"])
    .map((tool) => field(tool, "name"))
    .filter((name) => typeof name === "string");
  return { ...(typeof model === "string" ? { model } : {}), ...(tools.length > 0 ? { tools } : {}) };
}

/** All content blocks of all messages, those inside tool results too. */
function* contentBlocks(body: Readonly<Record<string, unknown>>): Generator<unknown> {
  const pending: unknown[] = [...asArray(body["system"])];
  for (const message of asArray(body["messages"])) pending.push(...asArray(field(message, "content")));
  while (pending.length > 0) {
    const block = pending.pop();
    yield block;
    pending.push(...asArray(field(block, "content")));
  }
}

function asArray(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function field(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function isNonEmpty(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : value !== undefined && value !== null;
}
