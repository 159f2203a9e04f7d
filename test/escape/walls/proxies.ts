import { type Batch, batchWall } from "../batch.ts";
import type { Wall } from "../check.ts";

const batch: Batch = {
  name: "proxies",
  keeps:
    "The way out leads to listed hosts only, in whatever spelling; whatever is asked, well formed or not, leaves a row.",
  checks: [
    {
      id: "socks-names",
      source: "11",
      what: "SOCKS names with NUL, CR LF, bytes beyond ASCII, of no and of full length.",
    },
    {
      id: "socks-malformed",
      slow: true,
      source: "11",
      what: "SOCKS greetings and requests that are cut, of other versions, commands and address types, and a wrong password.",
    },
    {
      id: "http-malformed",
      source: "11",
      what: "HTTP requests that the proxy answers with 400 or 500, or not at all: bad lines, headers, targets, methods.",
    },
    {
      id: "http-smuggled",
      source: "11",
      what: "A second request hidden in the body of a first: both have a row, or the second is not read.",
    },
    {
      id: "spellings",
      source: "E4",
      what: "Addresses of the machine, its networks and metadata services in all spellings, by HTTP, tunnel and SOCKS.",
    },
    {
      id: "suffixes",
      slow: true,
      source: "2.5",
      what: "Names that look like an allowed one: suffixes, user parts, trailing dots, other ports, no-break letters.",
    },
    {
      id: "token",
      slow: true,
      source: "2.5",
      what: "No token, another session's token, an empty one: refused, with a row.",
    },
    { id: "direct", source: "S8", what: "Past the proxies: TCP, UDP, raw, IPv6 and DNS, straight out of the session." },
  ],
};

/** The proxies. */
export const proxies: Wall = batchWall(batch);
