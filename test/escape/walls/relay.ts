import { type Batch, batchWall } from "../batch.ts";
import type { Wall } from "../check.ts";

const batch: Batch = {
  name: "relay",
  keeps: "The model's relay passes what it knows, written anew, and nothing that makes the API act past the session.",
  checks: [
    {
      id: "sources",
      source: "10",
      what: "Images and documents by URL or by file id: at the top, in tool results, and inside document.source.content[].",
    },
    {
      id: "blocks",
      source: "10",
      what: "Blocks that the API's servers act on, or nobody knows: container_upload, server tools, MCP, made-up ones.",
    },
    { id: "shapes", source: "10", what: "Objects where a list is looked for: messages, system, content, tools." },
    {
      id: "twice",
      source: "10",
      what: "A key given twice, plainly and in another spelling (\\u escapes), the harmless one last and first.",
    },
    {
      id: "tools",
      source: "10",
      what: "Tools that the API's servers run, MCP servers, containers, in all places and letter cases.",
    },
    {
      id: "betas",
      source: "10",
      what: "Beta features in other letter case, twice, in a body: none of them reaches the API.",
    },
    {
      id: "targets",
      source: "10",
      what: "Other paths, methods, queries, hosts, encodings: files, batches, an absolute URL of another host, ../ and %2e.",
    },
    { id: "keys", source: "10", what: "A key of somebody else's, beside the session's token or in its place." },
    {
      id: "arrives",
      source: "10",
      what: "What of all this arrives at the API, for which a server on the machine stands in: no forbidden name, no header and no key of the session's.",
    },
    { id: "rows", source: "10", what: "Each of these refusals is a row of the audit log that says denied." },
    {
      id: "large",
      slow: true,
      source: "10",
      what: "Four requests of 31 and 33 MiB at once: the supervisor's memory has a bound, and it goes on answering.",
    },
  ],
};

/** The model's relay. */
export const relay: Wall = batchWall(batch);
