import { type Batch, batchWall } from "../batch.ts";
import type { Wall } from "../check.ts";

const batch: Batch = {
  name: "limits",
  keeps:
    "What one session uses up, others and the machine have left: each attack with another session working beside it.",
  checks: [
    {
      id: "forks",
      slow: true,
      source: "limits",
      what: "A session forks without end: the other still starts processes.",
    },
    {
      id: "memory",
      slow: true,
      source: "limits",
      what: "A session takes memory without end, in processes and in /tmp: it is killed, the other is not.",
    },
    {
      id: "files",
      source: "limits",
      what: "A session opens files without end, in many processes: the other still opens its own.",
    },
    {
      id: "inotify",
      slow: true,
      source: "limits",
      what: "A session uses up its inotify watches and instances: the other has its own.",
    },
    {
      id: "terminals",
      source: "limits",
      what: "A session opens terminals without end: it gets its number of them, the other still opens one.",
    },
    {
      id: "disk",
      source: "limits",
      what: "A session fills its home: it gets EDQUOT or ENOSPC, the other still writes.",
    },
    {
      id: "sockets",
      source: "limits",
      what: "A session fills sockets that nobody reads, while all together have little memory left: it is ended, not the other.",
    },
    {
      id: "small",
      slow: true,
      source: "limits",
      what: "A session makes hundreds of small processes, while all together have little memory left: it is ended, not the other, whose processes are larger.",
    },
    {
      id: "uncounted",
      slow: true,
      source: "limits",
      what: "A session fills netlink sockets, which no control group counts, while the machine has little memory left: it is ended, not the other.",
    },
    {
      id: "inodes",
      slow: true,
      source: "limits",
      what: "A session makes files without end: the other still makes one.",
    },
    {
      id: "processor",
      slow: true,
      source: "limits",
      what: "A session computes in many processes: the other still gets its share.",
    },
    {
      id: "ports",
      slow: true,
      source: "limits",
      what: "A session opens thousands of connections to the proxies: the other's request is answered.",
    },
  ],
};

/** Limits between sessions. */
export const limits: Wall = batchWall(batch);
