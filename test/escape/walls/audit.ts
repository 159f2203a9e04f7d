import { type Batch, batchWall } from "../batch.ts";
import type { Wall } from "../check.ts";

const batch: Batch = {
  name: "audit",
  keeps: "Every decision about the network is a row that stays: on disk, counted, and not pushed out by a flood.",
  checks: [
    {
      id: "on-disk",
      source: "9",
      what: "The rows of a session are in files on disk, not in memory: read from those files alone.",
    },
    {
      id: "flood",
      slow: true,
      source: "9",
      what: "A session asks thousands of times: a row of before is still there.",
    },
    {
      id: "counted",
      slow: true,
      source: "9",
      what: "Of that flood every request is in the log: as a row, of which there are only so many a second, or in a row that says how many were counted.",
    },
    {
      id: "grows",
      slow: true,
      source: "13",
      what: "The same flood does not make the supervisor grow, nor what `--json` prints.",
    },
    {
      id: "text",
      source: "11",
      what: "Names of hosts with line ends, escapes and JSON in them stay inside their row.",
    },
  ],
};

/** The audit log. */
export const audit: Wall = batchWall(batch);
