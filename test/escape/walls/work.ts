import { type Batch, batchWall } from "../batch.ts";
import type { Wall } from "../check.ts";

const batch: Batch = {
  name: "work",
  keeps:
    "Folders lose no data: one view of a file for all sessions and the operator, and modes that mean what they say.",
  checks: [
    {
      id: "flock",
      slow: true,
      source: "locks",
      what: "A second exclusive flock is refused, each of twenty times: between two sessions, and between a session and the operator.",
    },
    {
      id: "fcntl",
      slow: true,
      source: "locks",
      what: "The same for fcntl locks, of the process and of the open file (OFD), and for a part of a file.",
    },
    {
      id: "sqlite",
      slow: true,
      source: "locks",
      what: "Two sessions write 60 rows each into one SQLite database with a rollback journal: 120 rows.",
    },
    { id: "sqlite-wal", slow: true, source: "locks", what: "The same in WAL mode, with shared memory." },
    {
      id: "sqlite-operator",
      slow: true,
      source: "locks",
      what: "A session and the operator on the machine write 60 rows each, with a rollback journal: 120 rows.",
    },
    { id: "sqlite-operator-wal", slow: true, source: "locks", what: "The same in WAL mode." },
    {
      id: "mapped",
      slow: true,
      source: "locks",
      what: "What one session writes by mmap, the other reads by mmap and by read, at once; inotify tells of what the other session and the operator make.",
    },
    {
      id: "git",
      slow: true,
      source: "git",
      what: "In a folder mounted rw: git init, 20 commits, checkout -b, branch -d, stash, gc.",
    },
    {
      id: "atomic",
      source: "git",
      what: "In rw: an editor's atomic save (write beside, rename over), and files of the session's own deleted.",
    },
    {
      id: "kept-rw",
      source: "git",
      what: "In rw: what was there before cannot be deleted: unlink, rmdir, rename into the home, rm -rf, through a link, from a child, by a path through /proc.",
    },
    {
      id: "told",
      source: "git",
      what: "A session in rw is refused a deletion many times: the run says so once, with the modes that would do it.",
    },
    {
      id: "trash",
      slow: true,
      source: "trash",
      what: "In trash: what was there is deleted, is in the trash with its content, and comes back by restore.",
    },
    {
      id: "trash-git",
      slow: true,
      source: "trash",
      what: "In trash, in a repository that was there: git stash, checkout, rm and merge of tracked files work, and what they deleted is in the trash.",
    },
    {
      id: "trash-links",
      slow: true,
      source: "trash",
      what: "A session plants links and names in its way to the trash: nothing of root's or outside is moved, and restore writes nowhere else.",
    },
    {
      id: "read-only",
      source: "modes",
      what: "In ro: nothing is written, truncated, renamed, linked, touched, changed in mode or attributes.",
    },
  ],
};

/** Work in folders. */
export const work: Wall = batchWall(batch);
