import { type Batch, batchWall } from "../batch.ts";
import type { Wall } from "../check.ts";

const PARTS = [
  "processes: nothing of the session's user id runs",
  "mounts: no mount of the session is in any namespace",
  "units: no scope and no service of the session is loaded",
  "run: no file and no folder of the session is anywhere below /run",
  "home: home and user are gone",
] as const;

const batch: Batch = {
  name: "killed",
  keeps: "When the supervisor is killed, by whomever, nothing of its session goes on, and nothing of it stays.",
  checks: [
    ...PARTS.map((text) => {
      const [id = "", what = ""] = text.split(": ");
      return {
        id,
        source: "14",
        what: `kill -9 of the supervisor, many times, within a second (emulated: less than ten): ${what}.`,
      };
    }),
    {
      id: "others",
      slow: true,
      source: "14",
      what: "kill -9 of bubblewrap, bash, the bridges, the guard, what holds the scope, then of the supervisor; and of the keeper and the supervisor at once: all of that goes.",
    },
    {
      id: "kept",
      slow: true,
      source: "14",
      what: "A named session whose supervisor is killed keeps its home and user, and can be run again at once.",
    },
    {
      id: "starting",
      slow: true,
      source: "14",
      what: "kill -9 at random moments while a session is being made, or is being removed: the same within the time.",
    },
  ],
};

/** The end of the supervisor. */
export const killed: Wall = batchWall(batch);
