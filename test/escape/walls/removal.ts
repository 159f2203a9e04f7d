import { type Batch, batchWall } from "../batch.ts";
import type { Wall } from "../check.ts";

const batch: Batch = {
  name: "removal",
  keeps:
    "Ending and removing a session touches nothing but that session; what cannot be removed is an error, and is told.",
  checks: [
    {
      id: "mnt-link",
      source: "4",
      what: "A kept session renames its mnt and puts a link to a folder of others there: their empty folders stay.",
    },
    {
      id: "mnt-other",
      slow: true,
      source: "4",
      what: "The link leads to another session's mnt, which runs: its folders stay mounted.",
    },
    {
      id: "home-links",
      slow: true,
      source: "4",
      what: "A home is full of links to folders and files of root's and of the operator's: removing it follows none.",
    },
    {
      id: "deep",
      source: "5",
      what: "Sixty nested folders with names of 200 letters: the home goes, and so does the user.",
    },
    {
      id: "odd",
      slow: true,
      source: "5",
      what: "Folders of mode 000, names that are no text, with line ends and dashes, sockets, FIFOs, a thousand levels.",
    },
    {
      id: "many",
      slow: true,
      source: "5",
      what: "Many thousands of files, some of them one file under many names: they go, in bounded memory.",
    },
    {
      id: "immutable",
      slow: true,
      source: "5",
      what: "A file and a folder that may not be changed (chattr +i), and one that may only grow (+a), in the home: all of it goes.",
    },
    {
      id: "mounted",
      slow: true,
      source: "5",
      what: "Something is mounted in the home: what is behind the mount stays, the exit code tells the truth, and what is left of the home is listed until it is gone.",
    },
    {
      id: "truth",
      source: "5",
      what: "After each of these: exit code 0 when home and user are gone, another one when not.",
    },
  ],
};

/** The end of sessions, and their removal. */
export const removal: Wall = batchWall(batch);
