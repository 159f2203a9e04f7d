import { type Batch, batchWall } from "../batch.ts";
import type { Wall } from "../check.ts";

const batch: Batch = {
  name: "leftovers",
  keeps: "Sessions that come and go leave the machine as it was, counted.",
  checks: [
    {
      id: "cycles",
      source: "limits",
      what: "Sessions with folders, with the agent, named and removed, failing and refused: mounts, units, users, homes, files in /run, control groups, packet filter and processes are as many as before.",
    },
    { id: "lines", source: "limits", what: "/etc/passwd, /etc/group, subuid and shadow have the lines that they had." },
    {
      id: "memory",
      source: "limits",
      what: "Shared memory, semaphores, message queues, keys, files in memory, the keeper's descriptors and quotas are as many as before.",
    },
  ],
};

/** Leftovers of sessions. */
export const leftovers: Wall = batchWall(batch);
