import { type Batch, batchWall } from "../batch.ts";
import type { Wall } from "../check.ts";

const batch: Batch = {
  name: "folders",
  keeps: "What a session does in its folders never leads the machine, or another session, out of them.",
  checks: [
    {
      id: "overlap-read",
      source: "1",
      what: "A folder and a folder in it, two mounts of one session: a folder seen through one is replaced by a link to /root through the other, and a file of root's is opened behind it.",
    },
    {
      id: "overlap-write",
      source: "1",
      what: "The same folder twice, both writable: the same swap, and root's file is overwritten.",
    },
    {
      id: "two-sessions",
      slow: true,
      source: "1",
      what: "Two sessions have the same folder: one swaps, the other reads and writes behind the link.",
    },
    {
      id: "source-flip",
      slow: true,
      source: "2",
      what: "A session flips a folder with a link to /root while the operator starts runs that mount it.",
    },
    {
      id: "parent-flip",
      slow: true,
      source: "2",
      what: "A session flips the parent of the folder that the operator mounts, with a link to a folder of root's that has one of the same name.",
    },
    {
      id: "link-refused",
      source: "2",
      what: "A mount's source that is a link to /root, or to another session's home, is refused.",
    },
    {
      id: "moved-out",
      slow: true,
      source: "1",
      what: "A process stands in a folder of its mount; another session moves that folder out of the mount; the process climbs by `..`.",
    },
    {
      id: "lease",
      source: "limits",
      what: "A session takes a lease on the operator's file, in a folder shown read-only and in a writable one: whoever opens it would wait for the session.",
    },
    {
      id: "climbing",
      source: "1",
      what: "From mnt/NAME, by `..`, by absolute paths and by /proc/self/root and /proc/self/cwd, to the folder beside the one that was given.",
    },
  ],
};

/** The folders of sessions. */
export const folders: Wall = batchWall(batch);
