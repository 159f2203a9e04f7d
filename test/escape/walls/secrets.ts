import { type Batch, batchWall } from "../batch.ts";
import type { Wall } from "../check.ts";

const batch: Batch = {
  name: "secrets",
  keeps: "Values of variables and tokens reach a session by descriptor: no other user of the machine can read them.",
  checks: [
    {
      id: "arguments",
      source: "13",
      what: "A value of --env, the proxies' token and the model's token are looked for in every command line of the machine but the operator's own.",
    },
    {
      id: "units",
      source: "13",
      what: "The same in what systemd tells of its units, to everybody, and in the journal.",
    },
    {
      id: "files",
      source: "13",
      what: "The same in every file below /run and /sessions that an ordinary user can read.",
    },
    {
      id: "environment",
      source: "13",
      what: "The environment of the session's processes is read by another session's user, and by an ordinary one.",
    },
    {
      id: "descriptors",
      source: "13",
      what: "No descriptor of the machine's is left open inside: nothing but the command's three.",
    },
  ],
};

/** Secrets on their way into a session. */
export const secrets: Wall = batchWall(batch);
