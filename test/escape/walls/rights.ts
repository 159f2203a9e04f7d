import { type Batch, batchWall } from "../batch.ts";
import type { Wall } from "../check.ts";

const batch: Batch = {
  name: "rights",
  keeps: "What runs as root for a session has only what that takes: the next fault that leads it astray reads nothing.",
  checks: [
    {
      id: "capabilities",
      source: "least rights",
      what: "The supervisor and each process of root's that it has started are asked for capabilities of modules, networks, traces, devices, time, boot and BPF, and for what they may still gain.",
    },
    {
      id: "view",
      source: "least rights",
      what: "Where the supervisor is, paths lead to root's keys, logs, boot files and disks: it reads them, and writes to programs and the kernel's settings.",
    },
    {
      id: "unit",
      source: "least rights",
      what: "The supervisor is in a unit of its own with limits, not in its caller's; the session is in another, with limits.",
    },
    {
      id: "keeper",
      source: "least rights",
      what: "The same of the keeper, the service that cleans up: its capabilities, where its paths lead, its networks and its limits.",
    },
    {
      id: "guard",
      source: "least rights",
      what: "The guard, which deletes in a session's place outside of the sandbox, has the session's user and no capability.",
    },
  ],
};

/** Rights of what runs for a session. */
export const rights: Wall = batchWall(batch);
