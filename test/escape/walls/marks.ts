import { type Batch, batchWall } from "../batch.ts";
import type { Wall } from "../check.ts";

const batch: Batch = {
  name: "marks",
  keeps:
    "What a session writes is read as hostile: no file, pipe or flood of its makes the supervisor wait, grow or lie.",
  checks: [
    {
      id: "writable",
      source: "3",
      what: "Below /run, where the machine's own files of a session are, nothing can be written from inside.",
    },
    {
      id: "fifo",
      source: "3",
      what: "Every file that a session can reach below /run becomes a FIFO: the supervisor still ends, at once.",
    },
    {
      id: "endless",
      slow: true,
      source: "3",
      what: "Every file that a session can reach below /run becomes a link to /dev/zero: the supervisor does not grow.",
    },
    {
      id: "kept-home",
      slow: true,
      source: "3",
      what: "A kept session leaves FIFOs, and links to /dev/zero, under every name that a login or a shell reads in its home, and as its mnt: the next run of that name ends, at once.",
    },
    {
      id: "output",
      slow: true,
      source: "13",
      what: "A session prints without end, while its output is caught: the supervisor stays below 800 MB.",
    },
    {
      id: "start-told",
      slow: true,
      source: "3",
      what: "A session that rewrites what it can does not change what is told of its start.",
    },
  ],
};

/** Files that sessions write and the machine reads. */
export const marks: Wall = batchWall(batch);
