import type { IncomingMessage, OutgoingHttpHeaders } from "node:http";
import { Refused, refuseName } from "./relay-check.ts";
import { lookUpName, type NamesWith } from "./relay-names.ts";

/** All versions of the API (Anthropic API, "Versions"). */
const VERSIONS = ["2023-01-01", "2023-06-01"];

const ENCODINGS = ["gzip", "deflate", "br", "zstd", "identity"];

/** Returns the part of a header's value that is sent on; undefined when no part is. */
type Keep = (value: string) => string | undefined;

const matching =
  (pattern: RegExp): Keep =>
  (value) =>
    pattern.test(value) ? value : undefined;

const HEADERS: Record<NamesWith<"header", "pass">, Keep> = {
  accept: matching(
    /^(application\/json|text\/event-stream|\*\/\*)(, ?(application\/json|text\/event-stream|\*\/\*))*$/,
  ),
  "accept-encoding": (value) =>
    words(value)
      .filter((word) => ENCODINGS.includes(word))
      .join(", ") || undefined,
  "anthropic-beta": (value) => sortBetas(value).kept.join(",") || undefined,
  "anthropic-version": (value) => {
    if (VERSIONS.includes(value)) return value;
    throw refuseName("header", "anthropic-version");
  },
  "content-type": () => "application/json",
  "user-agent": matching(/^[\x20-\x7e]{1,256}$/),
  "x-app": matching(/^[a-z][a-z-]{0,31}$/),
};

/**
 * Returns a beta header's features, in the table's spelling and each once: those that are sent on, and those that are
 * not.
 */
export function sortBetas(header: string): { kept: string[]; dropped: string[] } {
  const names = [...new Set(words(header))];
  const passes = (name: string) => lookUpName("beta", name)?.verdict === "pass";
  return { kept: names.filter(passes), dropped: names.filter((name) => !passes(name)) };
}

/** Returns a list's words in lower case: HTTP's lists may have spaces, empty elements, and letters of any case. */
function words(list: string): string[] {
  return list
    .split(",")
    .map((word) => word.trim().toLowerCase())
    .filter((word) => word !== "");
}

/** Returns the headers to send on: those that the API reads, and none that names a key, a cookie or another place. */
export function forwardedHeaders(request: IncomingMessage): OutgoingHttpHeaders {
  const kept: OutgoingHttpHeaders = {};
  for (const [name, keep] of Object.entries(HEADERS)) {
    const value = request.headers[name];
    const forwarded = typeof value === "string" ? keep(value) : undefined;
    if (forwarded !== undefined) kept[name] = forwarded;
  }
  return kept;
}

/** Headers that may occur more than once: a list may be written in one header or in several. */
const LISTS = new Set(["accept", "accept-encoding", "anthropic-beta"]);

/**
 * Refuses a request whose headers can be read in two ways, or whose body is not plain JSON: the API must read the same
 * as the relay checks.
 *
 * @throws {Refused}
 */
export function refuseFraming(request: IncomingMessage): void {
  const seen = new Set<string>();
  for (const name of request.rawHeaders.filter((_, index) => index % 2 === 0).map((word) => word.toLowerCase())) {
    if (seen.has(name) && !LISTS.has(name)) throw bad(400, "a header is there twice");
    seen.add(name);
  }
  const { headers } = request;
  if (headers["content-encoding"] !== undefined) {
    throw bad(415, "cloister's model relay takes no compressed request bodies");
  }
  if (headers["transfer-encoding"] !== undefined && headers["transfer-encoding"].toLowerCase() !== "chunked") {
    throw bad(400, "cloister's model relay takes no transfer encoding but chunked");
  }
  const type = headers["content-type"];
  if (type !== undefined && !/^application\/json(\s*;\s*charset="?utf-8"?)?$/i.test(type.trim())) {
    throw bad(415, "the request's content type is not application/json");
  }
}

const bad = (status: number, reason: string) => new Refused({ status, type: "invalid_request_error", reason });
