import { type Batch, batchWall } from "../batch.ts";
import type { Wall } from "../check.ts";

const MODES = ["rw", "rwd", "trash"] as const;

const batch: Batch = {
  name: "bits",
  keeps:
    "Set-user-id and set-group-id bits, capabilities and device files never leave a session, and do nothing inside.",
  checks: [
    ...MODES.map((mode) => ({
      id: mode,
      source: "6",
      what: `In a folder mounted ${mode}: files and folders with set-id bits, made by every call that takes a mode, and devices; what of it is outside.`,
    })),
    {
      id: "ro",
      source: "6",
      what: "In a folder mounted ro: chmod of a file that is there, and new ones.",
    },
    {
      id: "home",
      source: "6",
      what: "The same in a kept session's home, which root and other users of the machine can reach by its path.",
    },
    {
      id: "inside",
      source: "6",
      what: "A set-user-id program of root's in the folder, put there from outside, gives no rights inside.",
    },
    {
      id: "capability",
      source: "6",
      what: "File capabilities (security.capability) and system attributes (trusted.*) written from inside.",
    },
    {
      id: "owner",
      source: "6",
      what: "Files given to another user or group by chown, in the folder: outside all of it is the folder's owner's.",
    },
  ],
};

/** Set-id bits and devices. */
export const bits: Wall = batchWall(batch);
